"""Parse state URLs: a pure table from scheme to database settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from expunge.errors import Misconfigured

BUSY_SECONDS = 10.0
"""How long SQLite itself waits for a lock; ours are asked for first, so this is for other programs that hold the file."""
LOCK_SECONDS = 10.0
"""How long a statement on PostgreSQL waits for a row that another transaction has locked."""
IDLE_SECONDS = 60.0
"""How long a transaction on PostgreSQL may do nothing before the server ends it."""
CONNECT_SECONDS = 10
_PRAGMAS = "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA secure_delete=ON"


@dataclass(frozen=True)
class Database:
    """The place of the state."""

    vendor: str
    settings: dict[str, Any]
    """As Django's ``DATABASES`` takes them."""
    file: Path | None
    """The database's file, for those that are one."""


def parse(url: str, base: Path) -> Database:
    """Read a state URL; a relative path counts from ``base`` (the folder of the data map).

    Three slashes before a relative path, four before an absolute one: ``sqlite:///.expunge/state.db``, ``sqlite:////srv/state.db``. On
    PostgreSQL ``postgresql://user:password@host:port/database``, with libpq's parameters for TLS behind a question mark.

    Raises:
        Misconfigured: for another scheme, a SQLite URL with a host or a database in memory, a PostgreSQL URL without a database.
    """
    scheme = url.partition(":")[0]
    build = _SCHEMES.get(scheme)
    if build is None:
        raise Misconfigured("state: this kind of database is not supported", help=f"write one of: {', '.join(_SCHEMES)}, as in {_EXAMPLE}")
    return build(url, base)


_EXAMPLE = "sqlite:///.expunge/state.db"


_STAY = {"CONN_MAX_AGE": None}
"""Django would connect anew for each HTTP request; a connection that broke is let go of by `explained`."""


def sqlite_url(file: Path) -> str:
    """Return the URL of a database file, with the characters quoted that mean something in a URL."""
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
    return Database("sqlite", {"ENGINE": "expunge.adapters.state.sqlite", "NAME": str(file), "OPTIONS": options, **_STAY}, file)


_SERVER_SETTINGS = {
    # Whatever the server's own default: an event is on the device when append returns.
    "synchronous_commit": "on",
    # Somebody who was stopped in the middle of a transaction must not hold up the others for ever.
    "lock_timeout": f"{LOCK_SECONDS * 1000:.0f}",
    "idle_in_transaction_session_timeout": f"{IDLE_SECONDS * 1000:.0f}",
}
_POSTGRES_EXAMPLE = "postgresql://user@host/database"
_PASSED_ON = frozenset(
    {"connect_timeout", "host", "keepalives_idle", "passfile", "port", "service", "sslcert", "sslkey", "sslmode", "sslrootcert", "user"}
)
"""Of libpq's parameters, those that may stand behind the question mark."""


def _postgres(url: str, _base: Path) -> Database:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if strange := sorted(set(query) - _PASSED_ON):
        message = f"state: the URL has a parameter that is not supported: {strange[0]}"
        raise Misconfigured(message, help=f"write some of: {', '.join(sorted(_PASSED_ON))}")
    name = unquote(parts.path).strip("/")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if not name or "/" in name or parts.fragment or port == -1:
        raise Misconfigured("state: the URL names no database", help=f"write {_POSTGRES_EXAMPLE}")
    settings = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or query.pop("user", "")),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or query.pop("host", "")),
        "PORT": str(port or query.pop("port", "")),
        "OPTIONS": {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "expunge",
            "options": " ".join(f"-c {name}={value}" for name, value in _SERVER_SETTINGS.items()),
            # A pooler between us and the server gives each transaction another session, which knows nothing of prepared statements.
            "prepare_threshold": None,
            **query,
        },
        **_STAY,
    }
    return Database("postgresql", settings, None)


_SCHEMES: dict[str, Callable[[str, Path], Database]] = {"sqlite": _sqlite, "postgresql": _postgres, "postgres": _postgres}
