"""Records in one order, hashed, with the subjects they belong to."""
