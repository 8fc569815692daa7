"""Voices for the demonstration: recorded, synthesised, recognised."""
