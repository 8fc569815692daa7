"""What looks do not read: places that nothing accounts for, files that nobody can read, and what the map has looks pass over."""
