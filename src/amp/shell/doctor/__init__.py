"""``amp doctor``: looks at everything that a configuration names, and changes nothing anywhere."""
