"""Sketches of recordings, made in a process that has no file, no network and little time."""
