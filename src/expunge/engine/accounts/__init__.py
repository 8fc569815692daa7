"""Account for every byte of the files of a table."""
