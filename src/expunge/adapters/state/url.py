"""What a state URL means: a pure table from scheme to database settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from expunge.errors import Misconfigured

BUSY_SECONDS = 10.0
"""How long SQLite itself waits for a lock; ours are asked for first, so this is for other programs that hold the file."""
_PRAGMAS = "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA secure_delete=ON"


@dataclass(frozen=True)
class Database:
    """Where the state lies."""

    vendor: str
    settings: dict[str, Any]
    """As Django's ``DATABASES`` takes them."""
    file: Path | None
    """The database's file, for those that are one."""


def parse(url: str, base: Path) -> Database:
    """Read a state URL; a relative path counts from ``base`` (the folder of the data map).

    Three slashes before a relative path, four before an absolute one: ``sqlite:///.expunge/state.db``, ``sqlite:////srv/state.db``.

    Raises:
        Misconfigured: for another scheme, a host, or a database in memory.
    """
    scheme = url.partition(":")[0]
    build = _SCHEMES.get(scheme)
    if build is None:
        raise Misconfigured("state: this kind of database is not supported", help=f"write one of: {', '.join(_SCHEMES)}, as in {_EXAMPLE}")
    return build(url, base)


_EXAMPLE = "sqlite:///.expunge/state.db"


def sqlite_url(file: Path) -> str:
    """The URL of a database file, with the characters quoted that mean something in a URL."""
    return f"sqlite:///{quote(str(file))}"


def _sqlite(url: str, base: Path) -> Database:
    parts = urlsplit(url)
    path = unquote(parts.path)[1:]
    if parts.netloc or not path or parts.query or parts.fragment or path.endswith("/"):
        raise Misconfigured("state: the URL names no file", help=f"write {_EXAMPLE}")
    if ":memory:" in path:
        raise Misconfigured("state: a database in memory forgets its orders", help=f"write {_EXAMPLE}")
    file = base / path
    options = {"timeout": BUSY_SECONDS, "transaction_mode": "IMMEDIATE", "init_command": _PRAGMAS}
    return Database("sqlite", {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file), "OPTIONS": options}, file)


_SCHEMES: dict[str, Callable[[str, Path], Database]] = {"sqlite": _sqlite}
