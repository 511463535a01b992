"""The HTTP API under ``/api/v1``: what is asked and answered there, as values."""
