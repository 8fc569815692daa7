"""Taking somebody out of declared folders: the erasing half of the ``files`` store, and what would stand in its way."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from expunge import durable
from expunge.core.copy import Copy
from expunge.core.datamap import Shared
from expunge.core.ids import Pseudonym
from expunge.core.outcome import Absent, Erased, Outcome, Outcomes, Reason, Unable
from expunge.stores.exclusive import InUse, NothingStays, rewrite
from expunge.stores.files_search import declared_inside
from expunge.stores.layout import Layout, Wanted, opened
from expunge.stores.records import Record, Unreadable, encoded
from expunge.stores.second_names import DOUBTFUL, SecondNames

_REASONS = {
    errno.EACCES: Reason.PERMISSION,
    errno.EPERM: Reason.PERMISSION,
    errno.EROFS: Reason.PERMISSION,
    errno.ENOSPC: Reason.DISK_FULL,
    errno.EDQUOT: Reason.DISK_FULL,
    errno.EBUSY: Reason.LOCKED,
    errno.ETXTBSY: Reason.LOCKED,
    errno.ENOTCONN: Reason.UNREACHABLE,
    errno.ESTALE: Reason.UNREACHABLE,
}


def reason_of(error: OSError) -> Reason:
    """The word for what the operating system said."""
    return _REASONS.get(error.errno or 0, Reason.ERROR)


@dataclass
class Share:
    """What one subject of a batch has coming, as it adds up."""

    items: int = 0
    bytes: int = 0
    folders: int = 0
    troubles: list[Unable] = field(default_factory=list)

    def outcome(self, dataset: str, asked: int) -> Outcome:
        """The answer: anything that could not be done outweighs what was."""
        if self.troubles:
            first = self.troubles[0]
            return Unable(first.reason, f"{dataset}: {len(self.troubles)} of {asked} places: {first.detail}")
        if self.items or self.folders:
            return Erased(max(1, self.items), self.bytes)
        return Absent()


class _NobodyThere(Exception):
    """No record of the file matches: it stays as it is, its time included."""


class _SharedRecord(Exception):
    """A record names others as well, and the map does not say that it may go."""


class Eraser:
    """One ``erase`` call over the files of one dataset."""

    def __init__(self, root: Path, layout: Layout, everything: Sequence[Layout]) -> None:
        self._root = root
        self._layout = layout
        self._everything = everything
        self._second_names = SecondNames(root, everything)
        self._sound: set[Path] = set()
        """Folders that were found to be reached by no link."""
        self._touched: dict[str, set[Pseudonym]] = {}
        """Folders whose entries changed, or may have before a crash, and for whom: to be forced to the device."""

    def erase(self, copies: Sequence[Copy]) -> Outcomes:
        """Names first, then records inside files, then folders that are empty now, then the folders' entries to the device."""
        shares = {copy.subject: Share() for copy in copies}
        asked = {copy.subject: len(copy.keys) for copy in copies}
        wanted = Wanted(copy.selector for copy in copies if copy.selector)
        for key, subjects in _by_key(copies).items():
            self._touched.setdefault(_parent(key), set()).update(subjects)
            concerned = {number for number, each in enumerate(wanted.selectors) if each.subject in subjects}
            objection = DOUBTFUL if self._layout.doubtful(key, wanted) else self._second_names.objection(key)
            if objection:
                for subject in subjects:
                    shares[subject].troubles.append(objection)
                continue
            owners = self._layout.owners(key, wanted) & concerned
            link = (self._root / key).is_symlink()
            if key.endswith("/") and not link:
                continue
            try:
                if owners or link or not concerned:
                    self._remove(key, [shares[each] for each in subjects])
                elif self._layout.dataset.format == "json":
                    self._remove_object(key, wanted, concerned, shares)
                else:
                    self._rewrite(key, wanted, concerned, shares)
            except (OSError, Unreadable, InUse, _SharedRecord) as error:
                for subject in subjects:
                    shares[subject].troubles.append(_trouble(error))
        self._remove_folders(copies, wanted, shares)
        self._settle(shares)
        return {subject: share.outcome(self._layout.dataset.name, asked[subject]) for subject, share in shares.items()}

    # --- names ----------------------------------------------------------------------------------

    def _remove(self, key: str, shares: Iterable[Share]) -> None:
        path = self._inside(key)
        try:
            status = path.lstat()
        except FileNotFoundError:
            return
        durable.unlink(path, at="files.erase.unlink")
        for share in shares:
            share.items += 1
            share.bytes += status.st_size

    def _remove_object(self, key: str, wanted: Wanted, concerned: set[int], shares: Mapping[Pseudonym, Share]) -> None:
        """A file that is one JSON object goes when the object still says that it is theirs."""
        path = self._inside(key)
        try:
            with opened(path) as file:
                (record,) = self._layout.read(file, key, wanted.fields)
        except FileNotFoundError:
            return
        owners = wanted.in_record(record, wanted.fields) & concerned
        if owners:
            self._remove(key, [shares[wanted.selectors[owner].subject] for owner in owners])

    # --- records --------------------------------------------------------------------------------

    def _rewrite(self, key: str, wanted: Wanted, concerned: set[int], shares: Mapping[Pseudonym, Share]) -> None:
        path = self._inside(key)
        gone: dict[int, tuple[int, int]] = {}
        found = self._layout.template_of(key)
        # Where the template leaves the file's name open (a device, a session), the name of a file of theirs alone is theirs as well.
        goes_with_them = found is not None and bool(found[0].segments[-1].placeholders)

        def copy(old: BinaryIO, new: BinaryIO) -> None:
            now: dict[int, tuple[int, int]] = {}
            staying = 0
            with encoded(new, key) as plain:
                for record in self._layout.read(old, key, wanted.fields):
                    owners = wanted.in_record(record, wanted.fields) & concerned
                    if owners and self._must_stay(record, wanted, owners):
                        raise _SharedRecord
                    if not owners:
                        plain.write(record.raw)
                        staying += record.value is not None
                    for owner in owners:
                        items, size = now.get(owner, (0, 0))
                        now[owner] = (items + 1, size + len(record.raw))
            if not now and not gone:
                raise _NobodyThere
            gone.update(now)
            if goes_with_them and not staying:
                raise NothingStays

        try:
            rewrite(path, copy)
        except (_NobodyThere, FileNotFoundError):
            return
        for owner, (items, size) in gone.items():
            share = shares[wanted.selectors[owner].subject]
            share.items += items
            share.bytes += size

    def _must_stay(self, record: Record, wanted: Wanted, owners: set[int]) -> bool:
        """Whether the map keeps shared recordings, and others than those of this call are in the record."""
        if self._layout.dataset.shared is Shared.ERASE:
            return False
        leaving = [wanted.selectors[owner].match for owner in owners]
        values = {name: record.texts(name) for name in wanted.fields}
        return any(texts - frozenset().union(*(match.get(name, frozenset()) for match in leaving)) for name, texts in values.items())

    # --- folders --------------------------------------------------------------------------------

    def _remove_folders(self, copies: Sequence[Copy], wanted: Wanted, shares: Mapping[Pseudonym, Share]) -> None:
        folders: dict[str, set[Pseudonym]] = {}
        for key, subjects in _by_key(copies).items():
            for folder in self._variable_folders(key):
                folders.setdefault(folder, set()).update(subjects)
        for folder in sorted(folders, key=lambda name: -name.count("/")):
            concerned = folders[folder]
            try:
                gone = self._remove_folder(folder)
            except OSError as error:
                for subject in concerned:
                    shares[subject].troubles.append(_trouble(error))
                continue
            if gone:
                self._touched.pop(folder, None)
                self._touched.setdefault(_parent(folder), set()).update(concerned)
                for subject in concerned:
                    shares[subject].folders += 1
            elif gone is False and self._named_after(folder, wanted) and not any(declared_inside(self._root, folder, self._everything)):
                for subject in concerned:
                    detail = "a folder named after the subject holds files that no dataset declares: declare them"
                    shares[subject].troubles.append(Unable(Reason.RESIDUE, detail))

    def _variable_folders(self, key: str) -> Iterator[str]:
        """The folders above (or at) a key whose names the template leaves open, deepest first."""
        found = self._layout.template_of(key)
        parts = key.rstrip("/").split("/")
        depth = len(parts) if key.endswith("/") else len(parts) - 1
        for level in range(depth, 0, -1):
            if found and found[0].segments[level - 1].placeholders:
                yield "/".join(parts[:level]) + "/"

    def _remove_folder(self, folder: str) -> bool | None:
        """True when it went, False when something is in it, None when it was not there."""
        try:
            path = self._inside(folder)
            if path.is_symlink():
                return None
            leftovers = clear_temporaries(path)
            if leftovers.others:
                return False
            durable.rmdir(path, at="files.erase.rmdir")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                return False
            raise
        return True

    def _named_after(self, folder: str, wanted: Wanted) -> bool:
        found = self._layout.template_of(folder)
        if found is None:
            return False
        here = set(found[0].segments[folder.count("/") - 1].placeholders)
        return any(name in here and wanted.by(name, value) for reading in found[1] for name, value in reading.items())

    # --- durability and safety ------------------------------------------------------------------

    def _settle(self, shares: Mapping[Pseudonym, Share]) -> None:
        """Force every touched folder's entries to the device; also where a run before this one may have died before doing so."""
        waiting: dict[Path, set[Pseudonym]] = {}
        for folder, subjects in self._touched.items():
            path = self._root / folder
            while not path.is_dir() and path != self._root:
                path = path.parent
            waiting.setdefault(path, set()).update(subjects)
        for path, subjects in waiting.items():
            try:
                durable.fsync_directory(path, at="files.erase.folder")
            except FileNotFoundError:
                continue
            except OSError as error:
                for subject in subjects:
                    shares[subject].troubles.append(_trouble(error))

    def _inside(self, key: str) -> Path:
        """The path of a key, refused when a link on the way leads elsewhere."""
        if self._layout.template_of(key) is None:
            message = "the name fits no template of the dataset"
            raise Unreadable(message)
        path = self._root / key
        folder = path.parent
        if folder not in self._sound:
            if folder.resolve() != folder:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            self._sound.add(folder)
        return path


@dataclass(frozen=True)
class Leftovers:
    """What clearing a folder of our temporaries found."""

    removed: int
    alive: int
    """Temporaries that a running erasure is writing."""
    others: int
    """Entries that are not ours."""


def clear_temporaries(folder: Path) -> Leftovers:
    """Remove what interrupted runs of ours left in one folder. Raises OSError."""
    removed = alive = others = 0
    with os.scandir(folder) as listing:
        for entry in listing:
            if not entry.name.startswith(durable.TEMPORARY_PREFIX) or not entry.is_file(follow_symlinks=False):
                others += 1
            elif _alive(entry.path):
                alive += 1
            else:
                durable.unlink(Path(entry.path), at="files.leftover.unlink")
                removed += 1
    return Leftovers(removed, alive, others + alive)


def _alive(path: str) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _trouble(error: Exception) -> Unable:
    if isinstance(error, InUse):
        return Unable(Reason.LOCKED, "another process keeps writing to a file; stop it or let it reopen its files")
    if isinstance(error, _SharedRecord):
        return Unable(Reason.UNSUPPORTED, "a record of several people among many in one file can only be erased: write `shared: erase`")
    if isinstance(error, Unreadable):
        return Unable(Reason.CORRUPT, f"a file cannot be read: {error}; `expunge check` names it")
    if isinstance(error, OSError):
        return Unable(reason_of(error), f"the operating system says: {os.strerror(error.errno or 0)}")
    raise error


def _by_key(copies: Sequence[Copy]) -> dict[str, list[Pseudonym]]:
    keys: dict[str, list[Pseudonym]] = {}
    for copy in copies:
        for key in copy.keys:
            keys.setdefault(key, []).append(copy.subject)
    return keys


def _parent(key: str) -> str:
    head, slash, _ = key.rstrip("/").rpartition("/")
    return head + slash
