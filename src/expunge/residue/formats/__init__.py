"""Readers of file formats, written apart from those of the stores."""
