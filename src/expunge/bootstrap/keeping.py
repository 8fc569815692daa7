"""Opening the keys, in this process or through the keeper of the state folder.

A process that may read the keystore, and can open it, does so. Where a passphrase locks the keystore, or it belongs to another user, the
process asks the keeper.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.adapters.keeper.place import CLERK, KeeperPlace
from expunge.adapters.keys.local_keystore import LocalKeys, is_locked, open_keystore
from expunge.bootstrap.state_folder import KEYS, require_keys
from expunge.core.datamap.datamap import DataMap
from expunge.errors import Busy, KeeperAway, KeystoreLocked, StateUnavailable
from expunge.ports.keys import InstallationKeys

if TYPE_CHECKING:
    from expunge.adapters.keeper.keeper_vault import KeeperVault

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
    vault: bool
    """Whether it opens vaults too."""
    rights: tuple[tuple[str, str], ...]
    """(user or group, what it may), beside the keeper's own user, who may all."""
    refused: tuple[tuple[str, str, int], ...]
    """(*seal* or *open*, kind, fields) that were more than a minute's budget, since its start."""


def open_keys(state: Path, passphrase: str | None = None) -> InstallationKeys:
    """Open the keys of a state folder, or connect to its keeper where this process cannot open them itself.

    Raises:
        KeystoreLocked: a passphrase is needed, none was given, and no keeper runs; or the passphrase is wrong.
        KeeperAway: the keystore belongs to another user, and its keeper does not answer.
        Misconfigured, StateCorrupt, Busy: as :func:`expunge.adapters.keys.local_keystore.open_keystore`, or from the keeper.
    """
    folder = state / KEYS
    place = KeeperPlace(state, folder)
    if passphrase is not None or not needs_keeper(state):
        return open_keystore(folder, passphrase)
    # Why late, here and below: few commands go by the keeper.
    from expunge.adapters.keeper.keeper_keys import KeeperKeys

    with _found(folder):
        return KeeperKeys.connect(place, _patience(folder, place))


def vault_door_beside(keys: InstallationKeys, state: Path) -> KeeperVault | None:
    """Return the vault's door at the keeper; None where this process opened the keys itself. It connects when it is used."""
    if isinstance(keys, LocalKeys):
        return None
    from expunge.adapters.keeper.keeper_vault import KeeperVault

    return KeeperVault(KeeperPlace(state, state / KEYS))


def open_vault_door(state: Path) -> KeeperVault:
    """Connect to the vault's door at the keeper of a state folder. Raises as :func:`open_keys` without a passphrase."""
    from expunge.adapters.keeper.keeper_vault import KeeperVault

    folder = state / KEYS
    place = KeeperPlace(state, folder)
    with _found(folder):
        return KeeperVault.connect(place, _patience(folder, place))


def needs_keeper(state: Path) -> bool:
    """Return whether a process without a passphrase cannot open the keys of a state folder. Raises StateUnavailable."""
    return _of_another_user(state / KEYS) or is_locked(state / KEYS)


def _patience(folder: Path, place: KeeperPlace) -> float:
    return _RESTARTED if _of_another_user(folder) or place.door.exists() else 0.0


@contextmanager
def _found(folder: Path) -> Iterator[None]:
    """Say of a keeper that is away what is missing, where the passphrase would do as well."""
    try:
        yield
    except KeeperAway:
        if _of_another_user(folder):
            raise
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
    folder = state
    if folder is None:
        # Why late: a process that knows the folder reads no map.
        from expunge.bootstrap.open_state import read_installed

        folder = Path(read_installed(map_path).state)
    require_keys(folder)
    return KeeperPlace(folder.absolute(), folder.absolute() / KEYS)


def place_of_map(data_map: DataMap) -> KeeperPlace:
    """Return the place of the keeper of a map's state folder, which may have no installation yet."""
    state = Path(data_map.state).absolute()
    return KeeperPlace(state, state / KEYS)


def clerk_beside(keeper: KeeperPlace) -> KeeperPlace:
    """Return the place of the clerk beside a keeper."""
    return KeeperPlace(keeper.state, keeper.keys, CLERK)


def needs_passphrase(place: KeeperPlace) -> bool:
    """Return whether the keystore of a place is locked by a passphrase."""
    return is_locked(place.keys)


@dataclass(frozen=True)
class ProcessStatus:
    """The status of a running keeper or clerk, as far as both have it."""

    pid: int
    clients: int
    """Open connections, that of this question included."""
    asked: int
    """Requests since its start."""


def process_status(place: KeeperPlace) -> ProcessStatus:
    """Return the status of the process of a place.

    Raises KeeperAway or ClerkAway when none answers, and the error with which it refuses.
    """
    value = _status(place)
    return ProcessStatus(value["pid"], value["clients"], value["asked"])


def keeper_status(place: KeeperPlace) -> KeeperStatus:
    """Return the status of a keeper. Raises KeeperAway when none answers, and the error with which a keeper refuses."""
    value = _status(place)
    return KeeperStatus(**value | {name: tuple(tuple(each) for each in value[name]) for name in ("rights", "refused")})


def _status(place: KeeperPlace) -> dict[str, Any]:
    from expunge.adapters.keeper.connection import Connections
    from expunge.adapters.keeper.requests import Status

    connections = Connections(place, patience=0.0)
    try:
        value: Any = connections.ask(Status()).value
    finally:
        connections.close()
    return dict(value)


def stop_keeper(place: KeeperPlace) -> None:
    """Ask a keeper or a clerk to end and wait until it has.

    Raises KeeperAway or ClerkAway where none runs, Busy when it does not end in time.
    """
    from expunge.adapters.keeper.connection import Connections
    from expunge.adapters.keeper.requests import Stop

    connections = Connections(place, patience=0.0)
    try:
        connections.ask(Stop())
    finally:
        connections.close()
    until = time.monotonic() + _ENDED
    while time.monotonic() < until:
        with suppress(Busy), place.held():
            return
    message = f"the {place.process} was asked to end and has not yet"
    raise Busy(message, help="see what it waits for, then end its process")
