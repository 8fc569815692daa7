"""A view: its lease, its player, and what ends it."""
