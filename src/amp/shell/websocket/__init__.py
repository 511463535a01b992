"""WebSocket connections: the handshake, the protocol ``amp.v1``, and the manager protocol in messages."""
