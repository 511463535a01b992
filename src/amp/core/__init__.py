"""The pure part: bytes, numbers and plain objects. No await, clock, socket, log or randomness."""
