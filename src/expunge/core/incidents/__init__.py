"""Incidents: what an incident is, whom it affects, what is owed for it, and the letters about it."""
