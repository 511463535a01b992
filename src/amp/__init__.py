"""amp, the manager proxy for VoIP fleets."""

__version__ = "0.1.0"
