"""Read a map whole and check its sections against each other."""
