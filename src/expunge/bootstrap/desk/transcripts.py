"""What was said in a recording that is under review, from the dataset that the map leads to, with names masked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from expunge.bootstrap.vault.service import VaultService
from expunge.bootstrap.vault.vault_names import named_in
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import Dataset
from expunge.core.datamap.person import Person
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.review import masking
from expunge.core.review.masking import Masked
from expunge.engine.families.recordings import joined_rows, timelines
from expunge.engine.families.recordings.joined_rows import Beside
from expunge.engine.kernel.context import Context
from expunge.errors import CouldNotLook, Unplayable
from expunge.ports.review.recordings import ReviewedRecording
from expunge.stores.tree.template_walk import CompiledTemplate

_MOST_BYTES = 64 << 10
"""Of a sealed transcript that are read."""


def masked(
    context: Context, vault: VaultService, recording: ReviewedRecording, names: Callable[[str], str], ask: Callable[[], None]
) -> Masked:
    """Return what was said in a recording.

    Args:
        context: the composition.
        vault: opens a transcript that lies sealed.
        recording: the one under review.
        names: returns the first name of a subject by pseudonym, as the map has it; empty for none.
        ask: raises where nothing may be read any more; asked before each read of a sealed one.

    Raises Unplayable where no transcript is known, CouldNotLook where its store cannot be read, StoreUnavailable.
    """
    dataset = context.data_map.datasets[recording.dataset]
    people = named_in(dataset, recording.name)
    ids = {kind: frozenset(value for other, value in people if other == kind) for kind, _ in people}
    found = _spoken(context, dataset, recording.name, Person(recording.subjects[0], ids, {}))
    text = found.transcript if found is not None else ""
    if found is not None and not text and found.sealed is not None:
        ask()
        reader = vault.opened_for_review(f"{found.sealed.dataset}/{found.sealed.item.key}", ask)
        try:
            text = reader.read(_MOST_BYTES).decode("utf-8", "ignore")
        finally:
            reader.close()
    if not text.strip():
        raise Unplayable("no transcript of this recording is known", help="ask for `pixelated` instead")
    known = [*(value for _, value in people), *map(names, recording.subjects)]
    return masking.mask(text, known)


def _spoken(context: Context, dataset: Dataset, name: str, person: Person) -> Beside | None:
    joins = [
        join
        for join in joined_rows.beside(context.data_map, dataset)
        if kind_held(context.data_map, join.dataset.name) is DataKind.TRANSCRIPT
    ]
    wanted = {join.dataset.name for join in joins}
    copies, failed = timelines.find(context, person, wanted) if wanted else ({}, set())
    if failed & wanted:
        raise CouldNotLook("the store of the transcript could not be read", help="`expunge check` says more")
    fields, devices = _fields(dataset, name), joined_rows.device_fields(context.data_map)
    for join in joins:
        copy, key = copies.get(join.dataset.name), join.of_recording(fields)
        if copy is None or key is None:
            continue
        rows: dict[tuple[str, ...], Beside] = {}
        joined_rows.read(context, join, copy, devices, rows)
        if key in rows and (rows[key].transcript or rows[key].sealed):
            return rows[key]
    return None


def _fields(dataset: Dataset, name: str) -> Mapping[str, frozenset[str]]:
    """Return the fields that a recording's name tells, each with every value that it may have."""
    fields: dict[str, set[str]] = {}
    for path in dataset.paths:
        for way in CompiledTemplate.of(path).readings(name):
            for field, value in way.items():
                fields.setdefault(field, set()).add(value)
    return {field: frozenset(values) for field, values in fields.items()}
