"""Who looked at recordings, for those who read evidence."""
