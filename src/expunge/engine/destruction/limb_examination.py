"""Examine one limb of an order of destruction in this estate, now: the items that go, those that stay with the reason, the undecided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from expunge.core.datamap.artefact import ArtefactKind
from expunge.core.disgorgement.disgorgement import Disgorgement, Limb, kind_of
from expunge.core.disgorgement.disgorgement_events import CountedAnswer, DisgorgementState, ItemExcepted
from expunge.core.disgorgement.limb_scope import DatasetReach, LimbReach, SelectedBy, UndecidedItem, reach
from expunge.core.disgorgement.taint import Derivation
from expunge.core.values.copy import Selector
from expunge.core.values.outcome import Unable
from expunge.engine.destruction import limb_selectors
from expunge.engine.destruction.limb_selectors import LimbSelection
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.lineage import artefact_ancestry
from expunge.engine.lineage.artefact_ancestry import ArtefactRecords

UNDATED = ": items without a readable date"


@dataclass(frozen=True)
class ReachedDataset:
    """One dataset that loses items."""

    dataset: str
    kind: ArtefactKind
    by: SelectedBy
    why: str
    items: int
    """Located now; 0 where nothing is there any more."""
    selector: Selector | None = field(repr=False)
    paths: Mapping[str, tuple[Derivation, ...]]
    """``DATASET``, or ``DATASET/NAME`` of each artefact that goes -> how it hangs on what is covered."""

    @property
    def artefacts(self) -> tuple[str, ...]:
        """Names of single artefacts that go; empty where the dataset holds none."""
        return tuple(path.partition("/")[2] for path in self.paths) if self.by is SelectedBy.ARTEFACT else ()


@dataclass(frozen=True)
class RemainingItem:
    """A dataset or an artefact that stays, or a part of one."""

    item: str
    kind: ArtefactKind
    why: str


@dataclass(frozen=True)
class LimbExamination:
    """The meaning of one limb in this estate, now."""

    limb: Limb
    hits: tuple[ReachedDataset, ...]
    stays: tuple[RemainingItem, ...]
    unknown: tuple[UndecidedItem, ...]
    """Undecided: none of it counts as clean."""
    counted: tuple[CountedAnswer, ...]
    failed: Mapping[str, Unable]
    """Dataset -> why it could not be looked into."""
    people: int | None
    """How many people the limb is about, where it is about some."""

    @property
    def items(self) -> dict[str, int]:
        """Dataset -> items that go, where any do."""
        return {hit.dataset: hit.items for hit in self.hits if hit.items}


def examine(context: Context, order: Disgorgement, known: DisgorgementState | None = None) -> tuple[LimbExamination, ...]:
    """Return the items that each retroactive limb takes. Changes nothing. Raises UsageError for people whom the map does not describe.

    Args:
        context: the composition.
        order: the order.
        known: its state, once it was entered: its decisions and exceptions count.
    """
    recorded = artefact_ancestry.read(context)
    graph = recorded.graph(context)
    return tuple(
        _Looking(context, limb, reach(context.data_map, limb, graph, recorded.artefacts), recorded, known).found()
        for limb in order.retroactive
    )


@dataclass(frozen=True)
class _Looking:
    context: Context
    limb: Limb
    reached: LimbReach
    recorded: ArtefactRecords
    known: DisgorgementState | None

    def found(self) -> LimbExamination:
        choice = LimbSelection(self.context, self.limb, self._decided())
        failed = dict(self.recorded.failed)
        hits: list[ReachedDataset] = []
        stays = list(self._artefacts_that_stay(choice.reached))
        unknown = list(self.reached.unknown)
        for each in choice.reached.reaches:
            excepted = self._excepted(each.dataset)
            if not each.goes or excepted is not None:
                stays.append(RemainingItem(each.dataset, each.kind, _sentence(excepted) if excepted and each.goes else each.why))
                continue
            try:
                hits.append(self._hit(choice, each))
                unknown += self._undated(choice, each)
            except store_calls.TROUBLE as error:
                failed[each.dataset] = store_calls.as_unable(error)
        return LimbExamination(
            limb=self.limb,
            hits=tuple(hits),
            stays=(*stays, *self._cleared()),
            unknown=tuple(each for each in unknown if self._ruling(each.item) is None),
            counted=tuple(limb_selectors.count(self.context, name) for name in self.limb.counts),
            failed=failed,
            people=choice.people(),
        )

    def _hit(self, choice: LimbSelection, each: DatasetReach) -> ReachedDataset:
        items = choice.located(each.dataset).items
        paths = {each.dataset: each.path}
        if each.by is SelectedBy.ARTEFACT:
            named = [f"{each.dataset}/{name}" for name in choice.reached.artefacts.get(each.dataset, ())]
            paths = {name: self.reached.taint.path(name) if name in self.reached.taint.hits else () for name in named}
        return ReachedDataset(each.dataset, each.kind, each.by, each.why, items, choice.chosen(each.dataset), paths)

    def _undated(self, choice: LimbSelection, each: DatasetReach) -> Iterator[UndecidedItem]:
        """Items, or reviews by which items are found, of which nothing says whether the dates of the limb mean them."""
        review = self.context.data_map.datasets[each.dataset].reviewed_by
        told_by = review.dataset if each.by is SelectedBy.REVIEW and review is not None else each.dataset
        undated = choice.undated(told_by)
        if undated:
            yield UndecidedItem(told_by + UNDATED, kind_of(self.context.data_map.datasets[told_by]), f"{undated} of them")

    def _decided(self) -> LimbReach:
        """With what somebody decided to be tainted, and without the single artefacts that stay by an exception."""
        tainted = [each.item for each in self.reached.unknown if self._ruling(each.item)]
        artefacts = {name: set(names) for name, names in self.reached.artefacts.items()}
        whole = {item for item in tainted if item in self.context.data_map.datasets}
        for item in tainted:
            dataset, slash, name = item.partition("/")
            if slash:
                artefacts.setdefault(dataset, set()).add(name)
        gone = {
            name: tuple(sorted(each for each in names if self._excepted(f"{name}/{each}") is None)) for name, names in artefacts.items()
        }
        reaches = []
        for each in self.reached.reaches:
            if each.dataset in whole:
                # Why whole even for reviews: nobody can tell which of its items are meant, and somebody has said that they are.
                reaches.append(
                    replace(each, goes=True, by=SelectedBy.WHOLE, why="nobody can tell where it came from; it was decided that it goes")
                )
            elif each.dataset in gone:
                why = each.why if each.goes else "nobody can tell where some of it came from; it was decided that it goes"
                reaches.append(replace(each, goes=bool(gone[each.dataset]), by=SelectedBy.ARTEFACT, why=why))
            else:
                reaches.append(each)
        return replace(self.reached, reaches=tuple(reaches), artefacts=gone)

    def _ruling(self, item: str) -> bool | None:
        """What somebody decided about an unknown: tainted, clean, or nothing yet."""
        ruling = self.known.decided.get(item) if self.known else None
        return ruling.tainted if ruling else None

    def _excepted(self, item: str) -> ItemExcepted | None:
        return self.known.stays(self.limb.name, item, self.context.clock.now()) if self.known else None

    def _artefacts_that_stay(self, reached: LimbReach) -> Iterator[RemainingItem]:
        for name, there in self.recorded.artefacts.items():
            kind = kind_of(self.context.data_map.datasets[name])
            if kind not in self.limb.takes:
                continue
            for each in there:
                item, excepted = f"{name}/{each}", self._excepted(f"{name}/{each}")
                if excepted is not None:
                    yield RemainingItem(item, kind, _sentence(excepted))
                elif each not in reached.artefacts.get(name, ()) and item not in self.reached.taint.unknown:
                    yield RemainingItem(item, kind, "nothing that it was made from is covered")

    def _cleared(self) -> Iterator[RemainingItem]:
        """The unknown of which a named person decided that it is clean."""
        kinds = {each.item: each.kind for each in self.reached.unknown}
        for item, ruling in (self.known.decided if self.known else {}).items():
            if not ruling.tainted and item in kinds:
                yield RemainingItem(item, kinds[item], f"{ruling.by} decided on {ruling.at:%Y-%m-%d} that it is clean: {ruling.reason}")


def _sentence(excepted: ItemExcepted) -> str:
    until = f", until {excepted.until:%Y-%m-%d}" if excepted.until else ""
    return f"{excepted.exemption or 'technically infeasible'}: {excepted.ground} ({excepted.authority}; signed by {excepted.by}{until})"
