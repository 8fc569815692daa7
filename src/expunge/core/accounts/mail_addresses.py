"""Mail addresses that letters can be sent to, in the form that people have them."""

from __future__ import annotations

import re

MOST_ADDRESS = 320
"""Characters of a mail address (RFC 5321, 4.5.3.1)."""
_PART = r"[^\s@<>\",;:\\()\x00-\x1f\x7f]"
_ADDRESS = re.compile(rf"{_PART}{{1,64}}@{_PART}{{1,255}}")


def is_address(text: str) -> bool:
    """Return whether a text is one address, without a quoted part, a comment or a name before it."""
    return len(text) <= MOST_ADDRESS and _ADDRESS.fullmatch(text) is not None
