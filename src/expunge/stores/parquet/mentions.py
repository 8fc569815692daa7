"""Find identifiers that fill cells of other people's rows, or stand inside them, in the files of one dataset of a lake."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from expunge.core.datamap.listed_values import MAY_BE_LIST, listed
from expunge.core.datamap.mentions import FoundMentions, MentionAct, MentionQuery, ending
from expunge.core.datamap.spelling import near
from expunge.core.values.copy import Copy
from expunge.errors import CouldNotLook
from expunge.stores.parquet.lake.lake_files import Lake, LakeLayout, LakeName, rows_of
from expunge.stores.parquet.rewrite.cell_change import is_number, texts, value_of
from expunge.stores.tables.named_rows import Cell, count
from expunge.stores.tree.record_files import Unreadable


@dataclass(frozen=True)
class LakeMentions:
    """The mentions in one dataset."""

    lake: Lake
    layout: LakeLayout

    def found(
        self, queries: Sequence[MentionQuery], aside: Sequence[Copy], columns: frozenset[str] | None, most: int = 0
    ) -> Iterator[FoundMentions]:
        """Count the rows by person, column and form; rows that the selectors of ``aside`` mean are not counted.

        With ``most``, whole files are read until so many rows were.
        """
        own: dict[str, set[str]] = {}
        for copy in aside:
            for name, values in copy.selector.match.items() if copy.selector else ():
                own.setdefault(name, set()).update(values)
        if queries:
            parts = self.files() if not most else self._some(most)
            rows = (row for part in parts for row in self._rows(part, queries, own, columns))
            yield from count(rows, queries, ())

    def _some(self, most: int) -> Iterator[LakeName]:
        """The first files, of so many rows together."""
        for part in self.files():
            if most <= 0:
                return
            yield part
            most -= rows_of(self.lake, part)

    def files(self) -> Iterator[LakeName]:
        """The files of the dataset, each once."""
        seen: set[str] = set()
        for template in self.layout.templates:
            for part in self.lake.parts(template, lambda _: True):
                if not part.key.endswith("/") and not part.is_link and part.key not in seen:
                    seen.add(part.key)
                    yield part

    def _rows(
        self, part: LakeName, queries: Sequence[MentionQuery], own: dict[str, set[str]], columns: frozenset[str] | None
    ) -> Iterator[tuple[str, list[Cell]]]:
        try:
            with self.lake.opened(part) as file:
                names = [field.name for field in file.schema_arrow if _comparable(field.type)]
                roots = {name.partition(".")[0] for name in own} - set(names)
                for number in range(file.num_row_groups if names else 0):
                    group = file.read_row_group(number, [*names, *(name for name in file.schema_arrow.names if name in roots)])
                    for at, cells in _named(group, queries, own, columns):
                        yield f"{part.key}#{number}#{at}", cells
        except FileNotFoundError:
            return
        except (OSError, Unreadable, pa.ArrowInvalid) as error:
            message = f"dataset {self.layout.dataset.name}: a file cannot be read"
            raise CouldNotLook(message, help="`expunge check` names it; run again once it can be read") from error

    def unfit(self) -> Iterator[tuple[str, str, str]]:
        """Each rule that the files' schemas do not let be carried out: column, fault, correction."""
        rules = self.layout.dataset.mentions
        seen: set[str] = set()
        said: set[str] = set()
        for part in self.files():
            with self.lake.opened(part) as file:
                schema, required = file.schema_arrow, _required(file)
            for name, rule in rules.items():
                at = schema.get_field_index(name)
                if at < 0 or name in said:
                    continue
                seen.add(name)
                kind = schema.field(at).type
                if rule.releases and texts(pa.array([], kind)) is None:
                    said.add(name)
                    yield name, f"is of type {kind}, of which single cells cannot be changed", f"mentions: {{{name}: keep}}"
                elif rule.act is MentionAct.NULL and name in required:
                    said.add(name)
                    yield name, "takes no null (required)", f"mentions: {{{name}: {{replace: VALUE}}}}"
                elif rule.act is MentionAct.REPLACE and not _fits(rule.value, kind):
                    said.add(name)
                    yield name, f"is of type {kind}, and the replacement is no such value", "another value"
        if any(True for _ in self.files()):
            yield from ((name, "is no column of it", "correct `mentions:`") for name in rules if name not in seen)


def _required(file: pq.ParquetFile) -> frozenset[str]:
    return frozenset(column.name for number in range(len(file.schema)) if (column := file.schema.column(number)).max_definition_level == 0)


def _fits(value: str, kind: Any) -> bool:
    try:
        value_of(value, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _named(
    group: pa.Table, queries: Sequence[MentionQuery], own: dict[str, set[str]], columns: frozenset[str] | None
) -> Iterator[tuple[int, list[Cell]]]:
    """The rows of a group in which anything is met, with their cells."""
    inside = sorted({value for query in queries for value in query.needles()})
    looked = {name: text for name in group.column_names if (text := _flat(group.column(name))) is not None}
    met = {name: _met(group.column(name), text, name, queries) for name, text in looked.items() if columns is None or name in columns}
    hits = np.zeros(group.num_rows, bool)
    for name, mask in met.items():
        hits |= mask
        for value in inside if not is_number(group.column(name).type) else ():
            hits |= pc.fill_null(pc.match_substring(looked[name], value), fill_value=False).to_numpy(zero_copy_only=False)
    elements = frozenset[str]().union(*(query.listed for query in queries))
    for name in met if elements else ():
        if not is_number(group.column(name).type):
            hits |= _lists(looked[name], elements)
    endings = frozenset[str]().union(*(query.endings() for query in queries))
    for name in met if endings else ():
        hits |= np.array([text is not None and ending(text) in endings for text in looked[name].to_pylist()], bool)
    for name, values in own.items():
        hits &= ~_owned(group, name, values)
    owners = _fields_inside(group, {name for query in queries for name in query.own})
    for at in np.flatnonzero(hits).tolist():
        cells = [Cell(name, text, met=False, readable=False) for name, column in owners.items() if (text := column[at].as_py()) is not None]
        for name, mask in met.items():
            text = looked[name][at].as_py()
            if text is not None:
                cells.append(Cell(name, text, bool(mask[at]), not is_number(group.column(name).type)))
        yield at, cells


def _lists(text: Any, elements: Collection[str]) -> Any:
    """The rows in which a list that fills the cell has one of some elements."""
    found = pc.fill_null(pc.match_substring_regex(text, MAY_BE_LIST), fill_value=False).to_numpy(zero_copy_only=False)
    for at in np.flatnonzero(found).tolist():
        found[at] = any(value in elements for _, value in listed(text[at].as_py()))
    return found


def _fields_inside(group: pa.Table, names: Iterable[str]) -> dict[str, Any]:
    """Fields inside structures, as texts, by name: whose a row is may stand there (``speaker.profile_id``)."""
    columns = {name: column for name in names if name not in group.column_names and (column := _field(group, name)) is not None}
    return {name: text.combine_chunks() for name, column in columns.items() if (text := texts(column)) is not None}


def _field(group: pa.Table, name: str) -> Any:
    """A column, or the field inside a structure that a name with dots tells; None where there is none."""
    steps = [name] if name in group.column_names else name.split(".")
    if steps[0] not in group.column_names:
        return None
    column = group.column(steps[0])
    for step in steps[1:]:
        if not pa.types.is_struct(column.type) or column.type.get_field_index(step) < 0:
            return None
        column = pc.struct_field(column, step)
    return column


def _owned(group: pa.Table, name: str, values: set[str]) -> Any:
    """The rows that go with their owner: one of the values fills the field, or nobody else is in its list."""
    column = _field(group, name)
    if column is None:
        return np.zeros(group.num_rows, bool)
    text = texts(column)
    if text is not None:
        return pc.is_in(text, value_set=pa.array(sorted(values), pa.large_string())).to_numpy(zero_copy_only=False)
    listed = column.to_pylist() if _comparable(column.type) else []
    alone = [bool(people) and values.issuperset(str(person) for person in people) for people in listed]
    return np.array(alone or [False] * group.num_rows, bool)


def _comparable(kind: Any) -> bool:
    """Whether values of a type, or those inside its lists, structures and maps, are compared with identifiers."""
    if pa.types.is_nested(kind):
        # Why no floating-point numbers there: a list of them is an embedding.
        return any(_comparable(inner) for at in range(kind.num_fields) if not pa.types.is_floating(inner := kind.field(at).type))
    return texts(pa.array([], kind)) is not None


def _flat(column: Any) -> Any:
    """A column as one array of texts; lists of texts as ``[first, second]``, structures as JSON; None for other types."""
    text = texts(column)
    if text is not None:
        return text.combine_chunks()
    if not _comparable(column.type):
        return None
    if any(pa.types.is_nested(column.type.field(at).type) for at in range(column.type.num_fields)) or pa.types.is_struct(column.type):
        documents = (None if value is None else json.dumps(value, default=str, ensure_ascii=False) for value in column.to_pylist())
        return pa.array(documents, pa.large_string())
    return pa.array([None if value is None else _shown(value) for value in column.to_pylist()], pa.large_string())


def _shown(value: Sequence[Any]) -> str:
    return f"[{', '.join(str(each) for each in value if each is not None)}]"


def _met(column: Any, text: Any, name: str, queries: Sequence[MentionQuery]) -> Any:
    """Whether an identifier fills the cell, or an element of it."""
    wanted = {value for query in queries for value in query.whole(name)}
    folded = {value for query in queries for value in query.folded}
    if texts(column) is not None:
        met = pc.is_in(text, value_set=pa.array(sorted(wanted), pa.large_string())).to_numpy(zero_copy_only=False)
        if folded:
            alike = pc.ascii_lower(pc.ascii_trim_whitespace(text))
            met = met | pc.is_in(alike, value_set=pa.array(sorted(folded), pa.large_string())).to_numpy(zero_copy_only=False)
        return met
    return np.array([any(leaf in wanted or near(leaf) in folded for leaf in _leaves(value)) for value in column.to_pylist()], bool)


def _leaves(value: object) -> Iterator[str]:
    """The single values inside a list, a structure or a map, as text."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for inner in value:
            yield from _leaves(inner)
    elif value is not None:
        yield str(value)
