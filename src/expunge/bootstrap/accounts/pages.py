"""The parts of the pages in the web process: the folder of the accounts' database, and the keeper behind its ports."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.host.secret_file import read_secret
from expunge.adapters.keeper.families.keeper_families import KeeperHandOvers, KeeperRecoveries
from expunge.adapters.keeper.keeper_accounts import KeeperAccounts
from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.keeper.keeper_staff import KeeperStaff
from expunge.adapters.outbound.mail_smtp import MailServer
from expunge.adapters.state.accounts_database import AccountsDatabase
from expunge.bootstrap import keeping
from expunge.bootstrap.clerk.doors import doors_at
from expunge.core.accounts.accounts_spec import AccountsSpec, MailSpec, ProviderSpec
from expunge.core.datamap.datamap import DataMap
from expunge.ports.families.doors import FamilyDoors

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
    hand_overs: KeeperHandOvers
    """The keeper, which takes the company's tokens."""
    recoveries: KeeperRecoveries
    """The keeper's ways back into accounts."""
    clerk: FamilyDoors
    """The clerk's doors, for the pages of families."""
    clerk_answers: Callable[[], bool]
    """Returns whether the clerk answers now. Raises ClerkAway where none does."""
    reads: tuple[Path, ...]
    """Files that the process reads when it needs them."""
    writes: tuple[Path, ...]
    """Folders that the process writes to."""
    ports: tuple[int, ...]
    """TCP ports that the process connects to."""
    environment: Callable[[str], bool]
    """Tells the variables of the environment that the process looks at, beside those of every process."""
    names: bool
    """Whether a host that it connects to is given by a name that has to be looked up in the network."""


def open_accounts(
    data_map: DataMap, database: AccountsDatabase | None, refused: Callable[[str, str], None] = lambda _, __: None
) -> Accounts | None:
    """Make the folder of a map's accounts, and return what their pages need; None for a map without.

    Args:
        data_map: the map.
        database: of its accounts.
        refused: told the act and the kind of fields whose budget at the keeper was used up.

    Raises StateUnavailable where the folder of the accounts cannot be made.
    """
    if database is None or data_map.accounts is None:
        return None
    place = keeping.place_of_map(data_map)
    kept = KeeperAccounts(place, refused=refused), KeeperGuard(place), KeeperStaff(place), KeeperHandOvers(place), KeeperRecoveries(place)
    clerk_place = keeping.clerk_beside(place)
    clerk = doors_at(clerk_place), lambda: keeping.process_status(clerk_place).pid > 0
    mail = data_map.accounts.mail
    spec = data_map.accounts
    reads, ports = _of_providers(spec)
    if mail is not None:
        ports = (mail.port, *ports)
        reads = (*((Path(mail.secret_file),) if mail.secret_file else ()), *reads)
    hosts = [urlsplit(each.issuer).hostname or "" for each in spec.providers] + ([mail.host] if mail else [])
    secrets = {each.secret_variable for each in (*spec.providers, *((mail,) if mail else ()))}
    of_postgres = database.file is None

    def looks_at(name: str) -> bool:
        return bool(name in secrets and name) or (of_postgres and name.startswith("PG"))

    if (file := database.file) is None:
        hosts.append(str(database.settings["HOST"]))
        ports = (int(database.settings["PORT"] or _POSTGRES), *ports)
        return Accounts(*kept, *clerk, reads, (), ports, looks_at, any(map(_is_looked_up, hosts)))
    with guarded("the accounts' database could not be made"):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    return Accounts(*kept, *clerk, reads, (file.parent,), ports, looks_at, any(map(_is_looked_up, hosts)))


def provider_secret(spec: ProviderSpec) -> str:
    """Return the secret of the client at a provider, read anew. Raises as :func:`connect_mail`."""
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


def connect_mail(spec: MailSpec, greeting: str, patience: float) -> smtplib.SMTP:
    """Return a connection to the mail server that is logged in. The password is read anew: it may be changed.

    Args:
        spec: of the map.
        greeting: the name by which this machine greets the server.
        patience: seconds for which an answer is waited for.

    Raises:
        KeystoreLocked: the password is not at the place that the map names, or cannot be read.
        Misconfigured: everybody can read the file.
        OSError, smtplib.SMTPException: the server is away, or refuses.
    """
    password = read_secret(spec.secret_file, spec.secret_variable, "password", f"the mail server {spec.host}") if spec.user else ""
    return MailServer.of(spec, password).connected(greeting, patience)
