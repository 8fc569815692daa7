"""Places of stores that nothing accounts for, and the files in them that nobody can read."""
