"""Who can reach the plaintext of vaults, by construction: places of keys with owner and mode, purposes of the gate, and openings."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from expunge.adapters.keys.local_keystore import is_locked
from expunge.bootstrap.open_state import KEYS
from expunge.bootstrap.vault.vaults import KIND, ROOT, TABLE
from expunge.core.datamap.datamap import DataMap
from expunge.core.journal.opening_events import RecordingOpened
from expunge.engine.kernel.context import Context
from expunge.engine.vault import openings
from expunge.stores.vault.places import is_in_a_bucket

YEAR = timedelta(days=365)
ANY = "any purpose"
"""Where the map declares no purposes, the gate lets the recordings of everybody who is not suppressed be opened, for any purpose."""
_OWN = ("an order, of the person who leaves alone: to look for copies elsewhere", "`expunge export`, of the person who asks alone")


@dataclass(frozen=True)
class KeyPlace:
    """A place that a reader of plaintext has to read, and the accounts that can."""

    what: str
    path: str
    owner: str
    mode: str
    """Four octal digits."""
    readers: tuple[str, ...]
    """Accounts and groups that can read it. Root can read everything."""


@dataclass(frozen=True)
class Grant:
    """A purpose for which the gate lets recordings be opened."""

    purpose: str
    needs: str
    """The ground that it needs from each person in a recording."""
    datasets: tuple[str, ...]
    openings: int
    """Openings of the last twelve months."""
    last: datetime | None


@dataclass(frozen=True)
class OpenedBy:
    """Openings of the last twelve months by one account and program for one purpose."""

    user: str
    program: str
    purpose: str
    openings: int
    recordings: int
    last: datetime


@dataclass(frozen=True)
class WhoCanRead:
    """The accounts and purposes that can reach plaintext, and those that did."""

    places: tuple[KeyPlace, ...]
    """An account that can read the first three, and the sealed files, can open every recording, past the gate."""
    alone: tuple[str, ...]
    """The accounts, beside root, that can read all of them."""
    passphrase: bool
    """Whether keystore and root need a passphrase as well."""
    grants: tuple[Grant, ...]
    own: tuple[str, ...]
    """The cases in which the product itself opens recordings."""
    opened: tuple[OpenedBy, ...]

    @property
    def unused(self) -> tuple[str, ...]:
        """Purposes for which nothing was opened in twelve months."""
        return tuple(each.purpose for each in self.grants if not each.openings)

    @property
    def never(self) -> tuple[str, ...]:
        """Accounts that can read everything, and opened nothing in twelve months."""
        return tuple(each for each in self.alone if each not in {entry.user for entry in self.opened})


def who_can_read(context: Context) -> WhoCanRead:
    """Return who can read, from the places of keys, the map's purposes and the register of openings. It reads no key and no recording."""
    state, data_map = Path(context.data_map.state), context.data_map
    entered = [each for each in openings.entered(context) if each.at > context.clock.now() - YEAR]
    places = tuple(_places(state, data_map))
    alone = sorted(set.intersection(*(_accounts(each) for each in places))) if places else []
    return WhoCanRead(places, tuple(alone), is_locked(state / KEYS), tuple(_grants(data_map, entered)), _OWN, tuple(_by(entered)))


def _places(state: Path, data_map: DataMap) -> Iterator[KeyPlace]:
    vaults = sorted((each.name, Path(each.url)) for each in data_map.stores.values() if each.kind == KIND and not is_in_a_bucket(each))
    wanted = (("keystore", state / KEYS), ("root of the vault", state / ROOT), ("key table", state / TABLE))
    for what, path in (*wanted, *((f"sealed files of {name}", url) for name, url in vaults)):
        with suppress(FileNotFoundError):
            yield _place(what, path)


def _place(what: str, path: Path) -> KeyPlace:
    """Return who can read a path, by its mode and by those of the folders above: one folder that others cannot enter keeps them out."""
    status = path.stat()
    owner, group = _name(pwd.getpwuid, status.st_uid), _name(grp.getgrgid, status.st_gid)
    above = [each.stat().st_mode for each in path.resolve().parents]
    readers = [owner]
    if status.st_mode & stat.S_IRGRP and all(mode & (stat.S_IXGRP | stat.S_IXOTH) for mode in above):
        readers.append(f"group {group}")
    if status.st_mode & stat.S_IROTH and all(mode & stat.S_IXOTH for mode in above):
        readers.append("everybody")
    return KeyPlace(what, os.fspath(path), owner, f"{stat.S_IMODE(status.st_mode):04o}", tuple(readers))


def _accounts(place: KeyPlace) -> set[str]:
    """Return the accounts that can read a place, by name; a group by its members."""
    found = {place.owner}
    for each in place.readers:
        if each == "everybody":
            found |= {known.pw_name for known in pwd.getpwall()}
        elif each.startswith("group "):
            with suppress(KeyError):
                group = grp.getgrnam(each.removeprefix("group "))
                found |= {*group.gr_mem, *(known.pw_name for known in pwd.getpwall() if known.pw_gid == group.gr_gid)}
    return found - {"root"} if place.owner != "root" else found


def _grants(data_map: DataMap, entered: list[RecordingOpened]) -> Iterator[Grant]:
    mine = sorted(each.name for each in data_map.datasets.values() if data_map.stores[each.store].kind == KIND)
    at: dict[str, list[datetime]] = defaultdict(list)
    for each in entered:
        at[each.purpose if data_map.purposes else ANY].append(each.at)
    if not data_map.purposes:
        yield Grant(ANY, "that nobody in it is suppressed", tuple(mine), len(at[ANY]), max(at[ANY], default=None))
    for name, purpose in sorted(data_map.purposes.items()):
        datasets = tuple(each for each in mine if each in purpose.datasets)
        if datasets:
            yield Grant(name, purpose.needs.value, datasets, len(at[name]), max(at[name], default=None))


def _by(entered: list[RecordingOpened]) -> Iterator[OpenedBy]:
    found: dict[tuple[str, str, str], list[RecordingOpened]] = defaultdict(list)
    for each in entered:
        found[each.user, each.program, each.purpose].append(each)
    for who, each_of in sorted(found.items()):
        yield OpenedBy(*who, len(each_of), len({each.recording for each in each_of}), max(each.at for each in each_of))


def _name(lookup: Callable[[int], tuple[object, ...]], number: int) -> str:
    try:
        return str(lookup(number)[0])
    except KeyError:
        return str(number)
