"""Columns of allauth that hold sealed text, or less than they are given."""
