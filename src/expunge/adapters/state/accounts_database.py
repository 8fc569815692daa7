"""The database of the pages for people, as Django takes it. It is never the state's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expunge.adapters.state import url
from expunge.core.datamap.datamap import DataMap
from expunge.errors import Misconfigured


@dataclass(frozen=True)
class AccountsDatabase:
    """The database of the pages for people."""

    settings: dict[str, Any]
    """As Django's ``DATABASES`` takes it."""
    file: Path | None
    """The database's file, for those that are one."""


def accounts_database(data_map: DataMap) -> AccountsDatabase | None:
    """Return the database of a map's accounts; None for a map without.

    Raises Misconfigured where its URL cannot be understood, and where it is the state's or lies in the state folder, which the web process
    may not open.
    """
    if data_map.accounts is None:
        return None
    found = url.parse(data_map.accounts.database, Path(data_map.source).absolute().parent)
    if found.file is None:
        if data_map.state_url and _place(found.settings) == _place(url.parse(data_map.state_url, Path()).settings):
            message = "accounts.database is the state's database, which the web process may not open"
            raise Misconfigured(message, help="make a database of its own, with a role of its own")
        # A server that began anew has ended the connections of every thread: each request looks once before it relies on its own.
        return AccountsDatabase(found.settings | {"CONN_HEALTH_CHECKS": True}, None)
    if found.file.resolve().is_relative_to(Path(data_map.state).absolute().resolve()):
        message = "accounts.database lies in the state folder, which the web process may not open"
        raise Misconfigured(message, help="give it a folder of its own, such as sqlite:///.expunge-accounts/accounts.db")
    folder = found.file.parent.resolve()
    for kept in (Path(data_map.state).absolute().resolve(), Path(data_map.source).absolute().resolve()):
        if kept.is_relative_to(folder):
            message = "accounts.database lies in a folder that the map or the state lies in too, and the web process writes to it"
            raise Misconfigured(message, help="give it a folder of its own, such as sqlite:///.expunge-accounts/accounts.db")
    return AccountsDatabase(found.settings | {"ENGINE": "django.db.backends.sqlite3"}, found.file)


def _place(settings: dict[str, Any]) -> tuple[str, str, str]:
    return str(settings["HOST"]).lower(), settings["PORT"] or "5432", settings["NAME"]
