"""All entries of a round's receipts: results of the verify steps, kept items, manual steps, and stores that could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from expunge.core.datamap.datamap import Dataset, EraseAct, Inherited
from expunge.core.datamap.grounding import Grounding
from expunge.core.evidence import evidence_rules, receipt_codec, verification_codec
from expunge.core.evidence.receipt import DatasetEntry, KeptItems, Mention, OrphanedItems, OthersText, Probe, Result, SharedValues
from expunge.core.evidence.unread_places import UnreadPlace
from expunge.core.orders.plan import Step, StepKind
from expunge.core.orders.run import Run
from expunge.core.values import canonical
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Reason, Unable
from expunge.engine.evidence.verdict import ELSEWHERE
from expunge.engine.evidence.verification import Entries, SubjectEntries
from expunge.engine.kernel.context import Context

OBSERVED = "observed "
"""Begins the name of a dataset that pipelines were seen to make and that the map lacks; a keyed name of it follows."""


def entries(context: Context, run: Run) -> Entries:
    """Return all entries of the round: results of the verify steps, kept items, manual steps, and stores that could not be read."""
    assert run.plan is not None
    made: dict[Pseudonym, tuple[list[DatasetEntry], list[KeptItems]]] = {subject: ([], []) for subject in run.subjects}
    named: dict[Pseudonym, list[Mention]] = {subject: [] for subject in run.subjects}
    shared: dict[Pseudonym, dict[str, SharedValues]] = {subject: {} for subject in run.subjects}
    quoted: dict[Pseudonym, dict[str, OthersText]] = {subject: {} for subject in run.subjects}
    unread: dict[Pseudonym, list[UnreadPlace]] = {subject: [] for subject in run.subjects}
    orphaned: dict[Pseudonym, list[OrphanedItems]] = {subject: [] for subject in run.subjects}
    for event in run.current.judged.values():
        of, said = verification_codec.unpack(event.entries)
        read = [_read(each) for each in said]
        for whose, place in of.items():
            subject, found = Pseudonym(whose), read[place]
            made[subject][0].extend(found.datasets)
            made[subject][1].extend(found.kept)
            named[subject].extend(found.mentions)
            unread[subject].extend(found.unread)
            orphaned[subject].extend(found.orphaned)
            for value in found.shared_values:
                # Why the larger number: a folder and a database in it are two stores, and both looks see the same values.
                shared[subject][value.dataset] = max(shared[subject].get(value.dataset, value), value, key=lambda values: values.items)
            for each in found.others_text:
                known = quoted[subject].get(each.dataset, each)
                fields = tuple(sorted({*known.fields, *each.fields}))
                quoted[subject][each.dataset] = replace(each, items=max(each.items, known.items), fields=fields)
    for step in run.plan.steps:
        if step.kind in (StepKind.KEEP, StepKind.MANUAL):
            _add_aside(context, run, step, made)
        elif step.kind is StepKind.VERIFY and step.store not in run.current.judged:
            for name in step.datasets:
                _add_unseen(context, run, step, context.data_map.datasets[name], made)
            if not step.datasets:
                for datasets, _ in made.values():
                    datasets.append(_not_looked_at(step.store, context.data_map.stores[step.store].kind, _why_unseen(run, step)))
    missing = [_not_looked_at(store, "unknown", _VANISHED) for store in sorted(run.places - context.data_map.stores.keys())]
    missing += [_observed(tag) for tag in run.plan.observed]
    for datasets, _ in made.values():
        datasets.extend(missing)
    return {
        subject: SubjectEntries(
            tuple(datasets),
            tuple(kept),
            tuple(named[subject]),
            tuple(shared[subject].values()),
            tuple(unread[subject]),
            tuple(quoted[subject].values()),
            tuple(orphaned[subject]),
        )
        for subject, (datasets, kept) in made.items()
    }


def of_verified_stores(run: Run, subject: Pseudonym) -> SubjectEntries:
    """Return the entries about one person of the stores that were verified in this round, while it goes on."""
    datasets: list[DatasetEntry] = []
    kept: list[KeptItems] = []
    for event in run.current.judged.values():
        of, said = verification_codec.unpack(event.entries)
        if subject in of:
            found = _read(said[of[subject]])
            datasets += found.datasets
            kept += found.kept
    return SubjectEntries(tuple(datasets), tuple(kept))


def _read(said: canonical.Json) -> SubjectEntries:
    assert isinstance(said, dict)
    found = receipt_codec.from_json(tuple[DatasetEntry, ...], said["datasets"], "entries")
    datasets = tuple(map(evidence_rules.mended, found))
    kept = receipt_codec.from_json(tuple[KeptItems, ...], said["kept"], "kept")
    mentions = receipt_codec.from_json(tuple[Mention, ...], said.get("mentions", []), "mentions")
    shared = receipt_codec.from_json(tuple[SharedValues, ...], said.get("shared_values", []), "shared_values")
    unread = receipt_codec.from_json(tuple[UnreadPlace, ...], said.get("unread", []), "unread")
    quoted = receipt_codec.from_json(tuple[OthersText, ...], said.get("others_text", []), "others_text")
    orphaned = receipt_codec.from_json(tuple[OrphanedItems, ...], said.get("orphaned", []), "orphaned")
    return SubjectEntries(datasets, kept, mentions, shared, unread, quoted, orphaned)


def _not_looked_at(store: str, kind: str, why: Unable) -> DatasetEntry:
    """A store of which nothing is known: it has left the map, or could not be looked at and nothing in it was to be erased."""
    return DatasetEntry(
        f"{ELSEWHERE}{store}",
        store,
        kind,
        EraseAct.ERASE,
        Result.UNABLE,
        0,
        Grounding.NONE,
        Grounding.NONE,
        None,
        None,
        why.reason,
        why.detail,
    )


def _observed(tag: Pseudonym) -> DatasetEntry:
    """A dataset that the map lacks, by its keyed name: what pipelines call it may hold anything."""
    return replace(_not_looked_at("pipelines", "unknown", _UNSAID), dataset=f"{OBSERVED}{tag[:12]}")


_VANISHED = Unable(Reason.UNREACHABLE, "it was part of an earlier plan of this order and is no longer in the map; it was not looked at")


_UNSAID = Unable(
    Reason.CANNOT_TELL,
    "pipelines were seen to make it from what was erased, and the operator's map does not say so; `expunge lineage show` names it",
)


def _why_unseen(run: Run, step: Step) -> Unable:
    found = run.current.outcome_of_store(StepKind.VERIFY, step.store)
    return found if isinstance(found, Unable) else Unable(Reason.CANNOT_TELL, f"{step.store} was not verified")


def _add_aside(context: Context, run: Run, step: Step, made: Mapping[Pseudonym, tuple[list[DatasetEntry], list[KeptItems]]]) -> None:
    """A dataset that the plan does not erase: kept by the map, or for a person to do."""
    (name,) = step.datasets
    dataset = context.data_map.datasets[name]
    for subject, (datasets, kept) in made.items():
        staying = run.kept.get(name, {}).get(subject, 0)
        if step.kind is StepKind.KEEP and staying:
            datasets.append(_bare(context, dataset, Result.KEPT, staying))
            kept.append(KeptItems(name, step.note, None, staying))
        elif _nothing_there(context, run, dataset, subject):
            datasets.append(_bare(context, dataset, Result.ABSENT, 0))
        else:
            datasets.append(_bare(context, dataset, Result.UNABLE, 0, Unable(Reason.NO_RUNNER, step.note)))


def _nothing_there(context: Context, run: Run, dataset: Dataset, subject: Pseudonym) -> bool:
    """Whether a dataset that is not erased holds nothing of the subject: it was looked through, or what it was made from holds nothing."""
    if isinstance(dataset.subject, Inherited):
        sources = [context.data_map.datasets[source] for source in dataset.subject.sources]
        return all(_nothing_there(context, run, source, subject) for source in sources)
    looked = run.current.items.get(dataset.name)
    # Why earlier rounds too: what they erased from a source went into what was made from it, and is in that still.
    seen = (looked, run.kept.get(dataset.name), run.erased.get(dataset.name))
    return looked is not None and not any(by.get(subject) for by in seen if by is not None)


def _add_unseen(
    context: Context, run: Run, step: Step, dataset: Dataset, made: Mapping[Pseudonym, tuple[list[DatasetEntry], list[KeptItems]]]
) -> None:
    """A dataset whose store could not be verified: whatever the erase step said, nothing was confirmed."""
    why = _why_unseen(run, step)
    for subject, (datasets, _) in made.items():
        outcome = run.current.outcome(StepKind.ERASE, dataset.name, dataset.name, subject)
        datasets.append(_bare(context, dataset, Result.UNABLE, 0, outcome if isinstance(outcome, Unable) else why))


def _bare(context: Context, dataset: Dataset, result: Result, items: int, why: Unable | None = None) -> DatasetEntry:
    """An entry without a scan."""
    probe = Probe(("located",), 0, "") if result is Result.ABSENT else None
    kind = context.data_map.stores[dataset.store].kind
    return DatasetEntry(
        dataset.name, dataset.store, kind, dataset.on_erase.act, result, items, Grounding.NONE, dataset.grounding or Grounding.NONE,
        probe, None, why.reason if why else None, why.detail if why else "",
    )  # fmt: skip
