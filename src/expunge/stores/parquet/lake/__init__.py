"""Find and read rows in the files of a lake."""
