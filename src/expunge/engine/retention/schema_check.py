"""Hold the map against columns of real tables: periods that run from columns, and joins of columns of one type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from expunge.core.datamap.datamap import ByField, DataMap, Dataset, Through
from expunge.core.retention.inactivity import watched_for
from expunge.core.retention.retention_rules import rules
from expunge.core.retention.time_columns import names_birthday, names_time
from expunge.core.values.copy import Finding, FindingKind
from expunge.core.values.scope import MODIFIED
from expunge.ports.optional.table_survey import ColumnType, SurveyedTable

_COMPARED = {ColumnType.NUMBER: "a number", ColumnType.TEXT: "text"}
"""Types between which a comparison finds nothing, or something else in each store."""

_WHOLE_FILES = frozenset({"files", "s3"})


def findings(data_map: DataMap, tables: Mapping[str, SurveyedTable]) -> Iterator[Finding]:
    """Yield what does not fit.

    Args:
        data_map: the map.
        tables: dataset -> its table, for those that can be surveyed.
    """
    yield from _periods(data_map, tables)
    yield from _periods_of_files(data_map)
    for dataset in data_map.datasets.values():
        yield from _joins(data_map, dataset, tables)


def forgotten_use(data_map: DataMap) -> Iterator[Finding]:
    """Yield the identities whose last use only the register says by the time at which they would be found inactive (decision 53)."""
    for kind, identity in data_map.identities.items():
        period = watched_for(data_map, identity)
        kept = {name: data_map.retention[data_map.datasets[name].retention].period for name in identity.last_used}
        if period is None or not kept or any(each.nominal >= period.nominal for each in kept.values()):
            continue
        longest = max(kept.values(), key=lambda each: each.nominal)
        what = (
            f"identity {kind}: inactive after {period}, and {' and '.join(kept)}, which say when one was last used, are kept for {longest}"
        )
        mend = (
            f"nothing, where `expunge retention inactive` runs more often than every {longest}: it notes the last use before the data goes"
        )
        home = data_map.datasets[identity.dataset]
        yield Finding(
            FindingKind.NOTE, home.store, home.table or home.name, f"{what}: by then the noted day alone says it", mend, identity.line
        )


def _periods(data_map: DataMap, tables: Mapping[str, SurveyedTable]) -> Iterator[Finding]:
    aged = [rule for rule in rules(data_map) if not rule.goes_with and rule.dataset in tables]
    held = {rule.schedule for rule in aged if tables[rule.dataset].column(rule.field) is not None}
    for rule in aged:
        dataset, table = data_map.datasets[rule.dataset], tables[rule.dataset]
        if table.column(rule.field) is not None:
            continue
        times = [
            each.name for each in table.columns if names_time(each.name) or (each.type is ColumnType.TIME and not names_birthday(each.name))
        ]
        what = f"dataset {rule.dataset}: retention {rule.schedule} runs from {rule.field}, which is no column of it"
        if times or (rule.schedule not in held and rule.field != MODIFIED):
            mend = f"a retention with `from: {times[0]}`" if times else f"correct `from:` of the retention {rule.schedule}"
            yield _finding(FindingKind.SUBJECT_PATH, dataset, f"{what}: no retention reaches its items", mend)
        else:
            told = "no column of it is a time: no retention reaches its items, and they go by orders for their people alone"
            mend = "nothing, or a column with a time; `through` the table of its people with their retention, where its rows go with theirs"
            yield _finding(FindingKind.NOTE, dataset, f"dataset {rule.dataset}: {told}", mend)


def _periods_of_files(data_map: DataMap) -> Iterator[Finding]:
    """Files that are taken whole have no time but what their path and the store tell."""
    for rule in rules(data_map):
        dataset = data_map.datasets[rule.dataset]
        whole = bool(dataset.paths) and not dataset.format and data_map.stores[dataset.store].kind in _WHOLE_FILES
        if rule.goes_with or not whole or rule.field == MODIFIED or all("{" + rule.field + "}" in path for path in dataset.paths):
            continue
        what = f"dataset {rule.dataset}: retention {rule.schedule} runs from {rule.field}, which its path does not name"
        mend = f"a retention with `from: {MODIFIED}`: when each file was last written"
        yield _finding(FindingKind.SUBJECT_PATH, dataset, f"{what}: no retention reaches its items", mend)


def _joins(data_map: DataMap, dataset: Dataset, tables: Mapping[str, SurveyedTable]) -> Iterator[Finding]:
    pairs: list[tuple[str, str, str]] = []
    if isinstance(dataset.subject, Through):
        pairs += [(dataset.subject.via, *way) for way in dataset.subject.ways]
    elif isinstance(dataset.subject, ByField):
        known = data_map.identities
        pairs += [(name, known[kind].dataset, known[kind].key) for kind, name in dataset.subject.pairs() if kind in known]
    for here, other, there in pairs:
        if dataset.name not in tables or other not in tables:
            continue
        column, key = tables[dataset.name].column(here), tables[other].column(there)
        if column is None or key is None or column.type is key.type or not {column.type, key.type} <= _COMPARED.keys():
            continue
        what = f"dataset {dataset.name}: {here} is {_COMPARED[column.type]}, and {other}.{there}, which it is compared with, is"
        mend = "a column of the same type: 7 and 07 are one number and two texts"
        yield _finding(FindingKind.SUBJECT_PATH, dataset, f"{what} {_COMPARED[key.type]}", mend)


def _finding(kind: FindingKind, dataset: Dataset, what: str, mend: str) -> Finding:
    return Finding(kind, dataset.store, dataset.table or dataset.name, what, mend, dataset.line)
