"""The rules about items of several people: lists of records, encodings, and who leaves a list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from expunge.core.datamap.datamap import Dataset, TableLayout
from expunge.maps.document.draft import MapDraft


def with_members(draft: MapDraft, datasets: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """Let a person leave the list of an item that names several, where ``shared`` is not stated and an item can hold a list."""
    done = dict(datasets)
    for name, dataset in datasets.items():
        if not draft.has("datasets", name, "shared") and holds_lists(draft, dataset):
            done[name] = replace(dataset, members=True)
    return done


def check_members(draft: MapDraft) -> None:
    """Check that ``records`` and ``encoding`` stand where files hold records."""
    for name, dataset in draft.datasets.items():
        what = f"datasets.{name}"
        if dataset.records and dataset.format != "json":
            line = draft.line("datasets", name, "records")
            text = f"{what}: records is for files that are one JSON document"
            draft.faults.add("layout-not-for-kind", line, text, f"format: json, with records: {dataset.records}")
        if dataset.encoding and not dataset.format:
            line = draft.line("datasets", name, "encoding")
            text = f"{what}: encoding is for files with records"
            draft.faults.add("layout-not-for-kind", line, text, "the dataset without encoding")


def holds_lists(draft: MapDraft, dataset: Dataset) -> bool:
    """Return whether items of a dataset can name several people in a list that a person can leave."""
    kind = draft.kind_of(dataset)
    return kind is not None and kind.members and (isinstance(dataset.layout, TableLayout) or bool(dataset.format) or not kind.whole_files)
