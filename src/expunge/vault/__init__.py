"""The vault: recordings that are sealed from the first byte, and that nobody reads without being let in."""
