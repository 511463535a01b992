"""The manager interface of a VoIPmonitor sniffer, both roles, without I/O.

Facts are those of sniffer 2026.04, as its recordings under tests/captures show them; "recording NAME" names
one of them.
"""
