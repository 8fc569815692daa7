"""What stands in forms that people sent: which fields are secret, and numbers of rows."""

from __future__ import annotations

_SECRET = ("password", "code", "credential", "token", "secret", "response", "decision", "fingerprint")
"""Parts of names of fields whose values are neither kept nor shown again."""
_LONGEST_NUMBER = 18
"""Digits: more of them are the number of no row."""


def is_secret(name: str) -> bool:
    """Return whether a field holds what opens, proves or confirms something."""
    return any(part in name for part in _SECRET)


def row_number(text: str) -> int | None:
    """Return the number of a row that a form names; None for a text that is the number of none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER else None
