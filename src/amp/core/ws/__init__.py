"""WebSocket as values: frames, the protocol ``amp.v1``, and which events a connection gets."""
