"""The text that an approver of the map signs for a request."""

from __future__ import annotations

from hashlib import sha256

from expunge.core.journal.review_events import ReviewRequested
from expunge.core.values import canonical, codec


def message(request: ReviewRequested) -> bytes:
    """Return the bytes that are signed: a line that names the form, the id, and the hex SHA-256 of the request's canonical bytes."""
    digest = sha256(canonical.encode(codec.to_json(request))).hexdigest()
    return f"expunge review request/1\n{request.request}\n{digest}\n".encode()
