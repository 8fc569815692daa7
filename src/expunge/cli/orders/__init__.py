"""Commands about orders, from ``expunge order`` to ``expunge receipt``."""
