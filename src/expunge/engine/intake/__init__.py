"""Receive an order or cancel it. Destroy its key at its end."""
