"""Check, for the forward limbs of an order of destruction, that deleted data has not entered anything made since.

The journal of every order records when its deletion was processed: the moment at which nothing of it was left to erase.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from expunge.core.datamap.datamap import AboutNobody, DataMap, EraseAct, Inherited
from expunge.core.disgorgement.disgorgement import Limb, kind_of
from expunge.core.disgorgement.disgorgement_events import DisgorgementState
from expunge.core.disgorgement.forward_limb import Deletion, ForwardFinding, ForwardJudge, Product, ProductVerdict, kinds_of
from expunge.core.disgorgement.limb_scope import DERIVED, PART
from expunge.core.disgorgement.taint import Derivation
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder, orders
from expunge.engine.lineage import artefact_ancestry
from expunge.engine.lineage.artefact_ancestry import ArtefactRecords


@dataclass(frozen=True)
class ForwardVerdict:
    """One forward limb, against every product."""

    limb: Limb
    judged: tuple[ProductVerdict, ...]
    deletions: int
    """How many have been processed."""

    def of(self, finding: ForwardFinding) -> tuple[ProductVerdict, ...]:
        """Return the products with a finding."""
        return tuple(each for each in self.judged if each.finding is finding)


def check(context: Context, known: DisgorgementState) -> tuple[ForwardVerdict, ...]:
    """Judge every product of the kinds that the limbs name. Raises the errors of stores only where the journal cannot be read."""
    recorded = artefact_ancestry.read(context)
    products = products_of(context.data_map, recorded)
    deleted = tuple(deletions(context))
    judge = ForwardJudge(products, made_of(context.data_map, recorded), deleted)
    found = []
    for limb in known.order.forward:
        names = [name for name in kinds_of(products, limb.takes) if name not in recorded.artefacts]
        judged = [_ruled(judge.judge(name), known) for name in names]
        found.append(ForwardVerdict(limb, tuple(judged), len(deleted)))
    return tuple(found)


def _ruled(judged: ProductVerdict, known: DisgorgementState) -> ProductVerdict:
    """With what a named person decided about something unknown."""
    ruling = known.decided.get(judged.product.name)
    if judged.finding is not ForwardFinding.UNKNOWN or ruling is None:
        return judged
    finding = ForwardFinding.VIOLATION if ruling.tainted else ForwardFinding.CLEAN
    return replace(judged, finding=finding, why=f"{ruling.by} decided on {ruling.at:%Y-%m-%d}: {ruling.reason}")


def deletions(context: Context) -> Iterator[Deletion]:
    """Yield every order that erased data of a subject, with the time at which its deletion was complete."""
    for name in orders(context.journal):
        run = Recorder(context.journal, context.clock, name).run
        if run.state in (OrderState.FULFILLED, OrderState.IN_PART, OrderState.REOPENED) and run.taken_at is not None:
            processed = run.ended_at or run.taken_at
            yield Deletion(run.order, processed, frozenset(_taken(run)))


def _taken(run: Run) -> set[str]:
    return {name for name, by in run.current.items.items() if any(by.values())}


def products_of(data_map: DataMap, recorded: ArtefactRecords) -> dict[str, Product]:
    """Return every dataset and every single artefact, with its kind and the time it was made."""
    found: dict[str, Product] = {}
    for name, dataset in data_map.datasets.items():
        kind = kind_of(dataset)
        living = dataset.on_erase.act is EraseAct.ERASE and not isinstance(dataset.subject, Inherited | AboutNobody)
        found[name] = Product(name, kind, recorded.created.get(name), living)
        for each in recorded.artefacts.get(name, ()):
            found[f"{name}/{each}"] = Product(f"{name}/{each}", kind, recorded.created.get(f"{name}/{each}"))
    return found


def made_of(data_map: DataMap, recorded: ArtefactRecords) -> Iterator[Derivation]:
    """Yield derivations: those recorded, and for whole datasets those that the map declares."""
    told = {each.product for each in recorded.made}
    yield from recorded.made
    for name, dataset in data_map.datasets.items():
        yield from (Derivation(f"{name}/{each}", name, PART) for each in recorded.artefacts.get(name, ()))
        if name not in recorded.artefacts and name not in told:
            yield from (Derivation(source, name, DERIVED) for source in dataset.derived_from)
