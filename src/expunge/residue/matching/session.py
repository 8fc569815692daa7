"""The state of one scan: the origin of its bytes, the limits for decoding, the traces found, and the bytes left unread."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from expunge.residue.matching.matcher import PADDING, Bytes, Matcher, SameTraces

SMALL = 1 << 15
"""Pieces up to this size are gathered and searched together: a pass over a buffer costs the same for 10 bytes as for 10,000."""
_BATCH = 1 << 19


class TooLarge(Exception):
    """Decoding would need more memory, or yield more bytes, than allowed."""


@dataclass(frozen=True)
class Limits:
    """Bounds that keep a scan finite, whatever the content of the files."""

    depth: int = 3
    """How many containers deep to decode."""
    decoded: int = 1 << 30
    """Bytes that one file may decode to ..."""
    ratio: int = 128
    """... or this many times its size, whichever is more."""
    held: int = 1 << 26
    """Bytes of one nested recording or database that may be kept in memory to be decoded."""
    open: int = 64
    """Streams that may be decoded side by side at one level."""
    forms: int = 2
    """Forms in one another that are read: base64 of JSON with escapes."""


@dataclass(slots=True)
class RunOrigin:
    """The origin of a run of bytes. Never changed; not frozen, because a scan makes three for each of millions of files, and that costs."""

    path: Path
    chain: tuple[str, ...] = ()
    """How it was hidden so far, outermost first."""
    base: int = 0
    """Offset in the file on disk of the run's first byte, or of the container that holds it."""
    fixed: bool = False
    """The run is decoded content: every place in it is reported at ``base``."""
    depth: int = 0
    leaf: bool = False
    """Nothing can begin in it: a name, a value, samples."""
    mark: bytes = b""
    """A digest of the content, where the same may come again: findings in it are remembered."""
    outer: int | None = None
    """Place of the next container in the content of the outermost one; None where the run itself is that content, or the file."""
    forms: int = 0
    """How many forms deep it was written."""

    def __repr__(self) -> str:
        """Return what a log may show: no name and no content."""
        return f"{type(self).__name__}(chain={self.chain!r}, base={self.base!r}, depth={self.depth!r})"

    def inside(self, what: str, offset: int, mark: bytes | None = None) -> RunOrigin:
        """The run that is decoded from the container ``what`` at ``offset`` of this run, under another ``mark`` if one is given."""
        base, outer = self.on_disk(offset), self.in_content(offset)
        depth, mark = self.depth + 1, self.mark if mark is None else mark
        chain = (*self.chain, what)
        return RunOrigin(self.path, chain, base, fixed=True, depth=depth, leaf=self.leaf, mark=mark, outer=outer, forms=self.forms)

    def on_disk(self, offset: int) -> int:
        """Return the place in the file of a place in the run: of decoded content, that of the container."""
        return self.base if self.fixed else self.base + offset

    def in_content(self, offset: int) -> int | None:
        """Return the place in the decoded content of the outermost container; None where that cannot be told, or there is none."""
        if self.outer is not None:
            return self.outer
        return offset if len(self.chain) == 1 and not self.forms else None

    def concrete(self, offset: int) -> tuple[RunOrigin, int]:
        """Return the run, and the place in it, that a place belongs to."""
        return self, offset

    def shows(self, offset: int, size: int) -> bool:  # noqa: ARG002 - others ask
        """Return whether a window is one that only this run shows."""
        return True


@dataclass
class Allowance:
    """The bytes that one file may still decode to, and keep in memory."""

    decoded: int
    held: int

    def take(self, count: int) -> None:
        """Spend. Raises TooLarge when nothing is left."""
        self.decoded -= count
        if self.decoded < 0:
            raise TooLarge

    def keep(self, count: int) -> None:
        """Hold bytes in memory. Raises TooLarge when nothing is left."""
        self.held -= count
        if self.held < 0:
            raise TooLarge

    @classmethod
    def of(cls, limits: Limits, size: int) -> Allowance:
        """Return the allowance of a file of ``size`` bytes on disk."""
        return cls(max(limits.decoded, limits.ratio * size), limits.held)


Report = Callable[[RunOrigin, int, SameTraces], None]
"""Takes the run, the offset in it and the traces."""


@dataclass
class SearchedContent:
    """Content that was searched already and may come again, by digest; lasts for more than one session with the same matcher."""

    rounds: int = 0
    """How often a batch was searched: what was added before is searched when this has changed."""
    passed: dict[bytes, int] = field(default_factory=dict)
    """When content was added."""
    hits: set[bytes] = field(default_factory=set)
    """Content in which something was found."""


@dataclass(frozen=True)
class Batch:
    """Small, whole pieces that are searched together."""

    pieces: Sequence[tuple[RunOrigin, Allowance, bytes]]
    begins: Sequence[int]
    """Where each piece begins in ``joined``, in ascending order."""
    joined: Bytes
    """The pieces one after the other, then the padding of the matcher."""
    end: int
    """Where the last piece ends."""

    def piece_at(self, place: int) -> int:
        """Return the number of the piece that ``place`` lies in."""
        return bisect_right(self.begins, place) - 1


class Session:
    """One scan in progress. Not for use by two threads at once."""

    def __init__(self, matcher: Matcher, limits: Limits, report: Report, known: SearchedContent | None = None) -> None:
        self.matcher = matcher
        self.limits = limits
        self.skipped: Counter[str] = Counter()
        self.files = 0
        self.bytes = 0
        self.decoded_bytes = 0
        self._report = report
        self._batch: list[tuple[RunOrigin, Allowance, bytes]] = []
        self._size = 0
        self.known = known or SearchedContent()
        self.between: dict[str, Any] = {}
        """What readers of one format keep from one file to the next."""
        self.endings: list[Callable[[], None]] = []
        """What they have to do when no more files come."""
        self.shared: set[Path] = set()
        """Tables (their first files) of which others read further stretches ..."""
        self.unfinished: list[Any] = []
        """... and what of these goes on in such a stretch."""
        self.unread: list[Any] = []
        """Files with bytes that nothing explains, among those that are accounted for."""
        self.carver: Callable[[Session, Batch], None] | None = None
        """Opens the containers that begin in a batch; handed over by the scan, which knows the formats."""

    def skip(self, reason: str, count: int = 1) -> None:
        """Count things that were not read, under a fixed word."""
        self.skipped[reason] += count

    def decoded(self, allowance: Allowance, count: int) -> None:
        """Count decoded bytes. Raises TooLarge."""
        self.decoded_bytes += count
        allowance.take(count)

    def found(self, where: RunOrigin, offset: int, alike: SameTraces, size: int = 0) -> None:
        """Report one place of a window of so many bytes."""
        if not where.shows(offset, size):
            return
        where, offset = where.concrete(offset)
        if where.mark:
            self.known.hits.add(where.mark)
        self._report(where, offset, alike)

    def add(self, where: RunOrigin, allowance: Allowance, data: bytes) -> None:
        """Search a small, whole piece, sooner or later (``flush`` at the latest)."""
        if len(data) < 8:
            return
        self._batch.append((where, allowance, data))
        self._size += len(data)
        if self._size >= _BATCH:
            self._search()

    def flush(self) -> None:
        """Search all that was added, and the content decoded from it. No more files come."""
        while self._batch or self.endings:
            while self.endings:
                self.endings.pop()()
            self._search()

    def _search(self) -> None:
        batch, self._batch, self._size = self._batch, [], 0
        self.known.rounds += 1
        begins: list[int] = []
        at = 0
        for _, _, data in batch:
            begins.append(at)
            at += len(data)
        joined = np.frombuffer(b"".join([*(data for _, _, data in batch), bytes(PADDING)]), dtype=np.uint8)
        searched = Batch(batch, begins, joined, at)
        for place, size, alike in self.matcher.find(joined, at):
            number = searched.piece_at(place)
            where, _, data = batch[number]
            if place + size <= begins[number] + len(data):
                self.found(where, place - begins[number], alike, size)
        if self.carver is not None:
            self.carver(self, searched)
