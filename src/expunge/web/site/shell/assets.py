"""Style, script and type of the pages: found once, compressed once, and named by their content so that browsers keep them."""

from __future__ import annotations

import gzip
import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.templatetags.static import static
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

DIGITS = 12
"""Hex digits of SHA-256 in a name: enough to tell versions of one file apart."""
_NOWHERE = "/nonexistent"
"""The compressed form of a file that has none: WhiteNoise looks whether it is there."""
_COMPRESSED = frozenset({".css", ".js", ".svg", ".json", ".txt"})


@cache
def asset_url(name: str) -> str:
    """Return the address of a static file, with a digest of its content in its name. Raises LookupError for a file that no app has."""
    found = finders.find(name)
    if not found:
        message = f"no app has the static file {name}"
        raise LookupError(message)
    return static(_named(name, _digest(Path(found))))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]


def _named(name: str, digest: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return name if f".{digest}." in name else f"{stem}.{digest}{dot}{suffix}"


class Assets(WhiteNoiseMiddleware):  # type: ignore[misc]
    """Serves each static file under its own name for a day, and under the name with its digest for ever; gzipped where that helps.

    Pages themselves are never compressed: an answer that holds both a secret and what a request chose would tell of the secret by its size
    (BREACH).
    """

    def __init__(self, *arguments: Any) -> None:
        """Find and compress the files."""
        self._compressed_by_digest: dict[str, str] = {}
        super().__init__(*arguments)

    def add_file_to_dictionary(self, url: str, path: str, stat_cache: Any = None) -> None:  # noqa: ARG002 - WhiteNoise's own shape
        """Serve a file under both names."""
        digest = _digest(Path(path))
        self.files[url] = self.get_static_file(path, url)
        lasting = _named(url, digest)
        self.files[lasting] = self.get_static_file(path, lasting)

    def get_static_file(self, path: str, url: str, stat_cache: Any = None) -> StaticFile:  # noqa: ARG002 - WhiteNoise's own shape
        """Return a file with its headers and its compressed form."""
        plain = super().get_static_file(path, url)
        headers = [(name, value) for name, value in plain.alternatives[0][2] if name not in {"Content-Length", "Last-Modified", "ETag"}]
        headers.append(("ETag", f'"{_digest(Path(path))}"'))
        return StaticFile(path, headers, encodings={"gzip": self._compressed(Path(path))})

    def immutable_file_test(self, path: str, url: str) -> bool:
        """Return whether an address bears the digest of the content."""
        return f".{_digest(Path(path))}." in url

    def _compressed(self, path: Path) -> str:
        if path.suffix not in _COMPRESSED:
            return _NOWHERE
        digest = _digest(path)
        if digest not in self._compressed_by_digest:
            # Why in memory: the web process may write to no folder but that of its database.
            descriptor = os.memfd_create(path.name)
            with open(descriptor, "wb", closefd=False) as content:
                content.write(gzip.compress(path.read_bytes(), 9, mtime=0))
            self._compressed_by_digest[digest] = f"/proc/self/fd/{descriptor}"
        return self._compressed_by_digest[digest]
