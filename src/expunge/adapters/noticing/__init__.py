"""The daily roll-up of views, and the file of rules."""
