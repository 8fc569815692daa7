"""Origins of pages: which address the map may give them, and on which browsers make passkeys."""

from __future__ import annotations

from urllib.parse import urlsplit

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_NAMED = "localhost"
_WRITE = "origin: https://privacy.example.com, without a path; http to localhost alone"


def read_origin(text: str) -> str:
    """Return an origin in its one spelling. Raise ValueError, with what to write, for anything else than https, or http to this machine."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(_WRITE) from error
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
    if not parts.hostname or not secure or parts.username or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(_WRITE)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}"


def makes_passkeys(origin: str) -> bool:
    """Return whether browsers make passkeys on an origin: it has TLS, or is this machine by its name (WebAuthn level 3, section 5)."""
    parts = urlsplit(origin)
    return parts.scheme == "https" or parts.hostname == _NAMED
