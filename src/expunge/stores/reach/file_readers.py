"""Tell by modes and access lists which accounts of this machine could read the files below a folder."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from expunge.ports.review.ways_in import Way, WayIn, WayUnseen

MOST_LOOKED_AT = 50_000
"""Files and folders below one folder that are looked at; the rest is said to be unseen."""
EVERYONE = "every account of this machine"
_MEND = "take the right away (chmod o-rwx, or setfacl -b); `expunge vault adopt` seals the recordings, so that files alone show nothing"
_ACCESS = "system.posix_acl_access"
_NO_LIST = frozenset({errno.ENODATA, errno.EOPNOTSUPP, errno.ENOENT})
_VERSION = 2
_USER, _GROUP_OWNER, _GROUP, _MASK, _OTHERS = 0x02, 0x04, 0x08, 0x10, 0x20


@dataclass(frozen=True)
class Rights:
    """Who has a right to one file or folder, beside the user who owns it and root."""

    owner: int
    everyone: bool
    users: frozenset[int] = frozenset()
    groups: frozenset[int] = frozenset()


@dataclass
class Readers:
    """What was found below one folder."""

    owners: set[int] = field(default_factory=set)
    everyone: bool = False
    users: set[int] = field(default_factory=set)
    groups: set[int] = field(default_factory=set)
    looked: int = 0
    left: bool = False
    """Whether more lies there than was looked at."""
    closed: int = 0
    """Files and folders that this account could not look at."""


def rights(path: Path, bit: int) -> Rights:
    """Return who has a right to a path, links followed.

    Args:
        path: a file or a folder.
        bit: 4 to read it, 1 to pass through it.

    Raises OSError.
    """
    about = path.stat()
    mode = stat.S_IMODE(about.st_mode)
    try:
        entries = tuple(struct.iter_unpack("<HHI", os.getxattr(path, _ACCESS)[4:])) if hasattr(os, "getxattr") else ()
    except OSError as error:
        if error.errno not in _NO_LIST:
            raise
        entries = ()
    if not entries:
        group = frozenset({about.st_gid}) if mode & (bit << 3) else frozenset[int]()
        return Rights(about.st_uid, bool(mode & bit), groups=group)
    mask = next((given for tag, given, _ in entries if tag == _MASK), 7)
    users = frozenset(who for tag, given, who in entries if tag == _USER and given & mask & bit)
    named = {who for tag, given, who in entries if tag == _GROUP and given & mask & bit}
    own = {about.st_gid} if any(tag == _GROUP_OWNER and given & mask & bit for tag, given, _ in entries) else set()
    return Rights(about.st_uid, any(tag == _OTHERS and given & bit for tag, given, _ in entries), users, frozenset(named | own))


def ways_to(folder: Path, where: str = "") -> Iterator[Way]:
    """Yield who could read the files below a folder of this machine: a right to a file, and to each folder on the way to it.

    Args:
        folder: an absolute path. Nothing is yielded where it is not there.
        where: how a finding names it; else by its path.
    """
    shown = where or str(folder)
    try:
        found = _readers(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        yield WayUnseen(shown, f"who may read it cannot be told: {os.strerror(error.errno or 0)}", "check as the service's own account")
        return
    own = os.geteuid()
    if found.everyone:
        others = frozenset(each.pw_name for each in pwd.getpwall()) - {account_of(own), account_of(0)}
        yield WayIn(EVERYONE, "files can be read by all accounts", shown, _MEND, accounts=others)
    for group in sorted(found.groups):
        members = _members(group) - {account_of(own), account_of(0)}
        if members:
            who = f"members of the group {_group(group)} ({', '.join(sorted(members))})"
            yield WayIn(who, "files can be read by the group", shown, _MEND, accounts=members)
    for user in sorted(found.users - {own, 0}):
        yield WayIn(f"the account {account_of(user)}", "an access list names it", shown, _MEND, accounts=frozenset({account_of(user)}))
    for user in sorted(found.owners - {own, 0}):
        mend = "have the service's own account own its files, or seal the recordings: `expunge vault adopt`"
        yield WayIn(f"the account {account_of(user)}", "it owns files", shown, mend, accounts=frozenset({account_of(user)}))
    yield WayIn(f"the account {account_of(own)}", "Expunge runs as it", shown, "let no person log in as it", own=True, accounts=_named(own))
    if own != 0:
        yield WayIn(
            "root", "it reads every file of this machine", shown, "few people, and a record of each use", own=True, accounts=_named(0)
        )
    if found.left:
        what = f"rights of files beyond the first {found.looked} that were looked at"
        yield WayUnseen(shown, what, "`find FOLDER -perm /o+r` lists the rest")
    if found.closed:
        what = f"rights of {found.closed} files and folders that this account may not look at"
        yield WayUnseen(shown, what, "check as the service's own account")


def _readers(folder: Path) -> Readers:
    """Return the readers of what lies below a folder: who may read a file, and pass through each folder on the way."""
    found = Readers()
    ways = [rights(each, 1) for each in (*reversed(folder.resolve().parents), folder.resolve())]
    pending = [(folder.resolve(), ways)] if folder.is_dir() else []
    if not pending:
        _note(found, rights(folder, 4), ways[:-1])
        found.looked += 1
    while pending:
        place, way = pending.pop()
        try:
            inside = sorted(os.scandir(place), key=lambda each: each.name)
        except OSError:
            found.closed += 1
            continue
        for entry in inside:
            if found.looked >= MOST_LOOKED_AT:
                found.left = True
                return found
            if entry.is_symlink():
                continue
            found.looked += 1
            try:
                if entry.is_dir():
                    pending.append((Path(entry.path), [*way, rights(Path(entry.path), 1)]))
                else:
                    _note(found, rights(Path(entry.path), 4), way)
            except OSError:
                found.closed += 1
    return found


def _note(found: Readers, file: Rights, way: list[Rights]) -> None:
    """Note who reads one file. A group or user passes a folder by a right of its own, by that of the owner, or by everyone's."""
    found.owners.add(file.owner)
    narrow = [each for each in way if not each.everyone]
    if file.everyone:
        found.everyone |= not narrow
        # Why: of a file that all may read, only accounts that may pass each folder on the way are readers.
        found.groups |= set.intersection(*(set(each.groups) for each in narrow)) if narrow else set()
        found.users |= set.intersection(*({*each.users, each.owner} for each in narrow)) if narrow else set()
    found.groups |= {group for group in file.groups if all(group in each.groups for each in narrow)}
    found.users |= {user for user in file.users if all(user in each.users or user == each.owner for each in narrow)}


def _members(group: int) -> frozenset[str]:
    try:
        named = set(grp.getgrgid(group).gr_mem)
    except KeyError:
        named = set()
    return frozenset(named | {each.pw_name for each in pwd.getpwall() if each.pw_gid == group})


def _named(user: int) -> frozenset[str]:
    return frozenset({account_of(user)})


def account_of(user: int) -> str:
    """Return the name of an account of this machine; its number where it has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"number {user}"


def _group(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return f"number {group}"
