"""Tell what shares a folder of this machine with others: NFS exports, Samba shares, mounts of the same files at another place."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from expunge.ports.review.ways_in import Way, WayIn, WayUnseen

MOUNTS = Path("/proc/self/mountinfo")
"""What is mounted in this process's view (proc(5))."""
CONFIGURATION = Path("/etc")
_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "afs", "fuse.sshfs", "fuse.glusterfs", "virtiofs"}
)
"""Kinds of file systems whose files another machine has."""
_UNSHARE = "take it out of the share; `expunge vault adopt` seals the recordings, so that files alone show nothing"
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One line of the table of mounts."""

    device: str
    root: Path
    """The folder of the file system that is mounted."""
    at: Path
    kind: str


def shares_of(folder: Path, *, configuration: Path = CONFIGURATION, mounts: Path = MOUNTS) -> Iterator[Way]:
    """Yield what shares a folder, as far as this machine's own files tell.

    Args:
        folder: an absolute path.
        configuration: the folder with ``exports``, ``exports.d`` and ``samba/smb.conf``.
        mounts: the table of mounts.
    """
    real = folder.resolve()
    yield from _exports(real, configuration)
    yield from _samba(real, configuration / "samba" / "smb.conf")
    yield from _mounts(real, mounts)


def _shared(folder: Path, shared: str) -> bool:
    place = Path(shared)
    return place.is_absolute() and (folder.is_relative_to(place) or place.is_relative_to(folder))


def _text(path: Path) -> str | WayUnseen:
    try:
        return path.read_text("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError:
        return WayUnseen(str(path), "what it shares: this account may not read it", "let the service's account read it, and check again")


def _exports(folder: Path, configuration: Path) -> Iterator[Way]:
    """Read the tables of NFS exports (exports(5))."""
    try:
        more = sorted((configuration / "exports.d").glob("*.exports"))
    except OSError:
        more = []
    for path in (configuration / "exports", *more):
        text = _text(path)
        if isinstance(text, WayUnseen):
            yield text
            continue
        for line in text.replace("\\\n", " ").splitlines():
            words = line.partition("#")[0].strip()
            found = re.match(r'"([^"]+)"\s*(.*)|(\S+)\s*(.*)', words)
            if found is None:
                continue
            shared, clients = _plain(found[1] or found[3]), (found[2] if found[1] else found[4]) or "*"
            if _shared(folder, shared):
                hosts = ", ".join(sorted({each.partition("(")[0] or "every host" for each in clients.split()})).replace("*", "every host")
                yield WayIn(f"machines that mount it: {hosts}", f"it is exported by NFS ({path})", shared, _UNSHARE)


def _samba(folder: Path, path: Path) -> Iterator[Way]:
    """Read the shares of Samba (smb.conf(5))."""
    text = _text(path)
    if isinstance(text, WayUnseen):
        yield text
        return
    shares = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#", ";"), allow_no_value=True)
    try:
        shares.read_string("\n".join(line.strip() for line in text.splitlines()))
    except configparser.Error:
        yield WayUnseen(str(path), "what it shares: it cannot be read as a table of shares", "testparm says what is wrong with it")
        return
    for name in shares.sections():
        place = shares.get(name, "path", fallback="") or shares.get(name, "directory", fallback="") or ""
        if "%" in place:
            place = place.partition("%")[0]
        if place and _shared(folder, place):
            guests = (shares.get(name, "guest ok", fallback="") or shares.get(name, "public", fallback="") or "").lower() in {
                "yes",
                "true",
                "1",
            }
            who = "every machine, without a login" if guests else "accounts of the share"
            yield WayIn(who, f"it is shared by Samba as [{name}] ({path})", place, _UNSHARE)


def _mounts(folder: Path, path: Path) -> Iterator[Way]:
    text = _text(path)
    if isinstance(text, WayUnseen) or not text:
        yield WayUnseen(str(path), "where else its files are mounted", "see `findmnt`")
        return
    table = [each for line in text.splitlines() if (each := _mount(line)) is not None]
    holding = [each for each in table if folder.is_relative_to(each.at)]
    if not holding:
        return
    # The last of those that reach furthest is the one that is seen.
    here = max(enumerate(holding), key=lambda each: (len(each[1].at.parts), each[0]))[1]
    inside = here.root / folder.relative_to(here.at)
    if here.kind in _NETWORK:
        what = f"who reads it on the machine that has its files (a file system of kind {here.kind})"
        yield WayUnseen(str(folder), what, "look at its shares there; `expunge vault adopt` seals the recordings")
    for each in table:
        again = each.at / inside.relative_to(each.root) if inside.is_relative_to(each.root) else each.at
        if each.device != here.device or again == folder or not (inside.is_relative_to(each.root) or each.root.is_relative_to(inside)):
            continue
        # Why not a folder that this one lies in, at the same place: it is the way that was looked at.
        if not folder.is_relative_to(each.at) and not each.at.is_relative_to(folder):
            how = "the same files are mounted there as well, and its folders have rights of their own"
            yield WayIn(
                "accounts that pass the folders above it", how, str(again), "unmount it, or seal the recordings: `expunge vault adopt`"
            )


def _mount(line: str) -> Mount | None:
    words = line.split(" ")
    if "-" not in words or len(words) < 8:
        return None
    kind = words[words.index("-") + 1]
    return Mount(words[2], Path(_plain(words[3])), Path(_plain(words[4])), kind)


def _plain(word: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), word)
