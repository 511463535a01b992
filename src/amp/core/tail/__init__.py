"""``amp tail`` as values: what amp says over a WebSocket, where its reader stands, and lines for people."""
