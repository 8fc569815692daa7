"""The steps that an order needs: a pure function from a snapshot to a plan with a digest. The same input gives the same bytes.

The steps in their order, and why; :func:`plan` carries these numbers, and so does ``docs/spec/plan.md``:

0. Decide which datasets the order reaches, and what is done to each.
1. ``trace`` each store that something goes from, while the content is still there.
2. ``look`` at the raw bytes of every store: what cannot be seen before is no evidence after. That includes stores where nothing is to be
   erased: a copy that the map does not declare is residue too.
3. ``block`` each model or other dataset made from what is erased: from here on nothing is served from it.
4. ``forget`` in each model that can, while the rows are still there to be subtracted.
5. ``destroy`` and ``erase``, one dataset after another. What was made from others and cannot forget goes first, whole; then dependents of a
   ``through`` before the dataset they are found through: pointers go after what they point to.
6. ``purge`` each store, once for all people and datasets of the order.
7. ``rebuild`` and ``retrain``, sources first, from what is left; ``prove`` where the map says how.
8. ``verify`` every store: probe and scan.
9. ``keep`` and ``manual`` do nothing to the data; they are there to be seen, approved and listed in the receipt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

from expunge.core.datamap.artefact import LEARNT
from expunge.core.datamap.datamap import AboutNobody, DataMap, Dataset, EraseAct, Inherited, ModelLayout, Through, made_last, remakes
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.lineage.undeclared_lineage import UndeclaredPlace
from expunge.core.values import canonical, codec
from expunge.core.values.hold import Hold
from expunge.core.values.ids import OrderId, PlanDigest, Pseudonym, StepId
from expunge.core.values.scope import FORGETS_PEOPLE, UNLINKED, ItemScope, Reach, Scope
from expunge.core.values.tags import tagged


class StepKind(StrEnum):
    """The action of a step."""

    TRACE = "trace"
    LOOK = "look"
    BLOCK = "block"
    FORGET = "forget"
    DESTROY = "destroy"
    ERASE = "erase"
    PURGE = "purge"
    REBUILD = "rebuild"
    RETRAIN = "retrain"
    PROVE = "prove"
    VERIFY = "verify"
    KEEP = "keep"
    MANUAL = "manual"


@tagged("Step")
@dataclass(frozen=True)
class Step:
    """One step of a plan."""

    id: StepId
    kind: StepKind
    store: str
    datasets: tuple[str, ...]
    after: tuple[StepId, ...]
    """Steps that must have ended before this one starts."""
    grounding: str
    """The depth aimed at (a word of :class:`Grounding`); ``none`` for steps that erase nothing."""
    note: str = ""
    """The ground of a keep, or what a person has to do by hand."""


@dataclass(frozen=True)
class BystanderLoss:
    """The people outside an order who lose something by it, because files or rows of several people go as a whole."""

    people: int = 0
    datasets: Mapping[str, int] = field(default_factory=dict)
    """Dataset -> how many of them lose something there."""

    def covers(self, other: BystanderLoss) -> bool:
        """Return whether nobody loses more by the other one, in no dataset and in all."""
        return other.people <= self.people and all(count <= self.datasets.get(name, 0) for name, count in other.datasets.items())

    @property
    def text(self) -> str:
        """A sentence for approvers; empty where nobody loses anything."""
        if not self.people:
            return ""
        who = "1 other person loses" if self.people == 1 else f"{self.people} other people lose"
        return f"{who} something in these datasets: {', '.join(f'{name} ({count})' for name, count in sorted(self.datasets.items()))}"


@dataclass(frozen=True)
class PlanSnapshot:
    """The input of planning, taken at one instant."""

    order: OrderId
    subjects: tuple[Pseudonym, ...]
    data_map: DataMap
    map_digest: str
    capabilities: Mapping[str, Capabilities]
    """Store name -> what it can do; a store that could not be asked is missing and gets a manual step."""
    holds: tuple[Hold, ...]
    """Those that bind now and name a subject of the order."""
    scope: Scope | None = None
    """How far the order reaches; None means everything of its people."""
    observed: tuple[UndeclaredPlace, ...] = ()
    """Where pipelines were seen to take people's data and the map does not say so."""
    loss: BystanderLoss = BystanderLoss()
    """What people outside the order lose by it."""


@tagged("Plan")
@dataclass(frozen=True)
class Plan:
    """The steps in their order, and the approvers (over the digest)."""

    order: OrderId
    subjects: tuple[Pseudonym, ...]
    map_digest: str
    steps: tuple[Step, ...]
    holds: tuple[str, ...]
    """Ids of the holds that bind."""
    scope: Reach | None = None
    """What the order reaches, and nothing else is touched; None means everything of its people."""
    observed: tuple[Pseudonym, ...] = ()
    """Keyed names of datasets that were seen to be made from what is erased and that the map lacks: while there are some, the order is
    fulfilled in part at most."""
    bystanders: Mapping[str, int] = field(default_factory=dict)
    """Dataset -> how many people outside the order lose something there, because files or rows of several people go as a whole."""
    bystanders_in_all: int = 0
    """How many these are in all datasets together."""

    @property
    def loss(self) -> BystanderLoss:
        """What people outside the order lose by it."""
        return BystanderLoss(self.bystanders_in_all, self.bystanders)

    def step(self, step: StepId) -> Step:
        """Return one step by id. Raises KeyError."""
        return self._by_id[step]

    @cached_property
    def _by_id(self) -> Mapping[StepId, Step]:
        return {step.id: step for step in self.steps}

    def to_bytes(self) -> bytes:
        """Return the canonical bytes that are saved, approved and digested."""
        body = codec.to_json(self)
        assert isinstance(body, dict)
        # Why left out: the bytes of plans that were approved before there were these fields stay what they were.
        unsaid_fields = {
            "scope": self.scope is None,
            "observed": not self.observed,
            "bystanders": not self.bystanders,
            "bystanders_in_all": not self.bystanders_in_all,
        }
        for name, unsaid in unsaid_fields.items():
            if unsaid:
                del body[name]
        return canonical.encode({"schema": "expunge.plan/1", "plan": body})

    @classmethod
    def from_bytes(cls, data: bytes) -> Plan:
        """Read a saved plan. Raises EvidenceInvalid or StateCorrupt when it is not one."""
        value = canonical.decode(data)
        body = value.get("plan") if isinstance(value, dict) and value.get("schema") == "expunge.plan/1" else None
        plan: Plan = codec.from_json(cls, body)
        return plan

    @cached_property
    def digest(self) -> PlanDigest:
        """Hex SHA-256 of the canonical bytes; every receipt of the order names it."""
        return PlanDigest(sha256(self.to_bytes()).hexdigest())


ERASING = frozenset({StepKind.ERASE, StepKind.DESTROY})
"""Steps by which a store itself makes items go."""
REMAKING = frozenset({StepKind.REBUILD, StepKind.RETRAIN})
"""Steps that make something anew from what is left."""


def step_id(kind: StepKind, target: str) -> StepId:
    """Return the id of the one step of a kind about a store or dataset."""
    return StepId(f"{kind.value}:{target}")


def plan(snapshot: PlanSnapshot) -> Plan:
    """Compute the steps; deterministic, total over every sound map. The numbers are those at the head of this module."""
    # (0) Decide which datasets are reached, and what is done to each.
    refers = {pair for capability in snapshot.capabilities.values() for pair in capability.refers}
    touched = [dataset for dataset in dependents_first(snapshot.data_map, refers) if _reached(snapshot.scope, dataset)]
    made = [dataset for dataset in made_last(snapshot.data_map) if dataset in touched and _does(snapshot, dataset) in _WHOLE]
    erased = [dataset for dataset in touched if _does(snapshot, dataset) is StepKind.ERASE]
    going = [*reversed(made), *erased]
    stores = sorted({dataset.store for dataset in going})
    watched = sorted(snapshot.capabilities)
    names = {store: tuple(dataset.name for dataset in (*erased, *made) if dataset.store == store) for store in watched}

    # (1) Trace each store that something goes from.
    trace = [_at(StepKind.TRACE, store, names[store], ()) for store in stores]

    # (2) Look at the raw bytes of every store, after all traces: they are what is looked for.
    look = [_at(StepKind.LOOK, store, (), _ids(trace)) for store in watched]

    # (3) Block what was made from what is erased.
    shut = [dataset for dataset in going if dataset in made or _is_learnt(snapshot.scope, dataset)]
    block = [_of(StepKind.BLOCK, dataset, _ids(look)) for dataset in shut]
    before = _ids([*look, *block])

    # (4) Forget, one model after another.
    forget: list[Step] = []
    for dataset in (each for each in made if each.on_erase.act is EraseAct.FORGET):
        forget.append(_of(StepKind.FORGET, dataset, before + _ids(forget), note=dataset.on_erase.argument))
    before += _ids(forget)

    # (5) Destroy and erase, each after the one before it.
    # Why one after another, in all stores: rows refer to one another in ways that only the databases know; workers run side by side.
    erase: list[Step] = []
    for dataset in (each for each in going if each.on_erase.act is not EraseAct.FORGET or each in erased):
        kind = StepKind.DESTROY if dataset in made else StepKind.ERASE
        goal = aim(dataset, snapshot.capabilities[dataset.store]).word
        erase.append(_of(kind, dataset, before + _ids(erase[-1:]), goal))

    # (6) Purge each store, once everything in it was erased.
    purge: list[Step] = []
    for store in stores:
        here = [step for step in (*forget, *erase) if step.store == store]
        purge.append(_at(StepKind.PURGE, store, names[store], _ids(here), snapshot.capabilities[store].grounding.word))

    # (7) Rebuild, retrain and prove, from what is left.
    anew = list(_anew(made, _ids(purge)))

    # (8) Verify every store.
    verify = [_at(StepKind.VERIFY, store, names[store], _ids([*purge, *anew])) for store in watched]

    # (9) Keep, and what is for a person to do.
    aside = [_aside(snapshot, dataset) for dataset in touched if dataset not in going]

    steps = (*trace, *look, *block, *forget, *erase, *purge, *anew, *verify, *aside)
    holds = tuple(sorted(hold.id for hold in snapshot.holds))
    reached = {dataset.name for dataset in touched}
    observed = tuple(sorted({place.tag for place in snapshot.observed if not reached.isdisjoint(place.sources)}))
    loss = snapshot.loss
    return Plan(snapshot.order, snapshot.subjects, snapshot.map_digest, steps, holds, snapshot.scope, observed, loss.datasets, loss.people)


def _anew(made: Iterable[Dataset], ready: tuple[StepId, ...]) -> Iterator[Step]:
    """Yield what is made again from what is left, sources first, and the comparisons with a training from nothing."""
    for dataset in made:
        act = dataset.on_erase
        if act.act in (EraseAct.REBUILD, EraseAct.RETRAIN):
            yield _of(StepKind(act.act.value), dataset, ready, note=act.argument)
            ready = (*ready, step_id(StepKind(act.act.value), dataset.name))
        if act.prove:
            yield _of(StepKind.PROVE, dataset, ready, note=act.prove)


def _at(kind: StepKind, store: str, datasets: tuple[str, ...], after: tuple[StepId, ...], grounding: str = "none") -> Step:
    """A step about a store."""
    return Step(step_id(kind, store), kind, store, datasets, after, grounding)


def _of(kind: StepKind, dataset: Dataset, after: tuple[StepId, ...], grounding: str = "none", note: str = "") -> Step:
    """A step about one dataset."""
    return Step(step_id(kind, dataset.name), kind, dataset.store, (dataset.name,), after, grounding, note)


def _ids(steps: Iterable[Step]) -> tuple[StepId, ...]:
    return tuple(step.id for step in steps)


def _is_learnt(scope: Scope | None, dataset: Dataset) -> bool:
    """Whether an order makes a model go that somebody may be served by."""
    learnt = dataset.kind in LEARNT or (dataset.kind is None and isinstance(dataset.layout, ModelLayout))
    return scope is not None and dataset.name in scope.whole and learnt


def _reached(scope: Scope | None, dataset: Dataset) -> bool:
    """Whether anything can have to be done in a dataset: what goes whole goes whosever it is."""
    if scope is not None and dataset.name in scope.whole:
        return True
    return not isinstance(dataset.subject, AboutNobody) and (scope is None or dataset.name in scope.datasets)


def _is_unlinked(scope: Scope | None, dataset: Dataset) -> bool:
    """Whether an order for items cannot tell which items of a dataset were made from these."""
    return isinstance(scope, ItemScope) and dataset.name in scope.unlinked


def _forgets_people(scope: Scope | None, dataset: Dataset) -> bool:
    """Whether an order for items would make a model forget everything of the person."""
    return isinstance(scope, ItemScope) and dataset.on_erase.act is EraseAct.FORGET


def aim(dataset: Dataset, capabilities: Capabilities) -> Grounding:
    """Return the grounding that counts as fulfilled: the map's, else the deepest that the store reaches in this place."""
    return capabilities.grounding if dataset.grounding is None else dataset.grounding


def dependents_first(data_map: DataMap, refers: Collection[tuple[str, str]] = ()) -> tuple[Dataset, ...]:
    """Return all datasets, each before the one it is found through and before the home of its identities; ties by name.

    The map's reader has refused cycles. Should the map have one all the same, ValueError is raised rather than an order invented.

    Args:
        data_map: the map.
        refers: (first, second) where a store wants the rows of the first gone before those of the second. That holds over the map where
            the second is found through the first, and for every other way to the same rows: the order keeps what led to them. Where it goes
            in a circle, the map holds.
    """
    homes = {identity.dataset for identity in data_map.identities.values()}
    waiting = {
        name: frozenset(each for each in _dependents(data_map, dataset, homes) if not _yields(data_map, name, each, refers))
        for name, dataset in data_map.datasets.items()
    }
    pointing = {name: {one for one, other in refers if other == name and one != name} for name in waiting}
    done: list[str] = []
    while waiting:
        free = sorted(name for name, before in waiting.items() if not before & waiting.keys())
        if not free:
            message = "the datasets of the map are found through one another in a circle"
            raise ValueError(message)
        ready = [name for name in free if not pointing[name] & waiting.keys()] or [name for name in free if pointing[name].isdisjoint(free)]
        ready = ready or free
        done += ready
        for name in ready:
            del waiting[name]
    return tuple(data_map.datasets[name] for name in done)


def _yields(data_map: DataMap, source: str, found: str, refers: Collection[tuple[str, str]]) -> bool:
    """Return whether a dataset may go before what is found through it: the store wants it so, of it or of another way to the same rows."""
    rule = data_map.datasets[found].subject
    ways = {source, *(rule.sources if isinstance(rule, Through) and source in rule.sources else ())}
    return any((each, found) in refers and (found, each) not in refers for each in ways)


def _dependents(data_map: DataMap, dataset: Dataset, homes: Iterable[str]) -> frozenset[str]:
    """Names that must come before ``dataset``."""
    found = {each.name for each in data_map.datasets.values() if _found_through(each, dataset)}
    if dataset.name in homes:
        # Why: an identity's home is the pointer to the person; everything else of theirs goes first, members before owners.
        members = {
            identity.dataset
            for identity in data_map.identities.values()
            if identity.member_of and _is_home(data_map, identity.member_of, dataset)
        }
        # Why not what is about nobody: nothing of it goes, and rows that refer to it may have to wait for the person's own.
        found |= {
            each.name
            for each in data_map.datasets.values()
            if each.name not in homes and not isinstance(each.subject, AboutNobody) and not _reaches(data_map, dataset.name, each.name)
        } | members
    return frozenset(found - {dataset.name})


def _is_home(data_map: DataMap, kind: str, dataset: Dataset) -> bool:
    owner = data_map.identities.get(kind)
    return owner is not None and owner.dataset == dataset.name


def _reaches(data_map: DataMap, start: str, goal: str) -> bool:
    """Whether ``start`` is found through ``goal``, directly or by steps."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        rule = data_map.datasets[name].subject if name in data_map.datasets and name not in seen else None
        seen.add(name)
        if isinstance(rule, Through):
            if goal in rule.sources:
                return True
            waiting += rule.sources
    return False


def _found_through(dataset: Dataset, parent: Dataset) -> bool:
    return isinstance(dataset.subject, Through) and parent.name in dataset.subject.sources


def _does(snapshot: PlanSnapshot, dataset: Dataset) -> StepKind:
    if dataset.store not in snapshot.capabilities:
        return StepKind.MANUAL
    if snapshot.scope is not None and dataset.name in snapshot.scope.whole:
        return StepKind.ERASE
    if dataset.on_erase.act is EraseAct.KEEP or _is_unlinked(snapshot.scope, dataset):
        return StepKind.KEEP
    if _forgets_people(snapshot.scope, dataset):
        return StepKind.MANUAL
    if remakes(dataset):
        return StepKind.FORGET if dataset.on_erase.act is EraseAct.FORGET else StepKind.DESTROY
    return StepKind.ERASE if dataset.on_erase.act is EraseAct.ERASE and not isinstance(dataset.subject, Inherited) else StepKind.MANUAL


_WHOLE = frozenset({StepKind.FORGET, StepKind.DESTROY})


def _aside(snapshot: PlanSnapshot, dataset: Dataset) -> Step:
    kind = _does(snapshot, dataset)
    act = dataset.on_erase
    if _is_unlinked(snapshot.scope, dataset):
        note = UNLINKED
    elif _forgets_people(snapshot.scope, dataset):
        note = FORGETS_PEOPLE
    elif kind is StepKind.KEEP:
        note = act.argument
    elif dataset.store not in snapshot.capabilities:
        note = "the store could not be reached when the plan was made; plan again when it is back"
    else:
        note = f"{act.act.value}: no runner for this action"
    return _of(kind, dataset, (), note=note)
