"""Sections of a map about pages: those for people, those of the review desk."""
