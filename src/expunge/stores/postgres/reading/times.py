"""Time windows over tables, compared on the server: in the column's own type, which an index serves.

Text is compared as it is read elsewhere.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values go by COPY
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Selector
from expunge.core.values.scope import Window
from expunge.core.values.timestamps import MILLISECONDS, SECONDS, micros
from expunge.stores.postgres.schema.catalogue import INTEGERS, NotInPostgresSchema, PostgresField, PostgresTable, literal
from expunge.stores.postgres.server.connection import Connection

LEAST, MOST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
"""Times beyond these (``infinity`` too) are none that can be read."""
NAMED_AT_ONCE = 10_000
_TEXTS = {"text", "varchar", "bpchar", "citext"}
_REALS = {"numeric", "float4", "float8"}
_ZONE = "(?: ?(Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?))?"
_CLOCK = "([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
_EXTENDED = f"^([0-9]{{4}})-([0-9]{{2}})-([0-9]{{2}})(?:[T ]{_CLOCK}{_ZONE})?$"
_BASIC = f"^([0-9]{{4}})([0-9]{{2}})([0-9]{{2}})(?:T{_CLOCK.replace('?::', '?:')}{_ZONE})?$"


def inside(field: PostgresField, window: Window) -> str:
    """SQL: a row lies in a window; false or null for all without a time. Raises NotInPostgresSchema where the field can be none."""
    kind = _kind(field)
    since, until, last = max(window.since or LEAST, LEAST), min(window.until or MOST, MOST), window.until is None
    if kind in {"timestamptz", "timestamp"}:
        return _between(field.sql, _typed(since, kind), _typed(until, kind), last=last)
    if kind == "date":
        return _between(field.sql, _day(since), _day(until), last=last)
    if kind == "text":
        return _between(instant(field), _typed(since, "timestamptz"), _typed(until, "timestamptz"), last=last)
    bound = _above if kind in INTEGERS else _exactly
    return f"({' OR '.join(_between(field.sql, low, high) for low, high in _counts(window, bound)) or 'false'})"


def instant(field: PostgresField) -> str:
    """SQL for the time that a field gives a row, null for none. Raises NotInPostgresSchema where the field can be none."""
    kind, x = _kind(field), field.sql
    if kind in {"timestamptz", "timestamp"}:
        plain = f"{x} AT TIME ZONE 'UTC'" if kind == "timestamp" else x
        return f"(CASE WHEN {_between(x, _typed(LEAST, kind), _typed(MOST, kind), last=True)} THEN {plain} END)"
    if kind == "date":
        return f"(CASE WHEN {_between(x, _day(LEAST), _day(MOST), last=True)} THEN {x}::timestamp AT TIME ZONE 'UTC' END)"
    if kind in INTEGERS or kind in _REALS:
        return (
            f"(CASE WHEN {_between(x, str(SECONDS[0]), str(SECONDS[1]))} THEN pg_catalog.to_timestamp({x}) "
            f"WHEN {_between(x, str(MILLISECONDS[0]), str(MILLISECONDS[1]))} THEN pg_catalog.to_timestamp({x} / 1000.0) END)"
        )
    return f"(SELECT {_READ} FROM (SELECT {_parts(field.sql)}) AS p (m, n))"


def _kind(field: PostgresField) -> str:
    kind = "text" if field.form == "json" or field.column.type in _TEXTS else field.column.type
    if field.form == "array" or kind not in {"timestamptz", "timestamp", "date", "text", *INTEGERS, *_REALS}:
        what = f"column {field.name} is no time"
        raise NotInPostgresSchema(what, other=True)
    return kind


def _between(x: str, low: str, high: str, *, last: bool = False) -> str:
    return f"({x} >= {low} AND {x} {'<=' if last else '<'} {high})"


def _typed(when: datetime, kind: str) -> str:
    text = when.astimezone(UTC).strftime("%m-%d %H:%M:%S.%f")
    return f"'{when.astimezone(UTC).year:04}-{text}{'+00' if kind == 'timestamptz' else ''}'::{kind}"


def _day(when: datetime) -> str:
    """The first day that does not begin before a moment: a date is its midnight."""
    day = when.astimezone(UTC).date()
    if when > datetime(day.year, day.month, day.day, tzinfo=UTC) and day < MOST.date():
        day += timedelta(days=1)
    return f"'{day.year:04}-{day.month:02}-{day.day:02}'::date"


def _counts(window: Window, bound: Callable[[int, int], str]) -> Iterator[tuple[str, str]]:
    """The ranges of numbers that lie in a window, as seconds and as milliseconds."""
    for unit, (least, most) in ((1_000_000, SECONDS), (1_000, MILLISECONDS)):
        low = max(micros(window.since), least * unit) if window.since else least * unit
        high = min(micros(window.until), most * unit) if window.until else most * unit
        if low < high:
            yield bound(low, unit), bound(high, unit)


def _above(at: int, unit: int) -> str:
    return str(-(-at // unit))


def _exactly(at: int, unit: int) -> str:
    whole, rest = divmod(at, unit)
    return f"{whole}.{rest:0{len(str(unit)) - 1}}"


def _parts(x: str) -> str:
    """SQL for what a text is made of: a date's parts, or a number."""
    said = f"({x})::text"
    number = "^(?:[0-9]{9,10}(?:[.][0-9]{1,9})?|[0-9]{13})$"
    dated = f"coalesce(pg_catalog.regexp_match({said}, {literal(_EXTENDED)}), pg_catalog.regexp_match({said}, {literal(_BASIC)}))"
    return f"{dated}, CASE WHEN {said} ~ {literal(number)} THEN {said}::numeric END"


_MONTH = "pg_catalog.make_date(m[1]::int, m[2]::int, 1)"
_OFFSET = (
    "CASE WHEN m[8] ~ '^[+-]' THEN (pg_catalog.left(m[8], 1) || '1')::int * (pg_catalog.substr(m[8], 2, 2)::int * 60 "
    "+ coalesce(nullif(pg_catalog.right(pg_catalog.replace(m[8], ':', ''), -3), '')::int, 0)) ELSE 0 END"
)
_READ = f"""CASE
WHEN n >= {SECONDS[0]} AND n < {SECONDS[1]} THEN pg_catalog.to_timestamp(n)
WHEN n >= {MILLISECONDS[0]} AND n < {MILLISECONDS[1]} THEN pg_catalog.to_timestamp(n / 1000.0)
WHEN n IS NOT NULL OR m IS NULL OR m[1]::int < 1 OR m[2]::int NOT BETWEEN 1 AND 12 OR m[3]::int < 1 THEN NULL
WHEN m[3]::int > extract(day FROM {_MONTH} + interval '1 month' - interval '1 day') THEN NULL
WHEN coalesce(m[4], '0')::int > 23 OR coalesce(m[5], '0')::int > 59 OR coalesce(m[6], '0')::int > 59 THEN NULL
WHEN pg_catalog.substr(m[8], 2, 2) > '23' AND m[8] ~ '^[+-]' THEN NULL
WHEN pg_catalog.right(m[8], 2) > '59' AND pg_catalog.length(m[8]) > 3 AND m[8] ~ '^[+-]' THEN NULL
ELSE (pg_catalog.make_timestamp(m[1]::int, m[2]::int, m[3]::int, coalesce(m[4], '0')::int, coalesce(m[5], '0')::int,
  coalesce(m[6], '0')::int) + pg_catalog.left(pg_catalog.rpad(coalesce(m[7], '0'), 6, '0'), 6)::int * interval '1 microsecond'
  - ({_OFFSET}) * interval '1 minute') AT TIME ZONE 'UTC' END"""


# --- what narrows selectors -----------------------------------------------------------------------------


class _Conditions(NamedTuple):
    """The conditions of selectors that differ in values alone."""

    where: Window | None
    outside: tuple[Window, ...]
    spared: tuple[str, ...]
    """Fields of ``spare``."""
    demanded: tuple[str, ...]
    """Fields of ``only``."""


class PostgresNarrowing:
    """The conditions of one call's selectors besides the subject's values; lives inside a transaction."""

    def __init__(self, table: PostgresTable, selectors: Sequence[Selector]) -> None:
        """Resolve the fields.

        Raises:
            NotInPostgresSchema: when the table has no such field, or it can be no time.
        """
        self._table = table
        self._groups: dict[_Conditions, list[int]] = {}
        for number, each in enumerate(selectors):
            if each.narrowed:
                asked = _Conditions(each.where, each.outside, tuple(sorted(each.spare)), tuple(sorted(each.only)))
                self._groups.setdefault(asked, []).append(number)
        self.compared = sorted({name for group in self._groups for name in (*group.spared, *group.demanded)})
        self._fields = {name: table.require(name) for name in self.compared}
        for group in self._groups:
            for window in (*group.outside, *([group.where] if group.where else ())):
                inside(table.require(window.field), window)

    def values(self, selectors: Sequence[Selector]) -> Iterator[tuple[int, str, int, bool]]:
        """Field, value and selector, by number, of everything that spares a row, or that a row has to have (True)."""
        for number, each in enumerate(selectors):
            for at, name in enumerate(self.compared):
                for values, demanded in ((each.spare, False), (each.only, True)):
                    for value in values.get(name, ()):
                        said = self._fields[name].said(value)
                        if said is not None:
                            yield at, said, number, demanded

    def admits(self, number: str, row: str = "t") -> str:
        """Return SQL: the row in the alias ``row`` meets the conditions of the selector that SQL numbers; ``true`` where there are none."""
        conditions = []
        for group, numbers in self._groups.items():
            asked = " AND ".join(self._asked(group, number, row))
            conditions.append(f"({number} <> ALL ('{{{','.join(map(str, numbers))}}}'::int[]) OR ({asked}))")
        return " AND ".join(conditions) or "true"

    def alone(self, number: int) -> str:
        """The same for one selector, in a form that an index over the time serves."""
        for group, numbers in self._groups.items():
            if number in numbers:
                return " AND ".join(self._asked(group, str(number), "t"))
        return "true"

    def _asked(self, group: _Conditions, number: str, row: str) -> list[str]:
        asked = [inside(self._table.require(group.where.field, row), group.where)] if group.where else []
        asked += [f"({inside(self._table.require(each.field, row), each)}) IS NOT TRUE" for each in group.outside]
        asked += [f"NOT {self._has(name, number, row, demanded=False)}" for name in group.spared]
        return asked + [self._has(name, number, row, demanded=True) for name in group.demanded]

    def _has(self, name: str, number: str, row: str, *, demanded: bool) -> str:
        field = self._table.require(name, row)
        same = f's.text = ANY ({field.sql}::text[] COLLATE "C")' if field.form == "array" else f"s.text = {field.text}"
        return (
            f"EXISTS (SELECT FROM pg_temp.expunge_compared AS s WHERE s.selector = {number} AND s.field = {self.compared.index(name)} "
            f"AND s.demanded = {str(demanded).lower()} AND {same})"
        )


# --- counting -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PostgresAging:
    """The ages of a table's rows."""

    connection: Connection
    table: PostgresTable

    def ages(self, field: str, edges: Sequence[datetime]) -> Ages:
        """Rows between moments, counted on the server; bytes by their share of the table. Raises NotInPostgresSchema, psycopg.Error."""
        moments = ", ".join(_typed(edge, "timestamptz") for edge in edges)
        bucket = f"pg_catalog.width_bucket({instant(self.table.require(field))}, ARRAY[{moments}]::timestamptz[])" if edges else "0"
        sql = f"SELECT {bucket} AS b, pg_catalog.count(*) FROM {self.table.sql} AS t GROUP BY 1"
        found: dict[int | None, int] = dict(self.connection.execute(sql.encode()).fetchall())
        undated = found.pop(None, 0)
        size = "SELECT coalesce(sum(pg_catalog.pg_table_size(c)), 0)::bigint FROM pg_catalog.unnest(%s::oid[]) AS c"
        (taken,) = self.connection.execute(size, (list(self.table.family),)).fetchone() or (0,)
        total = max(1, undated + sum(found.values()))
        items = tuple(found.get(at, 0) for at in range(len(edges) + 1))
        return Ages(items, tuple(item * taken // total for item in items), undated)

    def spans(self, by: str, field: str) -> Iterator[AgeSpan]:
        """Rows by the text of a field. Raises NotInPostgresSchema, psycopg.Error."""
        when = instant(self.table.require(field))
        value, source = self.texts(by)
        sql = f"SELECT {value}, pg_catalog.count(*), min({when}), max({when}) FROM {source} GROUP BY 1"
        with self.connection.cursor("expunge_spans", binary=True) as cursor:
            cursor.execute(sql.encode())
            for said, items, first, last in cursor:
                if said is not None:
                    yield AgeSpan(said, items, first and first.astimezone(UTC), last and last.astimezone(UTC))

    def named(self, field: str) -> Iterator[Sequence[str]]:
        """The texts of a field, each once. Raises as :meth:`spans`."""
        value, source = self.texts(field)
        with self.connection.cursor("expunge_named", binary=True) as cursor:
            cursor.execute(f"SELECT DISTINCT {value} FROM {source}".encode())
            while rows := cursor.fetchmany(NAMED_AT_ONCE):
                yield [text for (text,) in rows if text is not None]

    def texts(self, by: str) -> tuple[str, str]:
        """The text of a field, and where it is read from."""
        names, source = self.table.require(by), f"{self.table.sql} AS t"
        if names.form == "array":
            return "v.e::text", f"{source} CROSS JOIN LATERAL (SELECT DISTINCT e FROM pg_catalog.unnest({names.sql}) AS e) AS v"
        return f"{names.sql}::text", source
