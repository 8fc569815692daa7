"""Count the people outside an order who lose something by it, and refuse paths that would take what is theirs unsaid."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from expunge.core.datamap.datamap import ByField, DataMap, Dataset, Through
from expunge.core.datamap.person import Person
from expunge.core.datamap.spelling import canonical
from expunge.core.orders.plan import BystanderLoss
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Reason, Unable
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects import item_people, spellings
from expunge.engine.subjects.locating import LocatedCopies
from expunge.errors import Misconfigured
from expunge.phones import e164

_ANYBODY = Pseudonym("anybody")
_UNSAID = Unable(Reason.REFERENCED, "found by values that lead to other people as well: write `many: true` where that is meant")
_MORE = Unable(Reason.REFERENCED, "more people would lose something than the plan counted: plan again, and approve it")
Identities = Mapping[str, frozenset[str]]
"""Identity kind -> identifiers."""


def is_said(dataset: Dataset) -> bool:
    """Return whether the map says that items found through another dataset may be those of several people."""
    return isinstance(dataset.subject, Through) and (dataset.subject.many or bool(dataset.people) or dataset.goes_with_the_last)


def require_own_paths(context: OpenPlaces, located: LocatedCopies, people: Sequence[Person]) -> None:
    """Check that what is found ``through`` another dataset is found by values that lead to people of the order alone.

    Raises Misconfigured where a value leads to other people as well and the map does not say so.
    """
    for name, count in shared_paths(context, located, people).items():
        rule = context.data_map.datasets[name].subject
        assert isinstance(rule, Through)
        who = "1 other person" if count == 1 else f"{count} other people"
        message = f"dataset {name}: {rule.via} leads through {rule.dataset} to {who} as well, who would lose what it finds"
        raise Misconfigured(message, help=MEND)


def shared_paths(context: OpenPlaces, located: LocatedCopies, people: Sequence[Person]) -> dict[str, int]:
    """Return the datasets that are found by values which lead to people outside the order unsaid, with the number of these people."""
    found: dict[str, int] = {}
    for name, copies in located.copies.items():
        dataset = context.data_map.datasets[name]
        if not copies or not isinstance(dataset.subject, Through) or is_said(dataset) or any(person.nobody for person in people):
            continue
        if count := _count(_others_through(context, dataset, dataset.subject, located, people)):
            found[name] = count
    return found


def beyond(context: OpenPlaces, located: LocatedCopies, people: Sequence[Person], planned: BystanderLoss) -> dict[str, Unable]:
    """Return why datasets must not be erased: people outside the order would lose something there that the plan does not say."""
    found = dict.fromkeys(shared_paths(context, located, people), _UNSAID)
    now = lost(context, located, people)
    if not planned.covers(now):
        more = [name for name, count in now.datasets.items() if count > planned.datasets.get(name, 0)]
        found |= dict.fromkeys(more or now.datasets, _MORE)
    return found


MEND = (
    "write `many: true` in its subject where that is meant (plans then count these people), `shared: keep` with `people:`, or a subject "
    "field of its own; `expunge check` says how many rows it is about"
)


def lost(context: OpenPlaces, located: LocatedCopies, people: Sequence[Person]) -> BystanderLoss:
    """Return what people outside an order lose by the erasure of these copies."""
    if any(person.nobody for person in people):
        return BystanderLoss()
    in_all: dict[str, frozenset[str]] = {}
    datasets: dict[str, int] = {}
    for name, copies in located.copies.items():
        dataset = context.data_map.datasets[name]
        found: dict[str, frozenset[str]] = {}
        match dataset.subject:
            case ByField() as by:
                for copy in copies:
                    others = copy.others or (item_people.named_in(context, dataset, copy) if copy.shared and not dataset.members else {})
                    for kind, field in _kinds_and_fields(by):
                        _join(found, kind, others.get(field, frozenset()))
            case Through() as rule if is_said(dataset) and copies:
                found = dict(_others_through(context, dataset, rule, located, people))
        others = _less(context.data_map, found, located, people)
        for kind, values in others.items():
            _join(in_all, kind, values)
        if count := _count(others):
            datasets[name] = count
    return BystanderLoss(_count(in_all), datasets) if datasets else BystanderLoss()


def _others_through(context: OpenPlaces, dataset: Dataset, rule: Through, located: LocatedCopies, people: Sequence[Person]) -> Identities:
    """The people outside the order to whom the values lead by which its copies were found."""
    values = frozenset[str]()
    for copy in located.copies.get(dataset.name, ()):
        asked = copy.selector.match.get(rule.via, frozenset()) if copy.selector else frozenset()
        values |= asked | copy.others.get(rule.via, frozenset())
    return _less(context.data_map, _led_by(context, rule, values, located), located, people)


def _led_by(context: OpenPlaces, rule: Through, values: frozenset[str], located: LocatedCopies) -> Identities:
    """The identities to which values lead by any way."""
    found: dict[str, frozenset[str]] = {}
    for name, link in rule.ways:
        for kind, named in _led_to(context, context.data_map.datasets[name], link, values, located).items():
            _join(found, kind, named)
    return found


def _led_to(context: OpenPlaces, dataset: Dataset, field: str, values: frozenset[str], located: LocatedCopies) -> Identities:
    """The identities that items of a dataset with these values name; none where it cannot be read, and nothing new is found by it."""
    try:
        return _named_by(context, dataset, field, values, located) if values else {}
    except store_calls.TROUBLE:
        return {}


def _named_by(context: OpenPlaces, dataset: Dataset, field: str, values: frozenset[str], located: LocatedCopies) -> Identities:
    asked = Selector(_ANYBODY, {field: values})
    found: dict[str, frozenset[str]] = {}
    for copy in store_calls.locate(context.open_store(dataset.store), dataset, (asked,)):
        others = copy.others or item_people.named_in(context, dataset, copy)
        match dataset.subject:
            case ByField() as by:
                for kind, name in _kinds_and_fields(by):
                    named = others.get(name, frozenset()) | asked.match.get(name, frozenset())
                    _join(found, kind, named - _alike(context, dataset, name, named, located))
            case Through(via=via) as rule:
                further = others.get(via, frozenset()) | asked.match.get(via, frozenset())
                for kind, named in _led_by(context, rule, further, located).items():
                    _join(found, kind, named)
    return found


def _alike(context: OpenPlaces, dataset: Dataset, name: str, values: frozenset[str], located: LocatedCopies) -> frozenset[str]:
    """Those of the values that the store takes for one of the order's people."""
    selectors = located.selectors.get(dataset.name, {}).values()
    mine = frozenset[str]().union(*(selector.match.get(name, frozenset()) for selector in selectors))
    equality = spellings.equality_of(context, dataset, name)
    common = set(map(equality.common, mine))
    return frozenset(value for value in values if equality.common(value) in common)


def _less(data_map: DataMap, found: Identities, located: LocatedCopies, people: Sequence[Person]) -> Identities:
    """The identities that are not of the order's people or of others whose orders are carried out, nor of those to whom these belong."""
    own = {kind for person in people for kind in person.ids}
    owners = {owner for kind in own for owner in _owners(data_map, kind)}
    ids = {kind: frozenset().union(*(person.ids.get(kind, frozenset()) for person in people)) for kind in found}
    spelt = _spelt(data_map, located)
    rest: dict[str, frozenset[str]] = {}
    for kind, values in found.items():
        known = data_map.identities.get(kind)
        mine = ids[kind] | spelt.get(kind, frozenset()) | located.leaving.get(kind, frozenset())
        if known is not None:
            common = {canonical(known.spelling(), value, e164) for value in mine}
            mine |= {value for value in values if canonical(known.spelling(), value, e164) in common}
        if kind not in owners - own and values - mine:
            rest[kind] = values - mine
    return rest


def _spelt(data_map: DataMap, located: LocatedCopies) -> Identities:
    """The spellings of the order's people under which stores hold anything."""
    found: dict[str, frozenset[str]] = {}
    for name, selectors in located.selectors.items():
        subject = data_map.datasets[name].subject
        if isinstance(subject, ByField):
            for kind, field in _kinds_and_fields(subject):
                _join(found, kind, *(selector.match.get(field, frozenset()) for selector in selectors.values()))
    return found


def _kinds_and_fields(by: ByField) -> Iterator[tuple[str, str]]:
    """The fields that name people, with the kind of identifier; hashes are a kind of their own, as no key tells whose they are."""
    yield from by.pairs()
    yield from ((f"{each.kind} by {each.name}", each.name) for each in by.hashed)


def _owners(data_map: DataMap, kind: str) -> Collection[str]:
    """The identity kinds that a kind is a member of, however far away."""
    found: list[str] = []
    owner = data_map.identities[kind].member_of if kind in data_map.identities else None
    while owner in data_map.identities and owner not in found:
        found.append(str(owner))
        owner = data_map.identities[str(owner)].member_of
    return found


def _join(into: dict[str, frozenset[str]], kind: str, *values: frozenset[str]) -> None:
    into[kind] = into.get(kind, frozenset()).union(*values)


def _count(others: Identities) -> int:
    """How many people these are: where one item names a person by identifiers of several kinds, the most numerous kind counts."""
    return max(map(len, others.values()), default=0)
