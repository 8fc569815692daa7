"""Families: what they choose of the data held about a child, and what they are told. Pure values that pages, clerk and orders share."""
