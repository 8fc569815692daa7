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
from expunge.bootstrap.keeping import keeper_status, place_of
from expunge.bootstrap.state_folder import KEYS
from expunge.bootstrap.vault import roots
from expunge.bootstrap.vault.vault_names import KIND
from expunge.bootstrap.vault.vaults import TABLE
from expunge.core.consent.consent import Consents, consented
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.purposes import Ground
from expunge.core.journal.opening_events import RecordingOpened
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.engine.vault import openings
from expunge.errors import ExpungeError
from expunge.stores.vault.places import is_in_a_bucket

YEAR = 365
"""Days."""
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
    """Openings in the time that was asked for."""
    last: datetime | None
    readers: tuple[str, ...] = ()
    """The accounts that may open for it, by the map; empty where any may."""
    idle: tuple[str, ...] = ()
    """Those of them that opened nothing for it."""
    consents: int = 0
    """Number of people whose consent to it holds."""
    unused_consents: int = 0
    """Those of them of whom no recording was opened for it."""


@dataclass(frozen=True)
class OpenedBy:
    """Openings by one account and program for one purpose, in the time that was asked for."""

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
    keeper: tuple[tuple[str, str], ...] | None
    """(user or group, what the running keeper lets them), beside its own user, whom it lets everything; None where none runs."""
    days: int = YEAR
    """The time that openings are counted in."""

    @property
    def unused(self) -> tuple[str, ...]:
        """Purposes for which nothing was opened."""
        return tuple(each.purpose for each in self.grants if not each.openings)

    @property
    def never(self) -> tuple[str, ...]:
        """Accounts that can read everything, and opened nothing."""
        return tuple(each for each in self.alone if each not in {entry.user for entry in self.opened})


def who_can_read(context: Context, days: int = YEAR) -> WhoCanRead:
    """Return who can read, from the places of keys, the map's purposes and the register of openings. It reads no key and no recording."""
    state, data_map = Path(context.data_map.state), context.data_map
    entered = [each for each in openings.entered(context) if each.at > context.clock.now() - timedelta(days=days)]
    places = tuple(_places(state, data_map))
    alone = sorted(set.intersection(*(_accounts(each) for each in places))) if places else []
    grants, by = tuple(_grants(context, entered)), tuple(_by(entered))
    return WhoCanRead(places, tuple(alone), is_locked(state / KEYS), grants, _OWN, by, _kept(state), days)


def _kept(state: Path) -> tuple[tuple[str, str], ...] | None:
    try:
        return keeper_status(place_of(None, state)).rights
    except ExpungeError:
        return None


def _places(state: Path, data_map: DataMap) -> Iterator[KeyPlace]:
    vaults = sorted((each.name, Path(each.url)) for each in data_map.stores.values() if each.kind == KIND and not is_in_a_bucket(each))
    wanted = (("keystore", state / KEYS), *roots.places(state, data_map.vault_root), ("key table", state / TABLE))
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


def _grants(context: Context, entered: list[RecordingOpened]) -> Iterator[Grant]:
    data_map = context.data_map
    mine = sorted(each.name for each in data_map.datasets.values() if data_map.stores[each.store].kind == KIND)
    of: dict[str, list[RecordingOpened]] = defaultdict(list)
    for each in entered:
        of[each.purpose if data_map.purposes else ANY].append(each)
    if not data_map.purposes:
        yield Grant(ANY, "that nobody in it is suppressed", tuple(mine), len(of[ANY]), max((each.at for each in of[ANY]), default=None))
    consents = consent_register.load(context) if data_map.purposes else Consents({}, {})
    for name, purpose in sorted(data_map.purposes.items()):
        datasets = tuple(each for each in mine if each in purpose.datasets)
        if datasets:
            users = {each.user for each in of[name]}
            last = max((each.at for each in of[name]), default=None)
            idle = tuple(each for each in purpose.readers if each not in users)
            holding, unused = _consents(consents, name, of[name], context.clock.now()) if purpose.needs is Ground.CONSENT else (0, 0)
            yield Grant(name, purpose.needs.value, datasets, len(of[name]), last, purpose.readers, idle, holding, unused)


def _consents(consents: Consents, purpose: str, opened: list[RecordingOpened], now: datetime) -> tuple[int, int]:
    """Return how many people's consent to a purpose holds, and of how many of them nothing was opened for it."""
    said = [subject for subject, decisions in consents.said.items() if purpose in decisions]
    holding = {subject for subject in said if consented(consents, subject, purpose, now).holds}
    return len(holding), len(holding - {consents.of(subject) for each in opened for subject in each.subjects})


def _by(entered: list[RecordingOpened]) -> Iterator[OpenedBy]:
    found: dict[tuple[str, str, str], list[RecordingOpened]] = defaultdict(list)
    for each in entered:
        # A run of a program that trains has a number behind the program's name.
        found[each.user, each.program.partition(openings.RUN)[0], each.purpose].append(each)
    for who, each_of in sorted(found.items()):
        yield OpenedBy(*who, len(each_of), len({each.recording for each in each_of}), max(each.at for each in each_of))


def _name(lookup: Callable[[int], tuple[object, ...]], number: int) -> str:
    try:
        return str(lookup(number)[0])
    except KeyError:
        return str(number)
