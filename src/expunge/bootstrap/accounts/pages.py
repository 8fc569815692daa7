"""The parts of the pages in the web process: the folder of the accounts' database, and the keeper behind its ports."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.host.secret_file import read_secret
from expunge.adapters.keeper.keeper_accounts import KeeperAccounts
from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.keeper.keeper_staff import KeeperStaff
from expunge.adapters.state.accounts_database import accounts_database
from expunge.bootstrap import keeping
from expunge.bootstrap.open_state import read_installed
from expunge.core.accounts.accounts_spec import AccountsSpec, MailSpec, ProviderSpec

_POSTGRES = 5432
_AUTHORITIES = "/usr/share/ca-certificates"
"""Where Debian's links of certificates lead to."""


@dataclass(frozen=True)
class Accounts:
    """What the pages' process needs."""

    fields: KeeperAccounts
    """The keeper, which need not run before the first call."""
    guard: KeeperGuard
    """The keeper's account guard."""
    staff: KeeperStaff
    """The keeper's register of staff."""
    reads: tuple[Path, ...]
    """Files that the process reads when it needs them."""
    writes: tuple[Path, ...]
    """Folders that the process writes to."""
    ports: tuple[int, ...]
    """TCP ports that the process connects to."""
    names: bool
    """Whether a host that it connects to is given by a name that has to be looked up in the network."""


def open_accounts(map_path: Path | str | None = None, refused: Callable[[str, str], None] = lambda _, __: None) -> Accounts | None:
    """Make the folder of a map's accounts, and return what their pages need; None for a map without.

    Args:
        map_path: the data map.
        refused: told the act and the kind of fields whose budget at the keeper was used up.

    Raises:
        Misconfigured: the map cannot be read, or its accounts lie in the state.
        StateUnavailable: the folder of the accounts cannot be made.
    """
    data_map = read_installed(map_path)
    database = accounts_database(data_map)
    if database is None or data_map.accounts is None:
        return None
    place = keeping.place_of_map(data_map)
    kept = KeeperAccounts(place, refused=refused), KeeperGuard(place), KeeperStaff(place)
    mail = data_map.accounts.mail
    reads, ports = _of_providers(data_map.accounts)
    if mail is not None:
        ports = (mail.port, *ports)
        reads = (*((Path(mail.secret_file),) if mail.secret_file else ()), *reads)
    hosts = [urlsplit(each.issuer).hostname or "" for each in data_map.accounts.providers] + ([mail.host] if mail else [])
    if (file := database.file) is None:
        hosts.append(str(database.settings["HOST"]))
        ports = (int(database.settings["PORT"] or _POSTGRES), *ports)
        return Accounts(*kept, reads, (), ports, any(map(_is_looked_up, hosts)))
    with guarded("the accounts' database could not be made"):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    return Accounts(*kept, reads, (file.parent,), ports, any(map(_is_looked_up, hosts)))


def provider_secret(spec: ProviderSpec) -> str:
    """Return the secret of the client at a provider, read anew. Raises as :func:`mail_password`."""
    return read_secret(spec.secret_file, spec.secret_variable, "secret", f"the provider {spec.id}")


def _of_providers(spec: AccountsSpec) -> tuple[tuple[Path, ...], tuple[int, ...]]:
    """Return the files and the ports that logins at companies need."""
    if not spec.providers:
        return (), ()
    known = ssl.get_default_verify_paths()
    trusted = tuple(Path(each) for each in (known.cafile, known.capath, _AUTHORITIES) if each)
    secrets = tuple(Path(each.secret_file) for each in spec.providers if each.secret_file)
    return (*trusted, *secrets), tuple(sorted({each.port for each in spec.providers}))


def _is_looked_up(host: str) -> bool:
    """Return whether a host is a name that this machine does not know itself: no address, no socket's folder, not ``localhost``."""
    if not host or host.startswith("/") or host.lower() == "localhost":
        return False
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False


def mail_password(spec: MailSpec) -> str:
    """Return the password of the mail server's user, read anew: it may be changed.

    Raises:
        KeystoreLocked: it is not at the place that the map names, or cannot be read.
        Misconfigured: everybody can read the file.
    """
    return read_secret(spec.secret_file, spec.secret_variable, "password", f"the mail server {spec.host}")
