"""Opening the keys, in this process or through the keeper of the state folder; and the keeper's own process.

A process that may read the keystore, and can open it, does so. Where a passphrase locks the keystore, or it belongs to another user, the
process asks the keeper.
"""

from __future__ import annotations

import grp
import os
import pwd
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from expunge.adapters.host import hardening
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.keeper_keys import KeeperKeys
from expunge.adapters.keeper.key_requests import KeyDesk
from expunge.adapters.keeper.peers import Admitted
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keeper.requests import Status, Stop
from expunge.adapters.keeper.server import Keeper
from expunge.adapters.keys.local_keystore import is_locked, open_keystore
from expunge.bootstrap.open_state import KEYS, read_installed, require_keys
from expunge.errors import Busy, KeeperAway, KeystoreLocked, StateUnavailable, UsageError
from expunge.ports.keys import InstallationKeys

_RESTARTED = 1.0
"""Seconds in which a keeper that was there before has to be back."""
_ENDED = 35.0
"""Seconds in which a keeper has to end when asked to. It may wait half a minute for the keystore."""


@dataclass(frozen=True)
class KeeperStatus:
    """The status of a running keeper."""

    pid: int
    clients: int
    """Open connections, that of this question included."""
    asked: int
    """Requests since its start."""


def open_keys(state: Path, passphrase: str | None = None) -> InstallationKeys:
    """Open the keys of a state folder, or connect to its keeper where this process cannot open them itself.

    Raises:
        KeystoreLocked: a passphrase is needed, none was given, and no keeper runs; or the passphrase is wrong.
        KeeperAway: the keystore belongs to another user, and its keeper does not answer.
        Misconfigured, StateCorrupt, Busy: as :func:`expunge.adapters.keys.local_keystore.open_keystore`, or from the keeper.
    """
    folder = state / KEYS
    place = KeeperPlace(state, folder)
    if passphrase is not None:
        return open_keystore(folder, passphrase)
    if _of_another_user(folder):
        return KeeperKeys.connect(place, _RESTARTED)
    if not is_locked(folder):
        return open_keystore(folder)
    try:
        return KeeperKeys.connect(place, _RESTARTED if place.door.exists() else 0.0)
    except KeeperAway:
        message = "the keystore is locked by a passphrase, and no keeper runs"
        raise KeystoreLocked(message, help="start `expunge keeper run`, which asks for the passphrase once, or give it here") from None


def _of_another_user(folder: Path) -> bool:
    try:
        return folder.stat().st_uid != os.geteuid()
    except OSError as error:
        message = f"the keystore cannot be seen: {error.strerror}"
        raise StateUnavailable(message, help="let this user pass through the state folder: chmod o+x, or a group") from error


def place_of(map_path: Path | str | None, state: Path | None = None) -> KeeperPlace:
    """Return the place of the keeper of a state folder, or of a map's. Raises Misconfigured where there is no installation."""
    folder = state or Path(read_installed(map_path).state)
    require_keys(folder)
    return KeeperPlace(folder.absolute(), folder.absolute() / KEYS)


def close_to_others() -> None:
    """Close this process to others of its user, before it holds a key; see :func:`expunge.adapters.host.hardening.harden`."""
    hardening.harden()


def admitted(users: Sequence[str], groups: Sequence[str]) -> Admitted:
    """Return the users and groups who may ask, given by name or number. Raises UsageError for one that this machine does not know."""
    return Admitted(
        frozenset(_number(each, "user", lambda name: pwd.getpwnam(name).pw_uid) for each in users),
        frozenset(_number(each, "group", lambda name: grp.getgrnam(name).gr_gid) for each in groups),
    )


def _number(name: str, what: str, known: Callable[[str], int]) -> int:
    try:
        return int(name) if name.isdecimal() else known(name)
    except KeyError:
        message = f"this machine knows no {what} named {name!r}"
        raise UsageError(message, help=f"name a {what} that is there, by name or number") from None


def needs_passphrase(place: KeeperPlace) -> bool:
    """Return whether the keystore of a place is locked by a passphrase."""
    return is_locked(place.keys)


def keep(place: KeeperPlace, passphrase: str | None, admitted: Admitted, ready: Callable[[], None]) -> None:
    """Be the keeper of a state folder until asked to end.

    Args:
        place: of the state folder.
        passphrase: of its keystore, where it has one.
        admitted: the users and groups who may ask, beside this user.
        ready: called once, when the keeper answers.

    Raises:
        Busy: another keeper of it is running.
        Misconfigured, KeystoreLocked, StateCorrupt: as :func:`expunge.adapters.keys.local_keystore.open_keystore`.
    """
    hardening.harden()
    with place.held():
        keys = open_keystore(place.keys, passphrase)
        keeper = Keeper(KeyDesk(keys).handlers(), place.identity, admitted)
        with place.listen(for_others=admitted.others) as listening:
            try:
                keeper.run(listening, ready)
            finally:
                place.leave()


def keeper_status(place: KeeperPlace) -> KeeperStatus:
    """Return the status of a keeper. Raises KeeperAway when none answers, and the error with which a keeper refuses."""
    connections = Connections(place, patience=0.0)
    try:
        value = connections.ask(Status()).value
    finally:
        connections.close()
    return KeeperStatus(**value)  # type: ignore[arg-type]


def stop_keeper(place: KeeperPlace) -> None:
    """Ask a keeper to end and wait until it has. Raises KeeperAway where none runs, Busy when it does not end in time."""
    connections = Connections(place, patience=0.0)
    try:
        connections.ask(Stop())
    finally:
        connections.close()
    until = time.monotonic() + _ENDED
    while time.monotonic() < until:
        with suppress(Busy), place.held():
            return
    raise Busy("the keeper was asked to end and has not yet", help="see what it waits for, then end its process")
