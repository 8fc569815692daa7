"""The keys ``about`` and ``vocabulary`` of a dataset: reference data, which is about nobody."""

from __future__ import annotations

from expunge.core.datamap.datamap import ByField, PathLayout, ReferenceData, TableLayout, Through
from expunge.maps.document import words
from expunge.maps.document.draft import MapDraft
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import TableNode

_RULE = "bad-reference-data"
_INSTEAD = "cities: {store: app, table: cities, about: nobody, vocabulary: {name: {customers: city}}}"


def read_reference_data(form: Form, table: TableNode, what: str) -> ReferenceData:
    """Read the keys of reference data; other keys of the dataset are faults."""
    about = form.text(table.get("about"), f"{what}.about")
    if about is not None and about != words.NOBODY:
        form.faults.add(_RULE, table.line_of("about"), f"{what}.about: {about!r} is not {words.NOBODY!r}", f"about: {words.NOBODY}")
    for key, _ in table.entries:
        if key.text in words.DATASET and key.text not in words.REFERENCE:
            text = f"{what} is about nobody, and {key.text} is for data about people"
            form.faults.add(_RULE, key.line, text, _INSTEAD)
    return ReferenceData(_vocabulary(form, table, f"{what}.vocabulary"))


def _vocabulary(form: Form, table: TableNode, what: str) -> dict[str, tuple[tuple[str, str], ...]]:
    value = table.get("vocabulary")
    columns = form.table(value, what) if value is not None else None
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for column, rule in columns.entries if columns else ():
        by_dataset = form.table(rule, f"{what}.{column.text}")
        found[column.text] = tuple(
            (dataset.text, name)
            for dataset, fields in (by_dataset.entries if by_dataset else ())
            for name in form.texts(fields, f"{what}.{column.text}.{dataset.text}", one_is_enough=True)
        )
    return found


def check_reference_data(draft: MapDraft) -> None:
    """Check that values of reference data can be compared, and that columns whose values it lists are of people."""
    for name, dataset in draft.datasets.items():
        rule, kind, what = dataset.subject, draft.kind_of(dataset), f"datasets.{name}"
        if not isinstance(rule, ReferenceData):
            continue
        tabular = isinstance(dataset.layout, TableLayout) or (kind is not None and kind.mentions)
        if isinstance(dataset.layout, PathLayout) and not tabular and not dataset.format:
            text = f"{what}: a whole file has no columns whose values can be compared"
            draft.faults.add(_RULE, draft.line("datasets", name), text, "format: csv, jsonl or json")
        for column, sources in rule.vocabulary.items():
            for source, _ in sources:
                line = draft.line("datasets", name, "vocabulary", column)
                known = draft.known("unknown-dataset", source, draft.datasets, line, f"{what}.vocabulary.{column}")
                if known and not isinstance(draft.datasets[source].subject, ByField | Through):
                    text = f"{what}.vocabulary.{column}: nobody is found in {source!r}"
                    draft.faults.add(_RULE, line, text, _INSTEAD)
