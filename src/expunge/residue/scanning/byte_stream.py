"""One run of bytes, pushed piece by piece. It is searched for traces, and for containers whose content is a run of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

import numpy as np

from expunge.residue.formats import audio, parquet, postgres, sqlite
from expunge.residue.formats.carve import LOOKAHEAD, starts
from expunge.residue.formats.containers import orc, pdf, seven_zip, unmarked
from expunge.residue.formats.decoders import MAKERS, Avro, Broken, CustomDump, Decoder, Encrypted, Unsupported
from expunge.residue.formats.nested import TRIED, is_one
from expunge.residue.formats.postgres_packed import PAGE
from expunge.residue.formats.slices import MemorySlice, Slice
from expunge.residue.forms.finder import KEPT
from expunge.residue.forms.words import REACH
from expunge.residue.matching.keyed_hash import MAX_LENGTH
from expunge.residue.matching.matcher import PADDING
from expunge.residue.matching.session import SMALL, Allowance, Batch, RunOrigin, Session, TooLarge
from expunge.residue.matching.spacing import LONGEST
from expunge.residue.scanning.written_runs import BlockForms, look_in_batch

_BLOCK = 1 << 20
_PAD = bytes(PADDING)
_REACH = MAX_LENGTH + LONGEST
"""Bytes before a block in which a window may begin that ends in it."""
_HEAD = 128
_KEEP = max(MAX_LENGTH, LOOKAHEAD, KEPT)
_MAGIC = 8
"""Bytes by which a container is known: where escapes are replaced, those around them begin none."""
_SHORT_MAGIC = {"gzip": 3, "zip": 4, "zstd": 4}
"""The same, of kinds whose further bytes may be any: the time in the head of a gzip file may look like an escape."""
_WHOLE = frozenset({"flac", "wave", "parquet", "orc", "7z", "pdf", "brotli", "sqlite", "sqlite wal", "sqlite journal"})
"""Kinds that must be read at any place, not as a stream."""


class ByteStream:
    """One run of bytes, or a stretch of one. Feed it, then close it or leave it."""

    before = max(_KEEP, REACH)
    """Bytes before a stretch that it has to know."""

    def __init__(
        self,
        session: Session,
        where: RunOrigin,
        allowance: Allowance,
        whole: Slice | None = None,
        *,
        at: int = 0,
        before: bytes = b"",
        cut: bool = False,
    ) -> None:
        """Begin at ``at`` of the run; what somebody else searches ends there, with the bytes ``before``. ``cut``: only stretches come."""
        self._session = session
        self._where = where
        self._allowance = allowance
        self._whole = whole
        self._tail = before
        self._parts: list[bytes] = []
        self._waiting = 0
        self._at = at - len(before)
        self._marked_only = cut or where.leaf
        """Nothing is told by how the run begins."""
        self._open: list[_Open] = []
        self._deeper = False
        """Something begins here that is not opened because it lies too deep: counted once for the run."""
        self._pages = None if where.leaf else postgres.Pages(session, where, allowance, whole, search)
        self._forms = BlockForms(session, where, allowance, search, ByteStream)

    @property
    def unpacking(self) -> bool:
        """Whether a container has begun, and goes on."""
        return bool(self._open) or self._forms.unpacking

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the run."""
        self._parts.append(data)
        self._waiting += len(data)
        if self._waiting >= _BLOCK:
            self._search(last=False)

    def close(self) -> None:
        """Search the rest of the run, because it has ended."""
        whole = self._where.leaf or not self._marked_only
        small = whole and self._at == 0 and not self._tail and self._waiting <= SMALL and self._whole is None
        if small:
            add_small(self._session, self._where, self._allowance, b"".join(self._parts), None)
        else:
            self._search(last=True)
            for each in self._open:
                each.end()
            if self._pages is not None:
                self._pages.close()
        self._parts, self._open = [], []

    def leave(self, following: Iterator[bytes]) -> None:
        """Read on only in containers that have begun here. Another unit searches the bytes that follow."""
        self._search(last=False, left=True)
        data = next(following, b"")
        if self._pages is not None:
            # a page that began before is whole then, and one that begins here is not
            self._pages.feed(memoryview(data)[: PAGE - 1], self._at + len(self._tail))
            self._pages.close()
        while (self._open or self._forms.unpacking) and data:
            for each in self._open:
                each.feed(memoryview(data))
            self._open = [each for each in self._open if not each.done]
            if self._forms.unpacking:
                self._forms.go_on(data)
            data = next(following, b"")
        self._forms.close()
        for each in self._open:
            each.end()
        self._parts, self._open = [], []

    def _search(self, *, last: bool, left: bool = False) -> None:
        old = len(self._tail)
        whole = b"".join([self._tail, *self._parts, _PAD])
        self._parts, self._waiting = [], 0
        padded = np.frombuffer(whole, dtype=np.uint8)
        end = len(whole) - PADDING
        block = memoryview(whole)[:end]
        first = max(0, old - _REACH)
        for place, size, alike in self._session.matcher.find(padded[first:], end - first):
            if first + place + size > old:
                self._session.found(self._where, self._at + first + place, alike, size)
        held = self._forms.look(self._at, whole, padded, end, old, last=last, left=left)
        if self._pages is not None:
            self._pages.feed(block[old:], self._at + old)
        for each in self._open:
            each.feed(block[old:])
        self._open = [each for each in self._open if not each.done]
        deepest = self._where.depth >= self._session.limits.depth
        ahead = TRIED if deepest else LOOKAHEAD
        begun = starts(padded, end) if not self._where.leaf and not (deepest and self._deeper) else []
        begun = [each for each in begun if self._where.shows(self._at + each[0], _MAGIC)]
        if self._at == 0 and not old and not self._marked_only and (not begun or begun[0][0] > 0):
            self._begin_unmarked(block, last=last)
        for place, kind in begun:
            # each place is looked at once: in the first block that holds enough of it to decide, or in the last
            if old < place + ahead and (place + ahead <= end or last):
                if not deepest:
                    self._begin(place, kind, block)
                elif not self._deeper and is_one(kind, block[place : place + TRIED]):
                    self._deeper = True
                    self._session.skip("limit")
        keep = min(max(_KEEP, ahead, end - held), end)
        self._at += end - keep
        self._tail = whole[end - keep : end]

    def _begin_unmarked(self, block: memoryview, *, last: bool) -> None:
        if not self._where.shows(0, _MAGIC):
            return
        size = len(block) if last else len(block) + 1
        kind = unmarked.kind_of(bytes(block[: unmarked.HEAD]), _name(self._where), size)
        if kind is None:
            return
        if self._where.depth < self._session.limits.depth:
            self._begin(0, kind, block)
        elif not self._deeper:
            self._deeper = True
            self._session.skip("limit")

    def _begin(self, place: int, kind: str, block: memoryview) -> None:
        opened = begin(self._session, self._where, self._allowance, self._at + place, kind, self._whole)
        if opened is None:
            return
        if opened.alone:
            # a recording ends where the next begins, at the latest
            for each in self._open:
                if each.alone:
                    each.end()
            self._open = [each for each in self._open if not each.done]
        opened.feed(block[place:])
        if opened.done:
            return
        if len(self._open) >= self._session.limits.open:
            self._session.skip("limit")
            opened.end()
            return
        self._open.append(opened)


class _Open(Protocol):
    """Something that began in a run and goes on."""

    done: bool
    alone: bool
    """At most one of these is open in a run."""

    def feed(self, data: memoryview) -> None: ...

    def end(self) -> None: ...


class _Decoding:
    """A compressed stream: its decoded bytes are a run of their own."""

    alone = False

    def __init__(self, session: Session, inner: RunOrigin, allowance: Allowance, decoder: Decoder, *, guess: bool) -> None:
        self._session = session
        self._allowance = allowance
        self._decoder = decoder
        self._guess = guess
        self._first = inner.base == 0 and inner.depth == 1
        self._child = ByteStream(session, inner, allowance)
        self.done = False

    def feed(self, data: memoryview) -> None:
        try:
            for at in range(0, len(data), self._decoder.piece):
                for out in self._decoder.feed(data[at : at + self._decoder.piece]):
                    self._session.decoded(self._allowance, len(out))
                    self._child.feed(out)
                if self._decoder.done:
                    self.end()
                    return
        except Broken:
            self._broke()
        except TooLarge:
            self._stop("limit")
        except Encrypted:
            self._stop("encrypted")
        except Unsupported:
            self._stop("unsupported")

    def end(self) -> None:
        if not self.done:
            if self._first and isinstance(self._decoder, Avro | CustomDump) and self._decoder.damaged:
                self._session.skip("corrupt")
            self._close()

    def _stop(self, reason: str) -> None:
        self._session.skip(reason)
        self._close()

    def _close(self) -> None:
        self.done = True
        self._child.close()

    def _broke(self) -> None:
        # what a file begins with is what it is; a magic elsewhere may be chance, and so may the two bytes of zlib's
        if self._first and not self._guess:
            self._session.skip("corrupt")
        self._close()


class _Holding:
    """A recording or database inside decoded content: kept until it can be read at any place, within a limit."""

    def __init__(self, session: Session, inner: RunOrigin, allowance: Allowance, kind: str) -> None:
        self._session = session
        self._inner = inner
        self._allowance = allowance
        self._kind = kind
        self._kept = bytearray()
        self._needed: int | None = None
        self.alone = kind in {"flac", "wave", "pdf"}
        self.done = False

    def feed(self, data: memoryview) -> None:
        if self.done:
            return
        if self._needed is not None:
            data = data[: self._needed - len(self._kept)]
        try:
            self._allowance.keep(len(data))
        except TooLarge:
            self._session.skip("limit")
            self._allowance.held += len(self._kept) + len(data)
            self._kept.clear()
            self.done = True
            return
        self._kept += data
        if self._needed is None and len(self._kept) >= _HEAD:
            self._needed = _extent(self._kind, bytes(self._kept[:_HEAD]))
        if self._needed is not None and len(self._kept) >= self._needed:
            del self._kept[self._needed :]
            self.end()

    def end(self) -> None:
        if not self.done:
            self.done = True
            kept, self._kept = self._kept, bytearray()
            read_whole(self._session, self._inner, self._allowance, self._kind, MemorySlice(kept))
            self._allowance.held += len(kept)


def _extent(kind: str, head: bytes) -> int | None:
    if kind == "sqlite":
        return sqlite.extent(head)
    if kind == "7z":
        return seven_zip.extent(head)
    if kind == "pdf":
        return pdf.MOST
    if kind == "wave":
        return _HEAD if audio.is_plain_wave(head) else 8 + int.from_bytes(head[4:8], "little")
    return None


def begin(session: Session, where: RunOrigin, allowance: Allowance, place: int, kind: str, whole: Slice | None) -> _Open | None:
    """Start on the container that begins at ``place`` of a run; None when it was dealt with at once."""
    if kind not in _WHOLE:
        inner = where.inside(f"{kind}@{place}", place)
        return _Decoding(session, inner, allowance, MAKERS[kind](), guess=kind == "zlib")
    inner = where.inside(kind, place)
    if place == 0 and where.depth == 0 and any(where.path.name.endswith(end) and kind == of for end, of in sqlite.BESIDE.items()):
        # it is read together with the database that it lies beside
        return None
    if whole is None:
        return _Holding(session, inner, allowance, kind)
    read_whole(session, inner, allowance, kind, whole.part(place))
    return None


def read_whole(session: Session, inner: RunOrigin, allowance: Allowance, kind: str, source: Slice) -> None:
    """Read a recording or database that begins at the start of ``source`` and search the content that its plain bytes do not show."""
    if kind in {"flac", "wave"}:
        _read_audio(session, inner, allowance, kind, source)
    elif kind == "parquet":
        _read_parts(session, inner, allowance, parquet.runs(source, session.skip))
    elif kind == "orc":
        _read_parts(session, inner, allowance, orc.runs(source, session.skip, sure=inner.base == 0 and inner.depth == 1))
    elif kind == "7z":
        _read_parts(session, inner, allowance, seven_zip.runs(source, session.skip, sure=inner.base == 0 and inner.depth == 1))
    elif kind == "pdf":
        _read_parts(session, inner, allowance, pdf.runs(source))
    elif kind == "brotli":
        _read_parts(session, inner, allowance, unmarked.runs(source, session.skip, session.limits.held))
    else:
        read_pages(session, inner, allowance, sqlite.runs(source, kind), kind)


def read_pages(session: Session, inner: RunOrigin, allowance: Allowance, runs: Iterator[tuple[int, Iterator[bytes]]], kind: str) -> None:
    """Search the content that database pages show only when they are put in sequence."""
    chain = (*inner.chain[:-1], sqlite.HIDDEN[kind])
    try:
        for at, run in runs:
            base = inner.base + at if inner.depth == 1 else inner.base
            origin = RunOrigin(inner.path, chain, base, fixed=True, depth=inner.depth, outer=inner.outer)
            stream = ByteStream(session, origin, allowance)
            for part in run:
                session.decoded(allowance, len(part))
                stream.feed(part)
            stream.close()
    except TooLarge:
        session.skip("limit")


def _read_parts(session: Session, inner: RunOrigin, allowance: Allowance, runs: Iterator[tuple[int, str, Iterator[bytes]]]) -> None:
    try:
        for at, what, run in runs:
            base = inner.base + at if inner.depth == 1 else inner.base
            origin = RunOrigin(inner.path, (*inner.chain[:-1], what), base, fixed=True, depth=inner.depth, outer=inner.outer)
            stream = ByteStream(session, origin, allowance)
            try:
                for part in run:
                    session.decoded(allowance, len(part))
                    stream.feed(part)
            finally:
                stream.close()
    except TooLarge:
        session.skip("limit")


def _name(where: RunOrigin) -> str:
    """The name of the file that a run is; empty for what lies in one."""
    return "" if where.chain or where.fixed else where.path.name


def _read_audio(session: Session, inner: RunOrigin, allowance: Allowance, kind: str, source: Slice) -> None:
    if kind == "wave" and audio.is_plain_wave(source.read_at(0, 4096)):
        return
    stream = ByteStream(session, replace(inner, fixed=True, leaf=True), allowance)
    try:
        for part in audio.samples(source):
            session.decoded(allowance, len(part))
            stream.feed(part)
    except Broken:
        if inner.base == 0 and inner.depth == 1:
            session.skip("corrupt")
    except TooLarge:
        session.skip("limit")
    stream.close()


def add_small(session: Session, where: RunOrigin, allowance: Allowance, data: bytes, whole: Slice | None) -> None:
    """Search a small, whole run, and the content that its pages hide."""
    session.add(where, allowance, data)
    if not where.leaf and postgres.may_hold(where, data):
        pages = postgres.Pages(session, where, allowance, whole, search)
        pages.feed(data, 0)
        pages.close()


def search(session: Session, where: RunOrigin, allowance: Allowance, data: bytes) -> None:
    """Search a whole run that was decoded, and was counted already."""
    if len(data) <= SMALL:
        add_small(session, where, allowance, data, None)
        return
    stream = ByteStream(session, where, allowance)
    for at in range(0, len(data), _BLOCK):
        stream.feed(data[at : at + _BLOCK])
    stream.close()


def carve(session: Session, batch: Batch) -> None:
    """Search the forms, and open every container that begins in the pieces of a batch; count those that lie too deep."""
    look_in_batch(session, batch, search)
    if all(where.leaf for where, _, _ in batch.pieces):
        return
    by_piece: dict[int, list[tuple[int, str]]] = {}
    for place, kind in starts(batch.joined, batch.end):
        number = batch.piece_at(place)
        if batch.pieces[number][0].shows(place - batch.begins[number], _SHORT_MAGIC.get(kind, _MAGIC)):
            by_piece.setdefault(number, []).append((place - batch.begins[number], kind))
    for number, (where, _, data) in enumerate(batch.pieces):
        kinds = by_piece.get(number, [])
        if not where.leaf and (not kinds or kinds[0][0] > 0) and where.shows(0, _MAGIC):
            unmarked_kind = unmarked.kind_of(data[: unmarked.HEAD], _name(where), len(data))
            if unmarked_kind is not None:
                by_piece[number] = [(0, unmarked_kind), *kinds]
    for number, kinds in by_piece.items():
        where, allowance, data = batch.pieces[number]
        if where.leaf:
            continue
        if where.depth < session.limits.depth:
            _carve_small(session, where, allowance, data, kinds)
        elif any(is_one(kind, data[begin : begin + TRIED]) for begin, kind in kinds):
            session.skip("limit")


def container_starts(data: bytes) -> list[int]:
    """Return where containers begin in some bytes."""
    return [place for place, _ in starts(np.frombuffer(data + _PAD, dtype=np.uint8), len(data))]


def _carve_small(session: Session, where: RunOrigin, allowance: Allowance, data: bytes, kinds: list[tuple[int, str]]) -> None:
    """Open everything that begins in a small, whole piece."""
    whole = MemorySlice(data)
    for place, kind in kinds:
        opened = begin(session, where, allowance, place, kind, whole)
        if opened is not None:
            opened.feed(memoryview(data)[place:])
            opened.end()
