"""Incidents: the list, one with everything about it, what people enter, how it is closed, and drafts of its letters."""
