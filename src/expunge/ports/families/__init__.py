"""Ports of what the clerk does for families."""
