"""The pure part: bytes, numbers and plain objects in, the same out. No await, clock, socket, log or randomness."""
