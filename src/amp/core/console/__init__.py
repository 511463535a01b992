"""The console: what whoever operates amp asks it over the control socket."""
