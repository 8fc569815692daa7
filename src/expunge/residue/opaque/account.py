"""Account for the bytes of one file: what a structure explains, what is text or nothing, and what remains.

Where several containers follow one another, each is accounted for, and so is what they hold. What is left is judged block by block.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from expunge.residue.formats import postgres_headers
from expunge.residue.formats.carve import LOOKAHEAD, starts
from expunge.residue.formats.containers import arrow_cells, pdf, unmarked
from expunge.residue.formats.postgres_packed import PAGE
from expunge.residue.formats.slices import MemorySlice, Slice
from expunge.residue.matching.matcher import PADDING
from expunge.residue.matching.session import Limits
from expunge.residue.opaque import documents, packed, plain_formats
from expunge.residue.opaque.media import MEDIA
from expunge.residue.opaque.stretches import BLOCK, ROW, Unread, is_plain, judge, named

_WHOLE = frozenset({"parquet", "orc", "7z", "sqlite", "sqlite wal", "sqlite journal", "pg_dump", "avro", "snappy", "brotli"})
_NEVER_INSIDE = frozenset({"wave", "flac", "sqlite wal", "sqlite journal", "orc", "avro", "pg_dump", "lzma", "utf-32"})
"""Kinds whose first bytes are met by chance, or that do not say where they end."""
_HEAD = 4096
_READ = 1 << 20


class FileAccount:
    """The account of one file."""

    def __init__(self, limits: Limits, *, inside: bool = False) -> None:
        """Take the bounds on decoding, and whether the bytes are a part of a run: a scan opens no container without a mark there."""
        self._limits = limits
        self._inside = inside
        self._held = limits.held
        self.left = Unread()

    def take(self, source: Slice, name: str = "", depth: int = 0, *, cell: bool = False) -> None:
        """Account for a whole run: a file, or what a container holds. A value in a table is a part of what a scan reads as one run."""
        at, sure = 0, True
        while at < source.size:
            begun = at
            at = self._readable_to(source, at)
            sure = (sure and at == begun) or (not cell and pdf.begins(source.read_at(at, _HEAD)))
            if at >= source.size:
                return
            end = self._explained(source.part(at), name if at == 0 else "", depth, whole=at == 0 and not cell) if sure else 0
            if not end:
                place, end = self._next(source, at, depth)
                self._judge(source, at, place)
                at = place
            at, sure = at + end, True

    def _readable_to(self, source: Slice, at: int) -> int:
        """Return where the first block begins that is not plainly text or zeros, or the first document, which may be letters alone."""
        while (block := source.read_at(at, BLOCK)) and is_plain(block):
            document = block.find(pdf.MAGIC)
            while document >= 0 and not pdf.begins(source.read_at(at + document, _HEAD)):
                document = block.find(pdf.MAGIC, document + 1)
            if document >= 0:
                return at + document
            at += len(block)
        return at

    def _explained(self, source: Slice, name: str, depth: int, *, whole: bool) -> int:
        """Return where what begins here ends; 0 where nothing is known to begin. Parts of it that are not explained are counted."""
        head = source.read_at(0, _HEAD)
        for place, magic, extent in MEDIA:
            if head[place : place + len(magic)] == magic and (found := extent(source)) is not None:
                end, private = found
                for start, stop in private:
                    self._judge(source, start, min(stop, end))
                return end
        if head[257:262] == b"ustar":
            return self._tape(source, depth)
        if head.startswith(b"%PDF-"):
            return self._document(source, depth)
        if head.startswith(arrow_cells.MAGIC):
            return self._contained(source, "arrow", depth, sure=True)
        if (end := plain_formats.named_extent(source, head) or 0) > 0:
            self._judge_named(source, end)
            return end
        if len(head) >= _HEAD and postgres_headers.begins(head[:512]) and (end := _pages_end(source)):
            self._judge_named(source, end)
            return end
        kind = self._kind(head, source.size, name, whole=whole and (depth > 0 or not self._inside))
        return self._contained(source, kind, depth, sure=True) if kind else 0

    def _kind(self, head: bytes, size: int, name: str, *, whole: bool) -> str | None:
        padded = np.frombuffer(head[:LOOKAHEAD] + bytes(PADDING), dtype=np.uint8)
        begun = [kind for place, kind in starts(padded, len(head[:LOOKAHEAD])) if place == 0]
        if begun:
            return begun[0]
        # Why of a whole run alone: elsewhere a scan does not open it, and what was not searched is not explained.
        return unmarked.kind_of(head, name, size) if whole else None

    def _contained(self, source: Slice, kind: str, depth: int, *, sure: bool) -> int:
        """Return the length of a container; 0 where it does not decode, and may be none."""
        try:
            if kind in packed.STREAMS:
                inner = _Content(self, depth)
                try:
                    end = packed.stream(source, kind, inner.take)
                except packed.Refused:
                    inner.drop()
                    raise
                inner.close()
                return end
            if kind == "zip":
                return self._archive(source, depth)
            end = packed.whole(source, kind, self._limits.decoded) if kind in _WHOLE else source.size
            if kind in packed.TABLES:
                self._cells(source, kind, depth)
            return end if kind in _WHOLE or kind in packed.TABLES else 0
        except packed.Refused:
            if not sure or kind in {"zlib", "deflate"}:
                return 0
            self.left.opaque += source.size
            return source.size
        return 0

    def _cells(self, source: Slice, kind: str, depth: int) -> None:
        """Account for each value of a file of tables. Raises Refused."""
        left = max(self._limits.decoded, self._limits.ratio * source.size)
        for value in packed.cells(source, kind, ROW):
            left -= len(value)
            if left < 0:
                raise packed.Refused
            if len(value) > BLOCK or not is_plain(value):
                self.inside(value, depth + 1, cell=True)

    def _archive(self, source: Slice, depth: int) -> int:
        inner: list[_Content] = []

        def begin() -> Callable[[bytes], None]:
            inner.append(_Content(self, depth))
            return inner[-1].take

        return packed.archive(source, begin, lambda: inner.pop().close())

    def _tape(self, source: Slice, depth: int) -> int:
        end = 0
        for start, end in packed.tape(source):
            if start < end:
                self.take(packed.bounded(source, start, end), depth=depth)
        return end

    def _document(self, source: Slice, depth: int) -> int:
        at = 0

        def refuse(size: int) -> None:
            self.left.opaque += size

        def inside(content: bytes) -> None:
            self.inside(content, depth + 1)

        for start, end in documents.document(source, pdf.MOST if depth else pdf.LONGEST, refuse, inside):
            self._judge(source, at, start)
            at = max(at, end)
        return at

    def _next(self, source: Slice, start: int, depth: int) -> tuple[int, int]:
        """Return where the next structure begins and how long it is; the end and 0 where there is none."""
        at = start
        while data := source.read_at(at, _READ):
            padded = np.frombuffer(data + bytes(PADDING), dtype=np.uint8)
            for place, kind in starts(padded, len(data)):
                if at + place > start and kind not in _NEVER_INSIDE:
                    end = self._contained(source.part(at + place), kind, depth, sure=False)
                    if end:
                        return at + place, end
            if len(data) < _READ:
                break
            at += _READ - LOOKAHEAD
        return source.size, 0

    def _judge(self, source: Slice, start: int, end: int) -> None:
        for at in range(start, end, BLOCK):
            self.left.add(judge(source.read_at(at, min(BLOCK, end - at))))

    def _judge_named(self, source: Slice, end: int) -> None:
        for at in range(0, end, BLOCK):
            self.left.add(named(source.read_at(at, min(BLOCK, end - at))))

    def keep(self, count: int) -> bool:
        """Return whether as many more bytes may be kept in memory."""
        self._held -= count
        return self._held >= 0

    def give_back(self, count: int) -> None:
        """Let go of bytes that were kept."""
        self._held += count

    def inside(self, data: bytes, depth: int, *, cell: bool = False) -> None:
        """Account for what a container holds, or for one value of a table."""
        if depth <= self._limits.depth:
            self.take(MemorySlice(data), depth=depth, cell=cell)
        else:
            for at in range(0, len(data), BLOCK):
                self.left.add(judge(data[at : at + BLOCK]))


def _pages_end(source: Slice) -> int:
    """Return where the pages of PostgreSQL end that a run begins with. Why not by the first: a head is 24 bytes, and easily forged."""
    at = 0
    while data := source.read_at(at, _READ):
        count = postgres_headers.whole_pages(np.frombuffer(data, dtype=np.uint8))
        at += count * PAGE
        if count * PAGE < _READ:
            break
    return at


class _Content:
    """What one container holds: kept while there is room for it, and judged block by block beyond."""

    def __init__(self, account: FileAccount, depth: int) -> None:
        self._account = account
        self._depth = depth + 1
        self._kept = bytearray()
        self._overflown = False

    def take(self, data: bytes) -> None:
        """Take the next bytes."""
        self._kept += data
        if not self._account.keep(len(data)):
            self._overflown = True
        if self._overflown:
            whole = len(self._kept) // BLOCK * BLOCK
            for at in range(0, whole, BLOCK):
                self._account.left.add(judge(bytes(self._kept[at : at + BLOCK])))
            self._account.give_back(whole)
            del self._kept[:whole]

    def drop(self) -> None:
        """It does not decode: what came out is nothing."""
        self._account.give_back(len(self._kept))
        self._kept.clear()

    def close(self) -> None:
        """It has ended."""
        kept = bytes(self._kept)
        self._account.give_back(len(kept))
        if self._overflown:
            self._account.left.add(judge(kept))
        else:
            self._account.inside(kept, self._depth)
        self._kept.clear()


def account(source: Slice, name: str, limits: Limits, *, inside: bool = False) -> Unread:
    """Return the bytes of a file that nothing explains, or of a part of one that is ``inside`` it. Raises OSError."""
    made = FileAccount(limits, inside=inside)
    made.take(source, name)
    return made.left
