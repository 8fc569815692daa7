"""Compare the map with the real stores: rights, fields, undeclared data, and orphaned items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from expunge.core.datamap.datamap import AboutNobody, Dataset, EraseAct, Ignore
from expunge.core.datamap.mentions import yaml_for
from expunge.core.values.copy import Finding, FindingKind
from expunge.engine.consent import disclosure_texts
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context, OpenPlaces
from expunge.engine.lineage import artefact_manifests, observed_lineage
from expunge.engine.recipients import seen_recipients
from expunge.engine.retention import content_kinds, dry_locate, ignored_check, reference_data_check, schema_check
from expunge.engine.subjects import bystander_loss, mentions, orphaned_items, shared_paths, spelling_check
from expunge.ports.optional.sealed_items import SealedItems

_CANNOT_FOLLOW = frozenset({FindingKind.UNREADABLE, FindingKind.MISSING, FindingKind.PERMISSION, FindingKind.SUBJECT_PATH})
"""With one of these, whether an item leads to somebody cannot be told yet."""


def check(context: OpenPlaces) -> tuple[Finding, ...]:
    """Everything that is wrong or undeclared, store by store; a store that cannot be opened is a finding and hides no other."""
    found: list[Finding] = []
    for name in context.data_map.stores:
        try:
            # Why both: a place that the map declares as opaque is declared.
            named = (*context.data_map.ignore, *context.data_map.opaque)
            ignored = [Ignore(each.store, each.pattern, each.reason, each.line) for each in named if each.store == name]
            found += store_calls.check(context.open_store(name), ignored)
        except store_calls.TROUBLE as error:
            why = store_calls.as_unable(error)
            mend = "make the store reachable and check again"
            found.append(Finding(FindingKind.UNREADABLE, name, name, why.detail or why.reason.value, mend))
    stores = tuple(found)
    found += [
        Finding(FindingKind.UNSUPPORTED, each.dataset.store, each.dataset.table or each.dataset.name, each.what, each.correction)
        for each in mentions.unfit(context)
    ]
    found += schema_check.forgotten_use(context.data_map)
    found += ignored_check.copied(context)
    if followable(stores):
        found = ignored_check.named(context, found)
        found += _followed(context, found)
        found += ignored_check.findings(context)
    return tuple(found)


def followable(found: Sequence[Finding]) -> bool:
    """Return whether nothing was found that keeps items from being followed to their people."""
    return not any(each.kind in _CANNOT_FOLLOW for each in found)


def _followed(context: OpenPlaces, told: Sequence[Finding]) -> list[Finding]:
    """What the content says, dataset by dataset; one that cannot be looked at is a finding, if it is none yet, and hides no other."""
    samples = mentions.samples(context)

    def undeclared(context: OpenPlaces, dataset: Dataset) -> Iterator[Finding]:
        return _undeclared_mentions(context, dataset, samples)

    found: list[Finding] = []
    unread: dict[str, Finding] = {}
    looks = (
        _ownerless,
        _unlisted,
        None,
        undeclared,
        reference_data_check.findings,
        _shared_paths,
        dry_locate.empty,
        content_kinds.findings,
    )
    for look in looks:
        if look is None:
            found += spelling_check.findings(context)
            continue
        for dataset in context.data_map.datasets.values():
            if _is_sealed_here(context, dataset):
                continue
            try:
                found += list(look(context, dataset))
            except store_calls.TROUBLE as error:
                why, where = store_calls.as_unable(error), dataset.table or dataset.name
                if not any(each.what.startswith(f"dataset {dataset.name}:") for each in told):
                    what = f"dataset {dataset.name}: it cannot be looked at, or what it is found through: {why.detail or why.reason.value}"
                    unread[dataset.name] = Finding(FindingKind.UNREADABLE, dataset.store, where, what, "mend that and check again")
    with suppress(*store_calls.TROUBLE):
        found += dry_locate.bound(context)
    return [*found, *unread.values()]


def _is_sealed_here(context: OpenPlaces, dataset: Dataset) -> bool:
    """Whether the dataset lies sealed, and its keys are not here: its store says so in a note."""
    try:
        store = context.open_store(dataset.store)
    except store_calls.TROUBLE:
        return False
    return isinstance(store, SealedItems) and not store.keyed


def _undeclared_mentions(context: OpenPlaces, dataset: Dataset, samples: Mapping[str, frozenset[str]]) -> Iterator[Finding]:
    columns = mentions.undeclared(context, dataset, samples)
    if not columns:
        return
    what = f"dataset {dataset.name}: {', '.join(columns)} names people in rows of others, and no rule says what an erasure does with that"
    mend = yaml_for(columns, inside=not dataset.changes_rows)
    if isinstance(dataset.subject, AboutNobody):
        what = f"dataset {dataset.name}: {', '.join(columns)} names people, so that it is not about nobody"
        mend = mentions.in_place_of_nobody(context, dataset, columns)
    yield Finding(FindingKind.UNDECLARED, dataset.store, dataset.table or dataset.name, what, mend, dataset.line)


def check_all(context: Context) -> tuple[Finding, ...]:
    """As :func:`check`, with undeclared lineage of pipelines, and texts that differ from those that people agreed to.

    And which artefacts have no manifest, where they are judged by manifests; and recipients that were seen and the map does not name.
    """
    seen = observed_lineage.findings(context.data_map, observed_lineage.all_gaps(context))
    told = disclosure_texts.findings(context.data_map, context.journal)
    return (*check(context), *seen, *told, *artefact_manifests.findings(context), *seen_recipients.findings(context))


def _ownerless(context: OpenPlaces, dataset: Dataset) -> Iterator[Finding]:
    for each in orphaned_items.ownerless(context, dataset):
        what = f"{each.items} items of {each.dataset} {each.why}: no order can ever reach them"
        mend = "remove them, or give them back their owner"
        yield Finding(FindingKind.SUBJECT_PATH, dataset.store, dataset.table or each.dataset, what, mend, dataset.line)


def _unlisted(context: OpenPlaces, dataset: Dataset) -> Iterator[Finding]:
    for each in orphaned_items.unlisted(context, dataset):
        rows = "1 item" if each.items == 1 else f"{each.items} items"
        who = "name" if each.items > 1 else "names"
        what = f"{rows} of {each.dataset} {who} a subject that is not in {', '.join(each.lists)}, and so nobody: no order reaches them"
        mend = "nothing, where that is a placeholder for deleted people; otherwise remove them, or give them back their owner"
        kind = FindingKind.NOTE
        if each.zeros:
            kind, people = FindingKind.SUBJECT_PATH, ", ".join(each.lists)
            what += f"; {each.zeros} of the {each.subjects} keys are there with other zeros in front (0001 and 1)"
            mend = f"write the keys as {people} has them (rename the files), or those of {people} in the same way"
        elif each.many and each.items < each.of and dataset.on_erase.act is not EraseAct.KEEP:
            kind = FindingKind.SUBJECT_PATH
            lists = ", ".join(each.lists)
            what = f"{each.items} of {each.of} items of {each.dataset} name {each.subjects} subjects that are not in {lists}"
            what += ": no order reaches them"
            mend = "correct `subject:`, or the keys, so that they lead to people; otherwise remove them, or give them back their owner"
        yield Finding(kind, dataset.store, dataset.table or each.dataset, what, mend, dataset.line)


def _shared_paths(context: OpenPlaces, dataset: Dataset) -> Iterator[Finding]:
    for path in shared_paths.shared_paths(context, dataset):
        said = bystander_loss.is_said(dataset)
        rows = "1 row of" if path.items == 1 else f"{path.items or 'no'} rows of"
        what = f"{rows} {path.dataset} {'leads' if path.items == 1 else 'lead'} to two or more people"
        what += f", to {path.people} at most" if path.items else ""
        mend = "nothing: the map says so, and each order counts the people who lose something" if said else bystander_loss.MEND
        kind = FindingKind.NOTE if said else FindingKind.SUBJECT_PATH
        yield Finding(kind, dataset.store, dataset.table or path.dataset, what, mend, dataset.line)
