"""Cohorts folded from their register: customers of a past period, and what became of the letter to each.

Source: FTC v. Ring, VIII (RNG-30): find all customers of a past period and tell them, with nothing else enclosed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from expunge.core.journal.notice_events import CohortBounced, CohortFound, CohortSent, CohortTried, LetterResult
from expunge.core.values.ids import Pseudonym

MOST_TRIES = 2
"""Letters to one customer whose result a crash took: a third one is not sent by itself."""


class Told(StrEnum):
    """What is known of the letter to one customer."""

    NOT_YET = "not yet"
    UNKNOWN = "unknown"
    """It was about to be handed over, and nothing says whether it was."""
    LATER = "later"
    TAKEN = "taken"
    REFUSED = "refused"
    NO_ADDRESS = "no address"
    BOUNCED = "bounced"
    """It was taken, and came back."""

    @property
    def owed(self) -> bool:
        """Return whether the customer still has to be told by mail."""
        return self in _OWED

    @property
    def unreached(self) -> bool:
        """Return whether mail does not reach the customer: another way has to."""
        return self in _UNREACHED


_OWED = frozenset({Told.NOT_YET, Told.UNKNOWN, Told.LATER})
_UNREACHED = frozenset({Told.REFUSED, Told.NO_ADDRESS, Told.BOUNCED})
_OF_RESULT: Mapping[LetterResult, Told] = {
    LetterResult.TAKEN: Told.TAKEN,
    LetterResult.REFUSED: Told.REFUSED,
    LetterResult.LATER: Told.LATER,
    LetterResult.NO_ADDRESS: Told.NO_ADDRESS,
}


@dataclass(frozen=True)
class CohortCustomer:
    """One customer of a cohort."""

    found: datetime
    first: bool
    """Whether the first look found the customer."""
    told: Told = Told.NOT_YET
    tries: int = 0
    """Letters that were begun and whose result is not known, the last one included."""


@dataclass(frozen=True)
class CohortNotice:
    """One cohort: its period, its letter, and its customers."""

    name: str
    dataset: str
    since: datetime
    until: datetime
    template: str
    """Hex SHA-256 of the letter's text."""
    ordered: datetime
    customers: Mapping[Pseudonym, CohortCustomer] = field(default_factory=dict)
    looked: datetime | None = None
    """The time of the last look."""

    def counts(self) -> dict[Told, int]:
        """Return how many customers there are of each."""
        found = dict.fromkeys(Told, 0)
        for customer in self.customers.values():
            found[customer.told] += 1
        return found


def fold_cohorts(events: Iterable[object]) -> dict[str, CohortNotice]:
    """Return every cohort by its name, from the register's events in order; events of other kinds are passed over."""
    cohorts: dict[str, CohortNotice] = {}
    customers: dict[str, dict[Pseudonym, CohortCustomer]] = {}
    for event in events:
        match event:
            case CohortFound():
                known = customers.setdefault(event.cohort, {})
                known.update({subject: CohortCustomer(event.at, event.first) for subject in event.subjects if subject not in known})
                before = cohorts.get(event.cohort)
                period = event.since, event.until, event.template, event.ordered
                fresh = CohortNotice(event.cohort, event.dataset, *period, known)
                cohorts[event.cohort] = replace(before or fresh, looked=event.at)
            case CohortTried():
                whose = customers[event.cohort]
                whose[event.subject] = replace(whose[event.subject], told=Told.UNKNOWN, tries=whose[event.subject].tries + 1)
            case CohortSent():
                whose = customers[event.cohort]
                whose[event.subject] = replace(whose[event.subject], told=_OF_RESULT[event.result], tries=0)
            case CohortBounced():
                whose = customers[event.cohort]
                whose[event.subject] = replace(whose[event.subject], told=Told.BOUNCED)
            case _:
                continue
    return cohorts
