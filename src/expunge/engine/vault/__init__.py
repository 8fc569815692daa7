"""Sealed recordings: who may come in, and who was let read."""
