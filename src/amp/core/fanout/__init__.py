"""From one server's bytes to many clients: cutter, intake, batch, journal, view, hub."""
