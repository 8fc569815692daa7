"""Judge one store: derive the entries of a receipt, for each dataset and subject, from its steps, the probe and the scan.

The outcome of the step is believed (*erased*, *absent* or *kept*) unless one of these speaks against it; the first that does is the reason
why the entry says *unable*. :class:`Judge` carries these numbers, and so does ``docs/spec/receipt.md``:

5. Judge each dataset for each subject.

   1. The step could not do it.
   2. The step ended without a settled outcome.
   3. The probe could not look.
   4. An attack on a model still tells who was in it.
   5. A normal read still returns items that do not stay on purpose.
   6. Something was erased, and the purge did not make that physical.
   7. The scan found windows of it, or saw some in a structure whose parts cannot be told apart.
   8. Something was made anew, and is the old one for the most part.
   9. The store reaches less than the map asks for, or than the plan said.
   10. The scan found nothing, and could not have found anything; nor was every byte accounted for.
   11. Rows of other people name the person in a column that the map does not know.
   12. The order names items, and fewer of them were met than it names: they may be there under another name or time.

   Numbers 6 and 8 to 10 are about *erased* alone.
6. Judge the rest of the store: windows that no declared dataset accounts for, undeclared columns that hold keys of the subject, and what a
   store whose bytes are out of reach holds and does not show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from expunge.core.datamap.datamap import Dataset, EraseAct, remakes
from expunge.core.datamap.grounding import Capabilities, Grounding, ScanDepth
from expunge.core.evidence.receipt import FORMS, NOBODY_STAYS, Accounted, DatasetEntry, Probe, Result, Scan, ScanMode, ScanVerdict, Skipped
from expunge.core.evidence.row_account import RowAccount
from expunge.core.evidence.trace_evidence import Figures, TraceLedger
from expunge.core.evidence.unread_places import bucket
from expunge.core.journal import events as ev
from expunge.core.models.model_outcomes import ComparisonResult
from expunge.core.orders.plan import REMAKING, Step, StepKind, aim
from expunge.core.orders.run import Run
from expunge.core.values.copy import Probed
from expunge.core.values.ids import Pseudonym
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Absent, Erased, Kept, Outcome, Reason, Unable, discharges
from expunge.core.values.scope import ItemScope
from expunge.engine.kernel import journal_streams
from expunge.engine.kernel.context import Context
from expunge.engine.subjects.locating import EVERYBODY
from expunge.ports.scanner import Coverage

ELSEWHERE = "elsewhere in "
"""Begins the name of an entry for residue that no dataset of the store accounts for."""
SCANNER = "expunge.residue/1"
_TOO_SHORT = "nothing in it is long enough to be looked for in raw bytes"
_SHARED = "other people's data holds every window that could be looked for, or none could be seen before"
_MOVED = "nothing tells whether they are gone, or have another name or time"
_SAID = 5
"""Things that are named one by one."""
_NOT_TAKEN = Unable(Reason.ERROR, "the step was not taken")


@dataclass(frozen=True)
class Judge:
    """The judge of one store: it derives the entries of a receipt about the store's datasets."""

    context: Context
    run: Run
    step: Step
    capabilities: Capabilities
    ledger: TraceLedger
    coverage: Coverage
    nameless: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Dataset of windows that are left in rows about nobody -> the datasets of these rows."""
    accounts: Mapping[str, RowAccount | None] = field(default_factory=dict)
    """The accounts of datasets in which no window of what was erased could be looked for."""
    unread: Sequence[str] = ()
    """Sentences about what the store holds and does not show."""

    def locked(self, dataset: Dataset, subject: Pseudonym) -> tuple[Kept, ...]:
        """Return the items that the store itself refused to erase, as it answered: an object lock, a legal hold."""
        outcome = self._did(dataset, subject)
        return (outcome,) if isinstance(outcome, Kept) else ()

    def made(self, dataset: Dataset) -> bool:
        """Return whether the step acted on the whole dataset, for every subject of the round."""
        return remakes(dataset) and not goes_whole(self.run, dataset)

    def _did(self, dataset: Dataset, subject: Pseudonym) -> Outcome:
        """What the steps that are about it say: the first that did not go well, else the one that made items go."""
        if not self.made(dataset):
            return self._outcome(StepKind.ERASE, dataset, subject)
        first = StepKind.FORGET if dataset.on_erase.act is EraseAct.FORGET else StepKind.DESTROY
        outcome = self._outcome(first, dataset, subject)
        proven = self._outcome(StepKind.PROVE, dataset, subject)
        known = self.run.remade.get(dataset.name)
        if known is not None and known.unchanged and not (known.ended and known.disputed):
            return Absent() if known.ended else proven
        again = StepKind(dataset.on_erase.act.value)
        made = self.run.current.outcome(again, dataset.name, dataset.name, subject) if again in REMAKING else None
        if isinstance(made, Unable) and discharges(outcome):
            return replace(made, detail=f"the old {dataset.name} was destroyed, and no new one could be made: {made.detail}")
        # Why for every act: what was made anew from a cache that still has the people is as little without them as what did not forget.
        if dataset.on_erase.prove and isinstance(proven, Unable) and isinstance(outcome, Erased):
            return proven
        return outcome

    def needs_account(self, dataset: Dataset, subject: Pseudonym) -> bool:
        """Return whether no window of what was erased could be looked for, so that the scan cannot tell for this reason alone."""
        if self.capabilities.grounding < Grounding.SCRUBBED or not isinstance(self._did(dataset, subject), Erased):
            return False
        figures = self.ledger.figures(dataset.name, subject)
        return figures.controlled and not (figures.usable or figures.found or figures.untold)

    def _figures(self, dataset: Dataset, subject: Pseudonym) -> Figures:
        return replace(self.ledger.figures(dataset.name, subject), account=self.accounts.get(dataset.name))

    def entry(self, dataset: Dataset, subject: Pseudonym, probed: Probed | None, kept: Sequence[Kept], answered: int = 0) -> DatasetEntry:
        """Return the entry for a receipt: the outcome of the step, less the parts that probe and scan contradict.

        ``answered``: items that stay under a hold and that another order's receipt names.
        """
        outcome = self._did(dataset, subject)
        figures = self._figures(dataset, subject)
        keeping = sum(each.items for each in kept)
        staying = keeping + answered
        # Why an absent subject is probed as clean without a call: nothing in the dataset can mean them, so there is nothing to ask it for.
        looked = probed or Probed(subject, 0, ("nothing to look for",))
        against = next(self._objections(dataset, subject, outcome, looked, figures, staying), None)
        if against is not None:
            # Why not nothing: rows went, and the receipt shows that none of it could be confirmed.
            went = outcome.items if isinstance(outcome, Erased) else 0
            return self._make(dataset, Result.UNABLE, went, Grounding.NONE, looked, figures, staying, against)
        if isinstance(outcome, Erased):
            return self._make(dataset, Result.ERASED, outcome.items, self.capabilities.grounding, looked, figures, staying)
        if keeping:
            return self._make(dataset, Result.KEPT, keeping, Grounding.NONE, looked, figures, staying)
        return self._make(dataset, Result.ABSENT, 0, Grounding.NONE, looked, figures, staying)

    def _objections(
        self, dataset: Dataset, subject: Pseudonym, outcome: Outcome, probed: Probed, figures: Figures, staying: int
    ) -> Iterator[Unable]:
        """Yield what speaks against *erased*, *absent* or *kept*, the first first; the numbers are those at the head of this module."""
        # (5.1) The step could not do it.
        if isinstance(outcome, Unable):
            yield outcome
        # (5.2) The step ended without a settled outcome.
        elif not isinstance(outcome, Erased | Absent | Kept):
            yield Unable(Reason.CANNOT_TELL, "the step ended without a settled outcome; apply again")
        # (5.3) The probe could not look.
        if probed.could_not:
            yield Unable(Reason.CANNOT_TELL, f"{dataset.name} could not be probed: {probed.could_not}")
        # (5.4) An attack on a model still tells who was in it.
        if self.made(dataset):
            yield from _recognised(self.run, dataset)
        # (5.5) A normal read still returns items that do not stay on purpose.
        if probed.items > staying:
            yield Unable(Reason.RESIDUE, f"a normal read of {dataset.name} still returns items ({', '.join(probed.paths)})")
        # (5.6) Something was erased, and is not purged. Why before residue: what stands in the way of the purge is why there is residue.
        if isinstance(outcome, Erased):
            yield from self._unpurged()
        # (5.7) The scan found windows of it, or saw some in a structure whose parts cannot be told apart.
        if figures.verdict is ScanVerdict.PRESENT:
            nameless = sorted(self.nameless.get(dataset.name, ()))
            among = f"; some lie in rows of {', '.join(nameless)} that name nobody, and nobody else has these values" if nameless else ""
            yield Unable(Reason.RESIDUE, f"bytes of {dataset.name} were found in files of {dataset.store}{among}")
        elif figures.untold:
            yield Unable(Reason.CANNOT_TELL, f"bytes of {dataset.name} lie in {_untold(figures)}")
        if isinstance(outcome, Erased):
            # (5.8) What was made anew is the old one for the most part.
            yield from self._the_old_one(dataset)
            # (5.9) The store reaches less than the map asks for, or than the plan said.
            yield from self._too_shallow(dataset)
            # (5.10) The scan found nothing, and could not have found anything.
            if self.capabilities.grounding >= Grounding.SCRUBBED and figures.verdict is not ScanVerdict.GONE:
                yield Unable(Reason.CANNOT_TELL, _why_blind(figures))
        # (5.12) Items that the order names are not there, and it was not this order that erased them.
        scope = self.run.plan.scope if self.run.plan is not None else None
        meant = scope.roots.get(dataset.name, 0) if isinstance(scope, ItemScope) else 0
        missed = meant - staying - (outcome.items if isinstance(outcome, Erased) else 0)
        if missed > 0 and not self._erased_whole(subject):
            yield Unable(Reason.CANNOT_TELL, f"{missed} of the {meant} items that were meant were not there any more: {_MOVED}")

    def _erased_whole(self, subject: Pseudonym) -> bool:
        """Return whether an order for everything of the person was fulfilled since: it finds items under whatever name they have."""
        asked = self.run.received.at
        for order in journal_streams.orders(self.context.journal):
            first = ev.decode(next(iter(self.context.journal.read(order))))
            if isinstance(first, ev.Received) and first.scope is None and subject in first.subjects:
                other = journal_streams.Recorder(self.context.journal, self.context.clock, order).run
                if other.state is OrderState.FULFILLED and other.ended_at is not None and other.ended_at >= asked:
                    return True
        return False

    def _unpurged(self) -> Iterator[Unable]:
        """Say why what was erased of this store is not physical yet."""
        purged = self.run.current.outcome_of_store(StepKind.PURGE, self.step.store) or _NOT_TAKEN
        if isinstance(purged, Unable):
            yield purged
        elif not discharges(purged):
            yield Unable(Reason.CANNOT_TELL, "the purge ended without a settled outcome")

    def _the_old_one(self, dataset: Dataset) -> Iterator[Unable]:
        """Say that what was made anew cannot be told from the old one, unless a comparison showed that it is another."""
        known = self.run.remade.get(dataset.name)
        if known is None or not known.after or known.proof is ComparisonResult.EQUAL:
            return
        seen, still = self.ledger.shared(dataset.name, EVERYBODY)
        if still * 2 > seen:
            where = f"{still} of {seen} windows of the old {dataset.name} are in the new one"
            yield Unable(Reason.CANNOT_TELL, f"{where}; name a command that makes it from nothing (`prove`)")

    def _too_shallow(self, dataset: Dataset) -> Iterator[Unable]:
        """Say that the store reaches less than the map asks for, or than the plan said."""
        goal, planned = aim(dataset, self.capabilities), planned_grounding(self.run, dataset.name)
        reached = self.capabilities.grounding
        if reached < goal:
            yield Unable(Reason.TOO_SHALLOW, f"the map asks for {goal.word}; {dataset.store} reaches {reached.word} here")
        if reached < planned:
            yield Unable(Reason.TOO_SHALLOW, f"the plan says {planned.word}; {dataset.store} reaches {reached.word} now; apply again")

    def named(self, entry: DatasetEntry, why: Unable | None) -> DatasetEntry:
        """Return the entry, *unable* where rows of other people still name the person; that is why the scan found bytes of it, too."""
        # (5.11) Rows of other people name the person in a column that the map does not know.
        explained = entry.reason is Reason.RESIDUE or (entry.reason is Reason.CANNOT_TELL and entry.probe is not None and entry.probe.clean)
        if why is None or (entry.outcome is Result.UNABLE and not explained):
            return entry
        went = 0 if entry.outcome is Result.KEPT else entry.items
        return replace(entry, outcome=Result.UNABLE, items=went, claimed=Grounding.NONE, reason=why.reason, detail=why.detail)

    def unphysical(self) -> Unable | None:
        """Return why what was changed in rows of other people is not physical yet; None where it is."""
        return next(self._unpurged(), None)

    def elsewhere(self, subject: Pseudonym, made: Sequence[DatasetEntry], named: Unable | None = None) -> list[DatasetEntry]:
        """Return an entry for traces of other stores, or identifiers, that lie here in no declared place.

        None while a dataset of this store is not erased: then they may lie in that. ``named``: rows of a dataset that no step is about
        name the subject.
        """
        figures = self.ledger.elsewhere(subject)
        if not figures.found:
            # What was learnt from them, and lies here where no dataset accounts for it.
            learnt = self.ledger.elsewhere(EVERYBODY)
            figures = learnt if learnt.found or (learnt.untold and not figures.untold) else figures
        blind = (figures.blind + figures.opaque > 0 and figures.taken > 0) or bool(figures.untold) or bool(self.unread)
        # Why not with what nobody can read: then no dataset is clean, and residue that was seen is residue all the same.
        doubted = figures.found and figures.opaque
        unable = any(each.outcome is Result.UNABLE and not (doubted and each.reason is Reason.CANNOT_TELL) for each in made)
        if named is None and (not (figures.found or blind) or unable):
            return []
        kind = self.context.data_map.stores[self.step.store].kind
        detail = (
            f"what the person left lies in {self.step.store} where no dataset of the map accounts for it; `expunge check` shows such places"
        )
        if self.unread and not figures.found and (named is None or named.reason is not Reason.RESIDUE):
            # Why before what a look at keys says: this names all that it did not see, and how to mend it.
            named = Unable(Reason.CANNOT_TELL, self._why_unread())
        why = named or Unable(Reason.RESIDUE, detail) if figures.found or named else Unable(Reason.CANNOT_TELL, _why_blind(figures))
        return [
            DatasetEntry(
                f"{ELSEWHERE}{self.step.store}", self.step.store, kind, EraseAct.ERASE, Result.UNABLE, 0, Grounding.NONE,
                self.capabilities.grounding, None, self._scan(figures), why.reason, why.detail,
            )
        ]  # fmt: skip

    def _why_unread(self) -> str:
        """Say what could not be read, in the store's own words."""
        more = f", and {len(self.unread) - _SAID} more" if len(self.unread) > _SAID else ""
        return f"{self.step.store} does not show: {'; '.join(self.unread[:_SAID])}{more}"

    def _outcome(self, kind: StepKind, dataset: Dataset, subject: Pseudonym) -> Outcome:
        return self.run.current.outcome(kind, dataset.name, dataset.name, subject) or _NOT_TAKEN

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
        # Why: an order that names a dataset whole erases what the map would keep, and the entry says what was done.
        kept_by_map = dataset.on_erase.act is EraseAct.KEEP
        scrubbed = self.capabilities.grounding >= Grounding.SCRUBBED
        return DatasetEntry(
            dataset=dataset.name,
            store=dataset.store,
            kind=self.context.data_map.stores[dataset.store].kind,
            act=EraseAct.ERASE if result is Result.ERASED and kept_by_map else dataset.on_erase.act,
            outcome=result,
            items=items,
            claimed=claimed,
            asked=aim(dataset, self.capabilities),
            probe=Probe(probed.paths, max(0, probed.items - staying), probed.could_not),
            scan=self._scan(figures) if self._sampled or (scrubbed and (figures.taken or figures.accounted or why)) else None,
            reason=why.reason if why else None,
            detail=why.detail if why else "",
        )

    @property
    def _sampled(self) -> bool:
        return self.context.data_map.stores[self.step.store].scan is ScanDepth.SAMPLE

    def _scan(self, figures: Figures) -> Scan:
        verdict = figures.verdict
        if self._sampled and verdict is ScanVerdict.GONE:
            # Why: what was not drawn was not read.
            verdict = ScanVerdict.CANNOT_TELL
        return Scan(
            scanner=SCANNER,
            mode=ScanMode.SAMPLE if self._sampled else ScanMode.ALL,
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
            verdict=verdict,
            accounted=_accounted(figures) if verdict is ScanVerdict.GONE else None,
            no_controls=NOBODY_STAYS if figures.alone and verdict is ScanVerdict.GONE else "",
            values=bucket(figures.counted.values),
            values_looked_for=bucket(figures.counted.with_window),
            share=figures.counted.share,
            forms=FORMS,
        )


def _recognised(run: Run, dataset: Dataset) -> Iterator[Unable]:
    """Say that an attack still tells who was in a model: an operator has to look at that, whatever else speaks for it."""
    known = run.remade.get(dataset.name)
    if known is not None and known.membership is not None and known.membership.open:
        text = f"membership inference still tells from {dataset.name} who was in it (FAIL); look at it, then `expunge learn looked-at`"
        yield Unable(Reason.CANNOT_TELL, text)


def _untold(figures: Figures) -> str:
    return f"structures whose parts cannot be told apart ({', '.join(figures.untold)}); they may be another person's"


def _accounted(figures: Figures) -> Accounted | None:
    account = figures.account if figures.accounted else None
    return Accounted(account.files, account.bytes) if account is not None else None


def _why_blind(figures: Figures) -> str:
    if figures.untold:
        return f"what may be the person's lies in {_untold(figures)}"
    if figures.account is not None and figures.account.left:
        why = _SHARED if figures.taken else _TOO_SHORT
        return f"{why}; and not every byte of its files is accounted for ({', '.join(figures.account.left)}); apply again"
    if not figures.taken:
        return _TOO_SHORT
    if figures.blind:
        return f"{figures.blind} parts of the store could not be read by the scan (encrypted, damaged, no right to read)"
    if figures.opaque:
        files = "1 file" if figures.opaque == 1 else f"{bucket(figures.opaque)} files or more"
        return (
            f"{files} in places that no dataset declares hold bytes that nobody can read (encrypted, or of no known format); "
            "`expunge check` prints the `opaque:` lines that declare them"
        )
    if not figures.usable:
        return _SHARED
    if not figures.controls_asked:
        return "the scan was never seen to see content of people who stay, so it says nothing"
    return "the scan missed content of people who stay, so it says nothing"


def goes_whole(run: Run, dataset: Dataset) -> bool:
    """Return whether a dataset goes because an order names it whole, regardless of the map's ``on_erase``."""
    scope = run.plan.scope if run.plan else None
    return scope is not None and dataset.name in scope.whole


def planned_grounding(run: Run, dataset: str) -> Grounding:
    """Return the grounding that the plan promised for a dataset. A store that is away for a moment must not lower it."""
    steps = run.plan.steps if run.plan else ()
    goals = (step.grounding for step in steps if step.kind in {StepKind.ERASE, StepKind.DESTROY} and step.datasets == (dataset,))
    return max(map(Grounding.from_word, goals), default=Grounding.NONE)
