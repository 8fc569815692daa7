"""Turn the meaning of a limb for a map into selectors that a store understands: rows, files and artefacts to erase.

Nothing is erased here. The chosen items are located, counted, and handed on as an order about a class of items.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

from expunge.core.datamap.artefact import Cohort
from expunge.core.datamap.datamap import Dataset, Through
from expunge.core.datamap.person import Person, selector
from expunge.core.disgorgement.disgorgement import EVERYBODY, Limb, Trigger
from expunge.core.disgorgement.disgorgement_events import CountedAnswer
from expunge.core.disgorgement.limb_scope import LimbReach, SelectedBy
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.periods import is_over
from expunge.core.values.scope import Window
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.lineage.artefact_ancestry import NOBODY
from expunge.engine.retention import last_uses
from expunge.engine.subjects import spellings
from expunge.errors import UsageError

_EMPTY = Copy("", NOBODY, (), 0)


@dataclass
class LimbSelection:
    """The items of one limb; each dataset is asked once."""

    context: Context
    limb: Limb
    reached: LimbReach
    _selectors: dict[str, Selector | None] = field(default_factory=dict)
    _located: dict[str, Copy] = field(default_factory=dict)
    _theirs: dict[str, Copy] = field(default_factory=dict)
    _ids: dict[str, frozenset[str]] | None = None

    def chosen(self, name: str) -> Selector | None:
        """Return the chosen items of a dataset; None for none. Raises as a store that cannot be used."""
        if name not in self._selectors:
            self._selectors[name] = self._choose(self.context.data_map.datasets[name])
        return self._selectors[name]

    def located(self, name: str) -> Copy:
        """Return the items that :meth:`chosen` finds now. Raises as that."""
        if name not in self._located:
            self._located[name] = self._locate(name, self.chosen(name))
        return self._located[name]

    def undated(self, name: str) -> int:
        """Return the number of items without a readable time, where only the time says whether they are meant. Raises as :meth:`chosen`."""
        chosen = self.chosen(name)
        window = chosen.where if chosen else None
        if chosen is None or window is None:
            return 0
        before = Window(window.field, None, window.since) if window.since else None
        after = Window(window.field, window.until, None) if window.until else None
        parts = [window, *(each for each in (before, after) if each)]
        dated = sum(self._locate(name, replace(chosen, where=part)).items for part in parts)
        return self._locate(name, replace(chosen, where=None)).items - dated

    def people(self) -> int | None:
        """Return the number of people that the limb is about; None for all people. Raises as :meth:`chosen`."""
        if self._everybody:
            return None
        if self.limb.unused_for is not None:
            return max((len(self._people_ids()[kind]) for kind in _watched(self.context)), default=0)
        cohort = cohort_of(self.context, self.limb.subjects)
        return max(len(self._people_ids()[kind]) for kind in _kinds(self.context, cohort))

    @property
    def _everybody(self) -> bool:
        return self.limb.subjects == EVERYBODY and self.limb.unused_for is None

    def _locate(self, name: str, wanted: Selector | None) -> Copy:
        if wanted is None:
            return _EMPTY
        dataset = self.context.data_map.datasets[name]
        found = store_calls.locate(self.context.open_store(dataset.store), dataset, (wanted,))
        return found[0] if found else _EMPTY

    def _choose(self, dataset: Dataset) -> Selector | None:
        reach = {each.dataset: each for each in self.reached.reaches}[dataset.name]
        match reach.by:
            case SelectedBy.WHOLE:
                return Selector(NOBODY, {}, every=True)
            case SelectedBy.ARTEFACT:
                names = frozenset(self.reached.artefacts.get(dataset.name, ()))
                return Selector(NOBODY, {dataset.artefact: names}) if names else None
            case SelectedBy.REVIEW:
                assert dataset.reviewed_by is not None
                return _linked(self.located(dataset.reviewed_by.dataset), dataset.reviewed_by.via)
            case SelectedBy.PARENT:
                rule = dataset.subject
                assert isinstance(rule, Through)
                parents = [self.chosen(name) for name in rule.sources]
                if all(each is not None and each.every and not each.narrowed for each in parents):
                    # Why all: where the whole of it goes, so does what nothing in it leads to any more.
                    return parents[0]
                chosen = [way for way in rule.ways if self.chosen(way[0]) is not None]
                found = [each for name, link in chosen if (each := _linked(self.located(name), link, rule.via)) is not None]
                values = frozenset[str]().union(*(each.match[rule.via] for each in found))
                return replace(found[0], match={rule.via: values}) if found else None
            case SelectedBy.OWN:
                said = self.limb.where.get(dataset.name)
                theirs = Selector(NOBODY, dict(said)) if said else self._of_whom(dataset)
                window = self.limb.window(self._dated_by(dataset))
                return replace(theirs, where=window) if theirs else None

    def _of_whom(self, dataset: Dataset) -> Selector | None:
        return Selector(NOBODY, {}, every=True) if self._everybody else self._people(dataset)

    def _dated_by(self, dataset: Dataset) -> str:
        """The field that the dates of the limb are about."""
        if self.limb.trigger is Trigger.REVIEWED:
            for each in self.context.data_map.datasets.values():
                if each.reviewed_by is not None and each.reviewed_by.dataset == dataset.name:
                    return each.reviewed_by.at
        return dataset.collected or self.context.data_map.retention[dataset.retention].start

    def _people(self, dataset: Dataset) -> Selector | None:
        """Whatever a dataset holds of the people of the limb, whenever."""
        upstream = {}
        for name in dataset.subject.sources if isinstance(dataset.subject, Through) else ():
            upstream[name] = self._of_people(name)
        wanted = selector(self.context.data_map, dataset, Person(NOBODY, self._people_ids(), {}), upstream)
        return wanted and spellings.widened(self.context, dataset, (wanted,))[0]

    def _of_people(self, name: str) -> Copy:
        if name not in self._theirs:
            self._theirs[name] = self._locate(name, self._people(self.context.data_map.datasets[name]))
        return self._theirs[name]

    def _people_ids(self) -> dict[str, frozenset[str]]:
        """Identity kind -> identifiers of the people of the limb, and of those who belong to them."""
        if self._ids is None:
            self._ids = self._chosen_ids()
        return self._ids

    def _chosen_ids(self) -> dict[str, frozenset[str]]:
        """Those of the cohort, and of these those who have not used it for the limb's period, with their members."""
        period = self.limb.unused_for
        cohort = None if self.limb.subjects == EVERYBODY else ids_of(self.context, cohort_of(self.context, self.limb.subjects))
        if period is None:
            assert cohort is not None
            return cohort
        ids, now = dict[str, frozenset[str]](), self.context.clock.now()
        for kind in _watched(self.context):
            used = last_uses.last_uses(self.context, self.context.data_map.identities[kind])
            away = frozenset(each.value for each in used if is_over(each.last, period, now))
            ids[kind] = away if cohort is None else away & cohort.get(kind, frozenset())
        return with_members(self.context, ids)


def _watched(context: Context) -> list[str]:
    """The kinds of identity whose last use the map says. Raises UsageError where there is none."""
    found = [kind for kind, each in context.data_map.identities.items() if each.last_used]
    if not found:
        message = "the order is about people who have not used it for long, and the map does not say when anybody used it last"
        raise UsageError(message, help="last_used: {recordings: recorded_at} for an identity of the map")
    return found


def _linked(copy: Copy, link: str, via: str = "") -> Selector | None:
    """A selector by what a field of some items holds; of the field ``via`` where that has another name."""
    values = copy.links.get(link, frozenset())
    return Selector(NOBODY, {via or link: values}) if values else None


def cohort_of(context: Context, subjects: str | Cohort) -> Cohort:
    """Return a cohort of the map by name, or as written out. Raises UsageError for a name that the map lacks."""
    cohort = context.data_map.cohorts.get(subjects) if isinstance(subjects, str) else subjects
    if cohort is None or cohort.dataset not in {identity.dataset for identity in context.data_map.identities.values()}:
        known = ", ".join(sorted(context.data_map.cohorts)) or "none"
        message = f"the order is about {subjects if isinstance(subjects, str) else 'people'} of whom the map does not say who they are"
        raise UsageError(message, help=f"declare it under `cohorts:` of the map, of a dataset that identities name (there are: {known})")
    return cohort


def ids_of(context: Context, cohort: Cohort) -> dict[str, frozenset[str]]:
    """Return identity kind -> identifiers of a cohort's people and of their members. Raises as a store that cannot be used."""
    data_map = context.data_map
    dataset = data_map.datasets[cohort.dataset]
    wanted = Selector(NOBODY, cohort.where, every=not cohort.where, spare=cohort.but_not)
    links = _links(context, dataset, wanted)
    return with_members(context, {kind: links.get(data_map.identities[kind].key, frozenset()) for kind in _kinds(context, cohort)})


def with_members(context: Context, chosen: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Return identifiers by kind with those of the people who belong to them. Raises as a store that cannot be used."""
    data_map, ids = context.data_map, dict(chosen)
    todo = list(ids)
    for owner in todo:  # grows while it is walked
        for kind, each in data_map.identities.items():
            if each.member_of == owner and kind not in ids and ids[owner]:
                key = data_map.identities[owner].key
                found = _links(context, data_map.datasets[each.dataset], Selector(NOBODY, {key: ids[owner]}))
                ids[kind] = found.get(each.key, frozenset())
                todo.append(kind)
    return ids


def count(context: Context, name: str) -> CountedAnswer:
    """Return the number of people in a cohort of the map now. Raises UsageError for a name that the map lacks, and as :func:`ids_of`."""
    cohort = cohort_of(context, name)
    kind = _kinds(context, cohort)[0]
    found = sorted(ids_of(context, cohort)[kind])
    asked = {
        "dataset": cohort.dataset,
        "where": {key: sorted(values) for key, values in cohort.where.items()},
        "but_not": {key: sorted(values) for key, values in cohort.but_not.items()},
        "counted": context.data_map.identities[kind].key,
    }
    return CountedAnswer(name, json.dumps(asked, sort_keys=True), len(found), answer(context, found))


def answer(context: Context, values: list[str]) -> str:
    """Keyed digest of a sorted answer: shows that it is the same, and nothing else."""
    key = context.keys.pseudonym_key()
    return hmac.new(key, b"expunge/answer/1\0" + json.dumps(values).encode(), sha256).hexdigest()


def _kinds(context: Context, cohort: Cohort) -> list[str]:
    """The kinds of identity whose people a cohort chooses among."""
    return [kind for kind, each in context.data_map.identities.items() if each.dataset == cohort.dataset]


def _links(context: Context, dataset: Dataset, wanted: Selector) -> Mapping[str, frozenset[str]]:
    found = store_calls.locate(context.open_store(dataset.store), dataset, spellings.widened(context, dataset, (wanted,)))
    return found[0].links if found else {}
