"""The control socket, and what is done there."""
