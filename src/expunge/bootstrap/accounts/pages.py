"""The parts of the pages in the web process: the folder of the accounts' database, and the keeper behind its ports."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.host.secret_file import read_secret
from expunge.adapters.keeper.families.keeper_families import KeeperHandOvers, KeeperRecoveries
from expunge.adapters.keeper.keeper_accounts import KeeperAccounts
from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.state.accounts_database import accounts_database
from expunge.bootstrap import keeping
from expunge.bootstrap.open_state import read_installed
from expunge.core.accounts.accounts_spec import MailSpec

_POSTGRES = 5432


@dataclass(frozen=True)
class Accounts:
    """What the pages' process needs."""

    fields: KeeperAccounts
    """The keeper, which need not run before the first call."""
    guard: KeeperGuard
    """The keeper's account guard."""
    hand_overs: KeeperHandOvers
    """The keeper, which takes the company's tokens."""
    recoveries: KeeperRecoveries
    """The keeper's ways back into accounts."""
    reads: tuple[Path, ...]
    """Files that the process reads when it needs them."""
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
    place = keeping.place_of_map(data_map)
    kept = KeeperAccounts(place), KeeperGuard(place), KeeperHandOvers(place), KeeperRecoveries(place)
    mail = data_map.accounts.mail
    ports = (mail.port,) if mail else ()
    reads = (Path(mail.secret_file),) if mail and mail.secret_file else ()
    if (file := database.file) is None:
        return Accounts(*kept, reads, (), (int(database.settings["PORT"] or _POSTGRES), *ports))
    with guarded("the accounts' database could not be made"):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    return Accounts(*kept, reads, (file.parent,), ports)


def mail_password(spec: MailSpec) -> str:
    """Return the password of the mail server's user, read anew: it may be changed.

    Raises:
        KeystoreLocked: it is not at the place that the map names, or cannot be read.
        Misconfigured: everybody can read the file.
    """
    return read_secret(spec.secret_file, spec.secret_variable, "password", f"the mail server {spec.host}")
