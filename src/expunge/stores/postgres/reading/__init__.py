"""Find, read and probe rows."""
