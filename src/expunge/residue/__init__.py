"""The independent scan: take traces of real content and search raw bytes for them. No eraser imports it and it imports no eraser."""
