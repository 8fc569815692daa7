"""How everybody was looked for: sealed under each order's key, because pointers may be gone when it is time to look again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from expunge.core import canonical
from expunge.core.copy import Selector
from expunge.core.ids import OrderId, Pseudonym
from expunge.core.run import Run
from expunge.engine.context import Context
from expunge.engine.locating import Located

SELECTORS = "selectors.sealed"


def seal_selectors(context: Context, order: OrderId, known: Mapping[str, Mapping[Pseudonym, Selector]], located: Located) -> None:
    """Keep how everybody was looked for, under the order's key, joined with what an earlier look knew."""
    names = {*known, *located.selectors}
    joined: dict[str, canonical.Json] = {}
    for name in sorted(names):
        by: dict[str, canonical.Json] = {}
        for subject in {*known.get(name, {}), *located.selectors.get(name, {})}:
            now = located.selectors.get(name, {}).get(subject) or known[name][subject]
            by[subject] = {part: sorted(values) for part, values in now.match.items()}
        joined[name] = by
    context.shelf.put(order, SELECTORS, context.keys.seal(order, SELECTORS, canonical.encode(joined)))


def seal_for_each(context: Context, runs: Sequence[Run], known: Mapping[str, Mapping[Pseudonym, Selector]], located: Located) -> None:
    """The same for orders that share a look: each order's people under its own key."""
    for run in runs:
        mine = frozenset(run.subjects)
        part = Located(selectors={name: _only(by, mine) for name, by in located.selectors.items()})
        seal_selectors(context, run.order, {name: _only(by, mine) for name, by in known.items()}, part)


def open_for_all(context: Context, orders: Sequence[OrderId]) -> dict[str, dict[Pseudonym, Selector]]:
    """What was kept for several orders, joined: no person is in two of them."""
    joined: dict[str, dict[Pseudonym, Selector]] = {}
    for order in orders:
        for name, by in open_selectors(context, order).items():
            joined.setdefault(name, {}).update(by)
    return joined


def _only(by: Mapping[Pseudonym, Selector], subjects: frozenset[Pseudonym]) -> dict[Pseudonym, Selector]:
    return {subject: each for subject, each in by.items() if subject in subjects}


def open_selectors(context: Context, order: OrderId) -> dict[str, dict[Pseudonym, Selector]]:
    """What :func:`seal_selectors` kept; empty before the first look."""
    sealed = context.shelf.get(order, SELECTORS)
    if sealed is None:
        return {}
    value = canonical.decode(context.keys.open(order, SELECTORS, sealed))
    assert isinstance(value, dict)
    return {
        name: {
            Pseudonym(subject): Selector(Pseudonym(subject), {part: frozenset(values) for part, values in match.items()})
            for subject, match in by.items()
        }
        for name, by in value.items()
    }
