"""Export the data held about a person: parts of a chosen size with pages that open offline, and signed manifests of hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import Dataset, PathLayout, Shared
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.export import export_page
from expunge.core.export.archive_names import PLAYABLE, ArchiveNames, media_type
from expunge.core.export.export_manifest import (
    MANIFEST,
    POLICY,
    SIGNATURE,
    SIGNER,
    SUMS,
    ExportedFile,
    ExportScope,
    LeftOut,
    Unread,
    WrittenPart,
    part_folder,
    to_sign,
)
from expunge.core.export.export_page import Entry, FirstPage, HeldKind, KindPages
from expunge.core.export.export_words import Language
from expunge.core.export.wanted_export import EVERYTHING, ExportProgress, WantedExport
from expunge.core.values.copy import Copy, Item
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.outcome import Reason, Unable
from expunge.core.values.signature import ed25519_pem
from expunge.engine.export import export_register, shown_rows
from expunge.engine.export.held_data import HeldData, beside, held, own_copies
from expunge.engine.export.item_chunks import ItemChunks, PieceChunks
from expunge.engine.export.part_writer import PartWriter
from expunge.engine.export.shown_rows import Transcripts
from expunge.engine.gate import consent_register
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import locating
from expunge.engine.subjects.locating import LocatedCopies
from expunge.engine.subjects.resolving import ResolvedName
from expunge.engine.vault import openings
from expunge.engine.vault.openings import Reader
from expunge.errors import UsageError
from expunge.ports.exports.export_folder import ExportFolder
from expunge.ports.optional.sealed_items import SealedItems

MOST_ROWS = 300
"""Rows of one dataset that the pages show."""
_SHORT_TEXT = 3000
_ROOM_OF_FRAMES = 16 * 1024
"""Bytes of the first pages around their lists."""
_LINES = "application/jsonl"
_MOST_NAME = 1000
_LOOKED_AT = frozenset({DataKind.VOICE, DataKind.VIDEO, DataKind.PICTURE, DataKind.TRANSCRIPT, DataKind.LOCATION})
"""Kinds of which families are told who looked."""
_FIRST = frozenset({DataKind.TRANSCRIPT})
"""Kinds that are read before all others, because recordings show them."""


@dataclass(frozen=True)
class ExportSummary:
    """The contents of an export."""

    export: OrderId
    items: int
    """Files, each piece counted once."""
    bytes: int
    datasets: dict[str, int]
    """Dataset -> files."""
    failed: dict[str, Unable]
    """Datasets of which something could not be read: manifests and pages list them too, so that it never reads as whole."""
    parts: tuple[WrittenPart, ...]


def _silent(_: ExportProgress) -> None: ...


def estimate(context: Context, resolved: ResolvedName) -> tuple[HeldData, ...]:
    """Count what is held of each kind, in the order in which people are told. Raises NeedsApproval while guardians are in dispute."""
    consent_register.require_no_dispute(context, consent_register.load(context), [resolved.person])
    return held(context.data_map, locating.locate(context, (resolved.person,)))


def export(
    context: Context,
    resolved: ResolvedName,
    folder: ExportFolder,
    wanted: WantedExport = EVERYTHING,
    report: Callable[[ExportProgress], None] = _silent,
) -> ExportSummary:
    """Write an export by a command: it is entered before anything is read.

    Raises UsageError for a part size that is too small, NeedsApproval while guardians are in dispute, OSError of the folder.
    """
    made = export_register.new_id(context)
    require(context, resolved, wanted)
    reader = openings.this_reader(*openings.EXPORT)
    kinds = wanted.ordered
    # commit point: view implies log.
    export_register.begin(context, made, locating.names_of(context, resolved.person), kinds, reader.user)
    return write(context, made, resolved, folder, wanted, reader, report)


def write(
    context: Context,
    made: OrderId,
    resolved: ResolvedName,
    folder: ExportFolder,
    wanted: WantedExport,
    reader: Reader,
    report: Callable[[ExportProgress], None] = _silent,
) -> ExportSummary:
    """Write an export that is entered already. What ``report`` raises ends it. Raises as :func:`export`.

    Args:
        context: the composition.
        made: the export's id.
        resolved: the person.
        folder: takes the parts.
        wanted: what is asked for.
        reader: under whose name each dataset, and each sealed recording, is entered as opened.
        report: told how far it is.
    """
    require(context, resolved, wanted)
    located = locating.locate(context, (resolved.person,))
    entries = _Entries(context, made, locating.names_of(context, resolved.person), reader)
    return _Writing(context, made, wanted, located, folder, report, entries).all()


def require(context: Context, resolved: ResolvedName, wanted: WantedExport) -> None:
    """Raise UsageError for a wish that cannot be met, NeedsApproval while guardians are in dispute."""
    if wanted.kinds and DataKind.MODEL in wanted.kinds and len(wanted.kinds) == 1:
        raise UsageError("nothing can be taken out of a model", help="choose another kind as well; the pages say what models learnt from")
    consent_register.require_no_dispute(context, consent_register.load(context), [resolved.person])


class _Writing:
    """One export while it is written."""

    def __init__(
        self,
        context: Context,
        made: OrderId,
        wanted: WantedExport,
        located: LocatedCopies,
        folder: ExportFolder,
        report: Callable[[ExportProgress], None],
        entries: _Entries,
    ) -> None:
        self._context, self._wanted, self._located, self._report = context, wanted, located, report
        self._entries = entries
        self._map = context.data_map
        self._folder = folder
        self._made = made
        self._at: datetime = context.clock.now()
        self._parts = PartWriter(folder, wanted.part_size, self._reserved, self._end_part)
        self._names, self._said = ArchiveNames(), Transcripts()
        self._files: list[ExportedFile] = []
        """Of the part at hand."""
        self._hashes: dict[str, str] = {}
        """Page of the part at hand -> hex SHA-256."""
        self._listed = 0
        """Bytes of its manifest and sums."""
        self._pages: dict[DataKind, KindPages] = {}
        self._with_pages: dict[DataKind, list[int]] = {}
        self._here: dict[DataKind, tuple[int, int]] = {}
        self._times: dict[DataKind, tuple[datetime, datetime]] = {}
        self._rows: dict[str, int] = {}
        self._pieces: dict[str, int] = {}
        self._unread: list[Unread] = []
        self._failed: dict[str, Unable] = {}
        self._counts: dict[str, int] = {}
        self._bytes = self._written = 0
        self._done = set[tuple[str, str]]()
        """(dataset, name) of items that were written, of the copy at hand."""
        self._copies = own_copies(located)
        self._held = held(self._map, located)
        self._of_bytes = sum(each.bytes for each in self._held if wanted.has(each.kind))
        self._facts = beside(context.data_map, located)

    def all(self) -> ExportSummary:
        """Write everything."""
        self._note_unlocated()
        with self._parts:
            for name in self._order():
                self._dataset(self._map.datasets[name])
        self._beside()
        return ExportSummary(self._made, self._written, self._bytes, self._counts, self._failed, tuple(self._parts.written))

    def _order(self) -> list[str]:
        kinds = {name: kind_held(self._map, name) for name in self._copies}
        rank = list(DataKind).index
        chosen = [name for name, kind in kinds.items() if self._wanted.has(kind)]
        return sorted(chosen, key=lambda name: (kinds[name] not in _FIRST, rank(kinds[name]), name))

    def _note_unlocated(self) -> None:
        for name, unable in sorted(self._located.failed.items()):
            if self._wanted.has(kind_held(self._map, name)):
                self._failed[name] = unable
                self._unread.append(Unread(name, kind_held(self._map, name), unable.reason))

    # --- one dataset ----------------------------------------------------------------------------

    def _dataset(self, dataset: Dataset) -> None:
        seen = frozenset[str]()
        for each, shared in self._copies[dataset.name]:
            copy, seen = each.without(seen), seen.union(each.keys)
            if not copy.keys:
                continue
            # Why of each copy: tables call the rows of each of them by the same name.
            self._done.clear()
            theirs = shared or bool(dataset.people) or dataset.shared is Shared.KEEP
            for item in self._items(dataset, copy):
                if (dataset.name, item.name) in self._done:
                    continue
                self._done.add((dataset.name, item.name))
                self._item(dataset, replace(item, shared=theirs or item.shared))

    def _items(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """Yield the items of a copy. Where the store gives up, each remaining file is asked for by itself."""
        try:
            yield from self._entries.opened(dataset, copy)
        except store_calls.TROUBLE as error:
            if not isinstance(dataset.layout, PathLayout) or len(copy.keys) < 2:
                self._could_not(dataset, store_calls.as_unable(error))
                return
            for key in copy.keys:
                one = replace(copy, keys=(key,), items=1, shared=copy.shared & {key})
                try:
                    yield from store_calls.export(self._context.open_store(dataset.store), dataset, one)
                except store_calls.TROUBLE as again:
                    self._could_not(dataset, store_calls.as_unable(again), 1)

    def _could_not(self, dataset: Dataset, unable: Unable, items: int = 0) -> None:
        kind = kind_held(self._map, dataset.name)
        self._failed.setdefault(dataset.name, unable)
        for number, each in enumerate(self._unread):
            if items and each.items and (each.dataset, each.reason) == (dataset.name, unable.reason):
                self._unread[number] = replace(each, items=each.items + items)
                return
        self._unread.append(Unread(dataset.name, kind, unable.reason, items))

    # --- one item -------------------------------------------------------------------------------

    def _item(self, dataset: Dataset, item: Item) -> None:
        chunks = ItemChunks(item.chunks)
        try:
            head = chunks.take(self._parts.at_once + 1)
        except store_calls.TROUBLE as error:
            self._could_not(dataset, store_calls.as_unable(error), 1)
            return
        text = item.media_type == _LINES or _is_text(head[:4096])
        name = self._names.give(dataset.name, item.name, text=text)
        placed = _Placed(dataset, kind_held(self._map, dataset.name), item, name, media_type(name, item.media_type))
        if not text and name.endswith(".bin"):
            placed = self._recognised(placed, head)
        self._time(placed.kind, shown_rows.collected_at(self._map, dataset, shown_rows.values_of(dataset, item.name)))
        if len(head) <= self._parts.at_once:
            self._small(placed, head)
        elif item.media_type == _LINES:
            self._in_lines(placed, head, chunks)
        else:
            chunks.put_back(head)
            self._large(placed, chunks)

    def _recognised(self, placed: _Placed, head: bytes) -> _Placed:
        """Give a sound, picture or video without an ending the one that its first bytes say, so that a page plays it."""
        ending = _ending(head) if self._context.recognise(head).media is not None else ""
        if not ending:
            return placed
        name = self._names.give(placed.dataset.name, f"{placed.item.name}.{ending}", text=False)
        return replace(placed, name=name, media_type=PLAYABLE[ending])

    def _small(self, placed: _Placed, data: bytes, piece: int = 0, *, more: bool = False) -> None:
        path = self._place(placed, len(data))
        self._parts.whole(path, data, placed.media_type)
        self._enter(placed, path, len(data), sha256(data).hexdigest(), piece, more=more)
        if placed.item.media_type == _LINES:
            self._show_rows(placed, path, data)
            return
        text = ""
        if placed.media_type.startswith("text/") and len(data) <= 4 * _SHORT_TEXT:
            text = data.decode("utf-8", "replace")
            if placed.kind is DataKind.TRANSCRIPT:
                self._said.add_file(self._map, placed.dataset, placed.item.name, text)
        self._show(placed, path, len(data), piece, text=text)

    def _in_lines(self, placed: _Placed, head: bytes, chunks: ItemChunks) -> None:
        """Write a long file of lines in pieces that end with a line, each of which opens alone."""
        piece, trouble = 0, None
        while head:
            last = len(head) <= self._parts.at_once
            cut = len(head) if last else head.rfind(b"\n", 0, self._parts.at_once) + 1 or self._parts.at_once
            piece += 1
            self._small(replace(placed, name=_piece_name(placed.name, piece)), head[:cut], piece, more=not last)
            head = head[cut:]
            try:
                head += chunks.take(self._parts.at_once + 1 - len(head)) if not last else b""
            except store_calls.TROUBLE as error:
                trouble = store_calls.as_unable(error)
                break
        if trouble is not None:
            self._could_not(placed.dataset, trouble)

    def _large(self, placed: _Placed, chunks: ItemChunks) -> None:
        """Write a large file as it comes; in pieces where it does not fit into a part."""
        if self._room(placed, placed.name) < self._wanted.part_size // 2 and self._files:
            self._parts.turn()
        piece = 0
        while True:
            name = _piece_name(f"{placed.name}.bin", piece + 1) if piece else placed.name
            path = self._path(name)
            room = self._room(placed, name)
            digest, size, cut = sha256(), 0, None
            limited = PieceChunks(chunks, room, digest)
            try:
                with closing(self._parts.stream(path, iter(limited), room, placed.media_type)) as lengths:
                    for length in lengths:
                        size += length
                        self._tell(size)
            except store_calls.TROUBLE as error:
                if limited.failed is not error:
                    raise
                cut = store_calls.as_unable(error)
            more = cut is None and not chunks.ended()
            # Why the first piece has the name of the whole: that another one follows is known only now.
            piece = piece + 1 if piece or more else 0
            self._enter(placed, path, size, digest.hexdigest(), piece, more=more, cut=cut)
            self._show(placed, path, size, piece, cut=cut.reason if cut else None)
            if piece:
                self._pieces[placed.name] = piece
            if cut is not None:
                self._could_not(placed.dataset, cut, 1)
            if not more:
                return
            self._parts.turn()

    # --- places in parts ------------------------------------------------------------------------

    def _path(self, name: str) -> str:
        return f"{part_folder(self._parts.number)}/data/{name}"

    def _room(self, placed: _Placed, name: str) -> int:
        # Why here: room for a kind's page is kept from its first file on.
        self._pages_of(placed.kind)
        return self._parts.room(self._path(name), _listing(name) + export_page.MOST_ENTRY)

    def _place(self, placed: _Placed, size: int) -> str:
        """Return the path of a small file, in a part that has room for it."""
        if size > self._room(placed, placed.name) and self._files:
            self._parts.turn()
            self._pages_of(placed.kind)
        return self._path(placed.name)

    def _enter(
        self, placed: _Placed, path: str, size: int, digest: str, piece: int, *, more: bool = False, cut: Unable | None = None
    ) -> None:
        original = placed.item.name[:_MOST_NAME]
        told = "" if placed.name == f"{placed.dataset.name}/{original}" else original
        file = ExportedFile(
            path, size, digest, placed.media_type, placed.kind, placed.dataset.name, placed.item.shared, told, piece, more,
            cut.reason if cut else None,
        )  # fmt: skip
        self._files.append(file)
        self._listed += _listing(path) + 4 * len(told)
        files, total = self._here.get(placed.kind, (0, 0))
        self._here[placed.kind] = files + 1, total + size
        self._counts[placed.dataset.name] = self._counts.get(placed.dataset.name, 0) + 1
        self._bytes += size
        self._written += 1
        self._tell()

    def _tell(self, more: int = 0) -> None:
        self._report(ExportProgress(self._parts.number, self._written, self._bytes + more, self._of_bytes))

    # --- what pages show ------------------------------------------------------------------------

    def _show(self, placed: _Placed, path: str, size: int, piece: int, *, text: str = "", cut: Reason | None = None) -> None:
        said = self._said.of(placed.dataset, placed.item.name) if placed.media_type.partition("/")[0] in {"audio", "video"} else text
        title = placed.item.name.rpartition("/")[2]
        shared = placed.item.shared
        self._add(placed.kind, Entry(path, title, placed.dataset.name, size, placed.media_type, shared, piece, cut, said))

    def _show_rows(self, placed: _Placed, path: str, data: bytes) -> None:
        name, kind = placed.dataset.name, placed.kind
        self._add(kind, Entry(path, placed.name.rpartition("/")[2], name, len(data), _LINES, placed.item.shared))
        for row in shown_rows.rows(data):
            self._time(kind, shown_rows.collected_at(self._map, placed.dataset, row))
            if kind is DataKind.TRANSCRIPT:
                self._said.add(placed.dataset, row)
            has_room = self._parts.room("", export_page.MOST_ENTRY) > 0
            if has_room and (at := shown_rows.place(row)) is not None:
                self._pages_of(kind).plot.add(*at)
            if self._rows.get(name, 0) >= MOST_ROWS or not has_room:
                self._pages_of(kind).unseen += 1
                continue
            self._rows[name] = self._rows.get(name, 0) + 1
            self._add(kind, Entry(path, "", name, shared=placed.item.shared, fields=shown_rows.shown(row)))

    def _add(self, kind: DataKind, entry: Entry) -> None:
        pages = self._pages_of(kind)
        if pages.entries >= export_page.ENTRIES_OF_A_PAGE or (pages.entries and pages.weight > self._wanted.part_size // 16):
            self._write_page(pages, more=True)
        pages.add(entry)

    def _pages_of(self, kind: DataKind) -> KindPages:
        return self._pages.setdefault(kind, KindPages(kind))

    def _write_page(self, pages: KindPages, *, more: bool) -> None:
        part = self._parts.number
        for language in Language:
            data = export_page.kind_page(pages, language, self._wanted.language, more=more)
            self._put(export_page.page_path(part, language, pages.kind, pages.done + 1), data, "text/html")
        pages.turn()

    def _write_map(self, pages: KindPages) -> None:
        for language in Language if pages.plot.points else ():
            data = export_page.map_page(pages, language, self._wanted.language)
            self._put(export_page.map_path(self._parts.number, language, pages.kind), data, "text/html")

    def _time(self, kind: DataKind, at: datetime | None) -> None:
        if at is not None:
            first, last = self._times.get(kind, (at, at))
            self._times[kind] = min(first, at), max(last, at)

    # --- ends of parts --------------------------------------------------------------------------

    def _reserved(self) -> int:
        lists = 400 * (len(self._unread) + len(self._facts.learnt) + len(self._pieces) + len(self._held)) + sum(
            4 * len(each) for each in (*self._facts.outside, *self._pieces)
        )
        pages = sum(each.most_bytes() + 400 * len(Language) for each in self._pages.values())
        return pages + self._listed + len(Language) * (_ROOM_OF_FRAMES + lists) + lists

    def _put(self, name: str, data: bytes, kind: str) -> None:
        """Write a file of ours into the part at hand."""
        self._parts.whole(name, data, kind)
        self._hashes[name] = sha256(data).hexdigest()
        self._listed += _listing(name)

    def _end_part(self, last: bool) -> None:
        number = self._parts.number
        for pages in self._pages.values():
            if pages.entries:
                self._write_page(pages, more=False)
                self._write_map(pages)
                self._with_pages.setdefault(pages.kind, []).append(number)
        for language in Language:
            page = export_page.first_page(self._first_page(last=last), language, self._wanted.language)
            self._put(export_page.index_name(language, self._wanted.language), page, "text/html")
        manifest = self._scope().of_part(number, self._files, self._hashes, last=last)
        folder = part_folder(number)
        hashes = [*((each.name, each.sha256) for each in self._files), *self._hashes.items()]
        sums = "".join(f"{digest}  {name}\n" for name, digest in hashes)
        self._put(f"{folder}/{SUMS}", sums.encode(), "text/plain")
        for name, data in self._signed(manifest).items():
            self._put(f"{folder}/{name}", data, "application/octet-stream")
        self._files, self._listed, self._pages, self._here, self._hashes = [], 0, {}, {}, {}

    def _first_page(self, *, last: bool) -> FirstPage:
        chosen = [self._held_kind(each) for each in self._held]
        number = self._parts.number
        return FirstPage(
            self._map.company.name, self._at, number, last, chosen, self._unread, self._facts.learnt, self._facts.outside, self._pieces
        )

    def _held_kind(self, of: HeldData) -> HeldKind:
        first, last = self._times.get(of.kind, (None, None))
        files, size = self._here.get(of.kind, (0, 0))
        return HeldKind(of.kind, of.items, self._wanted.has(of.kind), first, last, files, size, self._with_pages.get(of.kind, ()))

    def _scope(self) -> ExportScope:
        left = [LeftOut(each.kind, each.items) for each in self._held if not self._wanted.has(each.kind)]
        kinds = self._wanted.ordered
        tool = f"expunge {self._context.version}"
        return ExportScope(self._made, self._at, kinds, tool, tuple(self._unread), left)

    def _signed(self, manifest: bytes) -> Mapping[str, bytes]:
        keys = self._context.keys
        return {
            MANIFEST: manifest,
            SIGNATURE: keys.sign_receipt(to_sign(manifest)),
            SIGNER: ed25519_pem(keys.signer_public()),
            POLICY: self._context.trust_policy().encode(),
        }

    def _beside(self) -> None:
        parts = self._parts.written
        for name, data in self._signed(self._scope().of_whole(parts)).items():
            self._folder.beside(name, data)
        self._folder.beside(SUMS, "".join(f"{each.sha256}  {each.name}\n" for each in parts).encode())


@dataclass(frozen=True)
class _Entries:
    """Enters what an export reads before it reads it, so that families are shown it among the looks at their recordings."""

    context: Context
    made: OrderId
    subjects: frozenset[Pseudonym]
    reader: Reader

    def opened(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """Yield the items of a copy: of sealed ones each is entered, of others the dataset as a whole."""
        store = self.context.open_store(dataset.store)
        if isinstance(store, SealedItems):
            for recording in store.opened_by_export(dataset, copy):
                # commit point: view implies log.
                openings.enter(self.context, recording, self.reader, 0, recording.size)
        elif kind_held(self.context.data_map, dataset.name) in _LOOKED_AT:
            # commit point: view implies log.
            openings.enter_item(self.context, dataset.name, self.made, sorted(self.subjects), self.reader, 0, max(1, copy.bytes))
        yield from store_calls.export(store, dataset, copy)


@dataclass(frozen=True)
class _Placed:
    """One item on its way into a part."""

    dataset: Dataset
    kind: DataKind
    item: Item
    name: str
    """Its path below ``data``."""
    media_type: str


def _piece_name(name: str, piece: int) -> str:
    stem, _, ending = name.rpartition(".")
    return f"{stem}.piece-{piece:03}.{ending}"


def _listing(path: str) -> int:
    """Bytes that one file takes in the manifest and the sums, at most."""
    return 600 + 8 * len(path)


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4
    return True


_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"fLaC", "flac"), (8, b"WAVE", "wav"), (0, b"ID3", "mp3"), (0, b"OggS", "ogg"), (0, b"\x1a\x45\xdf\xa3", "webm"),
    (4, b"ftypM4A", "m4a"), (4, b"ftyp", "mp4"), (0, b"\xff\xd8\xff", "jpg"), (0, b"\x89PNG", "png"), (0, b"GIF8", "gif"),
    (8, b"WEBP", "webp"),
)  # fmt: skip
"""Place, bytes, ending: the forms that browsers play, of those that :class:`Recognised` knows."""


def _ending(head: bytes) -> str:
    return next((ending for place, magic, ending in _MAGIC if head[place : place + len(magic)] == magic), "")
