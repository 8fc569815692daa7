"""List the tables of a database that no dataset declares, for looks at their columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from expunge.core.datamap.datamap import Ignore, TableLayout
from expunge.ports.optional.schema_listing import UndeclaredTable
from expunge.stores.sqlite.catalogue import SqliteSchema
from expunge.stores.tables.undeclared import ignored_columns, of_nobody

MAIN = "main"


def undeclared_tables(
    schema: SqliteSchema, store: str, alias: str, declared: Iterable[str], ignored: Sequence[Ignore]
) -> Iterator[UndeclaredTable]:
    """The ordinary tables of one file that are not among the declared ones. Raises sqlite3.Error."""
    known = {schema.named(name) for name in declared}
    patterns = [each.pattern for each in ignored if each.store == store]
    beside = [name for name, (kind, _) in schema.kinds.items() if kind == "table" and name not in known]
    elsewhere: dict[str, set[str]] = {}
    for parent in beside:
        for reference in schema.references(parent):
            elsewhere.setdefault(reference.child, set()).update(column for column, _ in reference.columns)
    for name in beside:
        table = schema.require(name)
        names = (name, f"{alias}.{name}")
        called = name if alias == MAIN else f"{alias}.{name}"
        columns = [column.name for column in table.columns]
        settled = ignored_columns(columns, names, patterns) | elsewhere.get(name, set())
        primary = [column.name for column in table.columns if column.primary]
        yield UndeclaredTable(
            of_nobody(f"table {called}", store, TableLayout(called)),
            any(fnmatchcase(one, each) for one in names for each in patterns),
            tuple(column for column in columns if column not in settled),
            frozenset(primary if len(primary) == 1 else ()),
        )
