"""``amp doctor``: what was found, judged. Nothing here looks anything up: see `amp.shell.doctor`."""
