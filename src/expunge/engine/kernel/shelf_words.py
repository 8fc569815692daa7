"""Words by which names of the shelf call what a map names: the shelf takes small letters and short names alone."""

from __future__ import annotations

import re
from hashlib import sha256

_PLAIN = re.compile(r"[a-z0-9_][a-z0-9._-]{0,39}")


def shelf_word(name: str) -> str:
    """Return the word for a store, dataset or recipient: its name where the shelf takes it, else a digest of that, unlike any other."""
    return name if _PLAIN.fullmatch(name) else f"x{sha256(name.encode()).hexdigest()[:32]}"
