"""Orders for some items of one person: named ones, or those of a stretch of time, each with everything that was made from it (AMZ-05).

The items are found by the person's own selector, narrowed by one field that names items or by a window. What was made from them is found
through them, as the map says; where it says nothing, the data stays and the receipt says why. The person is not suppressed and stays known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import AboutNobody, DataMap, Dataset, Inherited, Through
from expunge.core.datamap.person import Person
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.retention.retention_rules import rule_of
from expunge.core.values.cause import Cause
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.scope import ItemScope, Window
from expunge.engine.intake import person_orders
from expunge.engine.intake.person_orders import Accepted
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import locating
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import CouldNotLook, UsageError

_AGAIN = "look at the items again, and choose anew"


@dataclass(frozen=True)
class ItemReach:
    """The reach of an order for items, as it is before the order is received."""

    scope: ItemScope
    selectors: Mapping[str, Mapping[Pseudonym, Selector]] = field(repr=False)
    """Dataset -> subject -> which of its items are meant."""
    undated: Mapping[str, int] = field(default_factory=dict)
    """Dataset -> items of the person without a time that can be read, where a stretch of time is meant: they stay."""


def reach(
    context: Context, person: Person, keys: Mapping[str, Collection[str]], windows: Mapping[str, Window] = MappingProxyType({})
) -> ItemReach:
    """Return the reach of an order for some items of a person.

    Args:
        context: the composition.
        person: whose items they are.
        keys: dataset -> the chosen items, as :attr:`expunge.core.values.copy.Copy.keys` has them.
        windows: dataset -> a stretch of time; of a dataset one of both.

    Raises UsageError for a dataset that the map has not, or whose items were made from those of another; for items that are gone or are not
    the person's, and for items that no field tells from the person's others. Raises CouldNotLook where a store cannot be read.
    """
    names = sorted({*keys, *windows})
    if not names or keys.keys() & windows.keys():
        message = "an order for items names some of them, or a stretch of time, in each of its datasets"
        raise UsageError(message, help=_AGAIN)
    for name in names:
        _require_root(context.data_map, name)
    held = locating.locate(context, (person,))
    selectors: dict[str, dict[Pseudonym, Selector]] = {}
    roots: dict[str, int] = {}
    undated: dict[str, int] = {}
    for name in names:
        if name in held.failed:
            message = f"dataset {name} could not be read: {held.failed[name].reason.value}"
            raise CouldNotLook(message, help="try again when it can be read")
        dataset = context.data_map.datasets[name]
        copies = [each for each in held.held_in(name) if each.subject == person.subject and each.selector is not None]
        selector = held.selectors.get(name, {}).get(person.subject)
        if name in windows and (without := _undated(context, dataset, selector, windows[name])):
            undated[name] = without
        elif name in windows and len(names) > 1 and not _items(context, dataset, selector, windows[name]):
            # Why not what has no time: it may lie in it, and would be left out without a word.
            continue
        if selector is None or not copies:
            message = f"nothing of the chosen items is in {name} any more"
            raise UsageError(message, help=_AGAIN)
        if name in windows:
            narrowed = replace(selector, where=windows[name])
        else:
            narrowed = _named(context, dataset, selector, copies, frozenset(keys[name]))
        found = store_calls.locate(context.open_store(dataset.store), dataset, (narrowed,))
        roots[name] = sum(each.items for each in found)
        met = {key for each in found for key in each.keys}
        if not met or (name in keys and met != set(keys[name])):
            message = f"the items of {name} are not what was chosen any more" if met else f"no item of {name} lies in it"
            raise UsageError(message, help=_AGAIN)
        selectors[name] = {person.subject: narrowed}
    if not selectors:
        message = "nothing of the chosen kinds lies in it"
        raise UsageError(message, help=_AGAIN)
    linked, unlinked = families(context.data_map, roots)
    datasets = tuple(sorted(linked | unlinked))
    basis = _basis(keys, windows.keys() & roots, undated)
    scope = ItemScope(basis, datasets, roots=dict(sorted(roots.items())), unlinked=tuple(sorted(unlinked)))
    return ItemReach(scope, _with_family(context, person, selectors, scope), undated)


def _with_family(
    context: Context, person: Person, selectors: Mapping[str, Mapping[Pseudonym, Selector]], scope: ItemScope
) -> dict[str, Mapping[Pseudonym, Selector]]:
    """Return the selectors of items with those of what was made from them.

    Why now: when the items are gone by another hand before the order begins, nothing else leads to it.
    """
    family = locating.locate(context, (person,), (), selectors, scope=scope).selectors
    made = {name: family[name] for name in sorted(scope.linked - scope.roots.keys()) if person.subject in family.get(name, {})}
    return {**selectors, **made}


def _undated(context: Context, dataset: Dataset, selector: Selector | None, window: Window) -> int:
    """Return how many of the person's items have no time that can be read: none of them lies in any window."""
    edge = window.since or window.until
    windows = (None, Window(window.field, until=edge), Window(window.field, since=edge))
    total, before, after = (_items(context, dataset, selector, each) for each in windows)
    return max(0, total - before - after)


def _items(context: Context, dataset: Dataset, selector: Selector | None, window: Window | None) -> int:
    asked = () if selector is None else (replace(selector, where=window),)
    return sum(copy.items for copy in store_calls.locate(context.open_store(dataset.store), dataset, asked))


def _basis(keys: Mapping[str, Collection[str]], windows: Iterable[str], undated: Mapping[str, int]) -> str:
    """Say which items are meant, in words of the map and numbers, for plan and receipt."""
    said = [f"{len(some)} named item{'s' if len(some) > 1 else ''} of {name}" for name, some in sorted(keys.items())]
    for name in sorted(windows):
        less = f", less {undated[name]} of which no time can be read" if name in undated else ""
        said.append(f"the items of {name} of a stretch of time{less}")
    return f"{', '.join(said)}, and what was made from {'it' if said[0].startswith('1 ') and len(said) == 1 else 'them'}"


def _require_root(data_map: DataMap, name: str) -> None:
    """Raise UsageError unless the items of a dataset are the first of their family."""
    dataset = data_map.datasets.get(name)
    if dataset is None:
        message = f"the map has no dataset {name}"
        raise UsageError(message, help=f"it has {', '.join(sorted(data_map.datasets))}")
    if isinstance(dataset.subject, AboutNobody | Inherited):
        message = f"{name} has no items of one person"
        raise UsageError(message, help="choose the items that it was made from")
    sources = dataset.derived_from or (dataset.subject.sources if is_made(data_map, name) and isinstance(dataset.subject, Through) else ())
    if sources:
        message = f"{name} is made from {', '.join(sources)}: one item alone would leave the rest of its family"
        raise UsageError(message, help=f"choose the items of {sources[0]}; what was made from them goes with them")


_MADE = frozenset({DataKind.TRANSCRIPT, DataKind.VOICEPRINT, DataKind.FACEPRINT, DataKind.EMBEDDING, DataKind.NOTE, DataKind.DETAILS})
"""Kinds of data that are made from recordings, whatever else a map says of them."""


def is_made(data_map: DataMap, name: str) -> bool:
    """Return whether the items of a dataset are made from those of another, so that none of them is the first of its family."""
    dataset = data_map.datasets[name]
    return bool(dataset.derived_from) or (isinstance(dataset.subject, Through) and kind_held(data_map, name) in _MADE)


def families(data_map: DataMap, roots: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the datasets that go with items of some datasets, those included, and the ones in which nothing leads to an item.

    A dataset follows when it is found through one that goes, or is made as a whole from one. Data made from items that is found by the
    person alone is unlinked: it may have been made from any item of the person.
    """
    linked, unlinked = set(roots), set[str]()
    while True:
        more = {each.name for each in data_map.datasets.values() if each.name not in linked and _follows(each, linked)}
        apart = {each.name for each in data_map.datasets.values() if _is_apart(each, linked | unlinked)} - linked - more
        if not more and apart <= unlinked:
            return frozenset(linked), frozenset(unlinked)
        linked |= more
        unlinked = (unlinked | apart) - linked


def _follows(dataset: Dataset, linked: Collection[str]) -> bool:
    match dataset.subject:
        case Through() as rule:
            return not set(rule.sources).isdisjoint(linked)
        case Inherited():
            return not set(dataset.derived_from).isdisjoint(linked)
        case _:
            return False


def _is_apart(dataset: Dataset, made_from: Collection[str]) -> bool:
    return not isinstance(dataset.subject, Inherited | AboutNobody) and not set(dataset.derived_from).isdisjoint(made_from)


def _named(context: Context, dataset: Dataset, selector: Selector, copies: Collection[Copy], chosen: frozenset[str]) -> Selector:
    """Return the selector narrowed to chosen items, by a field whose values no other item of the person has."""
    theirs = {key for copy in copies for key in copy.keys}
    if not chosen <= theirs:
        message = f"some of the chosen items of {dataset.name} are not there any more"
        raise UsageError(message, help=_AGAIN)
    store, names = context.open_store(dataset.store), dict[str, Mapping[str, str]]()
    for copy in copies:
        names |= store_calls.names_of(store, dataset, copy)
    fields = [*dataset.follow, *sorted({name for each in names.values() for name in each} - set(dataset.follow))]
    for name in fields if names.keys() >= theirs else ():
        if not all(name in each for each in names.values()):
            continue
        wanted = frozenset(names[key][name] for key in chosen)
        if wanted.isdisjoint(names[key][name] for key in theirs - chosen):
            return replace(selector, only={name: wanted})
    message = f"nothing tells single items of {dataset.name} from one another"
    raise UsageError(message, help="choose a stretch of time, or everything")


def dated(data_map: DataMap, names: Iterable[str], window: Window) -> dict[str, Window]:
    """Return a stretch of time for some datasets, each over the field by which people are shown when an item was collected."""
    chosen = {name: data_map.datasets[name] for name in names}
    return {name: replace(window, field=each.collected or rule_of(data_map, each).field) for name, each in chosen.items()}


def receive_items(
    context: Context,
    person: ResolvedName,
    found: ItemReach,
    *,
    cause: Cause,
    channel: str = "library",
    contact: str = "",
    requester: str = "",
    order: OrderId | None = None,
) -> Accepted:
    """Receive an order for items; see :func:`expunge.engine.intake.person_orders.receive`.

    Args:
        context: the composition.
        person: whose items they are.
        found: the reach, by :func:`reach`.
        cause: why it exists.
        channel: how it came in.
        contact: where notices go.
        requester: who entered it.
        order: the id of the order, where the caller chose one so that the same request makes one order.
    """
    request = person_orders.OrderRequest(
        (person,), channel, cause, contact, requester=requester, selectors=found.selectors, scope=found.scope, order=order
    )
    return person_orders.receive(context, request)
