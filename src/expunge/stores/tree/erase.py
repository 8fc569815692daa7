"""Erase subjects from declared names, file by file and record by record, for any tree."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO

from expunge.core.datamap.datamap import Shared
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Absent, Erased, Kept, Outcome, Outcomes, Reason, Unable
from expunge.stores.tables.json_members import ITSELF
from expunge.stores.tree.folder_layout import FolderLayout, WantedValues
from expunge.stores.tree.interface import NameTrouble, NobodyThere, NothingStays, Removal, RemovalResult, Shares, SubjectShare, Tree
from expunge.stores.tree.member_cut import member_cut
from expunge.stores.tree.record_files import FileRecord, Unreadable, encoded
from expunge.stores.tree.sound_files import DigestingWriter

DOUBTFUL = Unable(
    Reason.UNSUPPORTED,
    "a name can be read in two ways, in one of them not as theirs: separate the placeholders by '/' or by a character that no id has",
)
_SHARED_RECORD = Unable(Reason.UNSUPPORTED, "a record of several people among many in one file can only be erased: write `shared: erase`")
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
    """Return the reason for an error of the operating system."""
    return _REASONS.get(error.errno or 0, Reason.ERROR)


def trouble_of(error: Exception) -> Unable:
    """Return the obstacle as an answer; raise the exception again when it is none of the known errors."""
    if isinstance(error, NameTrouble):
        return error.unable
    if isinstance(error, Unreadable):
        return Unable(Reason.CORRUPT, f"a file cannot be read: {error}; `expunge check` names it")
    if isinstance(error, OSError):
        return Unable(reason_of(error), f"the operating system says: {os.strerror(error.errno or 0)}")
    raise error


def by_key(copies: Sequence[Copy]) -> dict[str, list[Pseudonym]]:
    """Return every key of the copies, with the subjects it belongs to."""
    keys: dict[str, list[Pseudonym]] = {}
    for copy in copies:
        for key in copy.keys:
            keys.setdefault(key, []).append(copy.subject)
    return keys


class SubjectCut:
    """The cut that removes some subjects' records from one file."""

    def __init__(self, layout: FolderLayout, key: str, wanted: WantedValues, concerned: set[int], shares: Shares) -> None:
        self._layout = layout
        self._key = key
        self._wanted = wanted
        self._concerned = concerned
        self._shares = shares
        self._gone: dict[int, tuple[int, int]] = {}
        """Owner -> items and bytes, over all calls."""
        self._last: frozenset[int] = frozenset()
        self._says = layout.says(key, wanted)
        self._fields = (*wanted.fields, *layout.beside(wanted))
        found = layout.template_of(key)
        # Where the template leaves the file's name open (a device, a session), the name of a file of theirs alone is theirs as well.
        open_name = found is not None and bool(found[0].segments[-1].placeholders)
        # What lies around a list of records in a document is nobody's: it stays with its file.
        self._goes_with_them = (open_name and layout.dataset.records in {"", ITSELF}) or not layout.many_in_a_file

    def __call__(self, old: BinaryIO, new: BinaryIO) -> None:
        """Copy the raw bytes of the records that stay. See :class:`expunge.stores.tree.interface.FileCut`."""
        now: dict[int, tuple[int, int]] = {}
        self._last = frozenset()
        staying, first, copied = 0, True, True
        with encoded(new, self._key) as packed, DigestingWriter.around(packed) as (told, plain):
            for record in self._layout.read(old, self._key, self._fields):
                owners = self._wanted.in_record(record, self._wanted.fields, self._says) & self._concerned
                if owners and self._must_stay(record, owners):
                    raise NameTrouble(_SHARED_RECORD)
                left = self._left(record, owners)
                if left is not None:
                    plain.write(left if first or not record.lead else record.lead + left)
                    staying += record.value is not None
                    first = record.lead is None
                copied = copied and record.codec == "utf-8" and (left is None or left is record.raw)
                for owner in owners:
                    items, size = now.get(owner, (0, 0))
                    now[owner] = (items + 1, size + record.size - len(left or b""))
        if not now and not self._gone:
            raise NobodyThere
        # Of several states of a file the one with most of theirs counts: they hold the same again.
        self._gone |= {owner: max(counted, self._gone.get(owner, counted)) for owner, counted in now.items()}
        self._last = frozenset(now)
        if self._goes_with_them and not staying:
            raise NothingStays
        if copied:
            self._layout.note_copied(self._key, told.digest.digest())

    def _left(self, record: FileRecord, owners: set[int]) -> bytes | None:
        """What stays of a record; None where all of it goes."""
        if not owners:
            return record.raw
        if owners & self._says.part:
            return None
        cut = member_cut(self._layout, record, [self._wanted.selectors[owner] for owner in owners])
        return None if cut is None else cut.text.encode(record.codec)

    def _must_stay(self, record: FileRecord, owners: set[int]) -> bool:
        """Whether the map keeps shared recordings, and others than those of this call are in the record."""
        if self._layout.dataset.shared is Shared.ERASE or owners & self._wanted.every:
            return False
        leaving = [self._wanted.selectors[owner].match for owner in owners]
        values = {name: record.texts(name) for name in self._wanted.fields}
        return any(texts - frozenset().union(*(match.get(name, frozenset()) for match in leaving)) for name, texts in values.items())

    @property
    def met(self) -> bool:
        """True when the last call met a subject who is leaving."""
        return bool(self._last)

    def keep(self, kept: Kept) -> None:
        """Record a kept item for the subjects whom the last call met."""
        for owner in self._last:
            self._shares[self._wanted.selectors[owner].subject].kept.append(kept)

    def credit(self) -> None:
        """Record the erased records."""
        for owner, (items, size) in self._gone.items():
            share = self._shares[self._wanted.selectors[owner].subject]
            share.items += items
            share.bytes += size


class ObjectCut:
    """The cut for a file that is one JSON object. The file goes when the object names a leaving subject."""

    def __init__(self, layout: FolderLayout, key: str, wanted: WantedValues, concerned: set[int]) -> None:
        self._layout = layout
        self._key = key
        self._wanted = wanted
        self._concerned = concerned
        self._says = layout.says(key, wanted)
        self.owners: set[int] = set()
        """Whom any state named."""
        self.met = False

    def __call__(self, old: BinaryIO, new: BinaryIO) -> None:  # noqa: ARG002 - nothing of it stays
        """See :class:`expunge.stores.tree.interface.FileCut`."""
        self.met = False
        (record,) = self._layout.read(old, self._key, self._wanted.fields)
        owners = self._wanted.in_record(record, self._wanted.fields, self._says) & self._concerned
        if not owners:
            raise NobodyThere
        self.met = True
        self.owners |= owners
        raise NothingStays

    def keep(self, kept: Kept) -> None:
        """Do nothing: a removal records kept items for all its subjects."""


class TreeEraser:
    """One ``erase`` call over the files of one dataset."""

    def __init__(self, tree: Tree, layout: FolderLayout) -> None:
        self._tree = tree
        self._layout = layout

    def erase(self, copies: Sequence[Copy]) -> Outcomes:
        """Erase names first, then records inside files, then folders that are empty now; then make the answer durable."""
        shares = {copy.subject: SubjectShare() for copy in copies}
        asked = {copy.subject: len(copy.keys) for copy in copies}
        wanted = WantedValues(copy.selector for copy in copies if copy.selector)
        keys = by_key(copies)
        rewrites: list[tuple[str, set[int]]] = []
        for removed in self._tree.remove(self._removals(keys, wanted, shares, rewrites)):
            self._enter(removed, wanted, shares)
        for key, concerned in rewrites:
            self._rewrite(key, wanted, concerned, shares)
        self._tree.finish(keys, shares, named_after(self._layout, wanted))
        return {subject: answer_of(self._layout, share, asked[subject]) for subject, share in shares.items()}

    # --- sorting --------------------------------------------------------------------------------

    def _removals(
        self, keys: dict[str, list[Pseudonym]], wanted: WantedValues, shares: Shares, rewrites: list[tuple[str, set[int]]]
    ) -> Iterator[Removal]:
        """The names that go, one by one; what has to be rewritten instead is noted for later."""
        numbers: dict[Pseudonym, set[int]] = {}
        for number, each in enumerate(wanted.selectors):
            numbers.setdefault(each.subject, set()).add(number)
        for key, subjects in keys.items():
            concerned = set[int]().union(*(numbers.get(subject, ()) for subject in subjects))
            theirs = [shares[subject] for subject in subjects]
            objection = self._objection(key, wanted)
            link = self._tree.is_link(key)
            if objection:
                for share in theirs:
                    share.troubles.append(objection)
                continue
            if self._tree.is_folder(key) and not link:
                continue
            whole = self._layout.says(key, wanted).whole & concerned
            if link or not concerned or whole:
                yield Removal(key, theirs, within=self._layout.within(key, [wanted.selectors[number] for number in whole]))
            elif not self._layout.inside:
                continue  # the name says by now that it is of another time
            elif not self._layout.rewritten:
                yield Removal(key, theirs, ObjectCut(self._layout, key, wanted, concerned))
            else:
                rewrites.append((key, concerned))

    def _objection(self, key: str, wanted: WantedValues) -> Unable | None:
        if self._layout.template_of(key) is None:
            return trouble_of(Unreadable("the name fits no template of the dataset"))
        return DOUBTFUL if self._layout.doubtful(key, wanted) else self._tree.objection(key)

    # --- doing ----------------------------------------------------------------------------------

    def _enter(self, removed: RemovalResult, wanted: WantedValues, shares: Shares) -> None:
        theirs: Iterable[SubjectShare] = removed.removal.shares
        if removed.error:
            trouble = trouble_of(removed.error)
            for share in theirs:
                share.troubles.append(trouble)
            return
        if isinstance(removed.removal.cut, ObjectCut):
            theirs = [shares[wanted.selectors[owner].subject] for owner in removed.removal.cut.owners]
        for share in theirs:
            share.kept += removed.kept
            if removed.there:
                share.items += 1
                share.bytes += removed.bytes

    def _rewrite(self, key: str, wanted: WantedValues, concerned: set[int], shares: Shares) -> None:
        cut = SubjectCut(self._layout, key, wanted, concerned, shares)
        try:
            self._tree.rewrite(key, cut)
        except (NobodyThere, FileNotFoundError):
            return
        except (OSError, Unreadable, NameTrouble) as error:
            for number in concerned:
                shares[wanted.selectors[number].subject].troubles.append(trouble_of(error))
            return
        cut.credit()


def named_after(layout: FolderLayout, wanted: WantedValues) -> Callable[[str], bool]:
    """Return a test for folders named after a wanted subject, or after any value where every item is wanted."""

    def named(folder: str) -> bool:
        found = layout.template_of(folder)
        if found is None:
            return False
        here = set(found[0].segments[folder.count("/") - 1].placeholders)
        if wanted.every and here:
            return True
        return any(name in here and wanted.by(name, value) for reading in found[1] for name, value in reading.items())

    return named


def answer_of(layout: FolderLayout, share: SubjectShare, asked: int) -> Outcome:
    """Return the outcome for one subject. Troubles outweigh items kept on purpose, and those outweigh erased items."""
    if share.troubles:
        first = share.troubles[0]
        return Unable(first.reason, f"{layout.dataset.name}: {len(share.troubles)} of {asked} places: {first.detail}")
    if share.kept:
        ends = [each.until for each in share.kept]
        dates = [end for end in ends if end is not None]
        last = max(share.kept, key=lambda each: (each.until is None, each.until.timestamp() if each.until else 0))
        return Kept(last.ground, max(dates) if len(dates) == len(ends) else None, sum(each.items for each in share.kept))
    if share.items or share.folders:
        return Erased(max(1, share.items), share.bytes)
    return Absent()
