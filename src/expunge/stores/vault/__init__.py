"""Vaults: recordings that lie sealed, each under a key of its own."""
