"""Adapters for Expunge's own state: the journal, the keys, the shelf, the outbox; one file per technology.

Nothing here knows a store that holds people's data. What is written is sealed, keyed or opaque before it arrives. The exception is the
keystore, which guards the keys themselves.
"""
