"""Connections to a server, its rights, and the location of its bytes."""
