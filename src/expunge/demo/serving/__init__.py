"""The demonstration as its families see it: the same company behind pages on this machine."""
