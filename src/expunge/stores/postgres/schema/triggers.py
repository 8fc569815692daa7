"""Triggers and rules that act when rows are deleted or changed: they keep rows, refuse the statement, or write elsewhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from expunge.stores.postgres.schema.catalogue import PostgresSchema, PostgresTable
from expunge.stores.postgres.server.connection import Connection

_TRIGGERS = """
SELECT t.tgrelid, t.tgfoid, t.tgtype, t.tgname FROM pg_catalog.pg_trigger t
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
"""
_FUNCTIONS = """
SELECT p.oid, p.proname, l.lanname, p.prosrc FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
_RULES = """
SELECT r.ev_class, r.rulename, pg_catalog.pg_get_ruledef(r.oid), r.ev_type = '2'
FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
WHERE c.relkind IN ('r', 'p') AND r.ev_type IN ('2', '4') AND r.ev_enabled IN ('O', 'A')
"""
_CASCADES = "SELECT confrelid, conrelid FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confdeltype NOT IN ('a', 'r')"
_RELATIONS = """
SELECT c.oid, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f', 'v') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
"""
_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r'"((?:[^"]|"")+)"')
_INSERTING = frozenset({"insert", "merge", "copy", "execute", "create"})
_SETS = re.compile(r"\bSET\b(.*?)(?:\bWHERE\b|\bFROM\b|;)", re.IGNORECASE | re.DOTALL)
"""The new values of an UPDATE, without the rows that it chooses."""
_OLD = re.compile(r"\bOLD\b", re.IGNORECASE)
_ROW, _BEFORE, _DELETE, _UPDATE, _WRITES = 1, 2, 8, 16, 4 | 16
_HARMLESS = frozenset({"lo_manage", "tsvector_update_trigger", "tsvector_update_trigger_column", "suppress_redundant_updates_trigger"})


def keeping(connection: Connection, table: PostgresTable) -> bool:
    """Return whether a trigger may keep rows of the table that are deleted (``BEFORE DELETE ... RETURN NULL``)."""
    sql = (
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = ANY (%s) AND NOT t.tgisinternal "
        "AND t.tgenabled IN ('O', 'A') AND t.tgtype & 11 = 11)"
    )
    return bool(PostgresSchema(connection).one(sql, (list(table.family),)))


def ruled(connection: Connection, table: PostgresTable) -> bool:
    """Return whether a rule takes the place of deletions."""
    sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = ANY (%s) AND ev_type = '4' AND is_instead)"
    return bool(PostgresSchema(connection).one(sql, (list(table.family),)))


@dataclass(frozen=True)
class _Code:
    """What a function is made of, as far as it can be read."""

    words: frozenset[str]
    """Every word and every quoted name in it, lower-case; comments too: more is never too much here."""
    open: bool
    """It may do anything: it builds statements of its own, or is no SQL."""
    copies: bool = False
    """It inserts rows, or sets a column to a value of the row that it is called for."""


def _code(name: str, language: str, source: str) -> _Code:
    if language not in {"sql", "plpgsql"}:
        return _Code(frozenset(), name not in _HARMLESS, copies=name not in _HARMLESS)
    words = {each.lower() for each in _WORD.findall(source)} | {each.replace('""', '"').lower() for each in _QUOTED.findall(source)}
    copies = not words.isdisjoint(_INSERTING) or any(_OLD.search(each) for each in _SETS.findall(source))
    return _Code(frozenset(words), "execute" in words, copies=copies)


class Effects:
    """All triggers, rules and cascades of a database, to be followed from table to table."""

    def __init__(self, connection: Connection, accepted: Collection[str] = ()) -> None:
        """Read them, less the triggers and rules with ``accepted`` names."""
        run = connection.execute
        self._relations: dict[int, str] = {oid: name.lower() for oid, name in run(_RELATIONS).fetchall()}
        self._named: dict[str, list[int]] = {}
        for oid, name in self._relations.items():
            self._named.setdefault(name, []).append(oid)
        self._parents = run("SELECT inhparent, inhrelid FROM pg_catalog.pg_inherits").fetchall()
        self._met: set[str] = set()
        self._copies = False
        self._triggers = [row for row in run(_TRIGGERS).fetchall() if row[3] not in accepted]
        self._rules = [
            (oid, _UPDATE if updates else _DELETE, name, _code("", "sql", text))
            for oid, name, text, updates in run(_RULES).fetchall()
            if name not in accepted
        ]
        functions = run(_FUNCTIONS).fetchall() if self._triggers or self._rules else []
        self._functions = {oid: (name.lower(), _code(name, language, source or "")) for oid, name, language, source in functions}
        self._cascades = run(_CASCADES).fetchall()

    @property
    def met(self) -> tuple[str, ...]:
        """Names of the triggers and rules that :meth:`written` has come by."""
        return tuple(sorted(self._met))

    @property
    def copies(self) -> bool:
        """Whether the code that :meth:`written` has come by may write values of deleted rows."""
        return self._copies

    def name(self, oid: int) -> str:
        """Return the name of a table."""
        return self._relations.get(oid, str(oid))

    def written(self, tables: Iterable[int], *, updated: bool = False) -> frozenset[int] | None:
        """Tables that may be written to when rows of some are deleted or ``updated``, be it in the end; None where that may be any."""
        met, written = set(tables), set[int]()
        waiting = [(each, _UPDATE if updated else _DELETE) for each in met]
        done = set(waiting)
        while waiting:
            table, events = waiting.pop()
            below = (*self._cascades, *self._parents) if events & _DELETE else self._parents
            reached = [(child, events & _DELETE or events) for parent, child in below if parent == table]
            for code in self._codes(table, events):
                self._copies = self._copies or code.copies
                if code.open:
                    return None
                touched = [oid for word in code.words for oid in self._named.get(word, ())]
                written.update(touched)
                reached += [(oid, _DELETE | _WRITES) for oid in touched]
            for each in reached:
                if each not in done:
                    done.add(each)
                    waiting.append(each)
        return frozenset(written)

    def _codes(self, table: int, events: int) -> list[_Code]:
        here = [(function, name) for relation, function, kind, name in self._triggers if relation == table and kind & events]
        rules = [(code, name) for oid, event, name, code in self._rules if oid == table and events & event]
        self._met.update(name for _, name in (*here, *rules))
        codes, seen, waiting = [code for code, _ in rules], set[int](), [function for function, _ in here]
        for code in codes:
            waiting += self._called(code)
        while waiting:
            function = waiting.pop()
            if function not in seen:
                seen.add(function)
                code = self._functions[function][1] if function in self._functions else _Code(frozenset(), open=False)
                codes.append(code)
                waiting += self._called(code)
        return codes

    def _called(self, code: _Code) -> list[int]:
        return [oid for oid, (name, _) in self._functions.items() if name in code.words]


def copying(connection: Connection, table: PostgresTable, accepting: Collection[str], told: Collection[int]) -> Iterator[tuple[str, str]]:
    """Yield (triggers, tables) where triggers or rules may copy values of rows of a table elsewhere when rows are deleted.

    They insert rows, or set a column to a value of the deleted row. Tables that are ``told`` do not count.
    """
    effects = Effects(connection, accepting)
    written = effects.written(table.family)
    if not effects.met or not effects.copies:
        return
    if written is None:
        yield ", ".join(effects.met), "any table"
    elif beyond := sorted(effects.name(oid) for oid in written - set(told) - set(table.family)):
        yield ", ".join(effects.met), ", ".join(beyond)


def rewritten(connection: Connection, declared: Collection[tuple[str, PostgresTable]]) -> frozenset[str]:
    """Names of the datasets (of pairs with their table) that the database may write to when rows of any of them are deleted."""
    if not declared:
        return frozenset()
    written = Effects(connection).written([oid for _, table in declared for oid in table.family])
    if written is None:
        return frozenset(name for name, _ in declared)
    return frozenset(name for name, table in declared if not written.isdisjoint(table.family))
