"""Mark the links to a subject's rows before the links are erased, so that a sweep knows such a row when it comes back without them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from expunge.core.datamap.datamap import DataMap, Dataset, Through
from expunge.core.datamap.person import Person
from expunge.core.journal import events as ev
from expunge.core.journal.peek import peek
from expunge.core.orders.run import Run
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import OrderId, Pseudonym, link_mark
from expunge.engine.gate import fencing
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import SUPPRESSIONS, register
from expunge.engine.subjects import locating, orphaned_items
from expunge.engine.subjects.living_keys import LivingKeys

MARK = 8
"""Bytes of one mark."""


def followed(data_map: DataMap) -> dict[str, frozenset[str]]:
    """Dataset -> its fields by which rows of other datasets are found."""
    fields: dict[str, set[str]] = {}
    for dataset in data_map.datasets.values():
        for name, link in dataset.subject.ways if isinstance(dataset.subject, Through) else ():
            fields.setdefault(name, set()).add(link)
    return {name: frozenset(names) for name, names in fields.items()}


def mark(context: Context, runs: Sequence[Run], dataset: str, copies: Sequence[Copy]) -> None:
    """Journal the marks of the links that are about to be erased in one dataset. Doing it twice adds nothing that matters."""
    fields = followed(context.data_map).get(dataset, frozenset())
    key = context.keys.pseudonym_key()
    by_subject: dict[Pseudonym, set[bytes]] = {}
    for copy in copies:
        for field in fields:
            marks = (link_mark(key, dataset, field, value) for value in copy.links.get(field, frozenset()))
            by_subject.setdefault(copy.subject, set()).update(marks)
    events = []
    for run in runs:
        mine = {str(subject): _packed(by_subject[subject]) for subject in run.subjects if by_subject.get(subject)}
        if mine:
            events.append(ev.Linked(context.clock.now(), run.order, mine))
    if events:
        register(context.journal, SUPPRESSIONS, *events)


def _packed(marks: set[bytes]) -> str:
    return base64.b64encode(b"".join(sorted(marks))).decode()


def marked(context: Context) -> dict[bytes, tuple[OrderId, Pseudonym]]:
    """Return mark -> the latest order that erased the rows behind it, and their subject; of the orders that still suppress."""
    # Why the glance at the bytes: the register is long where many were erased, and many maps lead to nothing.
    linked = [data for data in context.journal.read(SUPPRESSIONS) if peek(data, ev.Linked)]
    standing = fencing.standing_orders(context) if linked else {}
    found: dict[bytes, tuple[OrderId, Pseudonym]] = {}
    for event in map(ev.decode, linked):
        if isinstance(event, ev.Linked) and event.order in standing:
            for subject, text in event.marks.items():
                for each in _unpacked(text):
                    found[each] = (event.order, Pseudonym(subject))
    return found


def _unpacked(text: str) -> Iterator[bytes]:
    data = base64.b64decode(text)
    return (data[start : start + MARK] for start in range(0, len(data), MARK))


def orphans(
    context: Context, people: Sequence[Person], known: Mapping[str, Mapping[Pseudonym, Selector]]
) -> dict[str, dict[Pseudonym, Selector]]:
    """Return dataset -> subject -> a selector of rows of previously erased people to which no link points any more.

    Another program may have written these rows since. Everything is read, but only where marks of these people exist whose values the
    selectors ``known`` of the order lack: of those it looks by value anyway.
    """
    marks = marked(context)
    whose = {name: person.subject for person in people for name in locating.names_of(context, person)} if marks else {}
    wanted = {each: whose[whom] for each, (_, whom) in marks.items() if whom in whose}
    for each, subject in _looked_for(context, known) if wanted else ():
        if wanted.get(each) == subject:
            del wanted[each]
    found: dict[str, dict[Pseudonym, Selector]] = {}
    for dataset in context.data_map.datasets.values() if wanted else ():
        if not isinstance(dataset.subject, Through):
            continue
        # What cannot be read is said by whoever locates in it next.
        with suppress(*store_calls.TROUBLE):
            values: dict[Pseudonym, set[str]] = {}
            for value, each in pointerless(context, dataset, dataset.subject):
                if each in wanted:
                    values.setdefault(wanted[each], set()).add(value)
            via = dataset.subject.via
            found[dataset.name] = {whom: Selector(whom, {via: frozenset(theirs)}) for whom, theirs in values.items()}
    return found


def _looked_for(context: Context, known: Mapping[str, Mapping[Pseudonym, Selector]]) -> Iterator[tuple[bytes, Pseudonym]]:
    """Yield (mark, subject) of the links in some selectors, where every dataset that is found by such a link is looked for by them."""
    key = context.keys.pseudonym_key()
    by_link: dict[tuple[str, str], list[frozenset[tuple[Pseudonym, str]]]] = {}
    for dataset in context.data_map.datasets.values():
        if isinstance(rule := dataset.subject, Through):
            sought = known.get(dataset.name, {}).items()
            values = frozenset((subject, value) for subject, each in sought for value in _sought(each, rule.via))
            for way in rule.ways:
                by_link.setdefault(way, []).append(values)
    for (name, link), found in by_link.items():
        yield from ((link_mark(key, name, link, value), subject) for subject, value in frozenset.intersection(*found))


def _sought(selector: Selector, field: str) -> frozenset[str]:
    return selector.match.get(field, frozenset()) if not selector.every and not selector.narrowed else frozenset()


def pointerless(context: Context, dataset: Dataset, rule: Through) -> Iterator[tuple[str, bytes]]:
    """Yield (value, mark) of the rows of a dataset to which no link points. Raises the errors of stores."""
    key = context.keys.pseudonym_key()
    # Why with living people alone there: an item that goes with the last person is kept by nobody who is gone.
    living = LivingKeys(context) if dataset.goes_with_the_last else None
    pointers = orphaned_items.pointers_by(context, rule, {}, living)
    for copy in store_calls.bystanders(context.open_store(dataset.store), dataset, (), None):
        for value in (copy.selector.match.get(rule.via, frozenset()) if copy.selector else frozenset()) - pointers:
            yield from ((value, link_mark(key, name, link, value)) for name, link in rule.ways)
