"""Search what the bytes of a scan say in other forms: each form is a run of its own, in which containers may begin."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

import numpy as np

from expunge.residue.forms import finder
from expunge.residue.forms.finder import Before
from expunge.residue.forms.written import WrittenOrigin
from expunge.residue.matching.matcher import PADDING, Bytes
from expunge.residue.matching.session import Allowance, Batch, RunOrigin, Session
from expunge.residue.scanning.long_runs import BeginRun, LongRunReader

Search = Callable[[Session, RunOrigin, Allowance, bytes], None]
"""Searches a whole run."""
_BETWEEN = b"\xff" * 16
"""Between two pieces: a part of no form."""
_PAD = bytes(PADDING)


class BlockForms:
    """What the blocks of one run of bytes say."""

    def __init__(self, session: Session, where: RunOrigin, allowance: Allowance, search: Search, begin: BeginRun) -> None:
        self._session, self._where, self._allowance, self._search, self._begin = session, where, allowance, search, begin
        self._long: list[LongRunReader] = []
        self._waiting = 0
        """Bytes at the end of the block before that are of runs which went on."""

    def look(self, at: int, whole: bytes, block: Bytes, end: int, since: int, *, last: bool, left: bool = False) -> int:
        """Search the forms in a block; return where the next one has to begin.

        Args:
            at: the place of the block in the run.
            whole: the block, with the padding of the matcher.
            block: the same.
            end: where it ends.
            since: where the block before it ended.
            last: whether nothing follows that is searched here.
            left: whether something follows all the same.
        """
        if self._where.forms >= self._session.limits.forms:
            return end
        where = self._where
        taken = self._feed(whole[since:end]) if self._long else 0
        before = Before(since, since - self._waiting if self._waiting else None, since + taken if taken else 0)
        found = finder.find(block, whole, end, before, last=last or left, left=left)
        self._waiting = end - found.held
        for written in found.written:
            self._search(self._session, WrittenOrigin.of(written, lambda place: (where, at + place)), self._allowance, written.data)
        for run in found.long:
            reader = LongRunReader(run, whole, at, (self._session, where, self._allowance), self._begin)
            if reader.feed(whole[run.begin : end]) is None:
                self._long.append(reader)
            else:
                reader.close()
        if last:
            self.close()
        return found.held if found.sequence is None else min(found.held, found.sequence)

    def _feed(self, data: bytes) -> int:
        """Hand the next bytes to long runs; return how many of them are parts of one."""
        most = 0
        for each in self._long[:]:
            taken = each.feed(data)
            if taken is not None:
                each.close()
                self._long.remove(each)
            most = max(most, len(data) if taken is None else taken)
        return most

    @property
    def unpacking(self) -> bool:
        """Whether a container in a long run has begun, and goes on."""
        return any(each.unpacking for each in self._long)

    def go_on(self, data: bytes) -> None:
        """Take bytes that somebody else searches, for containers that have begun in long runs."""
        self._feed(data)

    def close(self) -> None:
        """The run of bytes has ended, or is left."""
        for each in self._long:
            each.close()
        self._long = []


def look_in_batch(session: Session, batch: Batch, search: Search) -> None:
    """Search the forms in small, whole pieces."""
    for forms in range(session.limits.forms):
        pieces = [piece for piece in batch.pieces if piece[0].forms == forms]
        if pieces:
            _look(session, pieces, search)


def _look(session: Session, pieces: Sequence[tuple[RunOrigin, Allowance, bytes]], search: Search) -> None:
    begins, at = [], 0
    for _, _, data in pieces:
        begins.append(at)
        at += len(data) + len(_BETWEEN)
    whole = _BETWEEN.join([data for _, _, data in pieces]) + _BETWEEN + _PAD

    def outside(place: int) -> tuple[RunOrigin, int]:
        number = bisect_right(begins, place) - 1
        return pieces[number][0], min(place - begins[number], len(pieces[number][2]))

    for written in finder.find(np.frombuffer(whole, dtype=np.uint8), whole, at).written:
        allowance = pieces[bisect_right(begins, int(written.begins[0])) - 1][1]
        search(session, WrittenOrigin.of(written, outside), allowance, written.data)
