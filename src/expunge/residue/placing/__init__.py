"""Turn a place in a file's bytes into the live rows that lie there. No eraser imports it and it imports no eraser."""
