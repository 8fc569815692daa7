"""Connections to a server, its rights, and where its bytes lie."""
