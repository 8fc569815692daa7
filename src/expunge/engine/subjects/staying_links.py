"""Tell which links keep an item that goes with the last person: those of people who stay, and those of what stays of the erased person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from expunge.core.datamap.datamap import Dataset, Through
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import orphaned_items
from expunge.engine.subjects.living_keys import LivingKeys
from expunge.ports.store import Store


@dataclass(frozen=True)
class StayingLinks:
    """The values that lead to an item from what stays."""

    others: frozenset[str]
    """From items of people who stay."""
    own: Mapping[str, frozenset[str]]
    """Dataset -> the values in items there that are the erased people's own, and are kept on purpose."""


def led_to_by_the_rest(rule: Through, staying: Sequence[Copy], going: Mapping[Pseudonym, Selector]) -> list[Selector]:
    """Return the selectors of what was made from items that stay of the erased people, and from none that goes.

    Args:
        rule: how it is found.
        staying: copies of the erased people, in any dataset, that an order for some items leaves.
        going: subject -> the selector of what goes.
    """
    values = _values_of(rule, staying)
    asked = {who: going[who].match.get(rule.via, frozenset()) if who in going else frozenset[str]() for who in values}
    return [Selector(who, {rule.via: left}) for who, each in values.items() if (left := each - asked[who])]


def _values_of(rule: Through, staying: Sequence[Copy]) -> dict[Pseudonym, frozenset[str]]:
    values: dict[Pseudonym, frozenset[str]] = {}
    for name, link in rule.ways:
        for copy in staying:
            if copy.dataset == name:
                values[copy.subject] = values.get(copy.subject, frozenset()) | copy.links.get(link, frozenset())
    return values


def made_from_what_goes(
    store: Store, dataset: Dataset, copies: Sequence[Copy], raw: Mapping[str, Mapping[Pseudonym, Copy]]
) -> tuple[Copy, ...]:
    """Return the copies less what a value led to, and was made from items that are not among those that were found."""
    found: list[Copy] = []
    for copy in copies:
        asked = copy.selector
        if not isinstance(dataset.subject, Through) or asked is None or asked.every or asked.narrowed:
            found.append(copy)
            continue
        going = {name: raw[name][copy.subject].keys for name in dataset.subject.sources if copy.subject in raw.get(name, {})}
        left = copy.without(store_calls.led_from_elsewhere(store, dataset, copy, going))
        found += [left] if left.items else []
    return tuple(found)


@dataclass(frozen=True)
class LedToByBoth:
    """What is found through items that go, less what items of the same person that stay lead to as well."""

    going: tuple[Copy, ...]
    staying: tuple[Copy, ...]
    """What both lead to: nothing says from which of them it was made."""
    narrowed: Mapping[Pseudonym, Selector]
    """How the rest is found, for those of whom something is left out."""


def less_led_to_by_both(store: Store, dataset: Dataset, rule: Through, copies: Sequence[Copy], staying: Sequence[Copy]) -> LedToByBoth:
    """Return copies that an order for some items would take, less what items of the person that stay lead to as well.

    Raises as ``locate`` of the store.
    """
    values, going, aside, narrowed = _values_of(rule, staying), list[Copy](), list[Copy](), dict[Pseudonym, Selector]()
    for copy in copies:
        asked = copy.selector.match.get(rule.via, frozenset()) if copy.selector is not None else frozenset[str]()
        both = asked & values.get(copy.subject, frozenset())
        if not both or copy.selector is None:
            going.append(copy)
            continue
        left = replace(copy.selector, match={**copy.selector.match, rule.via: asked - both})
        found = store_calls.locate(store, dataset, (replace(copy.selector, match={rule.via: both}),))
        keys = frozenset(key for each in found for key in each.keys).intersection(copy.keys)
        narrowed[copy.subject] = left
        aside += [part for part in (copy.without(set(copy.keys) - keys),) if part.items]
        going += [part for part in (replace(copy, selector=left).without(keys),) if part.keys]
    return LedToByBoth(tuple(going), tuple(aside), narrowed)


def staying_links(
    context: Context,
    rule: Through,
    going: Mapping[str, Sequence[Copy]],
    kept: Mapping[str, Sequence[Copy]],
    shared: Mapping[str, frozenset[str]],
) -> StayingLinks:
    """Return the values of what stays in the datasets that lead to an item. A row that leads to nobody who is there keeps nothing.

    Args:
        context: the composition.
        rule: how the item is found.
        going: dataset -> copies that are to be erased.
        kept: dataset -> copies of the erased people that stay.
        shared: dataset -> those keys of ``kept`` that stay for other people.

    Raises the errors of stores that cannot be read.
    """
    living, others, own = LivingKeys(context), set[str](), dict[str, frozenset[str]]()
    for name, link in rule.ways:
        source = context.data_map.datasets[name]
        mine = frozenset(key for copy in kept.get(name, ()) for key in copy.keys) - shared.get(name, frozenset())
        found: set[str] = set()
        for copy in orphaned_items.owned(context, source, _less(context, source, going.get(name, ()), mine, link, found), going, living):
            others |= copy.links.get(link, frozenset())
        own[name] = own.get(name, frozenset()) | found
    return StayingLinks(frozenset(others), own)


def _less(context: Context, source: Dataset, going: Sequence[Copy], mine: frozenset[str], link: str, found: set[str]) -> Iterator[Copy]:
    """Yield what stays of other people; the links of the erased people's own go into ``found``."""
    for copy in store_calls.bystanders(context.open_store(source.store), source, going, None):
        if mine.isdisjoint(copy.keys):
            yield copy
        else:
            found |= copy.links.get(link, frozenset())
