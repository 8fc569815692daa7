"""What families see of the data held about a child, and do with it: use cases of the clerk."""
