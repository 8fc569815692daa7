"""The parts of the pages in the web process: the folder of the accounts' database, and the keeper behind its ports."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.keeper.keeper_accounts import KeeperAccounts
from expunge.adapters.state.accounts_database import accounts_database
from expunge.bootstrap import keeping
from expunge.bootstrap.open_state import read_installed
from expunge.core.accounts.accounts_spec import MailSpec

_PORTS = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}
_POSTGRES = 5432


@dataclass(frozen=True)
class Accounts:
    """What the pages' process needs."""

    fields: KeeperAccounts
    """The keeper, which need not run before the first call."""
    writes: tuple[Path, ...]
    """Folders that the process writes to."""
    ports: tuple[int, ...]
    """TCP ports that the process connects to."""


def open_accounts(map_path: Path | str | None = None) -> Accounts | None:
    """Make the folder of a map's accounts, and return what their pages need; None for a map without.

    Raises:
        Misconfigured: the map cannot be read, or its accounts lie in the state.
        StateUnavailable: the folder of the accounts cannot be made.
    """
    data_map = read_installed(map_path)
    database = accounts_database(data_map)
    if database is None or data_map.accounts is None:
        return None
    fields = KeeperAccounts(keeping.place_of_map(data_map))
    mail = _mail_ports(data_map.accounts.mail)
    if (file := database.file) is None:
        return Accounts(fields, (), (int(database.settings["PORT"] or _POSTGRES), *mail))
    with guarded("the accounts' database could not be made"):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return Accounts(fields, (file.parent,), mail)


def _mail_ports(mail: MailSpec | None) -> tuple[int, ...]:
    if mail is None:
        return ()
    parts = urlsplit(mail.server)
    return (parts.port or _PORTS[parts.scheme],)
