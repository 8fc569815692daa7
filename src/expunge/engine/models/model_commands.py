"""Act on artefacts by the map's commands: block, forget, rebuild from the data that is left, compare.

The report of a command decides nothing. The content hash of every item after the command, against those from before, does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from expunge import durable
from expunge.core.datamap.datamap import Dataset, EraseAct
from expunge.core.datamap.person import Person
from expunge.core.models import model_outcomes
from expunge.core.models.membership_opinion import Membership
from expunge.core.models.model_outcomes import (
    ArtefactCleared,
    ArtefactContent,
    ArtefactRemade,
    ComparisonResult,
    NetworkAccess,
    SourceAccess,
)
from expunge.core.orders.plan import ERASING, StepKind
from expunge.core.orders.run import Run
from expunge.core.orders.shared_round import leader
from expunge.core.values import canonical
from expunge.core.values.copy import Copy, Probed, Selector
from expunge.core.values.ids import IdempotencyKey, OrderId
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Absent, Erased, Outcome, Reason, Unable
from expunge.engine.gate import fencing
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import MODELS, Recorder, read_register, register
from expunge.engine.lineage import artefact_manifests
from expunge.engine.models import command_reports, comparisons, hidden_paths
from expunge.engine.models.command_reports import CommandReport
from expunge.engine.subjects.locating import EVERYBODY
from expunge.errors import UsageError
from expunge.ports.commands import CommandLimits, Ran

REQUEST = "expunge.remake/1"
_OVER = (OrderState.FULFILLED, OrderState.CANCELLED, OrderState.REOPENED)
_NO_ORDER = "-"
"""Stands for the orders where contents are released: a name stays blocked for whoever blocked it."""
UNCHANGED = "unchanged"
"""Figure by which a command says, with 1, that there was nothing of theirs in what it left as it was."""
_NOTHING = sha256().hexdigest()
"""Content of an empty file, which may stand anywhere."""


@dataclass(frozen=True)
class ModelStepResult:
    """The result of one step about an artefact."""

    outcome: Outcome
    now: ArtefactRemade | None = None
    """How the dataset stands after it; None where nothing is to be entered."""


def contents(context: Context, dataset: Dataset, copies: Sequence[Copy] | None = None) -> tuple[ArtefactContent, ...]:
    """Name and content hash of each item; of everything that is there now, where no copies are named.

    Raises what stores raise when they cannot be read.
    """
    store = context.open_store(dataset.store)
    if copies is None:
        copies = store_calls.locate(store, dataset, (Selector(EVERYBODY, {}, every=True),))
    found = []
    for copy in copies:
        for item in store_calls.export(store, dataset, copy):
            state = sha256()
            for chunk in item.chunks:
                state.update(chunk)
            found.append(ArtefactContent(item.name, state.hexdigest()))
    return tuple(found)


def _opinion(known: ArtefactRemade, told: CommandReport, after: tuple[str, ...]) -> Membership | None:
    """What a command reported of what lies there; with the look at it, where it is the same FAIL of the same model."""
    found, earlier = (told.membership if after else None), known.membership
    looked = found is not None and earlier is not None and after == known.after and replace(earlier, looked_at="") == found
    return earlier if looked else found


def _sorted(found: Iterable[ArtefactContent]) -> tuple[str, ...]:
    return tuple(sorted(each.digest for each in found))


def block(
    context: Context, run: Run, dataset: Dataset, copies: Sequence[Copy], orders: Sequence[OrderId], stayed: Sequence[ArtefactCleared] = ()
) -> ModelStepResult:
    """Tell the gate to block the artefact, before anything is erased, until each of these orders frees it.

    Where some of its artefacts stay, the contents that go are blocked, and the name is not.
    """
    known = run.remade.get(dataset.name)
    found = _sorted(contents(context, dataset, copies))
    # Why joined: after a crash, or in a later round, what was there first must still be recognised.
    before = tuple(sorted({*found, *(known.before if known else ())}))
    before = tuple(each for each in before if each != _NOTHING)
    staying = tuple(_compared(known, each) for each in stayed)
    still = frozenset(digest for each in staying for digest in each.contents)
    before = tuple(each for each in before if each not in still)
    event = model_outcomes.ModelsBlocked(context.clock.now(), dataset.name, before, tuple(sorted(orders)), named=not staying)
    with context.journal.changing():
        known_so = list(read_register(context.journal, MODELS))
        names = {*([dataset.name] if event.named else ()), *(f"sha256:{each}" for each in before)}
        held = model_outcomes.holders(known_so).get(dataset.name, frozenset())
        if not (names <= model_outcomes.blocked(known_so) and (not event.named or held.issuperset(orders))):
            register(context.journal, MODELS, event)
        fencing.publish(context)
    earlier = known or ArtefactRemade(event.at, dataset.name, ())
    network = earlier.network if staying else NetworkAccess.NOT_RUN
    now = ArtefactRemade(event.at, dataset.name, before, network=network, stayed=staying, doubted=earlier.doubted)
    return ModelStepResult(Absent(), replace(now, disputed=_disputed(earlier, before)))


def _disputed(earlier: ArtefactRemade, before: tuple[str, ...]) -> tuple[str, ...]:
    """What this order's own commands left in earlier rounds, and a comparison did not make."""
    made = frozenset(earlier.after) - frozenset(earlier.before) if earlier.proof is ComparisonResult.DIFFERS else frozenset()
    return tuple(each for each in before if each in made or each in earlier.disputed)


def _compared(known: ArtefactRemade | None, stayed: ArtefactCleared) -> ArtefactCleared:
    """With what an earlier step of the order found of it."""
    return next((each for each in (known.stayed if known else ()) if each.contents == stayed.contents), stayed)


def _beside(there: Sequence[ArtefactContent], known: ArtefactRemade) -> list[ArtefactContent]:
    """What is there, less the artefacts that were left alone."""
    still = frozenset(digest for each in known.stayed for digest in each.contents)
    return [each for each in there if each.digest not in still]


def _old(context: Context, known: ArtefactRemade) -> frozenset[str]:
    """Contents that may not be there again: the dataset's own of before, and whatever an order ever blocked, here or under another name."""
    return frozenset(known.before) | model_outcomes.blocked_contents(read_register(context.journal, MODELS))


def release(context: Context, dataset: str, digests: Sequence[str]) -> None:
    """Release contents that never had the subjects: they may serve when the dataset may."""
    register(context.journal, MODELS, model_outcomes.ModelsFreed(context.clock.now(), dataset, (_NO_ORDER,), tuple(digests)))


def free(context: Context, dataset: str, orders: Sequence[OrderId]) -> None:
    """Something else is there under the name, and these orders are done with it: it may serve, unless another one still waits for it."""
    with context.journal.changing():
        held = held_by(context, dataset)
        if not held.isdisjoint({*orders, ""}):
            done = sorted({*orders, *(each for each in held - {*orders, ""} if _is_over(context, OrderId(each)))})
            register(context.journal, MODELS, model_outcomes.ModelsFreed(context.clock.now(), dataset, tuple(done)))
        # Why also then: a crash may have come before the snapshot said so.
        fencing.publish(context)


def hold(context: Context, dataset: str, orders: Sequence[OrderId]) -> None:
    """Block a dataset for these orders. Where it is blocked already, nothing is entered."""
    with context.journal.changing():
        if not held_by(context, dataset).issuperset(orders):
            register(context.journal, MODELS, model_outcomes.ModelsBlocked(context.clock.now(), dataset, (), tuple(sorted(orders))))
            fencing.publish(context)


def held_by(context: Context, dataset: str) -> frozenset[str]:
    """Return the orders that block the dataset now."""
    return model_outcomes.holders(read_register(context.journal, MODELS)).get(dataset, frozenset())


def _is_over(context: Context, order: OrderId) -> bool:
    """Whether nothing will be done for an order any more: another one follows it, or has."""
    try:
        return Recorder(context.journal, context.clock, order).run.state in _OVER
    except UsageError:
        return True


@dataclass(frozen=True)
class ModelCommands:
    """The commands of one round about artefacts."""

    context: Context
    run: Run
    people: tuple[Person, ...]
    progress: Callable[[float], None]
    """Learns how far a command is."""

    def forget(self, dataset: Dataset, copies: Sequence[Copy]) -> ModelStepResult:
        """Have a model forget, while the rows are still there to be subtracted."""
        known, items = self.run.remade.get(dataset.name), sum(copy.items for copy in copies)
        if known is None or not items:
            return ModelStepResult(Absent())
        names: dict[str, set[str]] = {}
        for person in self.people:
            for kind, value in person.identifiers():
                names.setdefault(kind, set()).add(value)
        request = {"subjects": {kind: sorted(values) for kind, values in sorted(names.items())}}
        return self._changed(dataset, known, items, self._run(dataset, dataset.on_erase.argument, request))

    def remake(self, dataset: Dataset, key: IdempotencyKey) -> ModelStepResult:
        """Rebuild it from the data that is left. The old one is gone already."""
        known = self.run.remade.get(dataset.name)
        if known is None or _untouched(known):
            return ModelStepResult(Absent())
        waits = self._waits_for(dataset)
        if waits is not None:
            return ModelStepResult(waits)
        ran, said = self._run(dataset, dataset.on_erase.argument, {})
        if isinstance(ran, Unable):
            return ModelStepResult(ran)
        done = self._changed(dataset, known, 1, (ran, said))
        if isinstance(done.outcome, Unable) and done.outcome.reason is Reason.SAME_AS_BEFORE:
            text = "and was destroyed again" if self._destroy_again(dataset, known, key) else "and is there: destroy it by hand"
            return replace(done, outcome=replace(done.outcome, detail=f"{done.outcome.detail}, {text}"))
        return done

    def prove(self, dataset: Dataset, key: IdempotencyKey) -> ModelStepResult:
        """Compare the present artefact with one that a fresh process makes of the data that is left."""
        known = self.run.remade.get(dataset.name)
        if known is None or not known.after or (known.ended and known.proof is ComparisonResult.EQUAL):
            # Nothing is there to compare, or it was compared in an earlier round; whatever lies there since is nobody's affair.
            return ModelStepResult(Absent())
        fresh, ran = self._fresh(dataset, "fresh")
        if isinstance(ran, Unable) or not fresh:
            why = ran if isinstance(ran, Unable) else Unable(Reason.COMMAND_FAILED, f"{dataset.name}: the comparison left nothing behind")
            now = replace(known, at=self.context.clock.now(), proof=ComparisonResult.COULD_NOT, fresh=(), again=(), weights=())
            return ModelStepResult(why, now)
        there = _sorted(_beside(contents(self.context, dataset), known))
        weights = comparisons.weights_of(self.context, dataset, known) if comparisons.by_weights(dataset) else ()
        now = replace(
            known, at=self.context.clock.now(), after=there, proof=ComparisonResult.EQUAL, sight=_sight(ran),
            network=known.network.joined(_network(dataset, ran)), fresh=(), again=(), weights=weights,
        )  # fmt: skip
        if fresh != (weights or there):
            again, _ = self._fresh(dataset, "again")
            now = replace(now, at=self.context.clock.now(), proof=ComparisonResult.DIFFERS, fresh=fresh, again=again)
        if known.unchanged:
            return self._settled(dataset, now, key)
        if now.proof is ComparisonResult.EQUAL:
            return ModelStepResult(Absent(), now)
        return ModelStepResult(comparisons.contradiction(now), replace(now, ended=False))

    def _fresh(self, dataset: Dataset, run: str) -> tuple[tuple[str, ...], Ran | Unable]:
        """What the comparison's command makes of the data that is left, in a folder of its own; nothing where it fails."""
        with self._scratch(dataset, run) as folder:
            out = folder / "fresh"
            ran, _ = self._run(dataset, dataset.on_erase.prove, {"out": str(out)}, hidden_paths.served(self.context, dataset))
            return comparisons.made(out, dataset) if isinstance(ran, Ran) else (), ran

    def _settled(self, dataset: Dataset, now: ArtefactRemade, key: IdempotencyKey) -> ModelStepResult:
        """What a command left as it was, after the comparison: innocent, or the old one."""
        if now.proof is ComparisonResult.EQUAL:
            innocent = tuple(each for each in now.before if each in now.after)
            release(self.context, dataset.name, innocent)
            rest = tuple(each for each in now.before if each not in innocent)
            return ModelStepResult(Absent(), replace(now, before=rest, ended=True))
        text = f"{dataset.name}: the command left it as it was; {comparisons.contradiction(now).detail}"
        if dataset.on_erase.act is not EraseAct.FORGET and not self._destroy_again(dataset, now, key):
            text += "; destroy it by hand"
        return ModelStepResult(Unable(Reason.SAME_AS_BEFORE, text), now)

    def _changed(self, dataset: Dataset, known: ArtefactRemade, items: int, ran: tuple[Ran | Unable, CommandReport]) -> ModelStepResult:
        """What a command that ended well came to, by what lies there now."""
        answer, told = ran
        if isinstance(answer, Unable):
            return ModelStepResult(answer)
        there = _beside(contents(self.context, dataset), known)
        after, figures = _sorted(there), told.figures
        network = (known.network if known.stayed else NetworkAccess.NOT_RUN).joined(_network(dataset, answer))
        now = replace(
            known, at=self.context.clock.now(), after=after, figures=figures, said=told.said, membership=_opinion(known, told, after),
            network=network, proof=ComparisonResult.NOT_ASKED, sight=SourceAccess.NOT_ASKED, unchanged=False,
            fresh=(), again=(), weights=(),
        )  # fmt: skip
        back = model_outcomes.given_back(there, _old(self.context, known))
        if back:
            claimed = figures.get(UNCHANGED) == 1 and after == known.before
            if dataset.on_erase.prove and (claimed or (known.disputed and set(back) <= set(known.disputed))):
                return ModelStepResult(Absent(), replace(now, unchanged=True))
            return ModelStepResult(Unable(Reason.SAME_AS_BEFORE, f"{dataset.name}: what lies there is what was there before"), now)
        if not after and dataset.on_erase.act is not EraseAct.FORGET:
            return ModelStepResult(Unable(Reason.COMMAND_FAILED, f"{dataset.name}: the command ended well and left nothing behind"), now)
        if after and now.membership is None and known.membership is not None and known.membership.open:
            # Why not taken for no opinion: else whoever is told that somebody is still recognised would ask no more.
            text = f"{dataset.name}: an earlier run said FAIL of membership, and this one says nothing; have the command report it again"
            return ModelStepResult(Unable(Reason.COMMAND_FAILED, text), replace(now, membership=known.membership))
        return ModelStepResult(Erased(items), replace(now, ended=True))

    def _waits_for(self, dataset: Dataset) -> Unable | None:
        """It must not be made from what is still to go, and the old one must be gone."""
        plan = self.run.plan
        for step in plan.steps if plan else ():
            (name, *_) = step.datasets or ("",)
            if step.kind not in (*ERASING, StepKind.FORGET, StepKind.REBUILD, StepKind.RETRAIN) or name not in self._upstream(dataset):
                continue
            if step.kind in (StepKind.REBUILD, StepKind.RETRAIN) and name == dataset.name:
                continue
            state = self.run.current.steps.get(step.id)
            if state is None or not state.discharged:
                return Unable(Reason.REFERENCED, f"{dataset.name} is not made anew: {step.kind.value} of {name} did not end well")
        return None

    def _upstream(self, dataset: Dataset) -> frozenset[str]:
        """The dataset and everything that it is made from, directly or by steps."""
        found, waiting = {dataset.name}, list(dataset.derived_from)
        while waiting:
            name = waiting.pop()
            if name not in found and name in self.context.data_map.datasets:
                found.add(name)
                waiting += self.context.data_map.datasets[name].derived_from
        return frozenset(found)

    def _destroy_again(self, dataset: Dataset, known: ArtefactRemade, key: IdempotencyKey) -> bool:
        """What came back is what was destroyed: it goes again. Whether nothing of it is there after that."""
        store = self.context.open_store(dataset.store)
        copies = store_calls.locate(store, dataset, (Selector(EVERYBODY, {}, every=True),))
        old = _old(self.context, known)
        # Why not beside artefacts that stay: they would go with it.
        if copies and not known.stayed and model_outcomes.given_back(contents(self.context, dataset, copies), old):
            store_calls.erase(store, dataset, copies, IdempotencyKey(f"{key}/again"))
            store_calls.purge(store, (dataset,), IdempotencyKey(f"{key}/again"))
        return not model_outcomes.given_back(contents(self.context, dataset), old)

    @contextmanager
    def _scratch(self, dataset: Dataset, what: str) -> Iterator[Path]:
        """A folder of this order's and this dataset's own; what a crash left in it goes when the step is taken again."""
        assert self.context.scratch is not None
        name = sha256(f"{leader(self.run)}/{dataset.name}/{what}".encode()).hexdigest()[:24]
        folder = self.context.scratch / name
        _emptied(folder)
        folder.mkdir(mode=0o700, parents=True)
        try:
            yield folder
        finally:
            _emptied(folder)

    def _run(
        self, dataset: Dataset, command: str, more: Mapping[str, canonical.Json], hidden: Sequence[str] = ()
    ) -> tuple[Ran | Unable, CommandReport]:
        """Run a command, out of whose sight some files are, and read what it says of its work."""
        if not command or self.context.commands is None:
            text = f"{dataset.name}: {dataset.on_erase.act.value} needs a command"
            return Unable(Reason.NO_RUNNER, f'{text}: on_erase: {{{dataset.on_erase.act.value}: "command"}}'), CommandReport()
        with self._scratch(dataset, "report") as folder:
            report = folder / "report.json"
            request = {"schema": REQUEST, "dataset": dataset.name, "act": dataset.on_erase.act.value, "report": str(report), **more}
            limits = replace(CommandLimits.of(dataset.on_erase), hidden=hidden_paths.bounded(hidden))
            ran = self.context.commands.run(command, canonical.encode(request), limits, self.progress)
            told = command_reports.read(report, {value.casefold() for person in self.people for _, value in person.identifiers()})
        if told.fault and isinstance(ran, Ran):
            ran = Unable(Reason.COMMAND_FAILED, f"{dataset.name}: the command ended well, and its report cannot be taken: {told.fault}")
        return ran, told

    def attest(self, dataset: Dataset, stayed: Sequence[ArtefactCleared]) -> ArtefactRemade:
        """Make each artefact that stays again from exactly the records of its manifest: where one comes out another, its manifest lies.

        What cannot be made again is not shown to be clear: it counts as doubted as well.
        """
        known = self.run.remade.get(dataset.name) or ArtefactRemade(self.context.clock.now(), dataset.name, ())
        checked, network = [], known.network
        for each in stayed:
            before = _compared(known, each)
            if before.proof is not ComparisonResult.EQUAL:
                ran = self._same_again(dataset, each)
                if ran is None:
                    return replace(known, at=self.context.clock.now(), doubted=True, stayed=())
                before, network = replace(each, proof=ComparisonResult.EQUAL), network.joined(_network(dataset, ran))
            checked.append(before)
        return replace(known, at=self.context.clock.now(), network=network, stayed=tuple(checked))

    def _same_again(self, dataset: Dataset, stayed: ArtefactCleared) -> Ran | None:
        if (sealed := artefact_manifests.sealed_of(self.context, stayed)) is None:
            return None
        with self._scratch(dataset, "attest") as folder:
            manifest, out = folder / "manifest.json", folder / "fresh"
            manifest.write_bytes(sealed)
            ran, _ = self._run(
                dataset,
                dataset.attest,
                {"act": "attest", "manifest": str(manifest), "out": str(out)},
                hidden_paths.served(self.context, dataset),
            )
            return ran if isinstance(ran, Ran) and tuple(sorted(set(comparisons.digests_in(out)))) == stayed.contents else None


def _sight(ran: Ran | Unable) -> SourceAccess:
    return SourceAccess.HIDDEN if isinstance(ran, Ran) and ran.hidden else SourceAccess.OPEN


def _network(dataset: Dataset, ran: Ran | Unable) -> NetworkAccess:
    """Whether a command that ended well could have reached other machines."""
    if isinstance(ran, Ran) and ran.offline:
        return NetworkAccess.SHUT
    return NetworkAccess.OPEN if dataset.on_erase.network else NetworkAccess.COULD_NOT


def _untouched(known: ArtefactRemade) -> bool:
    """Whether all of its artefacts stayed."""
    return bool(known.stayed) and not known.before


def probe(context: Context, run: Run, dataset: Dataset) -> Probed:
    """Probe for old content that is present now, where something new lies in its place.

    Raises the errors of stores that cannot be read.
    """
    known = run.remade[dataset.name]
    left = model_outcomes.given_back(_beside(contents(context, dataset), known), _old(context, known))
    return Probed(EVERYBODY, len(left), ("content hash of every item",))


def _emptied(folder: Path) -> None:
    """Remove a folder with whatever a command or a crash left in it; links are removed, not followed."""
    # The folder itself sorts before everything in it, and so goes last.
    for path in sorted((folder, *folder.rglob("*")), reverse=True) if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            durable.rmdir(path, at="remaking.scratch.folder")
        else:
            durable.unlink(path, at="remaking.scratch.file")
