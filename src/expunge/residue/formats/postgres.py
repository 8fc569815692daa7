"""Read values that PostgreSQL's pages hide from a plain search.

They lie in tables, indexes, tables of pieces, statistics, large objects and the log.

Pages are recognised by their headers (``storage/bufpage.h``, ``access/xlog_internal.h``) wherever they lie at a multiple of 512 bytes of a
run, so that a stray copy of a file, or a file in an archive, is read like a live one. The pages of a running server change while they are
read: a value that does not decode is read once more when its page has changed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from expunge.residue.formats import postgres_wal as wal
from expunge.residue.formats.decoders import Piece
from expunge.residue.formats.pglz import unpack
from expunge.residue.formats.postgres_headers import GRID, HEAD, heads_in, table_of
from expunge.residue.formats.postgres_packed import PAGE, CompressedValue, ToastPiece, packed, parts
from expunge.residue.formats.postgres_values import CompressedValues, Pieces, RunPosition, Search, Unfinished
from expunge.residue.formats.slices import Slice
from expunge.residue.matching.matcher import PADDING, Bytes
from expunge.residue.matching.session import Allowance, RunOrigin, Session, TooLarge

_SEAM = 64
_KEPT = 128
_MOST_KEPT = 1 << 19
_TORN = 256


def may_hold(where: RunOrigin, data: bytes) -> bool:
    """Return whether a small run may hold pages, or tuples without pages."""
    if _is_spilt(where):
        return True
    if len(data) < PAGE:
        return False
    return bool(heads_in(np.frombuffer(data, dtype=np.uint8), 0)[0].size)


def _is_spilt(where: RunOrigin) -> bool:
    """Whether a file holds tuples that were put aside, without pages: by a sort or a join, or while the log is decoded for a subscriber."""
    return where.depth == 0 and (where.path.suffix == ".spill" or "pgsql_tmp" in where.path.parts)


class Pages:
    """Watches one run for pages. Feed it all of the run in order, then close it."""

    def __init__(self, session: Session, where: RunOrigin, allowance: Allowance, whole: Slice | None, search: Search) -> None:
        self._session = session
        self._where = where
        self._allowance = allowance
        self._whole = whole
        self._search = search
        self._carry = b""
        self._stopped = False
        self._spilt = _is_spilt(where)
        self._inner: _Inner | None = None
        self._log: wal.Log | None = None
        self._next = -1
        self._torn: OrderedDict[int, bytes] = OrderedDict()

    def feed(self, data: Piece, at: int) -> None:
        """Take the next bytes, which begin at ``at`` of the run."""
        if self._stopped:
            return
        old = len(self._carry)
        if self._carry:
            data, at = b"".join([self._carry, data]), at - len(self._carry)
            self._carry = b""
        array = np.frombuffer(data, dtype=np.uint8)
        if self._spilt:
            self._read_spilt(array, at, old)
            return
        rest = array.size
        first = -at % GRID
        taken = 0
        try:
            for start, stop, is_log in _stretches(array, first):
                if stop > array.size:
                    rest = start
                    break
                if is_log:
                    self._read_log(array[start:stop], at + start)
                else:
                    self._read_pages(array[start:stop], at + start)
                taken = stop
        except TooLarge:
            self._session.skip("limit")
            self._stopped = True
            return
        # the grid's last place may not be seen whole
        edge = first + (array.size - first) // GRID * GRID if array.size >= first else 0
        if array.size - edge < HEAD:
            rest = min(rest, max(edge, taken))
        self._carry = bytes(data[rest:])

    def close(self) -> None:
        """The run has ended."""
        if self._inner is None or self._stopped:
            return
        try:
            self._end_log()
            self._again()
            self._inner.close()
        except TooLarge:
            self._session.skip("limit")

    def _open(self) -> _Inner:
        if self._inner is None:
            self._inner = _Inner(self._session, self._where, self._allowance, self._search)
        return self._inner

    def _read_pages(self, data: Bytes, at: int) -> None:
        if not data.flags.aligned or data.ctypes.data % 8:
            data = data.copy()
        values, cut = packed(data, aligned=True), parts(data, aligned=True)
        if not values and not cut:
            return
        if self._where.depth >= self._session.limits.depth:
            self._session.skip("limit")
            self._stopped = True
            return
        inner = self._open()
        for value in values:
            if not inner.value(data, value, at + value.start, "postgres"):
                page = value.start // PAGE * PAGE
                if self._whole is not None and len(self._torn) < _TORN:
                    self._torn[at + page] = data[page : page + PAGE].tobytes()
        for part in cut:
            inner.piece(data, part, at + part.start)

    def _read_spilt(self, data: Bytes, at: int, old: int) -> None:
        """Tuples without pages, of which what ends in the first ``old`` bytes is known."""
        inner, keep = self._open(), data.size - _KEPT
        try:
            for value in packed(data, aligned=False):
                if value.end > data.size:
                    keep = min(keep, value.start - 8)
                elif value.end > old:
                    inner.value(data, value, at + value.start, "postgres spill")
            for part in parts(data, aligned=False):
                if part.end > data.size:
                    keep = min(keep, part.start - HEAD)
                elif part.end > old:
                    inner.piece(data, part, at + part.start)
        except TooLarge:
            self._session.skip("limit")
            self._stopped = True
        self._carry = data[max(0, keep) :].tobytes()

    def _again(self) -> None:
        """Read pages once more that held something that did not decode, if they have changed since."""
        torn, self._torn = self._torn, OrderedDict()
        for at, before in torn.items():
            now = self._whole.read_at(at, PAGE) if self._whole is not None else b""
            if len(now) == PAGE and now != before:
                self._read_pages(np.frombuffer(now, dtype=np.uint8), at)
        self._torn.clear()

    def _read_log(self, data: Bytes, at: int) -> None:
        if self._where.depth >= self._session.limits.depth:
            self._session.skip("limit")
            self._stopped = True
            return
        inner = self._open()
        for stretch in wal.strip(data, at):
            if stretch.first != self._next:
                self._end_log()
                self._log = inner.between.begin(stretch)
            self._log = inner.log(stretch.log(self._log))
            self._next = stretch.following

    def _end_log(self) -> None:
        """The pages of the log that follow are not here: they may be in a file that was read before, or comes later."""
        if self._log is not None and self._inner is not None:
            following = self._inner.between.end(self._next, self._log)
            if following is not None:
                self._inner.log(self._log.followed(following), self._log.data.size)
        self._log = None


def _stretches(data: Bytes, first: int) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether of the log) of pages one after the other; the last may end beyond ``data``: it is not there whole."""
    heads, logs = heads_in(data, first)
    free, start, kind = 0, -1, False
    for at, is_log in zip(heads.tolist(), logs.tolist(), strict=True):
        if at < free:
            continue
        if start >= 0 and (at != free or is_log != kind):
            yield start, free, kind
            start = -1
        if at + PAGE > data.size:
            if start >= 0:
                yield start, free, kind
            yield at, at + PAGE, is_log
            return
        if start < 0:
            start, kind = at, is_log
        free = at + PAGE
    if start >= 0:
        yield start, free, kind


class _Inner:
    """What is opened for a run once pages were met in it."""

    def __init__(self, session: Session, where: RunOrigin, allowance: Allowance, search: Search) -> None:
        self._session = session
        self._where = where
        self._allowance = allowance
        self._search = search
        shared = session.between.get("postgres")
        if shared is None:
            shared = session.between["postgres"] = _Shared(session, search)
            session.endings.append(shared.close)
        self._values = shared.values
        self._log_pieces = shared.pieces
        self.between = shared.edges
        table = _table(session, where)
        self.pieces = Pieces(self._values, session) if table is None else shared.of_table(table)
        self._own = table is None

    def close(self) -> None:
        """The run has ended: values that end in no other file are complete as far as they go."""
        if self._own:
            self.pieces.close()

    def _place(self, at: int) -> RunPosition:
        return RunPosition(self._where, self._allowance, at)

    def value(self, data: Bytes, value: CompressedValue, at: int, what: str) -> bool:
        """Decode a value that lies in a tuple; whether it is one."""
        return self._values.decode(self._place(at), data[value.start : value.end].tobytes(), value.size, value.method, what)

    def piece(self, data: Bytes, part: ToastPiece, at: int, *, of_log: bool = False) -> None:
        """Take a piece of a long value."""
        body = data[part.start : part.end].tobytes()
        if part.packed is not None:
            body = unpack(body, part.packed.size, part.packed.method)[0]
        (self._log_pieces if of_log else self.pieces).add(self._place(at), part.value, part.number, body)

    def log(self, log: wal.Log, until: int | None = None) -> wal.Log:
        """Search a stretch of the log, in which what ends before the fresh bytes is known, and so is what begins from ``until`` on.

        Returns:
            What the next stretch goes on from.
        """
        data, size, old = log.data, log.data.size, log.fresh
        until = size if until is None else until
        self._seams(log, old, until)
        found, cut = wal.images(log)
        for image in found:
            if old < image.end and image.start < until:
                self._image(log, image)
        keep = min([*cut, size - _KEPT])
        for value in packed(data, aligned=False):
            if value.end > size:
                keep = min(keep, value.start - 8)
            elif value.end > old and value.start < until:
                self.value(data, value, log.offset(value.start), "postgres wal")
        for part in parts(data, aligned=False):
            if part.end > size:
                keep = min(keep, part.start - 24)
            elif part.end > old and part.start < until:
                self.piece(data, part, log.offset(part.start), of_log=True)
        return log.tail(max(0, keep, size - _MOST_KEPT) & ~7, cut)

    def _seams(self, log: wal.Log, old: int, until: int) -> None:
        """Search where one page goes on on the next."""
        top = min(until, log.data.size - _SEAM)
        edges = np.array([each for each in log.begins if max(old, _SEAM) <= each <= top], dtype=np.int64)
        if not edges.size:
            return
        rows = log.data[edges[:, None] + np.arange(-_SEAM, _SEAM)[None, :]].reshape(-1)
        padded = np.concatenate([rows, np.zeros(PADDING, dtype=np.uint8)])
        for place, size, alike in self._session.matcher.find(padded, rows.size):
            number, within = divmod(place, 2 * _SEAM)
            if within < _SEAM < within + size <= 2 * _SEAM:
                where = self._where.inside("postgres wal", log.offset(int(edges[number]) - 1))
                self._session.found(where, 0, alike)

    def _image(self, log: wal.Log, image: wal.Image) -> None:
        body = log.data[image.start : image.end].tobytes()
        at = log.offset(image.start)
        self._allowance.take(PAGE)
        page = wal.unpacked(body, image.hole_at, image.hole, image.method)
        if not page:
            if not image.last:
                self._session.skip("corrupt")
            return
        where = self._where.inside(f"postgres wal {image.method}", at)
        self._session.decoded(self._allowance, len(page))
        # the page is searched as it is, and what it hides by the run that it makes
        self._search(self._session, where, self._allowance, page)


def _table(session: Session, where: RunOrigin) -> Path | None:
    """The first file of the table, if that has several, or others read stretches of it."""
    first = None if where.depth else table_of(where.path)
    if first is None or first != where.path or first in session.shared:
        return first
    return first if first.with_name(f"{first.name}.1").exists() else None


class _Shared:
    """What is kept from one file to the next: values of a database lie in several, and the log goes on from one to another."""

    def __init__(self, session: Session, search: Search) -> None:
        self.values = CompressedValues(session, search)
        self.pieces = Pieces(self.values, session)
        self._tables: dict[Path, Pieces] = {}
        self.edges = wal.Edges()
        self._session = session

    def of_table(self, table: Path) -> Pieces:
        """Values of a table of several files."""
        return self._tables.setdefault(table, Pieces(self.values, self._session))

    def close(self) -> None:
        """No more files come."""
        for table in self._session.shared & self._tables.keys():
            self._session.unfinished += self._tables.pop(table).leave(table)
        for each in (self.pieces, *self._tables.values()):
            try:
                each.close()
            except TooLarge:
                self._session.skip("limit")


class PagesRemainder:
    """Assembles the values that the readers of stretches left: table after table, in the sequence in which the stretches lie."""

    def __init__(self, session: Session, search: Search) -> None:
        self._session = session
        self._values = CompressedValues(session, search)
        self._table: Path | None = None
        self._pieces = Pieces(self._values, session)

    def take(self, left: Iterable[Unfinished]) -> None:
        """Take the values that one reader left."""
        for each in left:
            if each.table != self._table:
                self.close()
                self._table = each.table
            try:
                self._pieces.resume(each)
            except TooLarge:
                self._session.skip("limit")

    def close(self) -> None:
        """Search the values that are not complete, because the table has no more stretches."""
        try:
            self._pieces.close()
        except TooLarge:
            self._session.skip("limit")
