"""People who come near recordings: rights, training and statements."""
