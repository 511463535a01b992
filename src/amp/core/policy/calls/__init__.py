"""Users who see only their own calls: whose an event is, and what has to be told before it."""
