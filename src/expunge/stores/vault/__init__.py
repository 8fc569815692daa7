"""Vaults: stores of sealed recordings, each under a key of its own."""
