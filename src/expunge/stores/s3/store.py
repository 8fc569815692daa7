"""Buckets of an S3 service: media and other whole objects, and objects with records of many subjects; every version of them.

The service's disks are out of reach: the deepest grounding is ``removed``. The rungs are in ``docs/reference/stores/s3.md``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from expunge.core.datamap.datamap import AboutNobody, Dataset, Ignore, StoreSpec
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Copy, Cost, Finding, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey
from expunge.core.values.outcome import Absent, Erased, Outcome, Outcomes, Unable
from expunge.ports.optional.file_listing import NameFile, StoreFile
from expunge.ports.optional.item_listing import ListedItem
from expunge.ports.optional.placing import FileLayout, LiveRows
from expunge.ports.optional.ranged_reading import ItemState, check_range
from expunge.ports.optional.remote_content import RemoteObject
from expunge.ports.optional.spelling_search import StoreEquality
from expunge.ports.optional.surroundings import Near
from expunge.ports.review.ways_in import Way
from expunge.ports.scanner import Tracer
from expunge.stores.s3 import ladder, near, readers
from expunge.stores.s3.bucket_connection import Bucket, speaking
from expunge.stores.s3.bucket_tree import BucketKey, BucketTree, written
from expunge.stores.s3.check import BucketCheck, copies_elsewhere
from expunge.stores.s3.client import BucketTrouble, ObjectChanged
from expunge.stores.s3.content import BucketContent, OneVersion, place_of
from expunge.stores.s3.kind import SKIP
from expunge.stores.s3.preflight import BucketPreflight
from expunge.stores.s3.probe import BucketProbe
from expunge.stores.tree.ages import TreeAging
from expunge.stores.tree.content import TreeContent
from expunge.stores.tree.erase import TreeEraser, trouble_of
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.interface import FoundName, NameTrouble
from expunge.stores.tree.items import TreeItems, gone
from expunge.stores.tree.nominated import NominatedItems, PlacedCopy
from expunge.stores.tree.search import TreeSearch
from expunge.stores.tree.spellings import RememberedSpellings, TreeSpellings

_OUT_OF_SCOPE = (
    "parts of unfinished uploads to objects of many people: they cannot be read; those older than seven days are aborted",
    "names of deleted objects in the service's own indexes and logs",
)


class S3:
    """One prefix of one bucket. ``url`` is ``s3://BUCKET/PREFIX``; a key is what follows the prefix."""

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        self._spec = spec
        self._datasets = datasets
        self._layouts = {dataset.name: FolderLayout.of(dataset) for dataset in datasets}
        self._remembered = {dataset.name: RememberedSpellings() for dataset in datasets}
        self._bucket = Bucket(spec)
        self._content = BucketContent(self._bucket, spec.url)
        self._elsewhere: tuple[str, ...] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Objects are removed. Copies that the bucket's configuration makes elsewhere are named, as far as it may be asked."""
        if self._elsewhere is None:
            try:
                self._elsewhere = copies_elsewhere(self._bucket)
            except BucketTrouble:
                return self._capable("the bucket's configuration (replication, logs, inventories), which could not be asked")
        return self._capable(*self._elsewhere)

    def _capable(self, *more: str) -> Capabilities:
        clock, own = str(self._spec.options.get("clock", "")), self._spec.options.get("vacuum")
        disks = "the provider's disks, caches and backups"
        said = (
            f"{disks}; the provider states: {clock}"
            if clock
            else f"{disks}; the map quotes no time in which they are overwritten (`clock:`)"
        )
        if own:
            said = "the server's disks below its volumes, which are rewritten without what was deleted; copies and backups of them"
        if self._spec.options.get("undeclared") == SKIP:
            more = ("objects that no dataset declares, which the map says are not read", *more)
        return Capabilities(Grounding.REMOVED, batch=10_000, out_of_scope=(said, *_OUT_OF_SCOPE, *more))

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Compare the bucket with the map, down to every key and every record."""
        patterns = [each.pattern for each in ignored if each.store == self._spec.name]
        with self._speaking():
            yield from BucketCheck(self._bucket, tuple(self._layouts.values()), patterns).findings()

    def ways_in(self, datasets: Collection[str]) -> Iterator[Way]:  # noqa: ARG002 - rights are the bucket's
        """By the bucket's lists, policy and website, and by the service's credentials."""
        with self._speaking():
            yield from readers.ways_to(self._bucket, self._spec.url)

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """List only the prefixes of wanted subjects, where the path begins with them. Raises StoreUnavailable, CouldNotLook."""
        with self._speaking(dataset.name):
            yield from self._search(dataset).locate(selectors)

    def names_of(self, dataset: Dataset, copy: Copy) -> Mapping[str, Mapping[str, str]]:
        """Read from the names alone."""
        return self._layouts[dataset.name].names_of(copy.keys)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield the bystanders, grouped by the values of the subject fields."""
        with self._speaking(dataset.name):
            yield from self._search(dataset).bystanders(erased, limit)

    def equality(self, dataset: Dataset, field: str) -> StoreEquality:  # noqa: ARG002 - of every field
        """Keys and records are compared byte by byte."""
        return StoreEquality()

    def alike(self, dataset: Dataset, field: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:  # noqa: ARG002 - of every field
        """Yield nothing: no value is taken for another."""
        yield from ()

    def near(self, dataset: Dataset, field: str, texts: Sequence[str] | None) -> Iterator[Sequence[str]]:
        """Keys are listed, records are read."""
        with self._speaking(dataset.name):
            yield from self._spellings_of(dataset).near(field, texts)

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
        """By keys, times of writing and records."""
        with self._speaking(dataset.name):
            return TreeAging(BucketTree(self._bucket), self._layouts[dataset.name]).ages(field, edges)

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
        """By keys, times of writing and records."""
        with self._speaking(dataset.name):
            yield from TreeAging(BucketTree(self._bucket), self._layouts[dataset.name]).spans(by, field)

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """Whole objects byte for byte, older versions too; records as JSON lines; tags and metadata as JSON."""
        with self._speaking(dataset.name):
            for item in self._show(dataset).export(copy):
                yield Item(item.name, self._told(dataset.name, item), item.media_type, item.shared)

    def _told(self, dataset: str, item: Item) -> Iterator[bytes]:
        with self._speaking(dataset):
            yield from item.chunks

    def listed(self, dataset: Dataset, copy: Copy) -> Iterator[ListedItem]:
        """List only the prefixes of the subject, where the path begins with them."""
        with self._speaking(dataset.name):
            yield from TreeItems(BucketTree(self._bucket), self._layouts[dataset.name], _present_size).listed(copy)

    def state_of(self, dataset: Dataset, copy: Copy, key: str) -> ItemState:
        """By the object's ETag."""
        TreeItems(BucketTree(self._bucket), self._layouts[dataset.name]).require_own(copy, key)
        with self._speaking(dataset.name):
            try:
                answer = self._bucket.head(key)
            except FileNotFoundError as error:
                raise gone() from error
            return ItemState(int(answer["ContentLength"]), str(answer["ETag"]), _last_written(answer.get("LastModified")))

    def read_range(self, dataset: Dataset, copy: Copy, key: str, state: ItemState, first: int, last: int) -> bytes:
        """One request, on condition that the object still has the ETag of the state."""
        check_range(state, first, last)
        TreeItems(BucketTree(self._bucket), self._layouts[dataset.name]).require_own(copy, key)
        if first == last:
            return b""
        with self._speaking(dataset.name):
            try:
                data, _ = self._bucket.read(key, first, last - first, etag=state.version)
            except (FileNotFoundError, ObjectChanged) as error:
                raise gone() from error
        if len(data) != last - first:
            raise gone()
        return data

    def schema_words(self) -> Iterator[str]:
        """Columns that CSV objects name."""
        for layout in self._layouts.values():
            with self._speaking(layout.dataset.name):
                yield from self._search(layout.dataset).header()

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Names, placeholders' values, whole objects in every version, every field of records, tags and metadata."""
        by_version: dict[str, list[Copy]] = {}
        for copy in copies:
            by_version.setdefault(copy.version if isinstance(copy, PlacedCopy) else "", []).append(copy)
        with self._speaking(dataset.name):
            for version, some in by_version.items():
                tree = self._tree(version)
                tree.look_up([key for copy in some for key in copy.keys])
                TreeContent(tree, self._layouts[dataset.name]).trace(some, tracer)

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:  # noqa: ARG002 - no object takes another along
        """Rights to delete and to write, conditional writes, damaged and archived objects, objects too large to rewrite."""
        try:
            return BucketPreflight(self._bucket, self._layouts[dataset.name]).reasons(copies)
        except NameTrouble as trouble:
            return (trouble.unable,)

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        """Whole objects are deleted; objects with records of many subjects are read and written again."""
        total = Cost()
        with self._speaking():
            for name, found in copies.items():
                if self._layouts[name].dataset.format and found:
                    held = BucketTree(self._bucket).hand.held(list({key for each in found for key in each.keys}))
                    size = sum(entry.size for entries in held.values() for entry in entries)
                    now = sum(entry.size for entries in held.values() for entry in entries if entry.latest)
                    total += Cost(size, len(held), now)
        return total

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:  # noqa: ARG002 - gone is gone under any key
        """Delete every version and marker, abort uploads, rewrite on condition; looked at again before the answer."""
        try:
            return TreeEraser(BucketTree(self._bucket), self._layouts[dataset.name]).erase(copies)
        except (NameTrouble, OSError) as error:
            trouble = trouble_of(error)
        return {copy.subject: Unable(trouble.reason, f"{dataset.name}: {trouble.detail}") for copy in copies}

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:  # noqa: ARG002 - always store-wide
        """Climb the ladder: abandoned uploads, and the vacuum of a SeaweedFS of one's own."""
        way = ladder.BucketClimb(self._bucket, tuple(self._layouts.values()), str(self._spec.options.get("vacuum", "")))
        done = 0
        try:
            for rung in ladder.RUNGS:
                done += rung.climb(way)
        except (NameTrouble, OSError) as error:
            return trouble_of(error)
        return Erased(done) if done else Absent()

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        """A fresh listing for the selectors' values, versions and uploads too; each old key by HEAD and GET."""
        with closing(Bucket(self._spec)) as fresh:
            yield from BucketProbe(fresh, self._layouts[dataset.name]).answers(copies)

    def raw(self) -> Iterator[RawSource]:
        """Nothing: the disks are out of reach."""
        yield from ()

    @property
    def interface(self) -> str:
        """The prefix."""
        return self._content.url

    def content(self) -> Iterator[RemoteObject]:
        """Every object in every version; those alone whose key fits a path of a dataset where the map says ``undeclared: skip``."""
        with self._speaking():
            yield from self._content.objects(self._is_declared, undeclared=self._spec.options.get("undeclared") != SKIP)

    def files(self) -> NameFile:
        """Tell the objects that datasets declare, in every version, from the rest."""

        def name(path: Path) -> StoreFile | None:
            place = self._content.place(path)
            if place is None:
                return None
            layout = next((each for each in self._layouts.values() if each.template_of(place.key)), None)
            if layout is None:
                return StoreFile(place.key, own=False)
            return StoreFile(place.key, own=True, item=not layout.dataset.format, nobodys=isinstance(layout.dataset.subject, AboutNobody))

        return name

    def surroundings(self) -> Iterator[Near]:
        """Yield the objects that no dataset declares, of the prefix and of the rest of the bucket."""
        layouts = tuple(self._layouts.values())
        yield from near.surroundings(self._spec, lambda key: any(layout.template_of(key) for layout in layouts))

    def unreadable(self, ignored: Sequence[Ignore]) -> tuple[Finding, ...]:
        """Parts of open uploads that may be anybody's."""
        with self._speaking():
            return self._content.unreadable(self._spec.name, tuple(self._layouts.values()), ignored)

    def remote(self, dataset: Dataset, path: Path) -> RemoteObject | None:
        """The object under a name, in the version that the path says."""
        return self._content.at(path) if self.holds(dataset, path) else None

    def _is_declared(self, key: str) -> bool:
        return any(layout.template_of(key) is not None for layout in self._layouts.values())

    def holds(self, dataset: Dataset, path: Path) -> bool:
        """Return whether the object, or what its key begins with up to a slash, has a name that the dataset declares."""
        place = self._content.place(path)
        layout = self._layouts[dataset.name]
        return place is not None and any(layout.template_of(name) is not None for name in (place.key, f"{place.key}/"))

    def relates(self, dataset: Dataset, relation: str) -> bool:
        """Return whether the relation is the name of an object of the dataset."""
        return self.holds(dataset, self._content.root / relation)

    def layout(self, dataset: Dataset) -> FileLayout:
        """As the map says it."""
        return FileLayout(self._content.root, dataset.format, dataset.records, dataset.encoding, dataset.subject_fields)

    def nominated(self, dataset: Dataset, rows: Sequence[LiveRows], erased: Sequence[Copy]) -> Iterator[tuple[int, Copy]]:
        """Each version of an object is read once for all its records."""
        places = [place_of(each.relation) for each in rows]
        for version in dict.fromkeys(place.version for place in places):
            numbers = [number for number, place in enumerate(places) if place.version == version]
            asked = [replace(rows[number], relation=places[number].key) for number in numbers]
            with self._speaking(dataset.name):
                items = NominatedItems(self._tree(version), self._layouts[dataset.name], self._modified, erased)
                for index, copy in items.copies(asked):
                    yield numbers[index], _of_version(copy, version)

    def _modified(self, key: str) -> datetime | None:
        return written(self._bucket.at(key, versioned=False))

    def _tree(self, version: str) -> BucketTree:
        return OneVersion(self._bucket, version) if version else BucketTree(self._bucket)

    def close(self) -> None:
        """Let go of the connection."""
        self._bucket.close()

    def _spellings_of(self, dataset: Dataset) -> TreeSpellings:
        return TreeSpellings(BucketTree(self._bucket), self._layouts[dataset.name], self._remembered[dataset.name])

    def _search(self, dataset: Dataset) -> TreeSearch:
        return TreeSearch(BucketTree(self._bucket), self._layouts[dataset.name])

    def _show(self, dataset: Dataset) -> TreeContent:
        return TreeContent(BucketTree(self._bucket), self._layouts[dataset.name])

    def _speaking(self, dataset: str = "") -> AbstractContextManager[None]:
        return speaking(self._spec, dataset)


def _of_version(copy: Copy, version: str) -> Copy:
    return replace(copy, version=version) if isinstance(copy, PlacedCopy) else copy


def _present_size(found: FoundName) -> int | None:
    """Return the bytes of the present content; None where a marker or an upload alone is there."""
    entries = found.entries if isinstance(found, BucketKey) else ()
    return entries[0].size if entries and entries[0].latest and not entries[0].marker else None


def _last_written(told: object) -> datetime | None:
    """Return the time that an answer's header says (RFC 9110, 5.6.7); None where it says none."""
    try:
        return parsedate_to_datetime(str(told)).astimezone(UTC)
    except ValueError:
        return None
