"""Answer who looked at a recording, at a person's recordings, or by which reviewer, for all time; and prove that no view is missing.

Two registers are read together: views of staff, and openings of programs and of families themselves (FAIL-08).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from expunge.core.journal import events as journalled
from expunge.core.journal.opening_events import OpeningRefused, RecordingOpened
from expunge.core.journal.peek import peek
from expunge.core.journal.review_events import (
    ClarityChanged,
    LeaseBegun,
    LeaseEnded,
    ReviewsCommitted,
    ReviewsLogged,
    ViewGiven,
    ViewRefused,
    ViewReported,
    ViewServed,
)
from expunge.core.review import commitment
from expunge.core.review.watched import WatchedLease
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import OPENINGS, REVIEWS
from expunge.engine.review.review_stream import read_event
from expunge.errors import EvidenceInvalid

LookEntry: TypeAlias = ViewServed | ViewRefused | RecordingOpened | OpeningRefused


@dataclass(frozen=True)
class WantedLooks:
    """The looks that are asked for; an empty field asks for all."""

    recording: str = ""
    """The id of a sealed recording, or the keyed tag of one that lies in the clear."""
    subjects: frozenset[Pseudonym] = frozenset()
    """Every pseudonym of a person."""
    reviewer: str = ""
    """An account of staff, or an account of the operating system that a program ran as."""
    since: datetime | None = None
    until: datetime | None = None
    """The time before which the last one was."""

    def has(self, event: LookEntry) -> bool:
        """Return whether an entry is among them."""
        by = (event.reviewer,) if isinstance(event, ViewServed | ViewRefused) else (event.user, event.account)
        return (
            self.recording in {"", event.recording}
            and (not self.subjects or not self.subjects.isdisjoint(event.subjects))
            and (not self.reviewer or self.reviewer in by)
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
        )


@dataclass(frozen=True)
class FoundLook:
    """One look."""

    entry: LookEntry
    given: int | None = None
    """Bytes that a view handed out; None where that was not entered, as after a crash, and for other entries."""


def looks(context: Context, wanted: WantedLooks) -> Iterator[FoundLook]:
    """Yield looks and refusals of both registers, the oldest first. What was handed out is looked up beside each view."""
    given = {(each.lease, each.sequence): each.bytes for each in _events(context, REVIEWS, ViewGiven) if isinstance(each, ViewGiven)}
    views = _events(context, REVIEWS, ViewServed, ViewRefused)
    openings = _events(context, OPENINGS, RecordingOpened, OpeningRefused)
    for event in heapq.merge(views, openings, key=lambda each: each.at):  # type: ignore[attr-defined]
        if isinstance(event, ViewServed | ViewRefused | RecordingOpened | OpeningRefused) and wanted.has(event):
            served = isinstance(event, ViewServed)
            yield FoundLook(event, given.get((event.lease, event.sequence)) if isinstance(event, ViewServed) and served else None)


def watched(context: Context, lease: str) -> WatchedLease:
    """Return what was handed out under a lease, and what its player says it showed."""
    return WatchedLease.of(lease, _events(context, REVIEWS, ViewServed, ViewGiven, ViewReported, ClarityChanged))


def _events(context: Context, register: str, *kinds: type) -> Iterator[object]:
    for data in context.journal.read(register):
        if peek(data, *kinds) is not None:
            yield read_event(data) if register == REVIEWS else journalled.decode(data)


@dataclass
class ViewProof:
    """The result of a check of the whole register of reviews against the log."""

    events: int = 0
    views: int = 0
    leases: int = 0
    entries: int = 0
    """Entries of the log that commit to events."""
    proven: int = 0
    """Events that an entry in the log commits to."""
    log_size: int = 0
    faults: list[str] = field(default_factory=list)
    """What is missing, or is not as it was entered. Empty: no view is missing of those that were ever entered."""

    @property
    def waiting(self) -> int:
        """The events that no entry of the log commits to yet: at most those of the last moments."""
        return self.events - self.proven


def prove(context: Context) -> ViewProof:
    """Check that no event of the register of reviews is missing, changed or added.

    Each entry of the log commits to the events behind the one before, without a gap. Views of a lease are numbered without a gap, and
    none stands before its lease or behind its end. The log has no entry that the register does not know.

    Raises StateCorrupt where the journal's own chain does not hold, or the log contradicts itself.
    """
    return _Prover(context).run()


class _Prover:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._proof = ViewProof(log_size=context.log.head().size)
        self._open: list[bytes] = []
        """Events that the next entry has to commit to."""
        self._numbers: dict[str, int] = {}
        self._ended: set[str] = set()
        self._until: dict[str, datetime] = {}
        self._stated: ReviewsCommitted | None = None
        self._logged: ReviewsLogged | None = None

    def run(self) -> ViewProof:
        proof = self._proof
        for data in self._context.journal.read(REVIEWS):
            event = read_event(data)
            if isinstance(event, ReviewsCommitted):
                self._take_entry(event)
            elif isinstance(event, ReviewsLogged):
                self._take_logged(event)
            else:
                self._take_lease(event)
            self._open.append(data)
            proof.events += 1
        self._look_behind()
        return proof

    def _take_entry(self, entry: ReviewsCommitted) -> None:
        proof = self._proof
        if entry.number != proof.entries:
            self._fault(f"entry {proof.entries} of the log is missing from the register")
        if (entry.first, entry.count) != (proof.events - len(self._open), len(self._open)):
            self._fault(f"entry {entry.number} does not follow the one before: events are missing")
        elif self._open and commitment.root_of(bytes.fromhex(entry.salt), entry.first, self._open).hex() != entry.root:
            self._fault(f"events of entry {entry.number} are not as they were entered")
        proof.entries, self._open, self._stated = entry.number + 1, [], entry

    def _take_logged(self, event: ReviewsLogged) -> None:
        if self._stated is None or self._stated.number != event.number:
            self._fault(f"entry {event.number} was not stated")
            return
        try:
            leaf = self._context.log.entry(event.index)
        except EvidenceInvalid:
            leaf = b""
        if leaf != commitment.log_leaf(self._stated):
            self._fault(f"entry {event.number} is not in the log where the register says")
            return
        self._logged = event
        self._proof.proven = self._stated.first + self._stated.count

    def _take_lease(self, event: object) -> None:
        proof = self._proof
        match event:
            case LeaseBegun():
                proof.leases += 1
                self._numbers[event.lease], self._until[event.lease] = 0, event.until
            case LeaseEnded():
                self._ended.add(event.lease)
            case ViewServed():
                proof.views += 1
                expected = self._numbers.get(event.lease)
                if expected is None:
                    self._fault(f"view {event.sequence} of lease {event.lease} stands before its lease")
                elif event.sequence != expected:
                    self._fault(f"view {expected} of lease {event.lease} is missing")
                elif event.lease in self._ended or event.at >= self._until[event.lease]:
                    self._fault(f"view {event.sequence} of lease {event.lease} stands behind the end of its lease")
                self._numbers[event.lease] = event.sequence + 1

    def _look_behind(self) -> None:
        """Look for entries of the log that the register does not know."""
        start = 0 if self._logged is None else self._logged.index + 1
        known = self._stated.number if self._stated is not None else -1
        for index in range(start, self._proof.log_size):
            number = commitment.number_in(self._context.log.entry(index))
            if number is not None and number > known:
                self._fault(f"the log has entry {number}, which the register does not know: views were taken out of it")

    def _fault(self, text: str) -> None:
        if len(self._proof.faults) < _MOST_FAULTS:
            self._proof.faults.append(text)


_MOST_FAULTS = 100


@dataclass(frozen=True)
class ViewReceipt:
    """What shows any person, without this installation, that one view was entered: the event, and what leads to the log."""

    proof: commitment.EventProof
    leaf: bytes
    index: int


def receipt(context: Context, lease: str, sequence: int) -> ViewReceipt | None:
    """Return the receipt of a view; None where it is not in the log yet, or there is no such view. Raises EvidenceInvalid."""
    waiting: list[bytes] = []
    place: int | None = None
    found: tuple[ReviewsCommitted, list[bytes]] | None = None
    for position, data in enumerate(context.journal.read(REVIEWS)):
        event = read_event(data)
        if isinstance(event, ReviewsLogged) and found is not None and event.number == found[0].number and place is not None:
            return ViewReceipt(commitment.prove(*found, place), commitment.log_leaf(found[0]), event.index)
        if isinstance(event, ViewServed) and (event.lease, event.sequence) == (lease, sequence):
            place = position
        if isinstance(event, ReviewsCommitted):
            if place is not None and found is None:
                found = event, waiting
            waiting = []
        waiting.append(data)
    return None
