"""What stands against a review whatever a policy says: an erasure order, a dispute of guardians, and the family's word that is lacking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from expunge.core.consent.consent import ConsentReason, Consents, consented
from expunge.core.datamap.purposes import Use
from expunge.core.journal import events as journalled
from expunge.core.review.question import ConsentState
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.engine.gate import consent_register
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import SUPPRESSIONS
from expunge.ports.journal import Journal


@dataclass
class SuppressionStream:
    """The register of suppressions as one process knows it: the pseudonyms that an order suppresses now. Safe between threads."""

    journal: Journal
    _orders: dict[OrderId, frozenset[str]] = field(default_factory=dict)
    _length: int = 0
    _lock: Lock = field(default_factory=Lock)

    def suppressed(self, subjects: Iterable[Pseudonym]) -> frozenset[Pseudonym]:
        """Return those of some subjects whom an erasure order suppresses."""
        wanted = frozenset(subjects)
        with self._lock:
            length = self.journal.length(SUPPRESSIONS)
            if length < self._length:
                # A journal that was put back from a copy.
                self._orders, self._length = {}, 0
            for data in self.journal.read(SUPPRESSIONS, self._length) if length > self._length else ():
                event = journalled.decode(data)
                self._length += 1
                if isinstance(event, journalled.Suppressed):
                    self._orders[event.order] = frozenset(event.pseudonyms)
                elif isinstance(event, journalled.Unsuppressed):
                    self._orders.pop(event.order, None)
            return frozenset(name for name in wanted if any(name in names for names in self._orders.values()))


def in_dispute(consents: Consents, subjects: Iterable[Pseudonym]) -> bool:
    """Return whether guardians of any of these subjects are in dispute."""
    return bool(consents.frozen) and any(consents.of(each) in consents.frozen for each in subjects)


def review_consent(context: Context, subjects: Sequence[Pseudonym], dataset: str) -> ConsentState:
    """Return where consent to review by people stands for a recording: that of the person of whom it stands worst.

    A purpose of the map counts that uses the dataset for human review and needs consent: another ground is no word of the family.
    """
    return review_consent_at(consent_register.load(context), subjects, dataset, context.clock.now())


def review_consent_at(consents: Consents, subjects: Sequence[Pseudonym], dataset: str, at: datetime) -> ConsentState:
    """Return the same from consents as they stood at a time."""
    names = [name for name, each in consents.purposes.items() if each.use is Use.REVIEW and dataset in each.datasets]
    states = [_best(consented(consents, subject, name, at).why for name in names) for subject in subjects]
    return max(states, key=_BAD.index, default=ConsentState.NONE)


def _best(reasons: Iterable[ConsentReason]) -> ConsentState:
    return min((_STATES.get(why, ConsentState.NONE) for why in reasons), key=_BAD.index, default=ConsentState.NONE)


_BAD = [ConsentState.VALID, ConsentState.EXPIRED, ConsentState.NONE, ConsentState.WITHDRAWN]
"""Worse and worse."""
_STATES = {
    ConsentReason.AGREED: ConsentState.VALID,
    ConsentReason.WITHDRAWN: ConsentState.WITHDRAWN,
    ConsentReason.TEXT: ConsentState.EXPIRED,
    ConsentReason.TERMS: ConsentState.EXPIRED,
    ConsentReason.NO_AUTHORITY: ConsentState.EXPIRED,
}
