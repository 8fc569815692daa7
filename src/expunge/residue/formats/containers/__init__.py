"""Readers of containers that are read at any place, or that begin with nothing of their own."""
