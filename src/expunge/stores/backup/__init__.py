"""Backups of other stores. They hold erased data until a date."""
