"""Backups of other stores, which hold what was erased until a date."""
