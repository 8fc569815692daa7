"""The key table: keys of subjects and recordings, wrapped below epochs, and their deaths."""
