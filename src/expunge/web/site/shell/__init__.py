"""The frame of every page: layout, style, languages, headers."""
