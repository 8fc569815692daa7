"""Data that only consents have a ground to keep, of people whose consent nobody gave, or which holds no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from expunge.core.consent import consent_events as ce
from expunge.core.consent.consent import ConsentReason, Consents, consented
from expunge.core.datamap.datamap import ByField, Dataset, Through
from expunge.core.datamap.person import Person
from expunge.core.datamap.purposes import Ground
from expunge.core.values.cause import ByWithdrawal
from expunge.core.values.ids import Pseudonym
from expunge.core.values.order import OrderState
from expunge.core.values.scope import Scope
from expunge.engine.gate import consent_register
from expunge.engine.kernel import spelt_names, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, Recorder, orders, register
from expunge.engine.subjects import locating, spellings
from expunge.errors import CouldNotLook

_TOGETHER = 500
"""People who are looked for together in what is found through other data."""
_NO_LACK = frozenset({ConsentReason.FROZEN})
"""While guardians are in dispute nothing is decided, either way."""


@dataclass(frozen=True)
class GroundlessData:
    """Data of some people in one dataset that nothing has a ground to keep."""

    dataset: str
    why: ConsentReason
    people: int
    since: datetime
    """When it was first found."""


def look(context: Context, failed: dict[str, str]) -> tuple[GroundlessData, ...]:
    """Look through all datasets that only consents have a ground for, and enter what was found, and what has a ground again.

    Datasets that could not be looked through go to ``failed``, and what is known of them stays.
    """
    consents = consent_register.load(context)
    for dataset in context.data_map.datasets.values():
        purposes = _only_consents(context, dataset)
        if not purposes:
            continue
        try:
            found = dict(_lacking(context, consents, dataset, purposes))
        except store_calls.TROUBLE as error:
            failed[dataset.name] = store_calls.as_unable(error).reason.value
            continue
        known = {subject: each.why for subject, each in consents.groundless.get(dataset.name, {}).items()}
        events: list[ce.GroundMissed | ce.GroundFound] = []
        for why in ConsentReason:
            fresh = tuple(sorted(subject for subject, each in found.items() if each is why and known.get(subject) != why.value))
            events += [ce.GroundMissed(context.clock.now(), dataset.name, why.value, fresh)] if fresh else []
        gone = tuple(sorted(known.keys() - found.keys()))
        events += [ce.GroundFound(context.clock.now(), dataset.name, gone)] if gone else []
        if events:
            register(context.journal, CONSENTS, *events)
    return known_now(context)


def known_now(context: Context) -> tuple[GroundlessData, ...]:
    """Return what the last look found, less those whose consent holds by now. Asks no store."""
    consents = consent_register.load(context)
    found: dict[tuple[str, ConsentReason], list[datetime]] = {}
    for name, by_subject in sorted(consents.groundless.items()):
        dataset = context.data_map.datasets.get(name)
        purposes = _only_consents(context, dataset) if dataset else ()
        for subject, each in by_subject.items() if purposes else ():
            why = _lack(context, consents, subject, purposes)
            if why is not None:
                found.setdefault((name, why), []).append(each.at)
    return tuple(GroundlessData(name, why, len(since), min(since)) for (name, why), since in found.items())


def _only_consents(context: Context, dataset: Dataset) -> tuple[str, ...]:
    """The purposes that use a dataset, where each of them rests on consent; none where another ground carries it."""
    using = [each for each in context.data_map.purposes.values() if dataset.name in each.datasets]
    return tuple(each.name for each in using) if all(each.needs is Ground.CONSENT for each in using) else ()


def _lack(context: Context, consents: Consents, subject: Pseudonym, purposes: Sequence[str]) -> ConsentReason | None:
    """Why no consent of a person carries any of the purposes; None where one does. A consent that once held says more than none."""
    whys = [consented(consents, subject, name, context.clock.now()).why for name in purposes]
    if ConsentReason.AGREED in whys or not _NO_LACK.isdisjoint(whys):
        return None
    return next((each for each in whys if each is not ConsentReason.NEVER), ConsentReason.NEVER)


def _lacking(context: Context, consents: Consents, dataset: Dataset, purposes: Sequence[str]) -> Iterator[tuple[Pseudonym, ConsentReason]]:
    root = context.data_map.datasets.get(locating.leading(context, dataset.name))
    if root is None or not isinstance(root.subject, ByField) or not root.subject.fields:
        # Of hashes alone nobody can tell whose consent they would need.
        return
    # Why the first alone: a record of a profile and its account is the profile's, whose consent it is.
    (kind, field), *_ = root.subject.fields.items()
    key, leaving = context.keys.pseudonym_key(), _leaving(context)
    people: dict[Pseudonym, tuple[ConsentReason, Person]] = {}
    for value in spellings.values_of(context.open_store(root.store), root, field):
        subject = spelt_names.name_of(context.data_map, key, kind, value)
        if not value or subject in people or subject in leaving:
            continue
        why = _lack(context, consents, subject, purposes)
        if why is not None:
            person = Person(subject, {kind: spelt_names.spelt(context.data_map, kind, [value])}, {})
            people[subject] = why, person
    if isinstance(dataset.subject, Through):
        people = {subject: people[subject] for subject in _with_items(context, dataset, [person for _, person in people.values()])}
    yield from ((subject, why) for subject, (why, _) in people.items())


def _with_items(context: Context, dataset: Dataset, people: Sequence[Person]) -> Iterator[Pseudonym]:
    """Those of some people whom a dataset that is found through others holds something of."""
    for start in range(0, len(people), _TOGETHER):
        located = locating.locate(context, people[start : start + _TOGETHER], scope=Scope("a look for a ground", (dataset.name,)))
        if dataset.name in located.failed:
            raise CouldNotLook(located.failed[dataset.name].detail)
        yield from (copy.subject for copy in located.copies.get(dataset.name, ()) if copy.items)


def _leaving(context: Context) -> frozenset[Pseudonym]:
    """Those whose data an order that stands erases: in time or not, its own clocks say."""
    over = {OrderState.FULFILLED, OrderState.CANCELLED, OrderState.REOPENED}
    runs = (Recorder(context.journal, context.clock, order).run for order in orders(context.journal))
    standing = (run for run in runs if run.state not in over and not run.final)
    erasing = (run for run in standing if run.received.scope is None or isinstance(run.received.cause, ByWithdrawal))
    return frozenset(subject for run in erasing for subject in run.subjects)
