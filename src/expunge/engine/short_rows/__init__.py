"""Account for every byte of the files of a table whose rows are too short for a window."""
