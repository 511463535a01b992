"""Other programs' configuration files into amp's: texts in, a TOML text out, no file is touched."""
