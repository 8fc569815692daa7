"""Sweep the stores: look for kept traces, and for every suppressed subject in every store. Data that came back reopens the order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from expunge import telemetry
from expunge.core.datamap.datamap import ByField, Dataset, Through
from expunge.core.datamap.person import Person
from expunge.core.discovery.discovery import Discovery
from expunge.core.journal import events as ev
from expunge.core.orders.run import Run
from expunge.core.orders.shared_round import trace_owner
from expunge.core.values.cause import Reappeared
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.hashed_identifiers import kind_and_algorithm, kind_in_hashes, read
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.engine.consent import data_without_ground, guardian_register
from expunge.engine.consent.data_without_ground import GroundlessData
from expunge.engine.evidence import link_marks
from expunge.engine.gate import fencing
from expunge.engine.intake import key_destruction, person_orders
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder, orders
from expunge.engine.subjects import spellings
from expunge.engine.subjects.resolving import ResolvedName
from expunge.ports.optional.subject_listing import SubjectListing
from expunge.ports.store import Store
from expunge.telemetry import Action, Opaque

_TOGETHER = 4096
"""Identifiers that are looked for together, of a store that lists people one by one."""


@dataclass(frozen=True)
class ReappearedData:
    """A suppressed subject with data in a store again."""

    subject: Pseudonym
    order: OrderId
    """The order that had erased them."""
    followed_by: OrderId
    """The order that will erase them again: a new one to be planned and applied, or the same where that had not ended for good."""
    datasets: tuple[str, ...]


@dataclass(frozen=True)
class SweepResult:
    """The findings and the actions of a sweep."""

    came_back: tuple[ReappearedData, ...]
    traces_ended: int
    """Orders whose traces reached their end date and were destroyed."""
    failed: dict[str, str]
    """Dataset -> why it could not be looked through."""
    looked: frozenset[str] = frozenset()
    """The datasets of the stores that it was about."""
    groundless: tuple[GroundlessData, ...] = ()
    """Data that only a consent would have a ground to keep which nobody gave, or which holds no more."""
    discovered: Discovery = field(default_factory=Discovery)
    """The places that hold people and that no dataset declares, where they were looked for."""


@dataclass
class _Back:
    """What was found of one suppressed person."""

    order: OrderId
    ids: dict[str, set[str]] = field(default_factory=dict)
    rows: dict[str, set[str]] = field(default_factory=dict)
    """Dataset -> values of its ``via`` field, of rows that nothing points to any more."""
    datasets: set[str] = field(default_factory=set)


def sweep(context: Context, stores: Collection[str] | None = None, *, put_back: bool = False) -> SweepResult:
    """Find suppressed subjects with data in a store again, open an order for each, and destroy keys that have reached their end date.

    Args:
        context: the composition.
        stores: look into these only; all when None.
        put_back: the stores come from a backup, so that all data of people whose order has begun to erase came back. Otherwise only data of
            which that order had left nothing came back; items that it could not erase, or kept, are expected.
    """
    failed: dict[str, str] = {}
    fence = fencing.fenced(context)
    unfinished = _Unfinished(context, put_back=put_back)
    back: dict[Pseudonym, _Back] = {}
    for dataset, kind, value, name in suppressed_in(context, fence, failed, stores):
        order = fence.names[name]
        if not unfinished.expects(order, dataset.name):
            entry = back.setdefault(name, _Back(order))
            entry.ids.setdefault(kind, set()).add(value)
            entry.datasets.add(dataset.name)
    for dataset, value, order, name in _rows_without_pointer(context, failed, stores):
        if not unfinished.expects(order, dataset.name):
            entry = back.setdefault(name, _Back(order))
            entry.rows.setdefault(dataset.name, set()).add(value)
            entry.datasets.add(dataset.name)
    ended = {name: each for name, each in sorted(back.items()) if unfinished.by(each.order) is None}
    following = _reopen(context, ended) if ended else {}
    came_back = tuple(
        ReappearedData(name, each.order, following.get(name, each.order), tuple(sorted(each.datasets)))
        for name, each in sorted(back.items())
    )
    looked = frozenset(each.name for each in context.data_map.datasets.values() if stores is None or each.store in stores)
    groundless: tuple[GroundlessData, ...] = ()
    if stores is None:
        guardian_register.grow_up(context)
        guardian_register.forget_erased(context)
        groundless = data_without_ground.look(context, failed)
    return SweepResult(came_back, _end_traces(context), failed, looked, groundless)


def _rows_without_pointer(
    context: Context, failed: dict[str, str], stores: Collection[str] | None
) -> Iterator[tuple[Dataset, str, OrderId, Pseudonym]]:
    """Rows found through a dataset in which nothing leads to them, that are marked as an erased person's."""
    pointed_to = [
        (each, each.subject)
        for each in context.data_map.datasets.values()
        if isinstance(each.subject, Through) and (stores is None or each.store in stores)
    ]
    # Why asked first: the register is long where many were erased.
    marks = link_marks.marked(context) if pointed_to else {}
    for dataset, rule in pointed_to if marks else ():
        try:
            for value, each in link_marks.pointerless(context, dataset, rule):
                if each in marks:
                    yield dataset, value, *marks[each]
        except store_calls.TROUBLE as error:
            failed[dataset.name] = store_calls.as_unable(error).reason.value


def suppressed_in(
    context: Context, fence: fencing.SuppressionIndex, failed: dict[str, str], stores: Collection[str] | None = None
) -> Iterator[tuple[Dataset, str, str, Pseudonym]]:
    """Every suppressed identity that stands in the data itself: (dataset, kind, value, pseudonym)."""
    for dataset in context.data_map.datasets.values():
        if not isinstance(dataset.subject, ByField) or (stores is not None and dataset.store not in stores):
            continue
        try:
            for kind, values in _named(context.open_store(dataset.store), dataset, dataset.subject):
                for value, name in fence.among(kind, values):
                    yield dataset, kind, value, name
            for each in dataset.subject.hashed:
                held = sorted({digest.hex() for text in _texts(context, dataset, each.name) if (digest := read(text))})
                for value, name in fence.among(each.kind, held):
                    yield dataset, kind_in_hashes(each.kind, each.rule.algorithm), value, name
        except store_calls.TROUBLE as error:
            failed[dataset.name] = store_calls.as_unable(error).reason.value


def _texts(context: Context, dataset: Dataset, name: str) -> Iterator[str]:
    return spellings.values_of(context.open_store(dataset.store), dataset, name)


def known_by(name: Pseudonym, ids: Mapping[str, Collection[str]]) -> Person:
    """Return a person of whom the values are known under which :func:`suppressed_in` met them."""
    kinds = {kind: frozenset(values) for kind, values in ids.items()}
    hashes = {kind: values for kind, values in kinds.items() if kind_and_algorithm(kind)[1]}
    return Person(name, {kind: values for kind, values in kinds.items() if kind not in hashes}, hashes)


def _named(store: Store, dataset: Dataset, rule: ByField) -> Iterator[tuple[str, Sequence[str]]]:
    """Who is in a dataset, by kind."""
    if isinstance(store, SubjectListing):
        for kind, name in rule.pairs():
            yield from ((kind, values) for values in store_calls.named(store, dataset, name))
        return
    waiting: dict[str, list[str]] = {kind: [] for kind in rule.fields}
    try:
        for copy in store_calls.bystanders(store, dataset, (), None):
            for kind, value in _values(rule, copy):
                waiting[kind].append(value)
                if len(waiting[kind]) >= _TOGETHER:
                    yield kind, waiting[kind]
                    waiting[kind] = []
    except store_calls.TROUBLE:
        # Whoever was seen before it is there, whatever else could not be read.
        yield from waiting.items()
        raise
    yield from waiting.items()


def _values(rule: ByField, copy: Copy) -> Iterator[tuple[str, str]]:
    match = copy.selector.match if copy.selector else {}
    for kind, name in rule.pairs():
        for value in match.get(name, frozenset()):
            yield kind, value


@dataclass(frozen=True)
class _Expected:
    """Where data of an order's people may be, because the order is not done with it."""

    everywhere: bool = False
    datasets: frozenset[str] = frozenset()

    def expects(self, dataset: str) -> bool:
        return self.everywhere or dataset in self.datasets


NOT_EXPECTED = _Expected()


class _Unfinished:
    """The orders that have not ended for good: they will erase what they are about anyway, when they are applied.

    An order is read when somebody of it is found, so that a sweep over a million past orders reads those whose people came back.
    """

    def __init__(self, context: Context, *, put_back: bool) -> None:
        self._context = context
        self._put_back = put_back
        self._known: dict[OrderId, _Expected | None] = {}

    def expects(self, order: OrderId, dataset: str) -> bool:
        """Whether data of the order's people in the dataset is no surprise."""
        expected = self.by(order)
        return expected is not None and expected.expects(dataset)

    def by(self, order: OrderId) -> _Expected | None:
        """Where data of its people may be; None for an order that has ended for good."""
        if order not in self._known:
            self._known[order] = self._look(order)
        return self._known[order]

    def _look(self, order: OrderId) -> _Expected | None:
        run = Recorder(self._context.journal, self._context.clock, order).run
        if run.state in (OrderState.RECEIVED, OrderState.FENCED, OrderState.PLANNED, OrderState.APPROVED):
            # Planned again after a round in part, it is no younger than that round; opened because data came back, that data is what it is
            # about, and is there until it has been carried out.
            return _Expected(everywhere=not (self._put_back and (run.taken_at or run.received.follows)))
        if run.state is OrderState.RUNNING:
            return _Expected(everywhere=not self._put_back)
        if run.state is OrderState.IN_PART and not run.final:
            data_map = self._context.data_map
            return NOT_EXPECTED if self._put_back else _left(run, {*data_map.datasets, *data_map.stores})
        return None


def _left(run: Run, known: Collection[str]) -> _Expected:
    """What a round in part has left, by its reasons, ``dataset: why``; everything, where one of them names none."""
    names = frozenset(reason.partition(": ")[0] for reason in run.reasons)
    return _Expected(everywhere=not names.issubset(known), datasets=names)


def _reopen(context: Context, back: Mapping[Pseudonym, _Back]) -> dict[Pseudonym, OrderId]:
    """Open an order for each person, all at once: the register is long where many were erased. Returns who is in which."""
    accepted = person_orders.receive_all(context, [_request(context, name, each) for name, each in back.items()])
    following = {name: each.order for name, each in zip(back, accepted, strict=True)}
    for name, each in back.items():
        order = following[name]
        recorder = Recorder(context.journal, context.clock, each.order)
        if recorder.run.state in (OrderState.FULFILLED, OrderState.IN_PART):
            recorder.append(ev.Reopened(recorder.now(), order))
        context.outbox.put(each.order, "came-back", _CAME_BACK, {"order": order})
        telemetry.log(Action.DATA_CAME_BACK, order=Opaque(each.order), follow_up=Opaque(order))
    return following


def _request(context: Context, name: Pseudonym, back: _Back) -> person_orders.OrderRequest:
    person = known_by(name, back.ids)
    selectors = {dataset: {name: Selector(name, {_via(context, dataset): frozenset(values)})} for dataset, values in back.rows.items()}
    resolved = ResolvedName(kind_and_algorithm(next(iter(back.ids), ""))[0], person, known=True)
    return person_orders.OrderRequest((resolved,), "sweep", Reappeared(), follows=back.order, selectors=selectors)


def _via(context: Context, dataset: str) -> str:
    rule = context.data_map.datasets[dataset].subject
    return rule.via if isinstance(rule, Through) else ""


def _end_traces(context: Context) -> int:
    ended = 0
    recorders = {order: Recorder(context.journal, context.clock, order) for order in orders(context.journal)}
    for order, recorder in recorders.items():
        if key_destruction.traces_due(context, recorder):
            # Why the key may stay: those who shared a round with this order are looked at again with the same traces until their own date.
            shared = any(
                trace_owner(each.run) == order and not each.run.traces_ended for each in recorders.values() if each is not recorder
            )
            key_destruction.destroy_traces(context, recorder, key=not shared)
            ended += 1
    for order, recorder in recorders.items():
        followers = [each.run for each in recorders.values() if trace_owner(each.run) == order]
        if recorder.run.traces_ended and len(followers) > 1 and all(follower.traces_ended for follower in followers):
            key_destruction.destroy_traces(context, recorder)
    telemetry.log(Action.SWEPT, traces_ended=ended)
    return ended


_CAME_BACK = (
    "Data of the person was found again after it had been erased, for example because a backup was restored. It will be erased again; "
    "you will get a new receipt."
)
