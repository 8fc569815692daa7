"""Account for every byte of the files of a table. No eraser imports it and it imports no eraser."""
