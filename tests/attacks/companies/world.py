"""One company on disk or on a server: its stores, its map, its rows before and after, and the order for the customer who leaves."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeAlias

import lancedb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from expunge.bootstrap import Expunge
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence.receipt import Receipt, parse
from expunge.core.log import dsse
from expunge.core.orders.run import Run
from tests.attacks.companies.cast import Cast, Customer, cast
from tests.attacks.companies.judge import Search
from tests.attacks.companies.references import Reference
from tests.attacks.companies.spellings import Spelling

_HEAD = """\
version: 1
state: ./state
identities:
  {identity}: {{dataset: customers, key: id{compare}}}
retention:
  life: {{period: 30 days, from: closed_at, purpose: keep the account, need: contract}}
"""
_TABLES = (
    "CREATE TABLE customers (id {type} PRIMARY KEY, name text, closed_at text);"
    "CREATE TABLE notes (n integer PRIMARY KEY, author {type}, said text, closed_at text);"
)

Plant: TypeAlias = "Callable[[World], None]"
"""A function that plants a copy."""


class Leaves(Enum):
    """Whether an erasure leaves the copy at a place."""

    GOES = "goes"
    STAYS = "stays"
    EITHER = "either"
    """The copy may go as the person's, or be told: what counts is that an order does not read *fulfilled* beside it."""


@dataclass(frozen=True)
class Place:
    """A place where a copy can hide in a kind of store."""

    name: str
    store: str
    plant: str | Plant
    """SQL with words of the cast, or a function that plants the copy."""
    leaves: Leaves
    before: str = ""
    """SQL before any table is made."""
    ignore: str = ""
    """A rule for `ignore:` of the map."""
    datasets: tuple[str, ...] = ()
    """Lines of the map beside those of customers and notes."""
    others: tuple[str, ...] = ()
    """Words of the cast that belong to another customer here, so that they may stay."""
    lender: str = "database"
    """The fixture that lends a PostgreSQL database."""
    hands_on: bool = False
    """Whether the company itself writes what is erased into rows of another customer."""


@dataclass(frozen=True)
class Company:
    """One row of the table."""

    store: str
    place: Place | None
    quoted: bool
    """Whether another customer quotes the sentence of the customer who leaves."""
    reference: Reference
    rule: str | None
    """What the map says of a mention: null, replace, keep, or nothing."""
    spelling: Spelling

    @property
    def name(self) -> str:
        """The name of the company, as the test is called."""
        parts = [self.place.name if self.place else "", "quoted" if self.quoted else "", self.reference.name, self.spelling.name]
        usual = ("", "one column", "as it is")
        said = [part for part in parts if part not in usual]
        rule = [] if not self.reference.mention else [f"rule {self.rule}"]
        return ", ".join([self.store, *(said or ["nothing hidden"]), *rule])


Unit: TypeAlias = tuple[str, str]
"""A part of the data that belongs to somebody: where it lies, and its content as text."""


@dataclass
class World:
    """One installation of a company."""

    folder: Path
    company: Company
    server: str = ""
    cast: Cast = field(init=False)
    options: dict[str, str] = field(default_factory=dict)
    """Further options of a store, as the map has them."""

    def __post_init__(self) -> None:
        self.cast = cast(self.company.name)
        self.root.mkdir(parents=True)

    @property
    def root(self) -> Path:
        """The folder of all stores."""
        return self.folder / "world"

    @property
    def database(self) -> Path:
        return self.root / "app.db"

    @property
    def map(self) -> Path:
        return self.folder / "expunge.yaml"

    def fill(self, text: str) -> str:
        """Put the words of the cast into a text."""
        spelling, cast = self.company.spelling, self.cast
        ids = {"id": cast.anna.id, "bela": cast.bela.id, "cara": cast.cara.id}
        words = {**cast.words(), **{word: spelling.stored(key, 0) for word, key in ids.items()}, "other": spelling.other(cast.anna.id)}
        return re.sub(r"<(\w+)>", lambda match: words.get(match[1], match[0]), text)

    # --- building --------------------------------------------------------------------------------

    def build(self) -> None:
        """Write the stores, plant what is hidden, and write the map."""
        kinds = {"sqlite": self._tables, "postgres": self._tables, "files": self._files, "parquet": self._lake, "lancedb": self._lance}
        kinds[self.company.store]()
        plant = self.company.place.plant if self.company.place is not None else ""
        if not isinstance(plant, str):
            plant(self)
        elif plant:
            self.run(self.fill(plant))
        self.declare()
        Expunge.init(self.map)

    def rows(self) -> tuple[list[tuple[str, str]], list[tuple[int, str, str]]]:
        """Return customers and notes, each spelling of an identifier in turn."""
        spell = self.company.spelling.stored
        people = (self.cast.anna, *self.cast.others)
        customers = [(spell(person.id, 0), person.name) for person in people]
        notes = [(3 * at + n + 1, spell(person.id, n), person.said[n]) for at, person in enumerate(people) for n in range(3)]
        if self.company.quoted:
            notes.append((50, spell(self.cast.bela.id, 0), self.cast.quote))
        return customers, notes

    def run(self, sql: str) -> None:
        """Run a script on the database."""
        if self.server:
            with psycopg.connect(self.server, autocommit=True) as connection:
                connection.execute(sql.encode())
            return
        with closing(sqlite3.connect(self.database)) as database, database:
            database.executescript(sql)

    def _tables(self) -> None:
        company = self.company
        customers, notes = self.rows()
        extension = "CREATE EXTENSION IF NOT EXISTS citext;" if company.spelling.column == "citext" else ""
        script = [extension, company.place.before if company.place else "", _TABLES.format(type=company.spelling.column)]
        script += [f"INSERT INTO customers VALUES ({_literal(key)}, {_literal(name)}, NULL);" for key, name in customers]
        script += [f"INSERT INTO notes VALUES ({n}, {_literal(author)}, {_literal(said)}, NULL);" for n, author, said in notes]
        self.run("".join(script) + self.fill(company.reference.sql))

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file of the store."""
        target = self.root / "store" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def table(self, path: str, columns: dict[str, object], **more: object) -> Path:
        """Write a Parquet file of the store."""
        target = self.root / "store" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), target, **more)
        return target

    def _files(self) -> None:
        customers, notes = self.rows()
        self.write("customers/all.jsonl", "".join(json.dumps({"id": key, "name": name}) + "\n" for key, name in customers))
        self.write("notes/may.jsonl", "".join(json.dumps({"author": author, "n": n, "said": said}) + "\n" for n, author, said in notes))
        for path, content in self.company.reference.files:
            self.write(self.fill(path), self.fill(content))

    def _lake(self) -> None:
        customers, notes = self.rows()
        self.table("customers/all.parquet", {"id": [key for key, _ in customers], "name": [name for _, name in customers]})
        columns: dict[str, object] = {
            "n": [n for n, _, _ in notes],
            "author": [a for _, a, _ in notes],
            "said": [said for _, _, said in notes],
        }
        self.table("notes/may.parquet", columns)
        for path, content in self.company.reference.lake:
            self.table(self.fill(path), json.loads(self.fill(content)))

    def _lance(self) -> None:
        customers, notes = self.rows()
        opened = lancedb.connect(self.root / "store")
        opened.create_table("customers", [{"id": key, "name": name} for key, name in customers])
        opened.create_table("notes", [{"n": n, "author": author, "said": said} for n, author, said in notes])

    def declare(self) -> None:
        """Write the map."""
        company, spelling = self.company, self.company.spelling
        kind = company.store
        url = {"sqlite": '"sqlite:///world/app.db", busy_ms: 200', "postgres": f'"{self.server}"'}.get(kind, "./world/store")
        layout = {"files": ('"{0}/{{part}}.jsonl", format: jsonl', "path"), "parquet": ('"{0}/{{part}}.parquet"', "path")}
        form, key = layout.get(kind, ("{0}", "table"))
        lines = [
            f"{name}: {{store: app, {key}: {form.format(name)}, subject: {{customer: {column}}}, retention: life}}"
            for name, column in (("customers", "id"), ("notes", "author"))
        ]
        lines += [
            line.replace("STORE", "app") for line in (*company.reference.datasets, *(company.place.datasets if company.place else ()))
        ]
        if company.rule is not None and company.reference.mention:
            dataset, _, column = company.reference.mention.partition(".")
            rule = {"replace": "{replace: u_deleted}"}.get(company.rule, company.rule)
            lines = [line[:-1] + f", mentions: {{{column}: {rule}}}}}" if line.startswith(f"{dataset}: ") else line for line in lines]
        text = _HEAD.format(identity="customer", compare=spelling.compare)
        text += f"stores:\n  app: {{kind: {kind}, {self.options.get('app', '')}url: {url}}}\ndatasets:\n"
        text += "".join(f"  {line}\n" for line in lines)
        if company.place and company.place.ignore:
            text += f"ignore:\n  - {{store: app, {company.place.ignore}, reason: scratch space of the application}}\n"
        self.map.write_text(text)

    # --- the order -------------------------------------------------------------------------------

    def erase(self) -> Run:
        """Carry out an order for the customer who leaves."""
        with Expunge.open(self.map) as opened:
            order = opened.order_erase([opened.resolve(f"customer:{self.company.spelling.typed(self.cast.anna.id)}")]).order
            opened.plan(order)
            return opened.apply(order)

    def receipt(self, run: Run) -> Receipt:
        """Return the receipt of an order."""
        with Expunge.open(self.map) as opened:
            return parse(dsse.parse(opened.receipt_folder(run.order, 1)["receipt.dsse.json"]).payload)

    # --- the judge -------------------------------------------------------------------------------

    @property
    def allowed(self) -> list[str]:
        """Texts of another customer in which words of the one who leaves stand."""
        place = self.company.place
        return [self.cast.quote, *(self.fill(word) for word in (place.others if place else ()))]

    @property
    def ids(self) -> list[str]:
        """Every spelling of the customer who leaves."""
        spelling, key = self.company.spelling, self.cast.anna.id
        return [*spelling.all(key), spelling.other(key)]

    def words(self, person: Customer) -> list[str]:
        """Return what tells a person: every spelling of the identifier, the name, the sentences."""
        return [*self.company.spelling.all(person.id), person.name, *person.said]

    def needles(self, run: Run) -> list[str]:
        """Return what may not be found after an order: what tells the customer, less identifiers that the receipt lists as kept."""
        words = [*self.words(self.cast.anna), *self.ids]
        kept = any(mention.act is MentionAct.KEEP for mention in self.receipt(run).mentions)
        return [word for word in words if not kept or word not in self.ids]

    def found(self, words: list[str]) -> list[str]:
        """Return where an outside search finds the words, but not in what another customer wrote."""
        search = Search([word for word in words if word not in self.allowed], self.allowed)
        hits = list(search.folder(self.root))
        return hits + list(search.server(self.server) if self.server else ())

    def units(self) -> tuple[Counter[Unit], Counter[Unit]]:
        """Return the parts of the data that tell customers who stay alone, and those that tell the one who leaves as well."""
        alone, joint = Counter[Unit](), Counter[Unit]()
        marks = [mark for person in self.cast.others for mark in self.words(person)]
        hers = [*self.words(self.cast.anna), *self.ids]
        for where, content in self._units():
            if any(mark in content for mark in marks):
                bare = content
                for text in self.allowed:
                    bare = bare.replace(text, "")
                (joint if any(word in bare for word in hers) else alone)[where, content] += 1
        return alone, joint

    def _units(self) -> Iterator[Unit]:
        if self.server:
            yield from _server_rows(self.server)
        elif self.database.exists():
            yield from _rows(self.database)
        if self.company.store == "lancedb":
            opened = lancedb.connect(self.root / "store")
            yield from ((name, repr(row)) for name in opened.list_tables().tables for row in opened.open_table(name).to_arrow().to_pylist())
        for path in sorted((self.root / "store").rglob("*")):
            where = str(path.relative_to(self.root))
            if path.suffix == ".jsonl" or path.suffix == ".csv":
                yield from ((where, line) for line in path.read_text().splitlines())
            elif path.suffix == ".parquet":
                yield from ((where, repr(row)) for row in pq.ParquetFile(path).read().to_pylist())
            elif path.suffix == ".json":
                yield from ((where, entry) for entry in _entries(json.loads(path.read_text())))
            elif (
                self.company.store != "lancedb" and path.is_file() and not path.is_symlink() and path.name not in {"cache.db", "_metadata"}
            ):
                yield where, path.read_bytes().decode(errors="replace") + hashlib.sha256(path.read_bytes()).hexdigest()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _entries(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _entries(inner)
    elif isinstance(value, list):
        for inner in value:
            yield json.dumps(inner)
    else:
        yield json.dumps(value)


def _rows(database: Path) -> Iterator[Unit]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        for (name,) in opened.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'").fetchall():
            if not name.startswith(("sqlite_", "words_", "spots_")):
                yield from ((name, repr(row)) for row in opened.execute(f'SELECT * FROM "{name}"'))


def _server_rows(url: str) -> Iterator[Unit]:
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            rows = connection.execute(f"SELECT t::text FROM {table} t".encode()).fetchall()
            yield from ((table, re.sub(r"\\+x((?:[0-9a-f]{2})+)", _bytes, text)) for (text,) in rows)


def _bytes(match: re.Match[str]) -> str:
    return bytes.fromhex(match[1]).decode(errors="replace")
