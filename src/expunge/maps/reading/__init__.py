"""Read a map whole and check what its sections say together."""
