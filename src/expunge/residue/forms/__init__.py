"""Runs of bytes that are written in another form, and what they say."""
