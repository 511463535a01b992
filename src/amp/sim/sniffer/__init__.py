"""A simulated VoIPmonitor sniffer: its manager interface, with calls behind it.

It is written from the recordings and apart from amp's own protocol code, so that the two check one another;
it shares with it only the table of commands.
"""
