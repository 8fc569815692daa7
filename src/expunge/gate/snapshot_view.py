"""A verified snapshot, ready for queries."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import BinaryIO

import numpy as np

from expunge.core.gate.gate_entry import key_check
from expunge.core.gate.gate_head import MOST_HEADER_BYTES, SIGNATURE_BYTES, GateLack, ListedMeaning, PurposeRule, SnapshotHead, read_head
from expunge.core.gate.gate_snapshot import FORMER_SCHEMA, GateSnapshot, parse_snapshot
from expunge.core.values.periods import Period, is_over
from expunge.errors import EvidenceInvalid
from expunge.gate.decisions import YES, Decision, GateReason
from expunge.gate.entry_list import EntryList, Mask, Words

_LACKING = {GateLack.REVIEW: GateReason.NOT_REVIEWED, GateLack.ASSURANCE: GateReason.NO_ASSURANCE}
SKEW = timedelta(minutes=5)
"""How far the publisher's clock may be ahead of ours."""


@dataclass(frozen=True)
class PurposeView:
    """The part of a snapshot that concerns one purpose."""

    head: SnapshotHead
    first: tuple[tuple[EntryList, GateReason], ...]
    """Lists that refuse for every purpose."""
    former: EntryList | None
    """Those suppressed before format 2."""
    known: bool
    rule: PurposeRule | None
    then: tuple[tuple[EntryList, GateReason], ...]
    """Lists that refuse for this purpose."""
    given: EntryList | None

    @cached_property
    def shut(self) -> GateReason | None:
        """Why nothing passes for the purpose, whoever is asked about; None while something may."""
        if self.rule is None:
            return None
        if self.rule.closed:
            return GateReason.CLOSED
        return None if self.rule.lacks is None else _LACKING[self.rule.lacks]

    @cached_property
    def answers(self) -> dict[GateReason, Decision]:
        """The answer for each reason: there are only so many."""
        return {each: Decision(each in YES, each, self.head.published, self.head.policy) for each in GateReason}

    def reason(self, entry: bytes, recorded: datetime | None, now: Callable[[], datetime]) -> GateReason:
        """Return why one identifier may or may not be used. Suppressions from before format 2 are not covered (:attr:`former`)."""
        for entries, why in self.first:
            if entries.holds(entry):
                return why
        if not self.known:
            return GateReason.UNKNOWN_PURPOSE
        if self.shut is not None:
            return self.shut
        for entries, why in self.then:
            if entries.holds(entry):
                return why
        if self.rule is None:
            return GateReason.NOT_SUPPRESSED
        if self.rule.needs_consent and not (self.given is not None and self.given.holds(entry)):
            return GateReason.NO_CONSENT
        if recorded is not None and self.rule.keep is not None and is_over(recorded, self.rule.keep, now()):
            return GateReason.ENDED
        return GateReason.PERMITTED

    def refused(self, first: Words, second: Words, former: Callable[[Mask], Mask]) -> list[tuple[GateReason, Mask]]:
        """For many identifiers, who is refused for each reason; the first of several counts.

        Args:
            first: of each entry, its first 8 bytes as a number.
            second: and the others.
            former: given who is still in, says which of them are suppressed by their entry of format 1 (:attr:`former`).
        """
        refused: list[tuple[GateReason, Mask]] = []
        left = np.ones(len(first), np.bool_)

        def drop(why: GateReason, mask: Mask) -> None:
            refused.append((why, mask & left))
            np.logical_and(left, ~mask, out=left)

        for entries, why in self.first:
            drop(why, entries.among(first, second))
        if self.former is not None:
            drop(GateReason.SUPPRESSED, former(left))
        if not self.known:
            drop(GateReason.UNKNOWN_PURPOSE, np.ones(len(first), np.bool_))
        if self.shut is not None:
            drop(self.shut, np.ones(len(first), np.bool_))
        for entries, why in self.then:
            drop(why, entries.among(first, second))
        if self.rule is not None and self.rule.needs_consent:
            drop(GateReason.NO_CONSENT, ~self.given.among(first, second) if self.given is not None else np.ones(len(first), np.bool_))
        return refused

    def kept_since(self, now: datetime) -> datetime | None:
        """Return the moment before which recorded data may no longer be kept for the purpose; None without such a limit."""
        return None if self.rule is None or self.rule.keep is None else _still_kept(self.rule.keep, now)


class SnapshotView:
    """All of a snapshot."""

    def __init__(self, head: SnapshotHead, lists: Mapping[tuple[ListedMeaning, str], EntryList]) -> None:
        self.head = head
        self.lists = lists
        self.earliest = head.published - SKEW
        """Before this, a clock is wrong."""
        self.latest = head.valid_until
        self._lenses: dict[str, PurposeView] = {}

    def lens(self, purpose: str) -> PurposeView:
        """Return the view for one purpose. Raises ValueError where none is named."""
        found = self._lenses.get(purpose)
        if found is None:
            if not purpose:
                raise ValueError("name the purpose")
            found = self._make(purpose)
            if found.known:
                self._lenses[purpose] = found
        return found

    def _make(self, purpose: str) -> PurposeView:
        rules = self.head.purposes
        pick = self.lists.get
        first = ((pick((ListedMeaning.SUPPRESSED, "")), GateReason.SUPPRESSED), (pick((ListedMeaning.FROZEN, "")), GateReason.FROZEN))
        then = ((pick((ListedMeaning.WITHDRAWN, purpose)), GateReason.WITHDRAWN), (pick((ListedMeaning.ENDED, purpose)), GateReason.ENDED))
        return PurposeView(
            self.head,
            tuple((entries, why) for entries, why in first if entries is not None),
            pick((ListedMeaning.FORMER, "")),
            rules is None or purpose in rules,
            None if rules is None else rules.get(purpose),
            tuple((entries, why) for entries, why in then if entries is not None),
            pick((ListedMeaning.GIVEN, purpose)),
        )


def load(file: BinaryIO, publics: Sequence[bytes], key: bytes) -> SnapshotView | GateReason:
    """Read and check a snapshot, of either format, as it streams by; why not, where it cannot be relied on. Raises OSError."""
    try:
        view = _checked(file, publics)
    except EvidenceInvalid:
        return GateReason.FORGED
    return view if view.head.key_check == key_check(key) else GateReason.WRONG_KEY


def _checked(file: BinaryIO, publics: Sequence[bytes]) -> SnapshotView:
    line = file.readline(MOST_HEADER_BYTES)
    if f'"schema":"{FORMER_SCHEMA}"'.encode() in line:
        return _viewed(parse_snapshot(line + file.read(), publics))
    head = read_head(line, file.read(SIGNATURE_BYTES), publics)
    rest = os.fstat(file.fileno()).st_size - len(line) - SIGNATURE_BYTES
    if rest != sum(span.size for span in head.spans):
        raise EvidenceInvalid("the snapshot's header and length differ")
    lists = {}
    for span in head.spans:
        exact = span.listing is ListedMeaning.GIVEN
        lists[span.listing, span.purpose] = EntryList.read(file.read, span.count, span.sha256, exact=exact)
    return SnapshotView(head, lists)


def _viewed(snapshot: GateSnapshot) -> SnapshotView:
    lists = {}
    for span in snapshot.head.spans:
        data = io.BytesIO(snapshot.lists[span.listing, span.purpose])
        if span.count:
            lists[span.listing, span.purpose] = EntryList.read(data.read, span.count, span.sha256, exact=False)
    return SnapshotView(snapshot.head, lists)


def _still_kept(keep: Period, now: datetime) -> datetime:
    """The earliest instant from which the period has not ended by ``now``; found by halving, since months differ in length."""
    step = timedelta(microseconds=1)
    long_ago = now - timedelta(days=keep.days + keep.months * 31 + 31)
    early, late = 0, (now - long_ago) // step
    while early < late:
        middle = (early + late) // 2
        if is_over(long_ago + middle * step, keep, now):
            early = middle + 1
        else:
            late = middle
    return long_ago + early * step
