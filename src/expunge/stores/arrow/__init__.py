"""Values, times and rows of Arrow tables, shared by the stores that hold columns."""
