"""Keyed names of addresses, clients and accounts, under which tries are counted."""

from __future__ import annotations

import hmac
from hashlib import sha256

from django.conf import settings


def keyed(kind: str, *parts: object) -> str:
    """Return the hex HMAC-SHA-256 of something that is counted; under the pages' key, which the database does not hold."""
    text = "\0".join(["defence", kind, *map(str, parts)])
    return hmac.new(settings.SECRET_KEY.encode(), text.encode("utf-8", "surrogatepass"), sha256).hexdigest()
