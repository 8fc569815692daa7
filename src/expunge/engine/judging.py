"""Look with other eyes, and judge: probe and scan of a store, and what they allow a receipt to say about each dataset and subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from expunge.core import canonical, judged, receipt_codec
from expunge.core.cohort import trace_owner, turn
from expunge.core.copy import Copy, Probed, Selector
from expunge.core.datamap import Act, Dataset
from expunge.core.evidence import Figures, Ledger, Sight, blinding
from expunge.core.grounding import Capabilities, Grounding, Retained
from expunge.core.ids import Pseudonym, StepId
from expunge.core.outcome import Absent, Erased, Kept, Outcome, Reason, Unable, discharges
from expunge.core.person import Person
from expunge.core.plan import Step, StepKind, aim, remakes
from expunge.core.receipt import DatasetEntry, KeptItems, Probe, Result, Scan, ScanMode, ScanVerdict, Skipped
from expunge.core.remade import Proof
from expunge.core.run import Run
from expunge.core.traces import Trace, Traces
from expunge.engine import attesting, attributing, calling, remaking, tracing
from expunge.engine.context import Context
from expunge.engine.locating import EVERYBODY, Located
from expunge.ports.scanner import Coverage, Residue, Scanned

SubjectEntries: TypeAlias = tuple[tuple[DatasetEntry, ...], tuple[KeptItems, ...]]
Entries: TypeAlias = Mapping[Pseudonym, SubjectEntries]
ELSEWHERE = "elsewhere in "
"""Begins the name of an entry for residue that no dataset of the store accounts for."""
SCANNER = "expunge.residue/1"
LOOKS = 3
"""How often a store is asked at most for what it could not say: a busy machine answers late, and the verdict of a look is final."""
PAUSE = 0.2
"""Seconds before the second look, twice as long before the third; stores wait for locks and connections themselves."""
_PARTS = ("datasets", "kept")


@dataclass(frozen=True)
class Verified:
    """What one verify step saw."""

    entries: Entries
    files: int
    bytes: int
    found: int
    places: tuple[Residue, ...]
    """Where residue lies: for the operator's eyes."""

    def to_text(self) -> str:
        """The entries as canonical JSON, for the journal."""
        said: dict[SubjectEntries, canonical.Json] = {}
        for each in self.entries.values():
            if each not in said:
                said[each] = {part: [receipt_codec.to_json(one) for one in some] for part, some in zip(_PARTS, each, strict=True)}
        return judged.pack({subject: said[each] for subject, each in self.entries.items()})


def verify_store(
    context: Context,
    run: Run,
    step: Step,
    located: Located,
    people: Sequence[Person],
) -> Verified:
    """Probe every dataset of the step by its normal read paths, scan every byte of its store, judge.

    Raises what stores and scanner raise when they cannot look; the caller journals that as *could not*.
    """
    capabilities = _capabilities(context, run, step)
    if capabilities.retains:
        return _retaining(context, run, step.store, capabilities)
    datasets = tuple(context.data_map.datasets[name] for name in step.datasets)
    owner = trace_owner(run)
    probed = {each.name: _probed(context, run, each, located) for each in datasets}
    traces = tracing.load(context, owner)
    before = tracing.recall(context, owner, "seen-before-", traces, store=step.store)
    scanned = tracing.look(context, step.store, traces, before)
    moved = tracing.recall(context, owner, "held-before-", traces)
    accounted = attributing.held_by_others(context, step.store, traces, scanned.seen, located.kept_copies, located.copies, people, moved)
    held = accounted.people | (accounted.kept - _strays(traces, scanned, accounted, located))
    tracing.remember(context, owner, f"seen-after-{turn(run)}-{step.store}", traces, scanned.seen)
    names = [each.name for each in context.data_map.datasets_of(step.store)]
    ledger = Ledger(traces, Sight(before, scanned.seen, held), names, blinding(scanned.coverage.skipped))
    judge = _Judge(context, run, step, capabilities, ledger, scanned.coverage)
    entries: dict[Pseudonym, SubjectEntries] = {}
    for subject in run.subjects:
        made, kept = [], []
        for dataset in datasets:
            whose = EVERYBODY if judge.made(dataset) else subject
            aside = (*located.kept.get(dataset.name, {}).get(whose, ()), *judge.locked(dataset, whose))
            made.append(judge.entry(dataset, whose, probed[dataset.name].get(whose), aside))
            kept += [KeptItems(dataset.name, each.ground, _second(each), each.items) for each in aside if each.items]
        made += judge.elsewhere(subject, made)
        entries[subject] = (tuple(made), tuple(kept))
    residue = scanned.seen - held
    left = {traces.traces[index] for index in residue}
    places = tuple(each for each in scanned.found if each.trace in left and each.trace.subject not in traces.controls)
    return Verified(entries, scanned.coverage.files, scanned.coverage.bytes, len({each.trace.digest for each in places}), places)


def _retaining(context: Context, run: Run, store: str, capabilities: Capabilities) -> Verified:
    """What a store of backups goes on holding of everybody, by ground: how many, and when the last of them ends."""
    by_ground: dict[str, list[Retained]] = {}
    gone = run.gone_at(context.clock.now())
    for each in capabilities.retains:
        if each.holds(gone, context.clock.now()):
            by_ground.setdefault(each.ground, []).append(each)
    kept = []
    for ground, held in by_ground.items():
        ends = [each.until(gone) for each in held]
        last = None if None in ends else max(end for end in ends if end is not None)
        kept.append(KeptItems(store, ground, last.replace(microsecond=0) if last else None, len(held)))
    kind = context.data_map.stores[store].kind
    items = sum(each.items for each in kept)
    entry = DatasetEntry(store, store, kind, Act.KEEP, Result.KEPT, items, Grounding.NONE, Grounding.NONE, None, None, None, "")
    entries: SubjectEntries = ((entry,), tuple(kept)) if kept else ((), ())
    nothing: SubjectEntries = ((), ())
    return Verified({each: entries if run.took_from(each) else nothing for each in run.subjects}, 0, 0, 0, ())


def _strays(traces: Traces, scanned: Scanned, accounted: attributing.Held, located: Located) -> frozenset[int]:
    """Windows of kept items that were also seen in another file: a hold keeps the named item, not a copy that nobody declared.

    Told where keys are paths (a file's key ends the path where it was seen); inside one database file places cannot be told apart.
    """
    keys = tuple(f"/{key}" for copies in located.kept_copies.values() for each in copies for key in each.keys)
    doubtful = accounted.kept - accounted.people
    places: dict[Trace, list[bool]] = {}
    for each in scanned.found:
        places.setdefault(each.trace, []).append(each.path.as_posix().endswith(keys) if keys else False)
    return frozenset(index for index in doubtful if len(set(places.get(traces.traces[index], ()))) == 2)


def _capabilities(context: Context, run: Run, step: Step) -> Capabilities:
    """What the store reaches; asked again, a few times, while that is less than was planned, as it is while the store is away."""
    store = context.open_store(step.store)
    planned = max((_planned(run, name) for name in step.datasets), default=Grounding.NONE)
    capabilities = calling.capabilities(store)
    for look in range(1, LOOKS):
        if capabilities.retains or capabilities.grounding >= planned:
            break
        context.pause(PAUSE * look)
        capabilities = calling.capabilities(store)
    return capabilities


def _planned(run: Run, dataset: str) -> Grounding:
    """What the plan said would be reached in a dataset: a store that is away for a moment must not make less of that."""
    steps = run.plan.steps if run.plan else ()
    goals = (each.grounding for each in steps if each.kind in {StepKind.ERASE, StepKind.DESTROY} and each.datasets == (dataset,))
    return max(map(Grounding.from_word, goals), default=Grounding.NONE)


def _probed(context: Context, run: Run, dataset: Dataset, located: Located) -> dict[Pseudonym, Probed]:
    """Probe a dataset; again, a few times, while the store could not look for somebody."""
    probed = _probe_made(context, run, dataset) or _probe(context, dataset, located, run.subjects)
    for look in range(1, LOOKS):
        if dataset.name in located.failed or not any(each.could_not for each in probed.values()):
            break
        context.pause(PAUSE * look)
        probed = _probe_made(context, run, dataset) or _probe(context, dataset, located, run.subjects)
    return probed


def _probe(context: Context, dataset: Dataset, located: Located, subjects: Sequence[Pseudonym]) -> dict[Pseudonym, Probed]:
    """Look for what was found again, and for everybody else with the selector alone."""
    failed = located.failed.get(dataset.name)
    if failed is not None:
        # Why not silence: who could not be looked for has not been probed, and an entry without a probe reads as clean.
        return {subject: Probed(subject, 0, (), failed.detail or failed.reason.value) for subject in subjects}
    again = located.copies.get(dataset.name, ())
    found = {each.subject for each in again}
    asked = {
        subject: each for subject, each in located.probing(dataset.name).items() if (each.match or each.every) and subject not in found
    }
    bare = tuple(Copy(dataset.name, subject, (), 0, selector=each) for subject, each in asked.items())
    copies = (*again, *bare)
    if not copies:
        return {}
    return {each.subject: each for each in calling.probe(context.open_store(dataset.store), dataset, copies)}


def _probe_made(context: Context, run: Run, dataset: Dataset) -> dict[Pseudonym, Probed]:
    """Look for what is made from people's data: all of it, or the old one where another lies in its place."""
    known = run.remade.get(dataset.name)
    if known is None or not remakes(dataset) or _goes_whole(run, dataset):
        return {}
    if known.ended and dataset.on_erase.act is not Act.DESTROY:
        return {EVERYBODY: remaking.probe(context, run, dataset)}
    if known.stayed:
        left = attesting.still_there(context, dataset, known.stayed)
        return {EVERYBODY: Probed(EVERYBODY, left, ("content hash of every artefact",))}
    everything = Copy(dataset.name, EVERYBODY, (), 0, selector=Selector(EVERYBODY, {}, every=True))
    return {each.subject: each for each in calling.probe(context.open_store(dataset.store), dataset, (everything,))}


def _goes_whole(run: Run, dataset: Dataset) -> bool:
    scope = run.plan.scope if run.plan else None
    return scope is not None and dataset.name in scope.whole


@dataclass(frozen=True)
class _Judge:
    context: Context
    run: Run
    step: Step
    capabilities: Capabilities
    ledger: Ledger
    coverage: Coverage

    def locked(self, dataset: Dataset, subject: Pseudonym) -> tuple[Kept, ...]:
        """What the store itself would not let go of, as it answered: an object lock, a legal hold."""
        outcome = self._did(dataset, subject)
        return (outcome,) if isinstance(outcome, Kept) else ()

    def made(self, dataset: Dataset) -> bool:
        """Whether what was done to it was done to the whole of it, for everybody of the round."""
        return remakes(dataset) and not _goes_whole(self.run, dataset)

    def _did(self, dataset: Dataset, subject: Pseudonym) -> Outcome:
        """What the steps that are about it say: the first that did not go well, else the one that made items go."""
        if not self.made(dataset):
            return self._outcome(StepKind.ERASE, dataset.name, dataset.name, subject)
        first = StepKind.FORGET if dataset.on_erase.act is Act.FORGET else StepKind.DESTROY
        outcome = self._outcome(first, dataset.name, dataset.name, subject)
        proven = self._outcome(StepKind.PROVE, dataset.name, dataset.name, subject)
        known = self.run.remade.get(dataset.name)
        if known is not None and known.unchanged:
            return Absent() if known.ended else proven
        # Why for this act alone: what was destroyed and made anew from what is left has not to be like anything.
        doubted = dataset.on_erase.act is Act.FORGET and dataset.on_erase.prove and isinstance(proven, Unable)
        if doubted and isinstance(outcome, Erased):
            return proven
        again = self.run.steps.get(StepId(f"{dataset.on_erase.act.value}:{dataset.name}")) if first is StepKind.DESTROY else None
        made = again.outcomes.get(dataset.name, {}).get(subject) if again else None
        if isinstance(made, Unable) and discharges(outcome):
            return replace(made, detail=f"the old {dataset.name} was destroyed, and no new one could be made: {made.detail}")
        return outcome

    def entry(self, dataset: Dataset, subject: Pseudonym, probed: Probed | None, kept: Sequence[Kept]) -> DatasetEntry:
        """What may be said: the outcome of the step, less whatever probe and scan do not bear out."""
        outcome = self._did(dataset, subject)
        figures = self.ledger.figures(dataset.name, subject)
        staying = sum(each.items for each in kept)
        # Why an absent subject is probed as clean without a call: nothing in the dataset can mean them, so there is nothing to ask it for.
        looked = probed or Probed(subject, 0, ("nothing to look for",))
        against = self._against(dataset, outcome, looked, figures, staying)
        if against is not None:
            return self._make(dataset, Result.UNABLE, 0, Grounding.NONE, looked, figures, staying, against)
        if isinstance(outcome, Erased):
            return self._make(dataset, Result.ERASED, outcome.items, self.capabilities.grounding, looked, figures, staying)
        if staying:
            return self._make(dataset, Result.KEPT, staying, Grounding.NONE, looked, figures, staying)
        return self._make(dataset, Result.ABSENT, 0, Grounding.NONE, looked, figures, staying)

    def _against(self, dataset: Dataset, outcome: Outcome, probed: Probed, figures: Figures, staying: int) -> Unable | None:
        """The first thing that speaks against *erased* or *absent*."""
        if isinstance(outcome, Unable):
            return outcome
        if not isinstance(outcome, Erased | Absent | Kept):
            return Unable(Reason.CANNOT_TELL, "the step ended without a settled outcome; apply again")
        if probed.could_not:
            return Unable(Reason.CANNOT_TELL, f"{dataset.name} could not be probed: {probed.could_not}")
        if self.made(dataset) and (recognised := _recognised(self.run, dataset)) is not None:
            return recognised
        if probed.items > staying:
            return Unable(Reason.RESIDUE, f"a normal read of {dataset.name} still returns items ({', '.join(probed.paths)})")
        purged = self._outcome(StepKind.PURGE, self.step.store, "*", Pseudonym("*"))
        if isinstance(outcome, Erased) and not isinstance(purged, Erased | Absent):
            # Why before residue: what stands in the way of the purge is why there is residue.
            return purged if isinstance(purged, Unable) else Unable(Reason.CANNOT_TELL, "the purge ended without a settled outcome")
        if figures.verdict is ScanVerdict.PRESENT:
            return Unable(Reason.RESIDUE, f"bytes of {dataset.name} were found in files of {dataset.store}")
        return self._the_old_one(dataset) or self._too_little(dataset, figures) if isinstance(outcome, Erased) else None

    def _the_old_one(self, dataset: Dataset) -> Unable | None:
        """Something was made anew, and is the old one for the most part: no one can tell that it was not, unless a comparison showed it."""
        known = self.run.remade.get(dataset.name)
        if known is None or not known.after or known.proof is Proof.EQUAL:
            return None
        seen, still = self.ledger.shared(dataset.name, EVERYBODY)
        if still * 2 <= seen:
            return None
        text = (
            f"{still} of {seen} windows of the old {dataset.name} are in the new one; name a command that makes it from nothing (`prove`)"
        )
        return Unable(Reason.CANNOT_TELL, text)

    def _too_little(self, dataset: Dataset, figures: Figures) -> Unable | None:
        """What speaks against *erased* though nothing was found."""
        goal, planned = aim(dataset, self.capabilities), _planned(self.run, dataset.name)
        reached = self.capabilities.grounding
        if reached < goal:
            return Unable(Reason.TOO_SHALLOW, f"the map asks for {goal.word}; {dataset.store} reaches {reached.word} here")
        if reached < planned:
            return Unable(Reason.TOO_SHALLOW, f"the plan says {planned.word}; {dataset.store} reaches {reached.word} now; apply again")
        if self.capabilities.grounding >= Grounding.SCRUBBED and figures.verdict is not ScanVerdict.GONE:
            return Unable(Reason.CANNOT_TELL, _why_blind(figures))
        return None

    def elsewhere(self, subject: Pseudonym, made: Sequence[DatasetEntry]) -> list[DatasetEntry]:
        """An entry for traces of other stores, or identifiers, that lie here in no declared place.

        None while a dataset of this store is not erased: then they may lie in that.
        """
        figures = self.ledger.elsewhere(subject)
        if not figures.found:
            # What was learnt from them, and lies here where no dataset accounts for it.
            learnt = self.ledger.elsewhere(EVERYBODY)
            figures = learnt if learnt.found else figures
        blind = figures.blind > 0 and figures.taken > 0
        if not (figures.found or blind) or any(each.outcome is Result.UNABLE for each in made):
            return []
        kind = self.context.data_map.stores[self.step.store].kind
        detail = (
            f"what the person left lies in {self.step.store} where no dataset of the map accounts for it; `expunge check` shows such places"
        )
        return [
            DatasetEntry(
                f"{ELSEWHERE}{self.step.store}", self.step.store, kind, Act.ERASE, Result.UNABLE, 0, Grounding.NONE,
                self.capabilities.grounding, None, self._scan(figures), Reason.RESIDUE if figures.found else Reason.CANNOT_TELL,
                detail if figures.found else _why_blind(figures),
            )
        ]  # fmt: skip

    def _outcome(self, kind: StepKind, target: str, dataset: str, subject: Pseudonym) -> Outcome:
        state = self.run.steps.get(StepId(f"{kind.value}:{target}"))
        found = state.outcomes.get(dataset, {}).get(subject) if state else None
        return found if found is not None else Unable(Reason.ERROR, "the step was not taken")

    def _make(
        self,
        dataset: Dataset,
        result: Result,
        items: int,
        claimed: Grounding,
        probed: Probed,
        figures: Figures,
        staying: int,
        why: Unable | None = None,
    ) -> DatasetEntry:
        return DatasetEntry(
            dataset=dataset.name,
            store=dataset.store,
            kind=self.context.data_map.stores[dataset.store].kind,
            act=dataset.on_erase.act,
            outcome=result,
            items=items,
            claimed=claimed,
            asked=aim(dataset, self.capabilities),
            probe=Probe(probed.paths, max(0, probed.items - staying), probed.could_not),
            scan=self._scan(figures) if self.capabilities.grounding >= Grounding.SCRUBBED and (figures.taken or why) else None,
            reason=why.reason if why else None,
            detail=why.detail if why else "",
        )

    def _scan(self, figures: Figures) -> Scan:
        return Scan(
            scanner=SCANNER,
            mode=ScanMode.ALL,
            since=None,
            files=self.coverage.files,
            bytes=self.coverage.bytes,
            decoded_bytes=self.coverage.decoded_bytes,
            traces_taken=figures.taken,
            traces_usable=figures.usable,
            found=figures.found,
            controls_found=figures.controls_found,
            controls_asked=figures.controls_asked,
            skipped=tuple(Skipped(reason, count) for reason, count in self.coverage.skipped),
            verdict=figures.verdict,
        )


def _recognised(run: Run, dataset: Dataset) -> Unable | None:
    """An attack still tells who was in it: somebody has to look at that, whatever else speaks for it."""
    known = run.remade.get(dataset.name)
    if known is None or known.membership is None or not known.membership.open:
        return None
    text = f"membership inference still tells from {dataset.name} who was in it (FAIL); look at it, then `expunge learn looked-at`"
    return Unable(Reason.CANNOT_TELL, text)


def _why_blind(figures: Figures) -> str:
    if not figures.taken:
        return "nothing in it is long enough to be looked for in raw bytes"
    if figures.blind:
        return f"{figures.blind} parts of the store could not be read by the scan (encrypted, damaged, no right to read)"
    if not figures.usable:
        return "other people's data holds every window that could be looked for, or none could be seen before"
    return "the scan missed content of people who stay, so it says nothing"


def _second(kept: Kept) -> datetime | None:
    return kept.until.replace(microsecond=0) if kept.until else None
