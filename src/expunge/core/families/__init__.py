"""Families and what they choose of the data held about a child: pure values that pages, clerk and orders share."""
