"""The locate index in files: sorted keyed hashes beside the places where their values lie, mapped into memory.

Each space is one folder, named by a keyed hash. It holds segments, each written whole and never changed. A unit is known by one keyed hash
of its name and version, a value by another (BLAKE2b, 64 bits). Without the key no name, version or value can be read from the files; with
it they can only be guessed. A later segment adds units. Segments are merged as they grow in number, which drops units that no longer exist.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from expunge import durable
from expunge.ports.index import IndexUnit, RowRuns

_MAGIC = b"expunge locate 1"
_HEADER = struct.Struct("<16sI4xQQQ")
"""Magic, CRC-32 of what follows the header, numbers of units, hashes and runs."""
_ENDING = ".segment"
_GROWTH = 4
"""A segment is merged with the one before it, unless that is so many times larger."""
_MOST = (1 << 32) - 1
"""Rows are numbered with 32 bits; a unit with more is not remembered."""

_AT_ONCE = 1 << 8
"""Values whose runs are gathered at a time."""

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
_Found = tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.uint32], npt.NDArray[np.uint32]]
_NOTHING: _Found = np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.uint32), np.empty(0, np.uint32)


@dataclass(frozen=True)
class _Segment:
    """What some units hold, completely."""

    units: Hashes
    hashes: Hashes
    """Sorted; each once."""
    first: npt.NDArray[np.uint64]
    """Of each hash its first run, and at the end the number of runs."""
    at: npt.NDArray[np.uint32]
    """Of each run its unit, by number."""
    starts: npt.NDArray[np.uint32]
    counts: npt.NDArray[np.uint32]
    path: Path | None = None

    def arrays(self) -> tuple[npt.NDArray[np.unsignedinteger], ...]:
        return self.units, self.hashes, self.first, self.at, self.starts, self.counts

    def lengths(self) -> Numbers:
        """How many runs each hash has."""
        bounds = self.first.astype(np.int64)
        return bounds[1:] - bounds[:-1]


class FileIndex:
    """Implements :class:`expunge.ports.index.LocateIndex` in a folder, which is made at first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[Path, tuple[tuple[int, int, int], _Segment]] = {}
        self._lock = threading.RLock()

    # --- asking ---------------------------------------------------------------------------------

    def find(self, key: bytes, space: str, values: Sequence[str], units: Sequence[IndexUnit]) -> tuple[RowRuns, Sequence[int]]:
        """Return the places of the values in the units, and the numbers of the units that are not known in this version."""
        segments = self._segments(key, space)
        if not segments:
            return _columns([]), range(len(units))
        wanted = _tags(key, units)
        hashes = _hashes(key, values)
        known = np.zeros(len(units), np.bool_)
        order = np.argsort(wanted, kind="stable")
        found: list[_Found] = []
        for segment in segments:
            place = _places(wanted, order, segment.units, known)
            known[place[place >= 0]] = True
            if bool((place >= 0).any()) and len(hashes):
                found.append(_runs(segment, hashes, place))
        return _columns(found), np.flatnonzero(~known).tolist()

    # --- learning -------------------------------------------------------------------------------

    def learn(
        self, key: bytes, space: str, values: Sequence[str], units: Sequence[IndexUnit], runs: RowRuns, current: Sequence[IndexUnit]
    ) -> None:
        """Add complete units. A disk that is full or read-only is no error: the units stay unknown."""
        codes, at, starts, counts = (np.asarray(each) for each in (runs.values, runs.units, runs.starts, runs.counts))
        fits = np.ones(len(units), np.bool_)
        fits[at[starts + counts > _MOST]] = False
        chosen = fits[at]
        tags = np.where(fits, _tags(key, units), 0)
        fresh = _segment(tags, _hashes(key, values)[codes[chosen]], at[chosen], starts[chosen], counts[chosen])
        folder = self._of(key, space)
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(OSError), self._alone(folder):
            merged: list[_Segment] = []
            alive: Hashes | None = None
            for older in reversed(self._segments(key, space)):
                if len(older.at) + len(older.units) > _GROWTH * (len(fresh.at) + len(fresh.units)):
                    break
                alive = _tags(key, [*current, *units]) if alive is None else alive
                fresh = _merged([_kept(older, np.isin(older.units, alive)), fresh])
                merged.append(older)
            self._write(folder, fresh)
            # crash here: a unit may be known twice, with the same runs; the first segment that knows it counts.
            self._remove(folder, merged)

    def forget(self, key: bytes, space: str, values: Iterable[str]) -> int:
        """Drop every unit that holds one of the values, for good. Raises OSError."""
        hashes = np.unique(_hashes(key, list(values)))
        dropped = 0
        folder = self._of(key, space)
        if not folder.is_dir():
            return 0
        with self._alone(folder):
            for segment in self._segments(key, space):
                there = np.isin(segment.hashes, hashes)
                if not bool(there.any()):
                    continue
                gone = np.zeros(len(segment.units), np.bool_)
                gone[segment.at[np.repeat(there, segment.lengths())]] = True
                left = _kept(segment, ~gone)
                if len(left.units):
                    self._write(folder, left)
                # commit point: the units that held the values are unknown from here on.
                self._remove(folder, [segment])
                dropped += int(gone.sum())
            self._clear(folder)
        return dropped

    # --- files ----------------------------------------------------------------------------------

    def _of(self, key: bytes, space: str) -> Path:
        return self._folder / blake2b(space.encode(), digest_size=12, key=key[:64], person=b"space").hexdigest()

    @contextmanager
    def _alone(self, folder: Path) -> Iterator[None]:
        """One writer at a time, in this process and in others: who merges must not bring back what another forgets. Raises OSError."""
        with self._lock:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)

    def _segments(self, key: bytes, space: str) -> list[_Segment]:
        """All sound segments, in the order in which they were written; damaged ones are removed, for they say nothing."""
        folder = self._of(key, space)
        found = []
        try:
            names = sorted(each.name for each in os.scandir(folder) if each.name.endswith(_ENDING))
        except OSError:
            return []
        for name in names:
            # What cannot be opened (removed meanwhile, no right to read it) is passed over, what is damaged goes.
            with suppress(OSError):
                segment = self._opened(folder / name)
                if segment is None:
                    durable.unlink(folder / name, at="index.damaged.unlink")
                else:
                    found.append(segment)
        return found

    def _opened(self, path: Path) -> _Segment | None:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            about = (status.st_ino, status.st_mtime_ns, status.st_size)
            held = self._held.get(path)
            if held and held[0] == about:
                return held[1]
            data = np.memmap(file, np.uint8, "r") if status.st_size else np.empty(0, np.uint8)
        segment = _parsed(data, path)
        if segment is not None:
            self._held[path] = about, segment
        return segment

    def _write(self, folder: Path, segment: _Segment) -> None:
        numbers = [int(path.name.split("-")[0], 16) for path in folder.glob(f"*{_ENDING}")]
        name = f"{max(numbers, default=0) + 1:08x}-{secrets.token_hex(4)}{_ENDING}"
        parts = [np.ascontiguousarray(array) for array in segment.arrays()]
        checksum = 0
        for part in parts:
            checksum = zlib.crc32(part.data.cast("B") if part.size else b"", checksum)
        header = _HEADER.pack(_MAGIC, checksum, len(segment.units), len(segment.hashes), len(segment.at))
        durable.write_new(folder / name, lambda file: file.writelines([header, *(part.data for part in parts)]), at="index.segment")

    def _remove(self, folder: Path, segments: Sequence[_Segment]) -> None:
        for segment in segments:
            if segment.path is not None:
                self._held.pop(segment.path, None)
                durable.unlink(segment.path, at="index.segment.unlink")
        if segments:
            durable.fsync_directory(folder, at="index.segment.removed")

    def _clear(self, folder: Path) -> None:
        """Remove what interrupted writing left."""
        for path in folder.glob(f"{durable.TEMPORARY_PREFIX}*"):
            durable.unlink(path, at="index.leftover.unlink")


# --- arrays --------------------------------------------------------------------------------------


def _hashes(key: bytes, values: Sequence[str]) -> Hashes:
    start = blake2b(digest_size=8, key=key[:64], person=b"value")
    begin, found = start.copy, []
    for value in values:
        each = begin()
        each.update(value.encode("utf-8", "surrogatepass"))
        found.append(each.digest())
    return np.frombuffer(b"".join(found), np.uint64)


def _tags(key: bytes, units: Sequence[IndexUnit]) -> Hashes:
    return _hashes(key, [f"{unit.name}\0{unit.version}" for unit in units])


def _parsed(data: npt.NDArray[np.uint8], path: Path) -> _Segment | None:
    if len(data) < _HEADER.size:
        return None
    magic, checksum, units, hashes, runs = _HEADER.unpack(data[: _HEADER.size].tobytes())
    body = np.asarray(data)[_HEADER.size :]
    if magic != _MAGIC or len(body) != 8 * (units + 2 * hashes + 1) + 12 * runs or zlib.crc32(body.data if len(body) else b"") != checksum:
        return None
    cuts = np.cumsum([0, 8 * units, 8 * hashes, 8 * (hashes + 1), 4 * runs, 4 * runs, 4 * runs]).tolist()
    kinds = (np.uint64, np.uint64, np.uint64, np.uint32, np.uint32, np.uint32)
    units_, hashes_, first, at, starts, counts = (
        body[low:high].view(kind) for low, high, kind in zip(cuts[:-1], cuts[1:], kinds, strict=True)
    )
    return _Segment(units_, hashes_, first, at, starts, counts, path)


def _segment(units: Hashes, hashes: Hashes, at: Numbers, starts: Numbers, counts: Numbers) -> _Segment:
    order = np.lexsort((starts, at, hashes))
    each, first = np.unique(hashes[order], return_index=True)
    bounds = np.append(first, len(order)).astype(np.uint64)
    narrow = [column[order].astype(np.uint32) for column in (at, starts, counts)]
    return _Segment(units, each, bounds, narrow[0], narrow[1], narrow[2])


def _kept(segment: _Segment, units: npt.NDArray[np.bool_]) -> _Segment:
    """The segment with some of its units only."""
    runs = units[segment.at]
    hashes = np.repeat(segment.hashes, segment.lengths())[runs]
    number = np.cumsum(units) - 1
    return _segment(
        segment.units[units], hashes, number[segment.at[runs]], segment.starts[runs].astype(np.int64), segment.counts[runs].astype(np.int64)
    )


def _merged(segments: Sequence[_Segment]) -> _Segment:
    shift = np.cumsum([0, *(len(segment.units) for segment in segments)])
    hashes = np.concatenate([np.repeat(segment.hashes, segment.lengths()) for segment in segments])
    at = np.concatenate([each.at.astype(np.int64) + shift[number] for number, each in enumerate(segments)])
    starts = np.concatenate([segment.starts.astype(np.int64) for segment in segments])
    counts = np.concatenate([segment.counts.astype(np.int64) for segment in segments])
    return _segment(np.concatenate([segment.units for segment in segments]), hashes, at, starts, counts)


def _places(wanted: Hashes, order: Numbers, units: Hashes, known: npt.NDArray[np.bool_]) -> Numbers:
    """Of each unit of a segment its number among those wanted; -1 for others, and for those that are known already."""
    if not len(wanted):
        return np.full(len(units), -1, np.int64)
    at = np.minimum(np.searchsorted(wanted[order], units), len(wanted) - 1)
    place = order[at]
    return np.where((wanted[place] == units) & ~known[place], place, -1)


def _runs(segment: _Segment, hashes: Hashes, place: Numbers) -> _Found:
    """Runs of the hashes in the units that have a place: value, unit, start, count.

    Columns of 32 bits, filled block by block: memory that is touched for the first time takes longer than all that is done with it. Values
    come in the order in which the segment has them, for the same reason.
    """
    if not len(segment.hashes):
        return _NOTHING
    at = np.minimum(np.searchsorted(segment.hashes, hashes), len(segment.hashes) - 1)
    values = np.flatnonzero(segment.hashes[at] == hashes)
    values = values[np.argsort(at[values], kind="stable")]
    low = segment.first[at[values]].astype(np.int64)
    counts = segment.first[at[values] + 1].astype(np.int64) - low
    cuts = np.concatenate([[0], np.cumsum(counts)])
    # One piece of memory for all: of large pieces the system gives out large pages, at a fraction of the time.
    whole = np.empty((4, cuts[-1]), np.int32)
    codes, units, starts, lengths = whole[0], whole[1], whole[2].view(np.uint32), whole[3].view(np.uint32)
    narrow, numbers = place.astype(np.int32), values.astype(np.int32)
    for begin in range(0, len(values), _AT_ONCE):
        end = min(begin + _AT_ONCE, len(values))
        mine, there = slice(begin, end), slice(int(cuts[begin]), int(cuts[end]))
        runs = np.repeat(low[mine] - cuts[mine], counts[mine])
        runs += np.arange(there.start, there.stop)
        codes[there] = np.repeat(numbers[mine], counts[mine])
        # All are within bounds; "clip" only keeps numpy from looking before it writes.
        narrow.take(segment.at.take(runs, mode="clip"), out=units[there], mode="clip")
        segment.starts.take(runs, out=starts[there], mode="clip")
        segment.counts.take(runs, out=lengths[there], mode="clip")
    if bool((place < 0).any()):
        known = units >= 0
        codes, units, starts, lengths = codes[known], units[known], starts[known], lengths[known]
    return codes, units, starts, lengths


def _columns(found: Sequence[_Found]) -> RowRuns:
    few = found or [_NOTHING]
    columns = few[0] if len(few) == 1 else [np.concatenate([each[number] for each in few]) for number in range(4)]
    return RowRuns(*(np.ascontiguousarray(column).data for column in columns))
