"""The tree of a bucket's prefix: keys with all their versions, delete markers and open uploads."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, BinaryIO, cast

from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Unable
from expunge.core.values.timestamps import moment
from expunge.stores.s3.bucket_connection import BATCH, Bucket, BucketEntry, Upload
from expunge.stores.s3.client import WIDTH, BucketTrouble
from expunge.stores.s3.deletion import BucketDeleter, DeletionResult, common_head, together
from expunge.stores.s3.object_rewrite import ObjectRewrite, tags_of
from expunge.stores.tree.interface import FileCut, FileState, NameTrouble, NobodyThere, NothingStays, Removal, RemovalResult, Shares
from expunge.stores.tree.interface import FoundName as AnyFound
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.template_walk import Bindings, CompiledTemplate, Readings

_FEW = 64
"""People for whom their own prefixes are listed at once, without trying how long the whole listing is."""
_WORDS = ("ContentDisposition", "WebsiteRedirectLocation")
"""Headers of an object whose content is free text."""
_LONGEST_KEY = 1024
"""Bytes, the protocol's own limit."""
_FIRST = re.compile(r"([^{]*)\{([^{}]*)\}([^{]*)")


@dataclass(frozen=True)
class BucketKey:
    """One key that fits a template."""

    key: str = field(repr=False)
    readings: Readings = field(repr=False)
    entries: Sequence[BucketEntry] = field(repr=False)
    """Versions and delete markers, the newest first; empty where there is only an upload."""
    is_link = False
    is_folder = False

    def size(self) -> int:
        """Bytes of all versions."""
        return sum(entry.size for entry in self.entries)

    def modified(self) -> datetime | None:
        """Return the time at which its newest content was written; None where only an upload was begun."""
        return written(self.entries)


class ObjectVersion:
    """One version of an object."""

    def __init__(self, bucket: Bucket, entry: BucketEntry, older: int) -> None:
        self.bucket = bucket
        self.entry = entry
        self.older = older
        self._answer: Any = None
        """What came with the first bytes, once it was opened."""

    def open(self) -> BinaryIO:
        """See :class:`expunge.stores.tree.interface.FileState`."""
        file, self._answer = self.bucket.fetch(self.entry.key, self.entry.version)
        return file

    def notes(self) -> Mapping[str, str]:
        """Tags, user metadata, and what headers say in the company's own words: of the state that was opened, if it was."""
        key, version = self.entry.key, self.entry.version
        try:
            return notes_of(self.bucket, key, version, self._answer or self.bucket.head(key, version))
        except FileNotFoundError:
            return {}


class _Ahead(ObjectVersion):
    """A version whose first bytes are fetched while others are read; to be opened once."""

    _begun: BinaryIO | Exception | None = None

    def begin(self) -> _Ahead:
        """Fetch them; what goes wrong comes out of :meth:`open`."""
        try:
            self._begun = super().open()
        except (OSError, Unreadable, NameTrouble) as error:
            self._begun = error
        return self

    def open(self) -> BinaryIO:
        """See :class:`expunge.stores.tree.interface.FileState`."""
        begun, self._begun = self._begun, None
        if isinstance(begun, Exception):
            raise begun
        return begun if begun is not None else super().open()


class BucketTree:
    """One prefix, for one call over the objects of one dataset. Its calls raise BucketTrouble when the service is out of reach."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self.hand = BucketDeleter(bucket)
        self._met: dict[str, list[BucketEntry]] = {}
        """Key -> its entries, of those that were looked up beforehand."""

    # --- looking --------------------------------------------------------------------------------

    def walk(
        self, template: CompiledTemplate, wanted: Callable[[Bindings], bool], only: Mapping[str, Collection[str]]
    ) -> Iterator[BucketKey]:
        """List the constant head of the template, or only the prefixes of wanted subjects where the template begins with them."""
        head, prefixes = _prefixes(template, only)
        begun: dict[str, list[Upload]] = {}
        for upload in self._bucket.uploads(head):
            begun.setdefault(upload.key, []).append(upload)

        def fitting(page: Mapping[str, Sequence[BucketEntry]]) -> Iterator[BucketKey]:
            for key, entries in page.items():
                begun.pop(key, None)
                readings = tuple(way for way in _readings(template, key) if wanted(way))
                if readings:
                    yield BucketKey(key, readings, entries)

        if prefixes is None:
            for page in self._pages(head):
                yield from fitting(page)
        else:
            yield from self._walk_prefixes(head, prefixes, fitting)
        yield from fitting(dict.fromkeys(list(begun), ()))

    def _walk_prefixes(
        self, head: str, prefixes: list[str], fitting: Callable[[Mapping[str, Sequence[BucketEntry]]], Iterator[BucketKey]]
    ) -> Iterator[BucketKey]:
        if len(prefixes) > _FEW:
            # Whichever takes fewer calls: the whole listing is tried for as many pages as there are people.
            held: list[BucketKey] = []
            pages = self._pages(head)
            for page in islice(pages, len(prefixes)):
                held += fitting(page)
            if next(pages, None) is None:
                yield from held
                return
        for start in range(0, len(prefixes), WIDTH):
            few = prefixes[start : start + WIDTH]
            if len(few) == 1:
                for page in self._pages(few[0]):
                    yield from fitting(page)
                continue
            for listed in self._bucket.each(lambda prefix: list(self._pages(prefix)), few):
                for page in listed:
                    yield from fitting(page)

    def _pages(self, prefix: str) -> Iterator[dict[str, list[BucketEntry]]]:
        return self._bucket.pages(prefix, versioned=self.hand.versioned)

    def states_of(self, found: AnyFound) -> Iterator[FileState]:
        """Every version that has content; of many, several are fetched at once."""
        states = self._versions(cast("BucketKey", found).entries)
        yield from islice(states, 1)
        while few := [_Ahead(each.bucket, each.entry, each.older) for each in islice(states, WIDTH)]:
            yield from self._bucket.each(_Ahead.begin, few)

    def look_up(self, keys: Collection[str]) -> None:
        """List names whose states are to be read in this call: together, where that takes fewer calls than to list each."""
        wanted = [key for key in dict.fromkeys(keys) if key not in self._met]
        self._met.update({key: [] for key in wanted} | self.hand.held(wanted))

    def states(self, key: str) -> Iterator[FileState]:
        """The same, from a listing of the key: the one beforehand for the first time that they are asked for, then a new one."""
        met = self._met.pop(key, None)
        return self._versions(self._bucket.at(key, versioned=self.hand.versioned) if met is None else met)

    def _versions(self, entries: Sequence[BucketEntry]) -> Iterator[ObjectVersion]:
        number = 0 if entries and entries[0].latest and not entries[0].marker else 1
        for entry in entries:
            if not entry.marker:
                yield ObjectVersion(self._bucket, entry, number)
                number += 1

    def objection(self, key: str) -> Unable | None:  # noqa: ARG002 - an object has one name
        """None: there are no links."""
        return None

    def bare(self, found: AnyFound) -> bool:  # noqa: ARG002
        """Folders are part of keys here, and nothing in themselves."""
        return False

    def is_link(self, key: str) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def is_folder(self, key: str) -> bool:  # noqa: ARG002 - an object whose key ends with a slash is an object
        """Never."""
        return False

    # --- changing -------------------------------------------------------------------------------

    def remove(self, removals: Iterable[Removal]) -> Iterator[RemovalResult]:
        """In batches: every version and delete marker of the keys, and the uploads under way to them."""
        waiting = iter(removals)
        while batch := list(islice(waiting, BATCH)):
            try:
                yield from self._remove(batch)
            except (OSError, NameTrouble) as error:
                for removal in batch:
                    yield RemovalResult(removal, there=False, error=error)

    def _remove(self, batch: Sequence[Removal]) -> list[RemovalResult]:
        keys = [removal.key for removal in batch]
        held = self.hand.held(keys)
        chosen = self._bucket.each(lambda removal: self._chosen(removal, held.get(removal.key, [])), batch)
        staying = {each.key for each, going in zip(batch, chosen, strict=True) if each.within and not going}
        uploads = self._uploads_to([each.key for each in batch if each.cut is None and each.key not in staying])
        aborted = {key: self.hand.abort(begun) for key, begun in uploads.items()}
        deleted = self.hand.delete([entry for going in chosen if not isinstance(going, Exception) for entry in going])
        return [self._answer(removal, going, deleted, aborted) for removal, going in zip(batch, chosen, strict=True)]

    def _chosen(self, removal: Removal, entries: list[BucketEntry]) -> list[BucketEntry] | Exception:
        """Which states of a key go: all, or those that the cut says are theirs (and the markers, when no other state is left)."""
        if removal.late(written(entries)):
            return []
        if removal.cut is None:
            return entries
        going = []
        for entry in entries:
            if entry.marker:
                continue
            try:
                with self._bucket.open(entry.key, entry.version, entry.etag) as file:
                    removal.cut(file, cast("BinaryIO", io.BytesIO()))
            except NothingStays:
                going.append(entry)
            except (NobodyThere, FileNotFoundError):
                continue
            except (Unreadable, BucketTrouble) as error:
                return error
        if going and all(entry.marker or entry in going for entry in entries):
            return entries
        return going

    def _uploads_to(self, keys: Sequence[str]) -> dict[str, list[Upload]]:
        """Open uploads to exactly these keys."""
        found: dict[str, list[Upload]] = {}
        wanted = set(keys)
        if wanted:
            for upload in self._bucket.uploads(common_head(keys)):
                if upload.key in wanted:
                    found.setdefault(upload.key, []).append(upload)
        return found

    def _answer(
        self, removal: Removal, going: list[BucketEntry] | Exception, deleted: DeletionResult, aborted: Mapping[str, int]
    ) -> RemovalResult:
        if isinstance(going, Exception):
            return RemovalResult(removal, there=False, error=going)
        failed = next((deleted.failed[entry] for entry in going if entry in deleted.failed), None)
        if failed:
            return RemovalResult(removal, there=False, error=NameTrouble(failed))
        gone = [entry for entry in going if deleted.went(entry)]
        kept = together([deleted.kept[entry] for entry in going if entry in deleted.kept])
        there = bool(gone) or bool(aborted.get(removal.key))
        return RemovalResult(removal, there, sum(entry.size for entry in gone), kept)

    def rewrite(self, key: str, cut: FileCut) -> None:
        """See :mod:`expunge.stores.s3.object_rewrite`."""
        ObjectRewrite(self.hand, key, cut).run()

    def finish(self, keys: Mapping[str, Sequence[Pseudonym]], shares: Shares, named: Callable[[str], bool]) -> None:
        """Do nothing: an answer of the service is durable, and a bucket has no folders."""


def notes_of(bucket: Bucket, key: str, version: str, answer: Any) -> Mapping[str, str]:
    """The company's own words beside an object, by the answer to a question about it. Raises as :meth:`Bucket.call`."""
    headers = {name: answer[name] for name in _WORDS if answer.get(name)}
    return {**headers, **answer.get("Metadata", {}), **tags_of(bucket, key, version, answer)}


def written(entries: Sequence[BucketEntry]) -> datetime | None:
    """Return the time at which the newest content among the states of a key was written, as the service says."""
    return next((moment(entry.modified) for entry in entries if not entry.marker), None)


def _readings(template: CompiledTemplate, key: str) -> Readings:
    return template.folder_readings(key) if key.endswith("/") else template.readings(key)


def _prefixes(template: CompiledTemplate, only: Mapping[str, Collection[str]]) -> tuple[str, list[str] | None]:
    """The constant head of a template, and the prefixes of those whom its first placeholder names, where that decides."""
    first = _FIRST.match(template.text)
    if first is None:
        return template.text, None
    head, name, literal = first.groups()
    if name not in only:
        return head, None
    prefixes: list[str] = []
    for prefix in sorted(f"{head}{value}{literal}" for value in only[name] if _can_be_in_a_key(value)):
        # What begins with another one is listed with that.
        if not prefixes or not prefix.startswith(prefixes[-1]):
            prefixes.append(prefix)
    return head, prefixes


def _can_be_in_a_key(value: str) -> bool:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= _LONGEST_KEY and "/" not in value and "\0" not in value
