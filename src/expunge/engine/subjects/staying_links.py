"""Tell which links keep an item that goes with the last person: those of people who stay, and those of what stays of the erased person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from expunge.core.datamap.datamap import Dataset, Through
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import orphaned_items
from expunge.engine.subjects.living_keys import LivingKeys


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
    values: dict[Pseudonym, frozenset[str]] = {}
    for name, link in rule.ways:
        for copy in staying:
            if copy.dataset == name:
                values[copy.subject] = values.get(copy.subject, frozenset()) | copy.links.get(link, frozenset())
    asked = {who: going[who].match.get(rule.via, frozenset()) if who in going else frozenset[str]() for who in values}
    return [Selector(who, {rule.via: left}) for who, each in values.items() if (left := each - asked[who])]


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
