"""Incidents: entered or found, counted, held against clocks, closed by two people, and committed to in the log."""
