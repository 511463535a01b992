"""The bench's helper programs in Python, for a machine without a C compiler.

The same options, the same JSON lines as the C programs of the same names in the folder above, where each is
described. They let a smoke run check every event; their speed says nothing about amp.
"""
