"""Assemble long values of PostgreSQL from their pieces, and decode compressed values. Content without a trace is decoded only once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from expunge.residue.formats.decoders import Piece
from expunge.residue.formats.pglz import LZ4, MOST, unpack
from expunge.residue.matching.session import Allowance, RunOrigin, Session

METHODS = ("pglz", "lz4")
_FULL = 1996
"""Bytes of every piece of a value but the last (``TOAST_MAX_CHUNK_SIZE`` with pages of 8 KiB)."""
_CHANCE = 16
"""A value that breaks before so many bytes were decoded is none."""
_LONG = 64
"""So many pieces in a row are a long value, not rows that look so."""
_VARIANTS = 3
_SEEN = 1 << 20

Search = Callable[[Session, RunOrigin, Allowance, bytes], None]


@dataclass(frozen=True)
class RunPosition:
    """A position: the run, its allowance for decoding, and the offset in the run."""

    where: RunOrigin
    allowance: Allowance
    at: int

    def inside(self, what: str, mark: bytes) -> RunOrigin:
        """The run that is decoded here, under a digest of its content; none where it may not be passed over when it comes again."""
        return self.where.inside(what, self.at, mark)


class CompressedValues:
    """Decodes compressed values and searches their content."""

    def __init__(self, session: Session, search: Search) -> None:
        self._session = session
        self._search = search

    def decode(self, place: RunPosition, data: Piece, size: int, method: int, what: str) -> bool:
        """Decode one value and search it.

        Returns:
            Whether it was a value: it decoded to the end. The decoded bytes of a damaged value are searched too.
        """
        mark = blake2b(data, digest_size=16).digest()
        if self.passed(mark):
            return True
        if size > len(data) * MOST[method] + 8:
            return False
        place.allowance.take(16)
        most = self._session.limits.held
        out, whole = unpack(data, min(size, most), method)
        if size > most and len(out) == most:
            self._session.skip("limit")
        if whole or len(out) >= _CHANCE:
            self._session.decoded(place.allowance, len(out))
            self.look(place.inside(f"{what} {METHODS[method]}", mark if whole else b""), place.allowance, out)
        return whole

    def look(self, where: RunOrigin, allowance: Allowance, data: bytes) -> None:
        """Search decoded bytes, and remember under their mark that it was done."""
        if where.mark:
            known = self._session.known
            if len(known.passed) >= _SEEN:
                known.passed.clear()
            known.passed[where.mark] = known.rounds
        self._search(self._session, where, allowance, data)

    def passed(self, mark: bytes) -> bool:
        """Return whether the same content was searched before without a hit. Content with a hit is reported at every place."""
        known = self._session.known
        when = known.passed.get(mark)
        return when is not None and when < known.rounds and mark not in known.hits


@dataclass
class _Value:
    place: RunPosition
    parts: dict[int, list[bytes]] = field(default_factory=dict)
    held: int = 0


@dataclass(frozen=True)
class Unfinished:
    """A long value of which the read stretch of a table holds some pieces, and another stretch may hold more."""

    table: Path
    """The table's first file."""
    place: RunPosition
    value: int
    parts: dict[int, list[bytes]] = field(repr=False)


class Pieces:
    """Long values whose pieces come in any sequence."""

    def __init__(self, values: CompressedValues, session: Session) -> None:
        self._values = values
        self._session = session
        self._open: dict[int, _Value] = {}
        self._held = 0

    def add(self, place: RunPosition, value: int, number: int, data: bytes) -> None:
        """Take one piece. Raises TooLarge when the run it comes from may not decode to more."""
        if number == 0 and len(data) < _FULL and value not in self._open:
            self._alone(place, data)
            return
        known = self._open.get(value)
        if known is None:
            known = self._open[value] = _Value(place)
        variants = known.parts.setdefault(number, [])
        if data in variants or len(variants) >= _VARIANTS:
            return
        variants.append(data)
        known.held += len(data)
        self._held += len(data)
        if len(data) < _FULL and len(known.parts) == number + 1:
            self._finish(value)
        while self._held > self._session.limits.held:
            oldest = next(iter(self._open))
            self._finish(oldest, cut=True)
            if oldest == value:
                # what comes next begins in the piece before it
                self._open[value] = _Value(place, {number: [data]}, len(data))
                self._held += len(data)

    def leave(self, table: Path) -> list[Unfinished]:
        """Hand over the values that are not complete. The process with all stretches of the table assembles them."""
        left = [Unfinished(table, each.place, value, each.parts) for value, each in self._open.items()]
        self._open, self._held = {}, 0
        return left

    def resume(self, left: Unfinished) -> None:
        """Take the values that another reader left. Raises TooLarge as :meth:`add`."""
        for number, variants in left.parts.items():
            for data in variants:
                self.add(left.place, left.value, number, data)

    def close(self) -> None:
        """Search the values that are not complete, because no more pieces come."""
        while self._open:
            self._finish(next(iter(self._open)))

    def _alone(self, place: RunPosition, data: bytes) -> None:
        # a value of one piece lies open, unless it is compressed
        head = _info(data)
        if head:
            self._values.decode(place, data[4:], *head, "postgres toast")

    def _finish(self, value: int, *, cut: bool = False) -> None:
        known = self._open.pop(value)
        self._held -= known.held
        for variant in range(max(len(part) for part in known.parts.values())):
            for run in _runs(known.parts, variant):
                self._read(known.place, run, cut=cut)

    def _read(self, place: RunPosition, run: tuple[int, list[bytes]], *, cut: bool) -> None:
        first, parts = run
        data = b"".join(parts)
        head = _info(data) if first == 0 else None
        if head and self._values.decode(place, data[4:], *head, "postgres toast"):
            return
        if cut and len(parts) > _LONG:
            self._session.skip("limit")
        if len(parts) < 2:
            return
        mark = blake2b(data, digest_size=16).digest()
        if not self._values.passed(mark):
            self._session.decoded(place.allowance, len(data))
            self._values.look(place.inside("postgres toast", mark), place.allowance, data)


def _info(data: bytes) -> tuple[int, int] | None:
    """Size and method of a value that was compressed before it was cut (``va_tcinfo`` is its first four bytes)."""
    info = int.from_bytes(data[:4], "little")
    size, method = info & 0x3FFF_FFFF, info >> 30
    return (size, method) if method <= LZ4 and len(data) > 8 and len(data) - 6 < size <= len(data) * MOST[method] else None


def _runs(parts: dict[int, list[bytes]], variant: int) -> list[tuple[int, list[bytes]]]:
    """Pieces that follow one another: (number of the first, pieces)."""
    out: list[tuple[int, list[bytes]]] = []
    last = -2
    for number in sorted(parts):
        data = parts[number][min(variant, len(parts[number]) - 1)]
        if number == last + 1:
            out[-1][1].append(data)
        else:
            out.append((number, [data]))
        last = number
    return out
