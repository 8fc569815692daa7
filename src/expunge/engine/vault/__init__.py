"""Sealed recordings: which may come in, and who was let read them."""
