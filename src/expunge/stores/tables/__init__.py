"""Selectors and references, shared by the stores of tables."""
