"""How actions are read from clients and how frames are written to them: one file a format, one registry."""
