"""HTTP: the connection, who is at its other end, and what is offered there."""
