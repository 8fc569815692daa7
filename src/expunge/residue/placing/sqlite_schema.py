"""Which rows the b-trees of a SQLite file hold, from the statements in ``sqlite_schema``.

The key of a table WITHOUT ROWID and the columns of its indexes stand nowhere else than in these statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

_SAMPLES = frozenset({"sqlite_stat1", "sqlite_stat3", "sqlite_stat4"})
UNREADABLE = "table or index of another form"


@dataclass(frozen=True, slots=True)
class SchemaEntry:
    """One row of ``sqlite_schema`` that has a b-tree, or makes a virtual table."""

    type: str
    name: str
    table: str
    root: int
    sql: str


class Holds(Enum):
    """What the cells of a b-tree are."""

    SCHEMA = "schema"
    ROWS = "rows of a table with rowids"
    KEYED = "rows of a table without rowids"
    ENTRIES = "entries of an index on a table with rowids"
    KEYED_ENTRIES = "entries of an index on a table without rowids"
    VALUES = "values of rows of a table, apart from the rows: full-text terms, boxes of an r-tree"
    SAMPLES = "statistics of the tables that are named in each row"
    UNTOLD = "parts that cannot be told apart"


@dataclass(frozen=True, slots=True)
class Tree:
    """One b-tree of the file."""

    root: int
    holds: Holds
    relation: str = ""
    key: tuple[int, ...] = ()
    """Places of the primary key's values in a record, for tables without rowids, in the key's sequence."""
    columns: int = 0
    """For an index on a table without rowids: the number of its own columns."""
    why: str = ""
    """Why its parts cannot be told apart."""

    def key_places(self, count: int) -> tuple[int, ...] | None:
        """Return the places of the primary key in a record of ``count`` values; None where they cannot be told."""
        if self.holds is Holds.KEYED or count == self.columns + sum(place >= self.columns for place in self.key):
            return self.key
        # columns that an index compares in another way than the key does are in its entries twice
        return tuple(range(self.columns, count)) if count == self.columns + len(self.key) else None


def trees(entries: Sequence[SchemaEntry], keyed: frozenset[str]) -> Iterator[Tree]:
    """Yield the b-trees of a file.

    Args:
        entries: the rows of ``sqlite_schema``.
        keyed: names of the tables without rowids, in lower case.
    """
    shadows = _shadows(entries)
    shapes = {fold(entry.name): TableShape.of(entry.sql) for entry in entries if entry.type == "table" and fold(entry.name) in keyed}
    for entry in entries:
        if not entry.root:
            continue
        table = fold(entry.table)
        relation, holds = shadows.get(table, (entry.table, Holds.ROWS))
        if holds is Holds.VALUES or table in _SAMPLES:
            yield Tree(entry.root, Holds.SAMPLES if table in _SAMPLES else holds, relation)
        elif table not in keyed:
            yield Tree(entry.root, Holds.ROWS if entry.type == "table" else Holds.ENTRIES, relation)
        elif not shapes[table].primary:
            yield Tree(entry.root, Holds.UNTOLD, relation, why=UNREADABLE)
        elif entry.type == "table":
            yield Tree(entry.root, Holds.KEYED, relation, tuple(range(len(shapes[table].primary))))
        else:
            yield _index(entry, relation, shapes[table])


def _index(entry: SchemaEntry, relation: str, shape: TableShape) -> Tree:
    columns = index_columns(entry.sql) if entry.sql else shape.automatic(entry.name)
    if columns is None:
        return Tree(entry.root, Holds.UNTOLD, relation, why=UNREADABLE)
    # columns of the primary key that the index lacks are appended to its entries, in the key's sequence
    lacking = [name for name in shape.primary if name not in columns]
    places = {name: len(columns) + at for at, name in enumerate(lacking)}
    key = tuple(places[name] if name in places else columns.index(name) for name in shape.primary)
    return Tree(entry.root, Holds.KEYED_ENTRIES, relation, key, len(columns))


def _shadows(entries: Sequence[SchemaEntry]) -> dict[str, tuple[str, Holds]]:
    """Tables that a virtual table keeps its content in -> (the table whose they are, whether they hold its rows or values of them)."""
    found: dict[str, tuple[str, Holds]] = {}
    rows: dict[str, str]
    values: tuple[str, ...]
    for entry in entries:
        module, content = _module(entry.sql) if entry.type == "table" and not entry.root else ("", "")
        if module in {"fts3", "fts4", "fts5"}:
            rows, values = (
                {"content": entry.name, "docsize": content or entry.name},
                ("data", "idx", "segments", "segdir", "stat", "config"),
            )
        elif module in {"rtree", "rtree_i32", "geopoly"}:
            rows, values = {"rowid": entry.name}, ("node", "parent")
        else:
            continue
        found.update({fold(f"{entry.name}_{ending}"): (relation, Holds.ROWS) for ending, relation in rows.items()})
        found.update({fold(f"{entry.name}_{ending}"): (entry.name, Holds.VALUES) for ending in values})
    return found


# --- statements ------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?(?:\*/|$)|\s+|(?P<quoted>"(?:[^"]|"")*"|'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\])|(?P<word>\w[\w$]*)|(?P<mark>.)""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a name in quotes, a mark, or a whole pair of brackets with its content."""

    text: str
    word: str = ""
    """A word in upper case or a mark; empty for names in quotes."""
    inside: tuple[Token, ...] | None = None


@dataclass(frozen=True, slots=True)
class TableShape:
    """The keys of a table, as its statement declares them. Names are in lower case."""

    primary: tuple[str, ...]
    """Columns of the primary key; none where the statement could not be read."""
    unique: tuple[tuple[str, ...], ...] = field(default=())
    """Columns of each constraint for which SQLite makes an index, in the sequence of their numbers."""

    @classmethod
    def of(cls, sql: str) -> TableShape:
        """Read a CREATE TABLE statement."""
        body = next((token.inside for token in _tokens(sql) if token.inside is not None), ())
        primary: tuple[str, ...] = ()
        unique: list[tuple[str, ...]] = []
        for item in _split(body):
            for is_primary, columns in _constraints(item):
                if is_primary:
                    primary = tuple(dict.fromkeys(columns))
                if columns not in unique and not (is_primary and _is_integer(item)):
                    unique.append(columns)
        return cls(primary, tuple(unique))

    def automatic(self, name: str) -> tuple[str, ...] | None:
        """Return the columns of the index ``sqlite_autoindex_<table>_<number>``."""
        number = name.rpartition("_")[2]
        at = int(number) - 1 if number.isdecimal() else -1
        return self.unique[at] if 0 <= at < len(self.unique) else None


def defaults(sql: str) -> frozenset[int | float | str]:
    """Return the literals that a CREATE TABLE statement has behind DEFAULT, each in every type that it may be stored as."""
    body = next((token.inside for token in _tokens(sql) if token.inside is not None), ())
    found = set[int | float | str]()
    for at, token in enumerate(body):
        if token.word == "DEFAULT":
            behind = list(body[at + 1 : at + 4])
            behind = list(behind[0].inside or ()) if behind and behind[0].inside is not None else behind
            sign, literals = ("-", behind[1:]) if behind and behind[0].word == "-" else ("", behind)
            found.update(_literal(sign + "".join(each.text for each in literals[:length])) for length in (1, 3))
            found.update(each.text for each in literals[:1])
    return frozenset(found)


def _literal(text: str) -> int | float | str:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def index_columns(sql: str) -> tuple[str, ...] | None:
    """Return the columns of a CREATE INDEX statement; an expression is a name that no column has. None where it cannot be read."""
    body = next((token.inside for token in _tokens(sql) if token.inside is not None), None)
    return None if body is None else tuple(_column(item) for item in _split(body))


def _column(item: Sequence[Token]) -> str:
    rest = list(item[1:])
    if len(rest) >= 2 and rest[0].word == "COLLATE":
        rest = rest[2:]
    plain = bool(item) and item[0].inside is None and all(token.word in {"ASC", "DESC"} for token in rest)
    return fold(item[0].text) if plain else f"({len(item)})"


def _constraints(item: Sequence[Token]) -> Iterator[tuple[bool, tuple[str, ...]]]:
    """The (is it the primary key, columns) of each PRIMARY KEY and UNIQUE in a column's definition or a constraint of the table."""
    own = item[0].word not in {"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"} if item else False
    for at, token in enumerate(item[1:] if own else item, start=1 if own else 0):
        if token.word not in {"PRIMARY", "UNIQUE"}:
            continue
        if own:
            yield token.word == "PRIMARY", (fold(item[0].text),)
            continue
        body = next((other.inside for other in item[at:] if other.inside is not None), ())
        yield token.word == "PRIMARY", tuple(_column(part) for part in _split(body))


def _is_integer(item: Sequence[Token]) -> bool:
    """Whether a column's definition has the type INTEGER alone: of such a key SQLite makes the index last."""
    return len(item) > 2 and item[1].word == "INTEGER" and item[2].word in {"PRIMARY", "NOT", "UNIQUE", "CONSTRAINT", "CHECK", "DEFAULT"}


def has_word_index(entries: Sequence[SchemaEntry], table: str) -> bool:
    """Return whether a full-text index is over a table: by its option ``content``, or because a trigger of the table names it."""
    modules = {fold(entry.name): _module(entry.sql) for entry in entries if entry.type == "table" and not entry.root}
    indexes = {name: content for name, (module, content) in modules.items() if module.startswith("fts")}
    triggers = [fold(entry.sql) for entry in entries if entry.type == "trigger" and fold(entry.table) == fold(table)]
    return any(fold(content) == fold(table) or any(name in sql for sql in triggers) for name, content in indexes.items())


def _module(sql: str) -> tuple[str, str]:
    """The module of a virtual table, and the table that its option ``content`` names."""
    tokens = _tokens(sql)
    at = next((number for number, token in enumerate(tokens) if token.word == "USING"), None)
    if at is None or at + 1 >= len(tokens) or "VIRTUAL" not in {token.word for token in tokens[:at]}:
        return "", ""
    content = ""
    for item in _split(tokens[at + 2].inside or () if at + 2 < len(tokens) else ()):
        if len(item) == 3 and item[0].word == "CONTENT" and item[1].word == "=":
            content = item[2].text
    return tokens[at + 1].text.lower(), content


def _split(body: Sequence[Token]) -> Iterator[Sequence[Token]]:
    start = 0
    for at, token in enumerate(body):
        if token.word == ",":
            yield body[start:at]
            start = at + 1
    yield body[start:]


def _tokens(sql: str) -> list[Token]:
    stack: list[list[Token]] = [[]]
    for match in _TOKEN.finditer(sql):
        text = match[0]
        if match["quoted"]:
            stack[-1].append(Token(_unquoted(text)))
        elif match["word"]:
            stack[-1].append(Token(text, text.upper()))
        elif match["mark"] == "(":
            stack.append([])
        elif match["mark"] == ")" and len(stack) > 1:
            inside = tuple(stack.pop())
            stack[-1].append(Token("()", inside=inside))
        elif match["mark"]:
            stack[-1].append(Token(text, text))
    return stack[0]


def _unquoted(text: str) -> str:
    return text[1:-1] if text[0] == "[" else text[1:-1].replace(text[0] * 2, text[0])


def fold(name: str) -> str:
    """Return a name as SQLite compares it: letters A to Z without case."""
    return "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in name)
