"""Traces before, probe and scan after, and what both allow a receipt to say."""
