"""Receives the scan of a form in memory, at the one address that takes one. No file is written."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler

from expunge.core.consent.scans import MOST_BYTES

VIEW = "consent_scan"
"""The name of that address."""
_AROUND = 16 * 1024
"""Bytes of a request beside its file."""


class ScanUpload(MemoryFileUploadHandler):
    """Takes a file of at most :data:`MOST_BYTES`, from a person who is logged in."""

    def handle_raw_input(self, *parts: Any, **named: Any) -> None:
        """Decide whether the request may bring a file."""
        # Django's own order: the body, the headers, the length of the content, the boundary, the encoding.
        length = named.get("content_length", parts[2] if len(parts) > 2 else 0)
        request = self.request
        found = request.resolver_match if request is not None else None
        self.activated = (
            request is not None
            and found is not None
            and found.view_name == VIEW
            and request.user.is_authenticated
            and length <= MOST_BYTES + _AROUND
        )


def is_too_big(content_length: str) -> bool:
    """Return whether a request says that it brings more than is taken."""
    return content_length.isdecimal() and int(content_length) > MOST_BYTES + _AROUND
