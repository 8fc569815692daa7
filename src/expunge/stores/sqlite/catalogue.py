"""The database's own catalogue: tables, columns, keys, indexes, references, full-text indexes, views."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from expunge.core.values.hashed_identifiers import SIZES


class NotInSqliteSchema(Exception):
    """A table or column that the map names does not exist."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        """``table x`` or ``column y``: names of the map."""


def quoted(name: str) -> str:
    """An identifier as SQL, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string of the schema or map as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class SqliteColumn:
    """One column that ordinary reads return (generated ones too)."""

    name: str
    affinity: str
    """``integer``, ``text``, ``blob``, ``real`` or ``numeric``: how SQLite converts what is compared with it."""
    primary: int
    """Place in the primary key, 0 when it is not in it."""


TEXT_OF_BYTES = "expunge_text"
"""The SQL function :func:`text_of_bytes`, on every connection."""


def text_of_bytes(value: bytes) -> str:
    """Return bytes as their text; bytes that are none in hex."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


@dataclass(frozen=True)
class SqliteField:
    """A subject or followed field as SQL over a table alias ``t``."""

    name: str
    sql: str
    affinity: str

    @property
    def text(self) -> str:
        """SQL for the value as text: integers and whole reals alike (42 and 42.0 are ``42``), bytes as their text, a bare hash in hex."""
        x = self.sql
        sizes = ", ".join(map(str, sorted(SIZES)))
        plain = f"CASE WHEN length({x}) IN ({sizes}) THEN {TEXT_OF_BYTES}({x}) ELSE CAST({x} AS TEXT) END"
        whole = f"CASE WHEN {x} = CAST({x} AS INTEGER) THEN CAST(CAST({x} AS INTEGER) AS TEXT) ELSE CAST({x} AS TEXT) END"
        return f"(CASE typeof({x}) WHEN 'real' THEN {whole} WHEN 'blob' THEN {plain} ELSE CAST({x} AS TEXT) END)"


@dataclass(frozen=True)
class SqliteTable:
    """An ordinary or virtual table."""

    name: str
    virtual: bool
    columns: tuple[SqliteColumn, ...]
    key: tuple[str, ...]
    """SQL of the columns that name a row, over the alias ``t``: the rowid, or the primary key of a table without one."""
    rowid: bool
    numbered: bool
    """Whether VACUUM keeps the rowids: there is an INTEGER PRIMARY KEY, or the module numbers rows itself."""

    @property
    def sql(self) -> str:
        """The table's qualified name."""
        return f"main.{quoted(self.name)}"

    @property
    def recorded(self) -> tuple[str, ...]:
        """Names of the columns in the sequence in which a record holds their values. A column that is the row's number is in no record."""
        if self.rowid:
            return tuple(column.name for column in self.columns if f"t.{quoted(column.name)}" not in self.key)
        return tuple(column.name for column in sorted(self.columns, key=lambda each: each.primary or len(self.columns) + 1))

    def column(self, name: str) -> SqliteColumn | None:
        """The column of that name; letters A to Z compare without case, as in SQL."""
        return next((column for column in self.columns if _fold(column.name) == _fold(name)), None)

    def require(self, name: str) -> SqliteField:
        """Like :meth:`field`. Raises NotInSqliteSchema."""
        found = self.field(name)
        if found is None:
            raise NotInSqliteSchema("column " + name)
        return found

    def field(self, name: str, alias: str = "t") -> SqliteField | None:
        """Resolve a name of the map: a column, ``rowid``, or ``column.key`` inside JSON; None when there is no such field."""
        column = self.column(name)
        if column is not None:
            return SqliteField(name, f"{alias}.{quoted(column.name)}", column.affinity)
        if self.rowid and _fold(name) in {"rowid", "_rowid_", "oid"}:
            return SqliteField(name, self.key[0].replace("t.", f"{alias}.", 1), "integer")
        head, _, path = name.partition(".")
        column = self.column(head)
        if column is None or not path or '"' in path:
            return None
        inside = literal("$" + "".join(f'."{part}"' for part in path.split(".")))
        document = f"{alias}.{quoted(column.name)}"
        return SqliteField(name, f"(CASE WHEN json_valid({document}) THEN json_extract({document}, {inside}) END)", "json")


@dataclass(frozen=True)
class Index:
    """An index and the column it starts with (empty for an expression)."""

    name: str
    leading: str
    partial: bool


@dataclass(frozen=True)
class SqliteReference:
    """A foreign key of ``child`` that refers to some parent table."""

    child: str
    columns: tuple[tuple[str, str], ...]
    """Child column, parent column."""
    acts: bool
    """The schema says what happens to the child (cascade, set null, set default); otherwise it stands in the way."""
    cascades: bool
    """The child's row is deleted along."""
    emptied: tuple[str, ...] = ()
    """The child's columns that are set to NULL or to their default."""


@dataclass(frozen=True)
class FullText:
    """A full-text index."""

    name: str
    module: str
    content: str | None
    """The table or view it indexes; None when it keeps its own text, empty when it keeps none."""
    content_rowid: str
    sizes: str | None
    """The shadow table with one row per indexed row; None when the index was made without."""
    phrases: bool = True
    """Whether it knows where words stand, so that words in a row can be searched for."""
    trigrams: bool = False
    """Whether its words are runs of three characters."""

    def query(self, words: Sequence[str]) -> str:
        """Return the search for words that follow one another; where the index cannot tell that, for all of them in one row."""
        if self.phrases:
            return f'"{" ".join(words)}"'
        terms = [word[at : at + 3] for word in words for at in range(len(word) - 2)] if self.trigrams else words
        return " AND ".join(f'"{term}"' for term in terms)

    @property
    def sql(self) -> str:
        """The qualified name."""
        return f"main.{quoted(self.name)}"

    @property
    def docid(self) -> str:
        """The column of ``sizes`` that holds the row's number."""
        return "id" if self.module == "fts5" else "docid"

    def command(self, word: str) -> str:
        """SQL for a special command such as ``optimize`` or ``rebuild``."""
        return f"INSERT INTO {self.sql}({quoted(self.name)}) VALUES({literal(word)})"

    def orphans(self) -> str | None:
        """SQL for numbers of rows that are indexed although their content is gone; None where nothing can tell."""
        if not self.content or self.sizes is None:
            return None
        where = f"SELECT {quoted(self.content_rowid)} FROM main.{quoted(self.content)}"
        return f"SELECT s.{self.docid} FROM main.{quoted(self.sizes)} AS s WHERE s.{self.docid} NOT IN ({where})"


class SqliteSchema:
    """The catalogue of one open database, read on demand and kept: make a new one when the schema may have changed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @cached_property
    def kinds(self) -> dict[str, tuple[str, bool]]:
        """Name -> (``table``, ``view``, ``virtual`` or ``shadow``; whether it has no rowid). SQLite's own tables left out."""
        rows = self._connection.execute("PRAGMA main.table_list").fetchall()
        return {row[1]: (row[2], bool(row[4])) for row in rows if row[0] == "main" and not _fold(row[1]).startswith("sqlite_")}

    @cached_property
    def sql(self) -> dict[str, str]:
        """Name of a table, view or virtual table -> the statement that made it."""
        return dict(
            self._connection.execute("SELECT name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL AND type IN ('table', 'view')")
        )

    def words(self) -> Iterator[str]:
        """Yield names of tables, views, indexes, triggers and columns, defaults, and values that a CHECK lists. Raises sqlite3.Error."""
        for name, sql in self._connection.execute("SELECT name, sql FROM main.sqlite_schema").fetchall():
            yield name
            for values in _LISTED.findall(sql or ""):
                yield from (value.replace("''", "'") for value in _STRING.findall(values))
        for table in self.kinds:
            for row in self._connection.execute(f"PRAGMA main.table_xinfo({quoted(table)})").fetchall():
                yield row[1]
                yield from (value.replace("''", "'") for value in _STRING.findall(row[4] or ""))

    def named(self, name: str) -> str | None:
        """Return the name as the schema spells it, of any kind."""
        folded = _fold(name)
        return next((kind for kind in self.kinds if _fold(kind) == folded), None)

    def table(self, name: str) -> SqliteTable | None:
        """The table or virtual table of that name; None when there is none or it is a view."""
        found = self.named(name)
        if found is None or self.kinds[found][0] == "view":
            return None
        kind, without_rowid = self.kinds[found]
        columns = self.columns(found)
        if without_rowid:
            key = tuple(f"t.{quoted(column.name)}" for column in sorted(columns, key=lambda each: each.primary) if column.primary)
        else:
            taken = {_fold(column.name) for column in columns}
            alias = next((each for each in ("rowid", "_rowid_", "oid") if each not in taken), "rowid")
            primary = [column for column in columns if column.primary]
            own = len(primary) == 1 and kind == "table" and self._is_rowid(found, primary[0].name)
            key = (f"t.{quoted(primary[0].name)}",) if own else (f"t.{alias}",)
            return SqliteTable(found, kind == "virtual", columns, key, rowid=True, numbered=own or kind == "virtual")
        return SqliteTable(found, virtual=False, columns=columns, key=key, rowid=False, numbered=True)

    def require(self, name: str) -> SqliteTable:
        """Like :meth:`table`. Raises NotInSqliteSchema."""
        found = self.table(name)
        if found is None:
            raise NotInSqliteSchema("table " + name)
        return found

    def _is_rowid(self, table: str, column: str) -> bool:
        """Whether a single-column primary key is the rowid itself: then, and only then, SQLite made no index for it."""
        declared = {row[1]: str(row[2]).upper() for row in self._connection.execute(f"PRAGMA main.table_xinfo({quoted(table)})")}
        made = any(row[3] == "pk" for row in self._connection.execute(f"PRAGMA main.index_list({quoted(table)})"))
        return declared.get(column) == "INTEGER" and not made

    def columns(self, table: str) -> tuple[SqliteColumn, ...]:
        """The columns that ordinary reads of a table or view return."""
        rows = self._connection.execute(f"PRAGMA main.table_xinfo({quoted(table)})").fetchall()
        return tuple(SqliteColumn(row[1], _affinity(row[2] or ""), row[5]) for row in rows if row[6] != 1)

    def indexes(self, table: str) -> Iterator[Index]:
        """The indexes of a table."""
        for row in self._connection.execute(f"PRAGMA main.index_list({quoted(table)})").fetchall():
            parts = self._connection.execute(f"PRAGMA main.index_info({quoted(row[1])})").fetchall()
            yield Index(row[1], (parts[0][2] or "") if parts else "", bool(row[4]))

    def references(self, parent: str) -> Iterator[SqliteReference]:
        """The foreign keys that refer to a table."""
        for child, (kind, _) in self.kinds.items():
            if kind != "table":
                continue
            grouped: dict[int, list[tuple[str, str | None, str]]] = {}
            for row in self._connection.execute(f"PRAGMA main.foreign_key_list({quoted(child)})").fetchall():
                if _fold(row[2]) == _fold(parent):
                    grouped.setdefault(row[0], []).append((row[3], row[4], row[6]))
            primary = [column.name for column in sorted(self.columns(parent), key=lambda each: each.primary) if column.primary]
            for rows in grouped.values():
                pairs = tuple((row[0], row[1] or primary[at]) for at, row in enumerate(rows) if row[1] or at < len(primary))
                if len(pairs) == len(rows):
                    action = rows[0][2]
                    emptied = tuple(name for name, _ in pairs) if action in {"SET NULL", "SET DEFAULT"} else ()
                    acts = action not in {"NO ACTION", "RESTRICT"}
                    yield SqliteReference(child, pairs, acts=acts, cascades=action == "CASCADE", emptied=emptied)

    @cached_property
    def full_text(self) -> tuple[FullText, ...]:
        """The full-text indexes of the database."""
        found = []
        for name, (kind, _) in self.kinds.items():
            module, arguments = module_of(self.sql.get(name, "")) if kind == "virtual" else ("", [])
            if module not in {"fts3", "fts4", "fts5"}:
                continue
            options = dict(_option(argument) for argument in arguments if "=" in argument)
            content = options.get("content") if module != "fts3" else None
            sizes = f"{name}_docsize"
            found.append(
                FullText(
                    name,
                    module,
                    content,
                    options.get("content_rowid", "rowid"),
                    sizes if self.named(sizes) is not None else None,
                    phrases=module != "fts5" or options.get("detail", "full").lower() == "full",
                    trigrams="trigram" in options.get("tokenize", "").lower(),
                )
            )
        return tuple(found)

    def reads(self, view: str) -> frozenset[str]:
        """The tables that a view reads, through other views too. Empty when the view does not compile."""
        seen: set[str] = set()

        def note(action: int, name: str | None, _column: str | None, schema: str | None, _by: str | None) -> int:
            if action == sqlite3.SQLITE_READ and name and schema in {"main", None}:
                seen.add(name)
            return sqlite3.SQLITE_OK

        self._connection.set_authorizer(note)
        try:
            self._connection.execute(f"EXPLAIN SELECT * FROM main.{quoted(view)}").close()
        except sqlite3.OperationalError:
            return frozenset()
        finally:
            self._connection.set_authorizer(None)
        return frozenset(each for each in seen if self.kinds.get(each, ("", False))[0] != "view")

    def views(self, table: str) -> Iterator[str]:
        """The views that show rows of a table."""
        for name, (kind, _) in self.kinds.items():
            if kind == "view" and table in self.reads(name):
                yield name


_STRING = re.compile(r"'((?:[^']|'')*)'")
_LISTED = re.compile(r"\bIN\s*\(\s*('(?:[^']|'')*'(?:\s*,\s*'(?:[^']|'')*')*)\s*\)", re.IGNORECASE)
"""A list of texts, as CHECK has for the labels of a state."""
_NAME = r"""(?:"(?:[^"]|"")*"|\[[^\]]*\]|`(?:[^`]|``)*`|'(?:[^']|'')*'|[^\s(."'`\[]+)"""
_VIRTUAL = re.compile(
    rf"CREATE\s+VIRTUAL\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:{_NAME}\s*\.\s*)?{_NAME}\s+USING\s+(\w+)\s*(?:\((.*)\))?\s*;?\s*$",
    re.IGNORECASE | re.DOTALL,
)


def module_of(sql: str) -> tuple[str, list[str]]:
    """The module of a virtual table and its arguments, from the statement that made it."""
    found = _VIRTUAL.match(sql.strip())
    return (found[1].lower(), list(_arguments(found[2] or ""))) if found else ("", [])


def _arguments(text: str) -> Iterator[str]:
    start, depth, quote = 0, 0, ""
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'`[":
            quote = "]" if letter == "[" else letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter == "," and depth == 0:
            yield text[start:at].strip()
            start = at + 1
    yield text[start:].strip()


def _option(argument: str) -> tuple[str, str]:
    name, _, value = argument.partition("=")
    return name.strip().lower(), unquoted(value.strip())


def unquoted(text: str) -> str:
    """A name or string as written in SQL, without its quotes."""
    if len(text) >= 2 and text[0] in "\"'`" and text[-1] == text[0]:
        return text[1:-1].replace(text[0] * 2, text[0])
    return text[1:-1] if text[:1] == "[" and text[-1:] == "]" else text


def _affinity(declared: str) -> str:
    """SQLite's rules for column affinity, "Datatypes In SQLite" section 3.1."""
    word = declared.upper()
    if "INT" in word:
        return "integer"
    if any(each in word for each in ("CHAR", "CLOB", "TEXT")):
        return "text"
    if "BLOB" in word or not word:
        return "blob"
    return "real" if any(each in word for each in ("REAL", "FLOA", "DOUB")) else "numeric"


_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def _fold(name: str) -> str:
    return name.lower() if name.isascii() else name.translate(_LOWER)
