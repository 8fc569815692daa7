"""The selectors of an order's subjects, sealed under its key. Links may be gone when a sweep looks again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from expunge.core.orders.run import Run
from expunge.core.values import canonical, codec
from expunge.core.values.copy import Selector
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.scope import Window
from expunge.engine.kernel.context import Context
from expunge.engine.subjects.locating import LocatedCopies

SELECTORS = "selectors.sealed"


def sealed_selectors(context: Context, order: OrderId, known: Mapping[str, Mapping[Pseudonym, Selector]], located: LocatedCopies) -> bytes:
    """Return the selectors of all subjects of an order, sealed under its key, joined with those of an earlier look."""
    return _sealed(context, order, _joined(known, located))


def _joined(known: Mapping[str, Mapping[Pseudonym, Selector]], located: LocatedCopies) -> dict[str, dict[Pseudonym, Selector]]:
    return {name: {**known.get(name, {}), **located.selectors.get(name, {})} for name in {*known, *located.selectors}}


def _sealed(context: Context, order: OrderId, by_name: Mapping[str, Mapping[Pseudonym, Selector]]) -> bytes:
    said: canonical.Json = {name: {subject: _to_json(each) for subject, each in by_name[name].items()} for name in sorted(by_name)}
    return context.keys.seal(order, SELECTORS, canonical.encode(said))


def seal_for_each(
    context: Context,
    runs: Sequence[Run],
    kept: Mapping[str, Mapping[Pseudonym, Selector]],
    known: Mapping[str, Mapping[Pseudonym, Selector]],
    located: LocatedCopies,
) -> None:
    """Keep the selectors of orders that share a look on the shelf: each order's subjects under its own key.

    Args:
        context: the composition.
        runs: the orders.
        kept: the selectors on the shelf, of all orders (:func:`open_for_all`); an order without newer ones is not written again.
        known: those, and the other selectors of an earlier look.
        located: the copies found now.
    """
    files = []
    for run in runs:
        joined = _joined(_only(known, run.subjects), LocatedCopies(selectors=_only(located.selectors, run.subjects)))
        if joined != _only(kept, run.subjects):
            files.append((run.order, SELECTORS, _sealed(context, run.order, joined)))
    if files:
        context.shelf.put_all(files)


def open_for_all(context: Context, orders: Sequence[OrderId]) -> dict[str, dict[Pseudonym, Selector]]:
    """Return the kept selectors of several orders, joined. No person is in two of them. An order without a look yet adds nothing."""
    joined: dict[str, dict[Pseudonym, Selector]] = {}
    for (order, _), sealed in context.shelf.get_all([(each, SELECTORS) for each in orders]).items():
        for name, by in _opened(context, order, sealed).items():
            joined.setdefault(name, {}).update(by)
    return joined


def _only(by_name: Mapping[str, Mapping[Pseudonym, Selector]], subjects: Sequence[Pseudonym]) -> dict[str, dict[Pseudonym, Selector]]:
    return {name: {subject: by[subject] for subject in subjects if subject in by} for name, by in by_name.items()}


def _opened(context: Context, order: OrderId, sealed: bytes) -> dict[str, dict[Pseudonym, Selector]]:
    """What :func:`seal_for_each` kept."""
    value = canonical.decode(context.keys.open(order, SELECTORS, sealed))
    assert isinstance(value, dict)
    return {name: {Pseudonym(subject): _from_json(Pseudonym(subject), said) for subject, said in by.items()} for name, by in value.items()}


def _to_json(selector: Selector) -> canonical.Json:
    """A field -> values object; for a class of items, an object of the parts, told apart by ``every``, which is then no list."""
    if not selector.every and not selector.narrowed:
        return _values(selector.match)
    parts = {"every": selector.every, "where": codec.to_json(selector.where), "spare": _values(selector.spare)}
    named: dict[str, canonical.Json] = {"only": _values(selector.only)} if selector.only else {}
    return {**parts, **named} if selector.every else {**parts, "match": _values(selector.match), **named}


def _from_json(subject: Pseudonym, said: Mapping[str, Any]) -> Selector:
    every = said.get("every")
    if not isinstance(every, bool):
        return Selector(subject, _sets(said))
    where = None if said["where"] is None else codec.from_json(Window, said["where"])
    only = _sets(said.get("only", {}))
    return Selector(subject, _sets(said.get("match", {})), every=every, where=where, spare=_sets(said["spare"]), only=only)


def _values(by: Mapping[str, frozenset[str]]) -> dict[str, canonical.Json]:
    return {part: sorted(values) for part, values in by.items()}


def _sets(by: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    return {part: frozenset(values) for part, values in by.items()}
