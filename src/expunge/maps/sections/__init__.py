"""The sections of a map, one reader each."""
