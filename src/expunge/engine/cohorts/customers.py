"""Find all customers of a past period, those that a later look finds too, and say until when each has to be told (RNG-30)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from expunge.core.datamap.datamap import ByField, Dataset
from expunge.core.journal import events as ev
from expunge.core.journal.cohorts import CohortNotice, Told, fold_cohorts
from expunge.core.journal.notice_events import CohortFound
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import spelt_names, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import COHORTS, read_register, register_behind
from expunge.engine.recipients import deadlines
from expunge.engine.recipients.deadlines import Deadline
from expunge.engine.subjects import spellings
from expunge.errors import UsageError

FIRST, LATER = "customer notice", "later customer notice"
"""What clocks apply to: customers of the first look, and those who were found since."""
ENTERED, IDENTIFIED = "order entered", "identified"
_AT_A_TIME = 1000
"""Customers in one event."""
_LONGEST_NAME = 80


@dataclass(frozen=True)
class CohortQuery:
    """Which customers are meant: those who had items of a dataset within a period."""

    name: str
    """The operator's name for the notice: no identifier."""
    dataset: str
    since: datetime
    until: datetime
    template: str
    """Hex SHA-256 of the letter."""
    ordered: datetime
    """When the order to tell them was entered."""
    when: str = ""
    """The field that says when an item was made; the one that the dataset's keeping time runs from where it is empty."""


def every(context: Context) -> dict[str, CohortNotice]:
    """Return every cohort."""
    return fold_cohorts(read_register(context.journal, COHORTS))


def named(context: Context, name: str) -> CohortNotice:
    """Return a cohort. Raises UsageError where there is none of that name."""
    found = every(context).get(name)
    if found is None:
        raise UsageError("there is no such notice", help="`expunge notice cohort list` shows those there are")
    return found


def find(context: Context, query: CohortQuery) -> CohortNotice:
    """Look for the customers of a period, and enter those whom no earlier look found. Return the cohort with all of them.

    A customer is of the period where items of the dataset begin before its end, and the last one is not before its beginning: more are
    found rather than fewer.

    Raises:
        UsageError: the map has no such dataset, it names no person or no time, the period is empty, or the notice has begun with another
            period, dataset or letter.
        StoreUnavailable, CouldNotLook: as the stores do. Nothing is entered then: a look that sees a part finds too few.
    """
    dataset = _checked(context, query)
    subjects = dict(_of_period(context, dataset, query))

    def decide(events: list[ev.Event]) -> list[CohortFound]:
        known = fold_cohorts(events).get(query.name)
        _require_same(known, query)
        fresh = sorted(subjects.keys() - (known.customers.keys() if known else set()))
        parts = [tuple(fresh[start : start + _AT_A_TIME]) for start in range(0, len(fresh), _AT_A_TIME)] or [()]
        now, period = context.clock.now(), (query.since, query.until, query.template)
        return [CohortFound(now, query.name, query.dataset, *period, part, query.ordered, first=known is None) for part in parts]

    # commit point: these customers have to be told.
    register_behind(context.journal, COHORTS, decide)
    return named(context, query.name)


def values(context: Context, cohort: CohortNotice) -> dict[Pseudonym, tuple[str, str]]:
    """Return the identity kind and identifier of each customer whom the dataset still names. Raises as the stores do."""
    kind = _kind(context.data_map.datasets[cohort.dataset])
    dataset = context.data_map.datasets[cohort.dataset]
    key = context.keys.pseudonym_key()
    assert isinstance(dataset.subject, ByField)
    listed = spellings.values_of(context.open_store(dataset.store), dataset, dataset.subject.fields[kind])
    found = {spelt_names.name_of(context.data_map, key, kind, value): (kind, value) for value in listed if value}
    return {subject: identity for subject, identity in found.items() if subject in cohort.customers}


def owed(context: Context) -> tuple[Deadline, ...]:
    """Return until when each cohort has to be told: those of the first look together, those found later by the day they were found."""
    found: list[Deadline] = []
    for cohort in every(context).values():
        what = f"notice {cohort.name}"
        waiting = [customer for customer in cohort.customers.values() if customer.told.owed]
        if any(customer.first for customer in waiting):
            found += deadlines.owed(context, what, FIRST, {ENTERED: cohort.ordered})
        for identified in sorted({customer.found for customer in waiting if not customer.first}):
            found += deadlines.owed(context, what, LATER, {IDENTIFIED: identified})
    return tuple(found)


def unreached(cohort: CohortNotice) -> tuple[Pseudonym, ...]:
    """Return the customers whom mail does not reach."""
    return tuple(subject for subject, customer in cohort.customers.items() if customer.told.unreached)


def told(cohort: CohortNotice) -> int:
    """Return how many customers got the letter, as far as is known."""
    return sum(customer.told is Told.TAKEN for customer in cohort.customers.values())


def _of_period(context: Context, dataset: Dataset, query: CohortQuery) -> Iterator[tuple[Pseudonym, None]]:
    key, kind = context.keys.pseudonym_key(), _kind(dataset)
    assert isinstance(dataset.subject, ByField)
    by, when = dataset.subject.fields[kind], _time_of(context, dataset, query.when)
    for span in store_calls.spans(context.open_store(dataset.store), dataset, by, when):
        # Why without a time as well: a customer whose items tell none may be of the period.
        began, ended = span.first or query.since, span.last or query.since
        if span.value and began < query.until and ended >= query.since:
            yield spelt_names.name_of(context.data_map, key, kind, span.value), None


def _checked(context: Context, query: CohortQuery) -> Dataset:
    if not query.name.strip() or len(query.name) > _LONGEST_NAME:
        message = f"a notice has a name of at most {_LONGEST_NAME} characters"
        raise UsageError(message, help="such as 'reviewed recordings': no identifier in it")
    if query.since >= query.until:
        raise UsageError("the period is empty", help="--since DATE before --until DATE")
    dataset = context.data_map.datasets.get(query.dataset)
    if dataset is None:
        raise UsageError("the map has no such dataset", help=f"it has {', '.join(sorted(context.data_map.datasets))}")
    _kind(dataset)
    _time_of(context, dataset, query.when)
    return dataset


def _kind(dataset: Dataset) -> str:
    if not isinstance(dataset.subject, ByField) or not dataset.subject.fields:
        raise UsageError("the dataset names no person itself", help="name one with a field that holds who each item is of")
    return next(iter(dataset.subject.fields))


def _time_of(context: Context, dataset: Dataset, when: str) -> str:
    retention = context.data_map.retention.get(dataset.retention)
    field = when or (retention.start if retention else "")
    if not field:
        raise UsageError("nothing says when an item of the dataset was made", help="--when FIELD")
    return field


def _require_same(known: CohortNotice | None, query: CohortQuery) -> None:
    if known is None:
        return
    before = known.dataset, known.since, known.until, known.template
    if before != (query.dataset, query.since, query.until, query.template):
        message = "the notice has begun with another period, dataset or letter"
        raise UsageError(message, help="give the same ones, or begin another notice under another name")
