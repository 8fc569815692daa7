"""The vault: recordings that are sealed from the first byte, and that nobody reads without being let in."""
"""The vault: recordings sealed under keys of their own, which can be made to die."""
