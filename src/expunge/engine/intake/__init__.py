"""Receive an order or cancel it; destroy its key at its end."""
