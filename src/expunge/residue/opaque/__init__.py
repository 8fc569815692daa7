"""Which bytes of a file are explained, and which nobody can read."""
