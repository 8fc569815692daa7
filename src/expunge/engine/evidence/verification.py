"""Verify one store, and judge: probe and scan decide the entry of a receipt for each dataset and subject.

:func:`verify_store` carries these numbers, and so does ``docs/spec/receipt.md``:

1. Ask the store what it can do. One that keeps everything until a date is not scanned: its entry says until when.
2. Probe every dataset by its normal read paths, over a new connection.
3. Scan every byte of the store (or a sample, where the map says so: :mod:`expunge.engine.opaque.scan_depth`) for the traces, without
   crowded windows that have a better one beside them (:mod:`expunge.core.evidence.window_choice`).
4. Account for windows that may be there: see :mod:`expunge.engine.evidence.hits_by_place`.
5. Judge each dataset for each subject. Where nothing that was erased is long enough for a window, every byte of the table's files is
   accounted for first (:mod:`expunge.engine.short_rows.table_accounts`): see :mod:`expunge.engine.evidence.verdict`.
6. Judge the rest of the store: windows that no declared dataset accounts for, and places whose bytes nothing explains
   (:mod:`expunge.engine.opaque.unread_places`).
7. Name the places of residue, for the operator.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, TypeAlias

from expunge.core.datamap.datamap import Dataset, EraseAct, Through, remakes
from expunge.core.datamap.grounding import Capabilities, Grounding, Retained
from expunge.core.datamap.person import Person
from expunge.core.evidence import receipt_codec, verification_codec
from expunge.core.evidence.receipt import DatasetEntry, KeptItems, Mention, OrphanedItems, OthersText, Result, SharedValues
from expunge.core.evidence.trace_evidence import ScanComparison, TraceLedger, blinding
from expunge.core.evidence.traces import IDENTIFIERS, Traces
from expunge.core.evidence.unread_places import UnreadPlace, bucket
from expunge.core.orders.plan import Step
from expunge.core.orders.run import Run
from expunge.core.orders.shared_round import trace_owner, turn
from expunge.core.values import canonical
from expunge.core.values.copy import Copy, Probed, Selector
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.outcome import Kept
from expunge.engine.evidence import hits_by_place, mentions, positive_controls, tracing
from expunge.engine.evidence.nobodys_rows import Cell
from expunge.engine.evidence.rows_at_hits import ErasedAndKept
from expunge.engine.evidence.verdict import Judge, goes_whole, planned_grounding
from expunge.engine.kernel import store_calls, unshown
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.others_items import HoldingItems
from expunge.engine.kernel.shelf_words import shelf_word
from expunge.engine.lineage import artefact_manifests
from expunge.engine.models import model_commands
from expunge.engine.opaque.scan_depth import LookExtent
from expunge.engine.short_rows import table_accounts
from expunge.engine.subjects import orphaned_items
from expunge.engine.subjects.locating import EVERYBODY, LocatedCopies
from expunge.ports.optional.placing import Lying
from expunge.ports.scanner import Residue, Scanned


class SubjectEntries(NamedTuple):
    """What a receipt lists of one person."""

    datasets: tuple[DatasetEntry, ...] = ()
    kept: tuple[KeptItems, ...] = ()
    mentions: tuple[Mention, ...] = ()
    shared_values: tuple[SharedValues, ...] = ()
    unread: tuple[UnreadPlace, ...] = ()
    others_text: tuple[OthersText, ...] = ()
    orphaned: tuple[OrphanedItems, ...] = ()


Entries: TypeAlias = Mapping[Pseudonym, SubjectEntries]
LOOKS = 3
"""How often a store is asked at most for what it could not say: a busy machine answers late, and the verdict of a look is final."""
PAUSE = 0.2
"""Seconds before the second look, twice as long before the third; stores wait for locks and connections themselves."""
_ALWAYS = frozenset({"datasets", "kept"})
"""What is journalled even where there is none; the other parts came later."""


@dataclass(frozen=True)
class StoreVerification:
    """The observations of one verify step."""

    entries: Entries
    files: int
    bytes: int
    found: int
    places: tuple[Residue, ...]
    """Where residue lies, and what cannot be told from it: for the operator's eyes."""
    lying: Mapping[Residue, Sequence[Lying]] = field(default_factory=dict)
    """What lies at these places, where a page reader says it."""

    def to_text(self) -> str:
        """Return the entries as canonical JSON, for the journal."""
        said: dict[SubjectEntries, canonical.Json] = {}
        for each in self.entries.values():
            if each not in said:
                said[each] = {
                    part: [receipt_codec.to_json(one) for one in some]
                    for part, some in zip(SubjectEntries._fields, each, strict=True)
                    if some or part in _ALWAYS
                }
        return verification_codec.pack({subject: said[each] for subject, each in self.entries.items()})


def verify_store(
    context: Context,
    run: Run,
    step: Step,
    located: LocatedCopies,
    people: Sequence[Person],
) -> StoreVerification:
    """Probe every dataset of the step, scan every byte of its store, judge. The numbers are those at the head of this module.

    Raises what stores and scanner raise when they cannot look; the caller journals that as *could not*.
    """
    # (1) Ask the store what it can do.
    capabilities = _capabilities(context, run, step)
    if capabilities.retains:
        return _retaining(context, run, step.store, capabilities)
    datasets = tuple(context.data_map.datasets[name] for name in step.datasets)

    # (2) Probe.
    probed = {dataset.name: _probed(context, run, dataset, located) for dataset in datasets}

    # (3) Scan.
    traces = tracing.load(context, owner := trace_owner(run))
    without = tracing.left_out(context, owner, step.store, traces)
    before = tracing.recall(context, owner, "seen-before-", traces, store=step.store) - without
    controls = positive_controls.asked(context, owner, turn(run), step.store, traces)
    most, extent = hits_by_place.most_places(context), LookExtent(context, owner, step.store)
    scanned, lying = tracing.look(context, step.store, traces, controls, most, without, extent=extent)

    # (4) Account for windows that may be there.
    moved = tracing.recall(context, owner, "held-before-", traces)
    ours = ErasedAndKept(located.copies, located.kept_copies)
    explained = hits_by_place.explain(context, step.store, traces, scanned, ours, people, moved)
    named = mentions.look(context, run, step.store, located, people, inside=_identifiers_seen(context, step.store, traces, scanned))
    tracing.remember(context, owner, f"seen-after-{turn(run)}-{shelf_word(step.store)}", traces, scanned.seen)
    alone = not controls and positive_controls.nobody_stays(context, owner, turn(run), step.store, traces)
    sight = ScanComparison(before, scanned.seen, explained.held, explained.untold, controls, alone)
    nameless, unread = _nameless(traces, explained), unshown.sentences(context, step.store, people)
    ledger = _ledger(context, owner, step.store, traces, sight, scanned, lying.blocking(scanned.unread))
    judge = _with_accounts(Judge(context, run, step, capabilities, ledger, scanned.coverage, nameless, unread=unread), datasets)
    entries, orphaned = dict[Pseudonym, SubjectEntries](), _orphaned(context, datasets, located)
    for subject in run.subjects:
        # (5) Judge each dataset.
        made, kept = [], []
        for dataset in datasets:
            whose = EVERYBODY if judge.made(dataset) else subject
            aside = (*located.kept.get(dataset.name, {}).get(whose, ()), *judge.locked(dataset, whose))
            entry = judge.entry(dataset, whose, probed[dataset.name].get(whose), aside, located.told_apart(dataset.name, whose))
            unphysical = judge.unphysical() if named.changed(dataset.name, subject) else None
            made.append(judge.named(entry, named.left.pop((dataset.name, subject), unphysical)))
            kept += [KeptItems(dataset.name, each.ground, _second(each), each.items) for each in aside if each.items]
        # (6) Judge the rest of the store.
        made += judge.elsewhere(subject, made, next((why for (_, whom), why in named.left.items() if whom == subject), None))
        shared = _shared_values(context, traces, explained.values, subject)
        texts = _others_text(context, _led_to(datasets, located, subject, explained.others.get(subject, {})))
        stays = (tuple(named.listed.get(subject, ())), shared)
        entries[subject] = SubjectEntries(tuple(made), tuple(kept), *stays, lying.listed(scanned.unread), texts, orphaned)

    # (7) Name the places of residue.
    places, left = (*explained.left, *explained.in_untold), {place.trace.digest for place in explained.left}
    return StoreVerification(entries, scanned.coverage.files, scanned.coverage.bytes, len(left), places, explained.lying)


def _with_accounts(judge: Judge, datasets: Sequence[Dataset]) -> Judge:
    """The judge, with an account of the files of each dataset in which no window of what was erased could be looked for."""
    short = (each for each in datasets if any(judge.needs_account(each, subject) for subject in (*judge.run.subjects, EVERYBODY)))
    return replace(judge, accounts={dataset.name: table_accounts.account(judge.context, dataset) for dataset in short})


def _ledger(
    context: Context, owner: OrderId, store: str, traces: Traces, sight: ScanComparison, scanned: Scanned, opaque: int
) -> TraceLedger:
    names = [dataset.name for dataset in context.data_map.datasets_of(store)]
    return TraceLedger(traces, sight, names, blinding(scanned.coverage.skipped), opaque, tracing.value_counts(context, owner))


def _nameless(traces: Traces, explained: hits_by_place.ExplainedHits) -> dict[str, frozenset[str]]:
    """Return, for each dataset of windows that are left in rows about nobody, the datasets of these rows."""
    found = dict[str, frozenset[str]]()
    for index, names in explained.with_nobody.items():
        found[traces.traces[index].dataset] = found.get(traces.traces[index].dataset, frozenset()) | names
    return found


def _shared_values(
    context: Context, traces: Traces, explaining: Mapping[int, frozenset[Cell]], subject: Pseudonym
) -> tuple[SharedValues, ...]:
    """Count the values in rows about nobody that explain windows of a person, by dataset."""
    cells = {each for index, some in explaining.items() if traces.traces[index].subject == subject for each in some}
    counts = Counter(each.dataset for each in cells)
    return tuple(SharedValues(name, context.data_map.datasets[name].store, items) for name, items in sorted(counts.items()))


def _led_to(
    datasets: Sequence[Dataset], located: LocatedCopies, subject: Pseudonym, holding: Mapping[str, HoldingItems]
) -> dict[str, HoldingItems]:
    """Add to other people's items those that were the person's as well, and stay because others lead to them."""
    found = dict(holding)
    for dataset in datasets:
        items = located.items_of_others(dataset.name, subject)
        if items and isinstance(dataset.subject, Through):
            known = found.get(dataset.name, HoldingItems(0, frozenset()))
            found[dataset.name] = HoldingItems(max(items, known.items), known.fields | {f"{dataset.name}.{dataset.subject.via}"})
    return found


def _others_text(context: Context, items: Mapping[str, HoldingItems]) -> tuple[OthersText, ...]:
    """Return what the receipt says of other people's items, by dataset, that hold text of a person."""
    stores = context.data_map.datasets
    return tuple(
        OthersText(name, stores[name].store, bucket(each.items), tuple(sorted(each.fields))) for name, each in sorted(items.items())
    )


def _orphaned(context: Context, datasets: Sequence[Dataset], located: LocatedCopies) -> tuple[OrphanedItems, ...]:
    """Count, in the datasets of a store, the first orphaned items; one that cannot be asked is told elsewhere."""
    found = []
    for dataset in datasets:
        try:
            items = orphaned_items.first_orphans(context, dataset, located.held_in(dataset.name))
        except store_calls.TROUBLE:
            continue
        if items:
            found.append(OrphanedItems(dataset.name, dataset.store, bucket(items)))
    return tuple(found)


def _identifiers_seen(context: Context, store: str, traces: Traces, scanned: Scanned) -> bool:
    """Whether the scan saw an identifier of an erased person, or has nothing to look at."""
    if not store_calls.raw(context.open_store(store)):
        return True
    return any(traces.traces[index].dataset == IDENTIFIERS for index in scanned.seen)


def _retaining(context: Context, run: Run, store: str, capabilities: Capabilities) -> StoreVerification:
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
    entry = DatasetEntry(store, store, kind, EraseAct.KEEP, Result.KEPT, items, Grounding.NONE, Grounding.NONE, None, None, None, "")
    entries = SubjectEntries((entry,), tuple(kept)) if kept else SubjectEntries()
    nothing = SubjectEntries()
    return StoreVerification({subject: entries if run.took_from(subject) else nothing for subject in run.subjects}, 0, 0, 0, ())


def _capabilities(context: Context, run: Run, step: Step) -> Capabilities:
    """What the store reaches; asked again, a few times, while that is less than was planned, as it is while the store is away."""
    store, depth = context.open_store(step.store), context.data_map.stores[step.store].scan
    planned = max((planned_grounding(run, name) for name in step.datasets), default=Grounding.NONE)
    capabilities = store_calls.capabilities(store).within(depth)
    for look in range(1, LOOKS):
        if capabilities.retains or capabilities.grounding >= planned:
            break
        context.pause(PAUSE * look)
        capabilities = store_calls.capabilities(store).within(depth)
    return capabilities


def _probed(context: Context, run: Run, dataset: Dataset, located: LocatedCopies) -> dict[Pseudonym, Probed]:
    """Probe a dataset; again, a few times, while the store could not look for somebody. What one look found, no later one takes back."""
    probed = _probe_made(context, run, dataset) or _probe(context, dataset, located, run.subjects)
    for look in range(1, LOOKS):
        if dataset.name in located.failed or not any(each.could_not for each in probed.values()):
            break
        context.pause(PAUSE * look)
        again = _probe_made(context, run, dataset) or _probe(context, dataset, located, run.subjects)
        probed = {subject: _not_less(probed.get(subject), each) for subject, each in again.items()}
    return probed


def _not_less(before: Probed | None, now: Probed) -> Probed:
    """Return what a later look says, with no fewer items than the one before it found."""
    if before is None or before.items <= now.items:
        return now
    return replace(now, items=before.items, paths=tuple(dict.fromkeys((*before.paths, *now.paths))))


def _probe(context: Context, dataset: Dataset, located: LocatedCopies, subjects: Sequence[Pseudonym]) -> dict[Pseudonym, Probed]:
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
    unanswered = {each.subject: Probed(each.subject, 0, (), "the store did not answer for everybody") for each in copies}
    return unanswered | {each.subject: each for each in store_calls.probe(context.open_store(dataset.store), dataset, copies)}


def _probe_made(context: Context, run: Run, dataset: Dataset) -> dict[Pseudonym, Probed]:
    """Look for what is made from people's data: all of it, or the old one where another lies in its place."""
    known = run.remade.get(dataset.name)
    if known is None or not remakes(dataset) or goes_whole(run, dataset):
        return {}
    if known.ended and dataset.on_erase.act is not EraseAct.DESTROY:
        return {EVERYBODY: model_commands.probe(context, run, dataset)}
    if known.stayed:
        left = artefact_manifests.still_there(context, dataset, known.stayed)
        return {EVERYBODY: Probed(EVERYBODY, left, ("content hash of every artefact",))}
    everything = Copy(dataset.name, EVERYBODY, (), 0, selector=Selector(EVERYBODY, {}, every=True))
    return {each.subject: each for each in store_calls.probe(context.open_store(dataset.store), dataset, (everything,))}


def _second(kept: Kept) -> datetime | None:
    return kept.until.replace(microsecond=0) if kept.until else None
