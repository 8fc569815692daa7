"""Walk through the open guesses of a map, and write what a person decides."""
