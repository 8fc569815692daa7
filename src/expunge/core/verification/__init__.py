"""Verify a receipt offline, from its folder or from one file."""
