"""What was noticed about people who look at recordings, and how people judge it."""
