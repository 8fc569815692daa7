"""The steps about stores, as a stepper takes them: trace, look, erase, purge, verify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from expunge.core.datamap.datamap import Dataset, Through
from expunge.core.journal import events as ev
from expunge.core.orders.plan import Step, StepKind
from expunge.core.orders.round import of_store
from expunge.core.orders.run import MOST_ATTEMPTS, Run
from expunge.core.orders.shared_round import trace_owner, turn
from expunge.core.values.copy import Copy
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.maintenance_window import inside
from expunge.core.values.outcome import RETRYABLE, Absent, Outcome, Reason, Unable, Unknown, discharges
from expunge.engine.evidence import link_marks, residue_places, shared_content, tracing, verification
from expunge.engine.evidence import mentions as judged_mentions
from expunge.engine.execution import schema_obstacles
from expunge.engine.execution.model_steps import ModelSteps
from expunge.engine.execution.round_work import RoundWork
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.shelf_words import shelf_word
from expunge.engine.subjects import mentions
from expunge.engine.subjects.locating import LocatedCopies
from expunge.faults import ReplyLost


class StoreSteps:
    """The steps of a round about stores. Every subject of the round has an outcome of its own."""

    def __init__(self, work: RoundWork, models: ModelSteps) -> None:
        """Work on a round; ``models`` learns what concerns models that lie in the same stores."""
        self._work = work
        self._context = work.context
        self._models = models
        self._preflighted: tuple[LocatedCopies, dict[str, Unable]] | None = None
        """For which located copies the stores were asked, and dataset -> why it cannot be erased as things stand."""
        self._entangled: dict[tuple[str, Pseudonym], Unable] = {}
        """(dataset, subject) -> why the subject's items cannot be erased without touching items that are kept, or other people's."""

    @property
    def _run(self) -> Run:
        return self._work.run

    def trace(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Take traces of one store while the content is still there.

        A dataset that could not be looked through has no traces: that is this step's outcome, so that it is tried again, and nothing of it
        is erased before it was traced.
        """
        if attempt > 1:
            self._work.located = None
        again = self._models.attest(step)
        if again:
            self._work.located = None
        located = self._work.locate(fresh=False)
        first = step.id == self._work.plan.steps[0].id
        datasets = self._work.datasets(step)
        # Why not with a scope: who somebody is stays in what the order does not reach.
        named = self._work.people if self._work.plan.scope is None else ()
        try:
            owner = trace_owner(self._run)
            taken = tracing.take(self._context, owner, turn(self._run), step.store, datasets, located, named if first else ())
        except store_calls.TROUBLE as error:
            return (self._work.ended(step, attempt, _for_all(step.datasets, self._run.subjects, store_calls.as_unable(error))),)
        failed: dict[str, dict[str, Outcome]] = {}
        for name in located.failed.keys() & set(step.datasets):
            failed |= _for_all([name], self._run.subjects, located.failed[name])
        ended = self._work.ended(step, attempt, failed, traces=taken.traces, rejected=taken.rejected)
        if attempt == 1 and not again:
            return (ended,)
        return ev.Located(self._work.now(), located.items(), located.kept_items()), ended

    def look(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Scan a store before anything is erased."""
        owner, round_name = trace_owner(self._run), turn(self._run)
        if attempt > 1:
            self._work.located = None
        try:
            if store_calls.capabilities(self._context.open_store(step.store)).retains:
                return (self._work.ended(step, attempt, {}),)
            theirs = self._work.locate(fresh=False)
            passing = self._passing(theirs, [dataset.name for dataset in self._context.data_map.datasets_of(step.store)])
            if passing is not None:
                # Why not without: whoever could not be looked for would be taken for somebody who stays.
                return (self._work.ended(step, attempt, of_store(passing)),)
            traces = tracing.load(self._context, owner)
            scanned = tracing.look_before(self._context, owner, round_name, step.store, traces)
            held = shared_content.held_before(self._context, step.store, traces, theirs.copies)
        except store_calls.TROUBLE as error:
            return (self._work.ended(step, attempt, of_store(store_calls.as_unable(error))),)
        tracing.remember(self._context, owner, f"seen-before-{round_name}-{shelf_word(step.store)}", traces, scanned.seen)
        tracing.remember_crowded(self._context, owner, round_name, step.store, traces, scanned)
        tracing.remember(self._context, owner, f"held-before-{round_name}-{shelf_word(step.store)}", traces, held)
        stay = sum(1 for index in scanned.seen if traces.traces[index].subject in traces.controls)
        files, size, found = scanned.coverage.files, scanned.coverage.bytes, len(scanned.seen) - stay
        return (self._work.ended(step, attempt, {}, files=files, bytes=size, found=found, controls=stay),)

    def erase(self, step: Step, attempt: int, key: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Erase one dataset."""
        (dataset,) = self._work.datasets(step)
        self._work.fresh = self._work.fresh and not (attempt > 1 and self._work.erased)
        if attempt > 1:
            # What stood in the way may have passed: else three attempts would repeat what the first was told.
            self._preflighted = None
        outcomes = self._work.meeting_holds(lambda: self._erase(dataset, key))
        return (*self._models.gone(dataset, outcomes.values()), self._work.ended(step, attempt, {dataset.name: outcomes}))

    def _erase(self, dataset: Dataset, key: IdempotencyKey) -> dict[str, Outcome]:
        located = self._work.locate(fresh=True)
        failed, untraced = located.failed.get(dataset.name), self._work.untraced(dataset)
        in_the_way = failed or untraced or self._pointed_to(dataset) or self._preflight(dataset) or self._work.beyond(dataset)
        if in_the_way is not None:
            return dict.fromkeys(self._run.subjects, in_the_way)
        blocked = {subject: why for (name, subject), why in self._entangled.items() if name == dataset.name}
        copies = tuple(each for each in located.copies.get(dataset.name, ()) if each.subject not in blocked)
        copies, unread = self._with_mentions(dataset, copies)
        if unread is not None:
            return dict.fromkeys(self._run.subjects, unread)
        own = tuple(copy for copy in copies if copy.keys)
        if own and self._work.plan.scope is None:
            link_marks.mark(self._context, [member.run for member in self._work.recorder.members], dataset.name, own)
        answered = self._work.erase(dataset, copies, key)
        return {
            subject: blocked.get(subject) or self._work.counted(dataset, subject, answered.get(subject, Absent()))
            for subject in self._run.subjects
        }

    def _with_mentions(self, dataset: Dataset, copies: Sequence[Copy]) -> tuple[tuple[Copy, ...], Unable | None]:
        """Add to the copies what is taken out of other people's rows; or say why these could not be looked through."""
        if not dataset.mentions or self._work.plan.scope is not None or judged_mentions.held(self._context, dataset):
            return tuple(copies), None
        located = self._work.locate(fresh=True)
        own = located.own_in(dataset.name)
        try:
            released = mentions.to_release(self._context, dataset, self._work.people)
            columns = frozenset(name for by in released.values() for name in by)
            met = mentions.found(self._context, dataset, self._work.people, own, columns) if columns else ()
        except store_calls.TROUBLE as error:
            return (), store_calls.as_unable(error)
        judged_mentions.remember(self._context, self._run, dataset, met)
        named = {each.subject: released.get(each.subject, {}) for each in met}
        known = {copy.subject for copy in copies}
        told = located.selectors.get(dataset.name, {})
        unknown = {subject: by for subject, by in named.items() if by and subject not in known}
        bare = [Copy(dataset.name, each, (), 0, selector=told.get(each), mentions=by) for each, by in unknown.items()]
        return (*(replace(copy, mentions=named.get(copy.subject, {})) for copy in copies), *bare), None

    def _passing(self, located: LocatedCopies, names: Sequence[str]) -> Unable | None:
        """Why one of some datasets could not be looked through just now, where that may pass and was not waited for in vain before."""
        troubles = ((name, why) for name, why in located.failed.items() if name in names and why.reason in RETRYABLE)
        return next((why for name, why in troubles if not self._work.untraced(self._context.data_map.datasets[name])), None)

    def _pointed_to(self, dataset: Dataset) -> Unable | None:
        """Pointers are erased after what they point to: while a dependent is not erased, the way to it stays.

        Rows that a model has to subtract stay until it has.
        """
        for other in self._context.data_map.datasets.values():
            forgotten = self._run.current.outcomes(StepKind.FORGET, other.name, other.name)
            if dataset.name in other.derived_from and not all(map(discharges, forgotten.values())):
                return Unable(Reason.REFERENCED, f"waits for {other.name}, which forgets with its rows")
            if not isinstance(other.subject, Through) or dataset.name not in other.subject.sources:
                continue
            erased = self._run.current.outcomes(StepKind.ERASE, other.name, other.name)
            if any(isinstance(each, Unable) for each in erased.values()):
                return Unable(Reason.REFERENCED, f"waits for {other.name}, which is found through it")
        return None

    def _preflight(self, dataset: Dataset) -> Unable | None:
        located = self._work.locate(fresh=True)
        if self._preflighted is None or self._preflighted[0] is not located:
            self._preflighted = located, self._preflight_all(located)
        return self._preflighted[1].get(dataset.name)

    def _preflight_all(self, located: LocatedCopies) -> dict[str, Unable]:
        """Foreseeable reasons of every dataset, asked before the first of them is erased."""
        reasons: dict[str, Unable] = {}
        self._entangled = {}
        for step in self._work.plan.steps:
            if step.kind is not StepKind.ERASE:
                continue
            (dataset,) = self._work.datasets(step)
            kept = tuple(each for name in self._neighbours(dataset) for each in located.kept_copies.get(name, ()))
            mixed = {each.subject for each in kept}
            copies = located.copies.get(dataset.name, ())
            why = self._work.foreseen(dataset, tuple(copy for copy in copies if copy.subject not in mixed), ())
            if why is not None:
                reasons[dataset.name] = why
            for subject in mixed:
                mine = tuple(copy for copy in copies if copy.subject == subject)
                why = self._work.foreseen(dataset, mine, tuple(copy for copy in kept if copy.subject == subject))
                if why is not None:
                    self._entangled[dataset.name, subject] = why
        self._bind(located.copies)
        return reasons

    def _bind(self, copies: Mapping[str, Sequence[Copy]]) -> None:
        """Note whose copies rows of others refer to that stay; these copies stay, and what they refer to stays with them."""
        datasets = [dataset for step in self._work.plan.steps if step.kind is StepKind.ERASE for dataset in self._work.datasets(step)]
        bound = schema_obstacles.bound(self._context, datasets, copies)
        for key, why in bound.items():
            self._entangled.setdefault(key, why)

    def _neighbours(self, dataset: Dataset) -> tuple[str, ...]:
        return tuple(each.name for each in self._context.data_map.datasets_of(dataset.store))

    def purge(self, step: Step, attempt: int, key: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Make the erasures of one store physical."""
        return (self._work.ended(step, attempt, of_store(self._purge(step, key))),)

    def _purge(self, step: Step, key: IdempotencyKey) -> Outcome:
        try:
            store = self._context.open_store(step.store)
            window = self._context.data_map.stores[step.store].window
            if window and store_calls.capabilities(store).exclusive and not inside(window, self._work.now()):
                return Unable(Reason.OUTSIDE_WINDOW, f"{step.store} may be locked between {window} UTC only")
            return store_calls.purge(store, self._work.datasets(step), key)
        except ReplyLost:
            return Unknown()
        except store_calls.TROUBLE as error:
            return store_calls.as_unable(error)

    def verify(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Probe and scan one store, and judge."""
        self._work.fresh = self._work.fresh and not self._work.erased and attempt == 1
        located = self._work.locate(fresh=True)
        passing = self._passing(located, step.datasets)
        if passing is not None and attempt < MOST_ATTEMPTS:
            return (self._work.ended(step, attempt, of_store(passing)),)
        try:
            seen = verification.verify_store(self._context, self._run, step, located, self._work.people)
        except (ReplyLost, *store_calls.TROUBLE) as error:
            why = Unknown() if isinstance(error, ReplyLost) else store_calls.as_unable(error)
            return (self._work.ended(step, attempt, of_store(why)),)
        for member in self._work.recorder.members:
            mine = frozenset(member.run.subjects)
            places = [place for place in seen.places if place.trace.subject in mine]
            residue_places.keep(self._context, member.run.order, step.store, places, seen.lying)
        self._models.verified(step, seen.entries)
        judged = ev.Judged(self._work.now(), step.store, seen.to_text())
        return (judged, self._work.ended(step, attempt, {}, files=seen.files, bytes=seen.bytes, found=seen.found))


def _for_all(datasets: Sequence[str], subjects: Sequence[Pseudonym], outcome: Outcome) -> dict[str, dict[str, Outcome]]:
    return {name: dict.fromkeys(subjects, outcome) for name in datasets}
