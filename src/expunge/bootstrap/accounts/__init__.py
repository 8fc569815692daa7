"""Composes what the pages for people need, in the web process and in the keeper."""
