"""The review desk, composed over an installation that is open."""
