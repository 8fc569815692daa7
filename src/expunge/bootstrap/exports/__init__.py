"""Exports that wait to be fetched: the shelf of sealed parts, and the verbs about them."""
