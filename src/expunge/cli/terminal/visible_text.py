"""Text of other origin, made safe to print at a terminal."""

from __future__ import annotations


def visible(text: str) -> str:
    """The text with everything that a terminal would obey written as an escape."""
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
