"""Find the data that every dataset holds about the subjects of an order, following ``through``, and set aside held and shared items."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from expunge.core.datamap.datamap import AboutNobody, ByField, Dataset, EraseAct, Inherited, Shared, Through, made_last
from expunge.core.datamap.person import Person, selector
from expunge.core.models.model_outcomes import WHOLE, ArtefactCleared
from expunge.core.orders.plan import dependents_first
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.hold import Hold, item_tag, keeping
from expunge.core.values.ids import Pseudonym, pseudonym
from expunge.core.values.outcome import Kept, Reason, Unable
from expunge.core.values.scope import LED_TO_BY_BOTH, UNLINKED, ItemScope, Scope
from expunge.engine.kernel import spelt_names, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.lineage import artefact_manifests
from expunge.engine.subjects import item_people, resolving, spellings
from expunge.engine.subjects.staying_links import (
    StayingLinks,
    led_to_by_the_rest,
    less_led_to_by_both,
    made_from_what_goes,
    staying_links,
)
from expunge.ports.store import Store

T = TypeVar("T")
EVERYBODY = Pseudonym(WHOLE)
SHARED_GROUND = "recording shared with people who stay"
SHARED_ROW = "shared with people who stay"
"""Why an item stays that goes with the last person."""
_LED_TO = "kept data of this person leads to it"


@dataclass
class LocatedCopies:
    """The located copies, per dataset."""

    copies: dict[str, tuple[Copy, ...]] = field(default_factory=dict)
    """What is to be erased."""
    kept: dict[str, dict[Pseudonym, tuple[Kept, ...]]] = field(default_factory=dict)
    """What stays, and why."""
    kept_copies: dict[str, tuple[Copy, ...]] = field(default_factory=dict)
    selectors: dict[str, dict[Pseudonym, Selector]] = field(default_factory=dict)
    """How each subject was looked for; sealed by the engine so that a probe can look again after the pointers are gone."""
    narrowed: dict[str, dict[Pseudonym, Selector]] = field(default_factory=dict)
    """Selectors less what stays because others are in it, or somebody's hold keeps it: what a probe must no longer find."""
    failed: dict[str, Unable] = field(default_factory=dict)
    stayed: dict[str, tuple[ArtefactCleared, ...]] = field(default_factory=dict)
    """Of what is made from theirs, the artefacts that their manifests clear."""
    answered: dict[str, dict[Pseudonym, int]] = field(default_factory=dict)
    """Items that stay under a hold, and that the receipt of an earlier order names."""
    leaving: dict[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Identity kind -> identifiers in these items of people whose own orders are carried out: they lose nothing by this one."""
    with_others: dict[str, dict[Pseudonym, frozenset[str]]] = field(default_factory=dict, repr=False)
    """Keys of items that go with the last person, and to which people who stay lead: they are those people's own."""

    def probing(self, dataset: str) -> dict[Pseudonym, Selector]:
        """Return the selector with which to probe for each subject."""
        return {**self.selectors.get(dataset, {}), **self.narrowed.get(dataset, {})}

    def of(self, subjects: Iterable[Pseudonym]) -> LocatedCopies:
        """Return the part about some of the people. A failure holds for all of them."""
        mine = frozenset({*subjects, EVERYBODY})

        def only(copies: Mapping[str, tuple[Copy, ...]]) -> dict[str, tuple[Copy, ...]]:
            return {name: tuple(each for each in found if each.subject in mine) for name, found in copies.items()}

        def these(by_name: Mapping[str, Mapping[Pseudonym, T]]) -> dict[str, dict[Pseudonym, T]]:
            return {name: part for name, by in by_name.items() if (part := {who: each for who, each in by.items() if who in mine})}

        return LocatedCopies(
            only(self.copies), these(self.kept), only(self.kept_copies), these(self.selectors), these(self.narrowed), dict(self.failed),
            dict(self.stayed), these(self.answered), dict(self.leaving), these(self.with_others),
        )  # fmt: skip

    def held_in(self, dataset: str) -> tuple[Copy, ...]:
        """Return all copies in a dataset, with those that stay on purpose: a stray copy of a kept item is residue."""
        return (*self.copies.get(dataset, ()), *self.kept_copies.get(dataset, ()))

    def own_in(self, dataset: str) -> tuple[Copy, ...]:
        """Return all copies in a dataset less those that stay as other people's own: what names an erased person there is a mention."""
        others = self.with_others.get(dataset, {})
        return tuple(each for each in self.held_in(dataset) if others.get(each.subject, frozenset()).isdisjoint(each.keys))

    def answered_in(self, dataset: str, subject: Pseudonym) -> int:
        """Return how many items of a dataset stay under holds that the receipt of an earlier order names."""
        return self.answered.get(dataset, {}).get(subject, 0)

    def items_of_others(self, dataset: str, subject: Pseudonym) -> int:
        """Return how many items of a dataset stay because they are other people's as well, who lead to them."""
        return len(self.with_others.get(dataset, {}).get(subject, frozenset()))

    def told_apart(self, dataset: str, subject: Pseudonym) -> int:
        """Return how many items of a dataset stay and are no reason for *in part*: another receipt, or another entry, names them."""
        return self.answered_in(dataset, subject) + self.items_of_others(dataset, subject)

    def items(self) -> dict[str, dict[str, int]]:
        """Dataset -> subject -> items to be erased."""
        return {name: {copy.subject: copy.items for copy in copies} for name, copies in self.copies.items()}

    def kept_items(self) -> dict[str, dict[str, int]]:
        """Dataset -> subject -> items that stay on purpose."""
        return {name: {subject: sum(each.items for each in by[subject]) for subject in by} for name, by in self.kept.items()}


Leaving = Callable[[str, Sequence[str]], frozenset[str]]
"""Returns those of some identifiers of a kind that belong to people whose own orders are carried out."""
Told = Callable[[str, LocatedCopies], None]
"""Called with the name of each dataset as soon as it has been looked through, and what was found so far."""


def locate(  # noqa: PLR0913 - each is a fact of the order that its caller knows
    context: Context,
    people: Sequence[Person],
    holds: Sequence[Hold] = (),
    known: Mapping[str, Mapping[Pseudonym, Selector]] | None = None,
    told: Told | None = None,
    scope: Scope | None = None,
    made: KnownArtefacts | None = None,
    leaving: Leaving | None = None,
    answered: frozenset[str] | None = None,
) -> LocatedCopies:
    """Locate in all datasets, parents of a ``through`` first. Trouble with one dataset never hides another.

    Args:
        context: the composition.
        people: the subjects to look for.
        holds: the holds that bind.
        known: selectors of an earlier look at the same order, which are joined with today's: a pointer that is gone already still leads on.
        told: learns of each dataset when it has been looked through.
        scope: how far the order reaches; what lies beyond is located as well, as something that stays.
        made: what the order has found and done so far, for what is made from people's data.
        leaving: tells who of other people asked to be erased as well; without, nobody did.
        answered: for an order of expiry: the holds whose items an earlier order answers for. What leads to held items stays with them,
            and so does what is found through them.
    """
    located = LocatedCopies()
    raw: dict[str, dict[Pseudonym, Copy]] = {}
    theirs = _of_held_people(context, holds, answered) if any(person.nobody for person in people) else _Theirs()
    for dataset in reversed(dependents_first(context.data_map)):
        if isinstance(dataset.subject, AboutNobody | Inherited) and dataset.name not in (known or {}):
            continue
        try:
            _locate_one(context, dataset, people, located, raw, known or {}, theirs, scope if isinstance(scope, ItemScope) else None)
        except store_calls.TROUBLE as error:
            located.failed[dataset.name] = store_calls.as_unable(error)
        if told is not None:
            told(dataset.name, located)
    _locate_made(context, located, made or KnownArtefacts(), scope, people)
    names = {person.subject: names_of(context, person) if holds else frozenset[Pseudonym]() for person in people}
    names[EVERYBODY] = frozenset()
    for name in list(located.copies):
        if scope is not None and name not in scope.datasets:
            located.kept_copies[name], located.copies[name] = located.copies[name], ()
        else:
            dataset = context.data_map.datasets[name]
            whole = scope is not None and name in scope.whole
            if dataset.shared is Shared.KEEP and not whole and leaving is not None:
                _note_leaving(context, dataset, located, leaving)
            unlinked = isinstance(scope, ItemScope) and name in scope.unlinked
            _set_aside(context, dataset, located, holds, names, theirs, whole=whole, unlinked=unlinked)
    return located


@dataclass(frozen=True)
class KnownArtefacts:
    """The artefacts that an order knows already."""

    taken: frozenset[str] = frozenset()
    """Datasets in which something was located or erased."""
    settled: frozenset[str] = frozenset()
    """Of the things made, those that were dealt with: what is there now is another."""
    doubted: frozenset[str] = frozenset()
    """Of the things made, those whose manifests were found to lie."""


def _locate_made(context: Context, located: LocatedCopies, made: KnownArtefacts, scope: Scope | None, people: Sequence[Person]) -> None:
    """Everything in what is made from something of theirs: nothing in it says whose is what, so all of it is meant, once for everybody.

    Where single artefacts have manifests, those that are cleared stay, and those that had them are meant whatever the sources hold now.
    """
    touched = {name for name, copies in located.copies.items() if copies} | made.taken
    for dataset in made_last(context.data_map):
        if scope is not None and (dataset.name not in scope.datasets or dataset.name in scope.whole):
            continue
        hit = not touched.isdisjoint(dataset.derived_from)
        single = artefact_manifests.judges(context, dataset) and dataset.name not in made.doubted
        if dataset.name in made.settled:
            touched |= {dataset.name} if hit or dataset.name in made.taken else set()
            continue
        if not hit and not single:
            continue
        try:
            found = (
                artefact_manifests.sift(context, dataset, people, touched=hit, doubted=made.doubted)
                if single
                else _all_of(context, dataset)
            )
        except store_calls.TROUBLE as error:
            located.failed[dataset.name] = store_calls.as_unable(error)
            touched.add(dataset.name)
            continue
        if found.stayed:
            located.stayed[dataset.name] = found.stayed
        if hit or found.selector is not None:
            # Why also where all that is there stays: what was made from it may have been made from one that is there no more.
            touched.add(dataset.name)
        if found.selector is not None:
            located.copies[dataset.name] = found.copies
            located.selectors[dataset.name] = {EVERYBODY: found.selector}


def _all_of(context: Context, dataset: Dataset) -> artefact_manifests.ArtefactSelection:
    everything = Selector(EVERYBODY, {}, every=True)
    return artefact_manifests.ArtefactSelection(store_calls.locate(context.open_store(dataset.store), dataset, (everything,)), everything)


@dataclass
class _Theirs:
    """What whole holds keep, for orders that are found by nobody's name."""

    items: dict[str, dict[str, Hold]] = field(default_factory=dict)
    """Dataset -> item -> the hold that keeps everything of its person there."""
    spared: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    """Dataset -> field -> values of held people, where keys name no items that last (rows of Parquet, records in files of many)."""
    sparing: dict[str, Hold] = field(default_factory=dict)
    """Dataset -> of the holds for which something is spared, the one that lasts longest."""
    nameless: frozenset[str] = frozenset()
    """Datasets in which somebody's items are held, and nobody knows any more which those are."""
    answered: frozenset[str] = frozenset()
    """The holds whose items an earlier order answers for."""
    sparers: dict[str, frozenset[str]] = field(default_factory=dict)
    """Dataset -> the holds for which something is spared."""


def _of_held_people(context: Context, holds: Sequence[Hold], answered: frozenset[str] | None = None) -> _Theirs:
    """What is kept for the people under a whole hold.

    An order about a class of items is found by nobody's name, so that whose an item is has to be asked the other way round: who is held,
    by the datasets that say who exists, and what is theirs.
    """
    people = held_people(context, holds)
    located = locate(context, list(people.values())) if people else LocatedCopies()
    found = _Theirs(nameless=nameless(context, holds, people), answered=answered or frozenset())
    for hold in (each for each in holds if each.whole and each.subject in people):
        name = hold.dataset if answered is None else leading(context, hold.dataset)
        by_field = isinstance(context.data_map.datasets[name].subject, ByField) if name in context.data_map.datasets else False
        copies = (*located.copies.get(name, ()), *located.kept_copies.get(name, ()))
        for copy in (each for each in copies if each.subject == hold.subject):
            if copy.selector is not None and (not copy.lasting or (by_field and answered is not None)):
                spared = found.spared.setdefault(name, {})
                for field_, values in copy.selector.match.items():
                    spared[field_] = spared.get(field_, frozenset()) | values
                found.sparing[name] = _longest(hold, found.sparing.get(name, hold))
                found.sparers[name] = found.sparers.get(name, frozenset()) | {hold.id}
                continue
            slot = found.items.setdefault(name, {})
            for key in copy.keys:
                slot[key] = _longest(hold, slot.get(key, hold))
    return found


def leading(context: Context, name: str) -> str:
    """Return the dataset that a dataset is found through in the end: with its items the others would go."""
    while (dataset := context.data_map.datasets.get(name)) is not None and isinstance(dataset.subject, Through):
        name = dataset.subject.dataset
    return name


def nameless(context: Context, holds: Iterable[Hold], known: Collection[Pseudonym]) -> frozenset[str]:
    """Return the datasets in which items are held of people whom nobody knows any more, where no tag tells which items those are."""
    lost = (each for each in holds if each.whole and each.subject not in known and not each.items)
    return frozenset(name for each in lost for name in (each.dataset, leading(context, each.dataset)))


def held_people(context: Context, holds: Iterable[Hold]) -> dict[Pseudonym, Person]:
    """Return the people under whole holds: as the datasets say that list people, else as the held items themselves name them."""
    whole = [each for each in holds if each.whole]
    found = dict(people_behind(context, {each.subject for each in whole}))
    for hold in whole:
        if hold.subject not in found:
            found |= _named_by_items(context, hold)
    return found


def _named_by_items(context: Context, hold: Hold) -> dict[Pseudonym, Person]:
    """The person of a hold whom no dataset lists any more, by the identifier in the items: without members, which nothing tells."""
    dataset, key = context.data_map.datasets.get(leading(context, hold.dataset)), context.keys.pseudonym_key()
    if dataset is None or not isinstance(dataset.subject, ByField):
        return {}
    for kind, name in dataset.subject.pairs():
        for value in spellings.values_of(context.open_store(dataset.store), dataset, name):
            if hold.subject in {pseudonym(key, kind, value), spelt_names.name_of(context.data_map, key, kind, value)}:
                return {hold.subject: Person(hold.subject, {kind: spelt_names.spelt(context.data_map, kind, [value])}, {})}
    return {}


def _longest(*holds: Hold) -> Hold:
    return max(holds, key=lambda each: (each.until, each.id))


def people_behind(context: Context, wanted: Collection[Pseudonym]) -> Iterator[tuple[Pseudonym, Person]]:
    """Yield the people behind some pseudonyms, with their members; in memory only."""
    key = context.keys.pseudonym_key()
    for kind, identity in context.data_map.identities.items() if wanted else ():
        home = context.data_map.datasets[identity.dataset]
        for copy in store_calls.bystanders(context.open_store(home.store), home, (), None):
            for value in copy.links.get(identity.key, ()):
                # Why both: a hold may be older than the rule by which the identity compares now.
                subjects = {pseudonym(key, kind, value), spelt_names.name_of(context.data_map, key, kind, value)}
                for subject in subjects.intersection(wanted):
                    person = resolving.resolve(context, f"{kind}:{value}", several=True).person
                    yield subject, replace(person, subject=subject)


def names_of(context: Context, person: Person) -> frozenset[Pseudonym]:
    """Return every pseudonym of the person and of those who go with the person. A hold may have been placed on any of them."""
    key = context.keys.pseudonym_key()
    return frozenset({person.subject, *(pseudonym(key, kind, value) for kind, value in person.identifiers())})


def _locate_one(
    context: Context,
    dataset: Dataset,
    people: Sequence[Person],
    located: LocatedCopies,
    raw: dict[str, dict[Pseudonym, Copy]],
    known: Mapping[str, Mapping[Pseudonym, Selector]],
    theirs: _Theirs,
    items: ItemScope | None,
) -> None:
    sources = dataset.subject.sources if isinstance(dataset.subject, Through) else ()
    unread = [name for name in sources if name in located.failed]
    # Why always where items were chosen: those that stay may lead to what is found, and nobody could tell.
    if unread and (dataset.name not in known or (items is not None and dataset.name in items.linked)):
        located.failed[dataset.name] = Unable(Reason.UNREACHABLE, f"found through {unread[0]}, which could not be read")
        return
    if dataset.name in theirs.nameless:
        located.failed[dataset.name] = Unable(Reason.CANNOT_TELL, "somebody's items in it are held, and nobody knows any more which")
        return
    named = known.get(dataset.name, {})
    if (
        items is not None
        and dataset.name in items.roots
        and not all(each.subject in named and named[each.subject].narrowed for each in people)
    ):
        # Why: without the selector of the named items, the whole person would be meant.
        located.failed[dataset.name] = Unable(Reason.CANNOT_TELL, "nothing says any more which items are meant")
        return
    selectors, spared = {}, theirs.spared.get(dataset.name, {})
    # Why only these: what is found through an item that stays stays with it.
    leading = items.linked if items is not None and dataset.name in items.linked else raw.keys()
    for person in people:
        upstream = {name: by[person.subject] for name, by in raw.items() if person.subject in by and name in leading}
        asked = join(selector(context.data_map, dataset, person, upstream), known.get(dataset.name, {}).get(person.subject))
        if asked is not None:
            selectors[person.subject] = replace(asked, anybodys=True) if person.nobody else asked
    store = context.open_store(dataset.store)
    selectors = {asked.subject: asked for asked in spellings.widened(context, dataset, tuple(selectors.values()))}
    copies = store_calls.locate(store, dataset, tuple(selectors.values()))
    copies = made_from_what_goes(store, dataset, copies, raw)
    located.selectors[dataset.name] = selectors
    if spared:
        copies = _spare(store, dataset, copies, located, theirs)
    # What stays of a person whose order is about a part explains what is seen in it: what was recorded after a new consent, unnamed items.
    both: tuple[Copy, ...] = ()
    beyond = [each.rest for each in selectors.values() if (each.where is not None or each.only) and not each.anybodys]
    if items is not None and isinstance(dataset.subject, Through) and dataset.name in items.linked - items.roots.keys():
        staying = [copy for name, by in raw.items() if name not in items.linked for copy in by.values()]
        staying += [copy for copies in located.kept_copies.values() for copy in copies]
        beyond = led_to_by_the_rest(dataset.subject, staying, selectors)
        if dataset.on_erase.act is not EraseAct.KEEP:
            apart = less_led_to_by_both(store, dataset, dataset.subject, copies, staying)
            copies, both, located.narrowed[dataset.name] = apart.going, apart.staying, dict(apart.narrowed)
            located.kept[dataset.name] = {copy.subject: (Kept(LED_TO_BY_BOTH, None, copy.items),) for copy in both}
    if beyond or both:
        located.kept_copies[dataset.name] = (*both, *store_calls.locate(store, dataset, tuple(beyond)))
    raw[dataset.name] = {copy.subject: copy for copy in copies}
    located.copies[dataset.name] = tuple(copies)


def _spare(store: Store, dataset: Dataset, copies: Sequence[Copy], located: LocatedCopies, theirs: _Theirs) -> tuple[Copy, ...]:
    """The copies less what is held of people there, which stays; the selectors that are kept know nothing of it, for holds end."""
    hold, held = theirs.sparing[dataset.name], theirs.spared[dataset.name]
    left: list[Copy] = []
    for copy in copies:
        assert copy.selector is not None
        spare = {name: copy.selector.spare.get(name, frozenset()) | values for name, values in held.items()}
        asked = replace(copy.selector, spare={**copy.selector.spare, **spare})
        found = store_calls.locate(store, dataset, (asked,))
        items = copy.items - sum(each.items for each in found)
        located.narrowed.setdefault(dataset.name, {})[copy.subject] = asked
        if items > 0:
            if not theirs.sparers.get(dataset.name, frozenset()) <= theirs.answered or not theirs.answered:
                located.kept.setdefault(dataset.name, {})[copy.subject] = (Kept(hold.ground, hold.until, items),)
            # Why all of theirs: they are nobody who stays for good, and so no control of a scan.
            aside = store_calls.locate(store, dataset, (replace(copy.selector, match=held, every=False, where=None, spare={}),))
            located.kept_copies[dataset.name] = (*located.kept_copies.get(dataset.name, ()), *aside)
        left += found
    return tuple(left)


def joined(
    first: Mapping[str, Mapping[Pseudonym, Selector]], second: Mapping[str, Mapping[Pseudonym, Selector]]
) -> dict[str, dict[Pseudonym, Selector]]:
    """Return selectors by dataset and subject that find the copies of both."""
    result: dict[str, dict[Pseudonym, Selector]] = {name: dict(by) for name, by in first.items()}
    for name, by in second.items():
        slot = result.setdefault(name, {})
        for subject, each in by.items():
            slot[subject] = join(slot.get(subject), each) or each
    return result


def join(first: Selector | None, second: Selector | None) -> Selector | None:
    """Return one selector that finds the copies of both.

    Where one of them means a class of items (every one, or those of some that lie in a window), that one alone: rows of such an order are
    not found by anything else.
    """
    if first is None or second is None:
        return first or second
    for each in (second, first):
        if each.every or each.narrowed:
            return each
    names = {*first.match, *second.match}
    return Selector(first.subject, {name: first.match.get(name, frozenset()) | second.match.get(name, frozenset()) for name in names})


def _set_aside(
    context: Context,
    dataset: Dataset,
    located: LocatedCopies,
    holds: Sequence[Hold],
    names: Mapping[Pseudonym, frozenset[Pseudonym]],
    theirs: _Theirs,
    *,
    whole: bool,
    unlinked: bool = False,
) -> None:
    """Take out of the copies what stays: kept by the map (unless it goes whole), not to be told apart, shared with others, under hold."""
    copies, their_items = located.copies[dataset.name], theirs.items.get(dataset.name, {})
    kept = dict(located.kept.get(dataset.name, {}))
    if (dataset.on_erase.act is EraseAct.KEEP or unlinked) and not whole:
        ground = UNLINKED if unlinked else dataset.on_erase.argument
        located.kept[dataset.name] = {each.subject: (Kept(ground, None, each.items),) for each in copies}
        located.kept_copies[dataset.name], located.copies[dataset.name] = copies, ()
        return
    if dataset.shared is Shared.KEEP and not whole:
        copies = _less_shared(context, dataset, copies, located, kept)
    remaining, aside = [], []
    for copy in copies:
        held = _held_keys(context, dataset, copy, holds, names[copy.subject])
        held = {**{key: their_items[key] for key in copy.keys if key in their_items}, **held}
        if held:
            by_hold = {each.id: each for each in held.values()}
            held_whole = len(by_hold) == 1 and len(held) == len(copy.keys)
            for hold_id, hold in sorted(by_hold.items()):
                count = copy.items if held_whole else sum(1 for each in held.values() if each.id == hold_id)
                if hold_id in theirs.answered:
                    by_subject = located.answered.setdefault(dataset.name, {})
                    by_subject[copy.subject] = by_subject.get(copy.subject, 0) + count
                    continue
                kept[copy.subject] = (*kept.get(copy.subject, ()), Kept(hold.ground, hold.until, count))
            aside.append(copy.without(set(copy.keys) - held.keys()))
            copy = copy.without(held.keys())  # noqa: PLW2901 - what is left of it is what goes on
        if copy.keys:
            remaining.append(copy)
    located.copies[dataset.name] = tuple(remaining)
    if kept:
        located.kept[dataset.name] = kept
    if kept or aside:
        located.kept_copies[dataset.name] = (*located.kept_copies.get(dataset.name, ()), *aside)


def _held_keys(context: Context, dataset: Dataset, copy: Copy, holds: Sequence[Hold], names: frozenset[Pseudonym]) -> dict[str, Hold]:
    mine = [each for each in holds if each.dataset == dataset.name]
    if not mine:
        return {}
    key = context.keys.pseudonym_key()
    found = {each: keeping(mine, dataset.name, names, item_tag(key, dataset.name, each)) for each in copy.keys}
    return {each: hold for each, hold in found.items() if hold is not None}


def _note_leaving(context: Context, dataset: Dataset, located: LocatedCopies, leaving: Leaving) -> None:
    """Note who of the other people in the items of a dataset asked to be erased as well."""
    if not isinstance(dataset.subject, ByField):
        return
    for copy in located.copies[dataset.name]:
        others = (copy.others or item_people.named_in(context, dataset, copy)) if copy.shared else {}
        for kind, name in dataset.subject.pairs():
            if found := leaving(kind, sorted(others.get(name, ()))):
                located.leaving[kind] = located.leaving.get(kind, frozenset()) | found


def _less_shared(
    context: Context, dataset: Dataset, copies: Sequence[Copy], located: LocatedCopies, kept: dict[Pseudonym, tuple[Kept, ...]]
) -> tuple[Copy, ...]:
    """Drop the items that people who are not erased are in as well, or lead to, and those to which data leads that is kept."""
    try:
        staying = _links_of_others(context, dataset, located)
    except store_calls.TROUBLE as error:
        located.failed[dataset.name] = store_calls.as_unable(error)
        return ()
    with_others = _keys_with_others(context, dataset, copies, located.leaving)
    via = dataset.subject.via if isinstance(dataset.subject, Through) else ""
    values = staying.others.union(*staying.own.values())
    result = []
    for copy in copies:
        keys, left, own = set(copy.shared) & with_others, copy, set[str]()
        asked = copy.selector.match.get(via, frozenset()) & values if copy.selector else frozenset()
        if asked and copy.selector is not None:
            keys |= _keys_led_to(context, dataset, copy, via, asked & staying.others)
            own = _keys_led_to(context, dataset, copy, via, asked - staying.others) - keys
            narrowed = {**copy.selector.match, via: copy.selector.match[via] - values}
            selector_left = replace(copy.selector, match={name: values for name, values in narrowed.items() if values})
            located.narrowed.setdefault(dataset.name, {})[copy.subject] = selector_left
            left = replace(copy, selector=selector_left)
        if keys and dataset.goes_with_the_last:
            located.with_others.setdefault(dataset.name, {})[copy.subject] = frozenset(keys)
        elif keys:
            kept[copy.subject] = (*kept.get(copy.subject, ()), Kept(SHARED_GROUND, None, len(keys)))
        if own:
            kept[copy.subject] = (*kept.get(copy.subject, ()), _led_to_by_kept(located, staying, asked, copy.subject, len(own)))
        parts = ((keys, asked & staying.others), (own, asked - staying.others)) if dataset.goes_with_the_last else ((keys | own, None),)
        aside = (_only(copy, part, via, led) for part, led in parts if part)
        located.kept_copies[dataset.name] = (*located.kept_copies.get(dataset.name, ()), *aside)
        keys |= own
        left = left.without(keys)
        if keys and left.keys and left.others:
            named = item_people.named_in(context, dataset, left)
            left = replace(left, others={name: values & named.get(name, frozenset()) for name, values in left.others.items()})
        if left.keys:
            result.append(left)
    return tuple(result)


def _only(copy: Copy, keys: set[str], via: str, led: frozenset[str] | None) -> Copy:
    """Return the part of a copy with some items, found by the values that lead to them; by all of them where ``led`` is None."""
    part = copy.without(set(copy.keys) - keys)
    if led is None or part.selector is None:
        return part
    return replace(part, selector=replace(part.selector, match={**part.selector.match, via: led}))


def _keys_led_to(context: Context, dataset: Dataset, copy: Copy, via: str, values: frozenset[str]) -> set[str]:
    if not values or copy.selector is None:
        return set()
    again = store_calls.locate(context.open_store(dataset.store), dataset, (replace(copy.selector, match={via: values}),))
    return {key for each in again for key in each.keys}


def _led_to_by_kept(located: LocatedCopies, staying: StayingLinks, asked: frozenset[str], subject: Pseudonym, items: int) -> Kept:
    """Return why items stay to which only data leads that is kept of the person: for the reason for which that is kept."""
    sources = (name for name, values in staying.own.items() if not values.isdisjoint(asked))
    grounds = [each for name in sources for each in located.kept.get(name, {}).get(subject, ())]
    return replace(grounds[0], items=items) if grounds else Kept(_LED_TO, None, items)


def _keys_with_others(context: Context, dataset: Dataset, copies: Sequence[Copy], leaving: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return the keys of items that name people who stay as well: an item of people who all go is shared with nobody."""
    keys = frozenset[str]().union(*(copy.shared for copy in copies))
    asked = [copy.selector for copy in copies if copy.selector is not None]
    pairs = dataset.subject.pairs() if isinstance(dataset.subject, ByField) else ()
    going = {name: leaving[kind] for kind, name in pairs if kind in leaving}
    if not keys or (len(asked) < 2 and not going) or len(asked) < len(copies):
        return keys
    if any(each.every or each.narrowed or each.spare for each in asked):
        return keys
    names = {*(name for each in asked for name in each.match), *going}
    match = {name: going.get(name, frozenset()).union(*(each.match.get(name, frozenset()) for each in asked)) for name in names}
    together = store_calls.locate(context.open_store(dataset.store), dataset, (replace(asked[0], match=match),))
    return keys & frozenset[str]().union(*(copy.shared for copy in together))


def _links_of_others(context: Context, dataset: Dataset, located: LocatedCopies) -> StayingLinks:
    """Values of the ``via`` field that what stays has as well, asked of the datasets that say who is in an item or leads to it."""
    if not isinstance(dataset.subject, Through):
        return StayingLinks(frozenset(), {})
    if not dataset.people:
        shared = {name: frozenset[str]().union(*by.values()) for name, by in located.with_others.items()}
        return staying_links(context, dataset.subject, located.copies, located.kept_copies, shared)
    others, people = set[str](), context.data_map.datasets[dataset.people]
    for copy in store_calls.bystanders(context.open_store(people.store), people, located.copies.get(dataset.people, ()), None):
        others |= copy.links.get(dataset.subject.link, frozenset())
    return StayingLinks(frozenset(others), {})


def total(located: LocatedCopies) -> dict[str, int]:
    """Dataset -> items to be erased, over all subjects."""
    return {name: sum(copy.items for copy in copies) for name, copies in located.copies.items()}
