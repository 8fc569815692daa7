"""Account for every byte of the files of a table whose rows are too short for a window. No eraser imports it and it imports no eraser."""
