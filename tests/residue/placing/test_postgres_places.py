"""A place in PostgreSQL's files leads to the row that lies there, and to no other: all of a database's bytes against what SQL says."""

from __future__ import annotations

import random
import re
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from struct import pack
from typing import Any

import psycopg
import pytest

from expunge.core.datamap.datamap import Dataset, StoreSpec
from expunge.core.values.copy import Copy
from expunge.ports.optional.placing import CannotTell, ChainReader, LiveRows, Lying, NothingLive, SomeRow
from expunge.residue.formats.postgres_packed import PAGE
from expunge.residue.placing.postgres import lying_in
from expunge.residue.placing.postgres_pages import Page
from expunge.residue.placing.reader import open_reader
from expunge.residue.take.tracer import Collector
from expunge.servers.postgres import PostgresServer
from expunge.stores.postgres.store import Postgres
from tests.residue.pg_planting import files, prose, token, unseen
from tests.residue.planting import MARY, found_in, traces_of
from tests.stores.postgres.postgres_company import dataset, located

ROWS, LONG, TEAMS = 800, 40, 8
_numbers = count(1)
MARK = re.compile(rb"(own|now|team)(\d{6}) mk[0-9a-f]{12}")
"""Whose bytes these are, told by the bytes themselves: of a row, of a row since it was updated, of a team."""
QUOTED = re.compile(r"mk[0-9a-f]{12}")

SCHEMA = """
CREATE TABLE notes (id int PRIMARY KEY, person text NOT NULL, title text, team text, tags text[], words tsvector, body text, paper lo,
  seen int) PARTITION BY RANGE (id);
CREATE TABLE notes_low PARTITION OF notes FOR VALUES FROM (0) TO (400) WITH (fillfactor = 70);
CREATE TABLE notes_high PARTITION OF notes FOR VALUES FROM (400) TO (100000) TABLESPACE {space};
ALTER TABLE notes_high ALTER body SET STORAGE external;
CREATE INDEX notes_title ON notes (title, id);
CREATE INDEX notes_team ON notes (team);
CREATE INDEX notes_lower ON notes (lower(title)) INCLUDE (title);
CREATE INDEX notes_hash ON notes USING hash (title);
CREATE INDEX notes_tags ON notes USING gin (tags) WITH (fastupdate = off);
CREATE INDEX notes_words ON notes USING gin (words) WITH (fastupdate = off);
CREATE INDEX notes_prefix ON notes USING spgist (title);
CREATE INDEX notes_range ON notes USING gist (title);
CREATE MATERIALIZED VIEW shown AS SELECT id, upper(person) AS shouted, title, length(body) AS longs FROM notes WHERE title IS NOT NULL;
CREATE INDEX shown_title ON shown (title);
CREATE TABLE strays (id int, note text)
"""


def mark(kind: str, number: int) -> str:
    return f"{kind}{number:06} mk{random.Random(f'{kind}{number}').getrandbits(48):012x}"


@dataclass
class Company:
    """A database, its store, and what SQL says of it."""

    server: PostgresServer
    connection: psycopg.Connection
    store: Postgres
    notes: Dataset
    data: Path
    url: str
    names: dict[str, str] = field(default_factory=dict)

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement)

    def live(self) -> dict[str, str]:
        """Key of each row -> all of it as text."""
        return {f'["{row[0]}"]': row[1] for row in self.connection.execute("SELECT id, notes::text FROM notes").fetchall()}

    def occurrences(self, log: str = "") -> Iterator[tuple[Path, int, bytes]]:
        """Every place of a mark in the files of the database, or in those of the log from one on, found by a plain search."""
        self.run("CHECKPOINT")
        number = one(self.connection, "SELECT oid FROM pg_database WHERE datname = current_database()")
        folders = [self.data / "base" / str(number), *self.data.glob(f"pg_tblspc/*/PG_*/{number}")]
        files = [path for folder in folders for path in folder.iterdir()]
        last, end = self.connection.execute("SELECT * FROM pg_walfile_name_offset(pg_current_wal_lsn())").fetchone() or ("", 0)
        for path in sorted(files if not log else [path for path in (self.data / "pg_wal").glob("0*") if log <= path.name <= last]):
            # what lies behind the log's end in its last file is of an older one
            for found in MARK.finditer(path.read_bytes()[: end if path.name == last else None]):
                yield path, found.start(), found.group()

    def relation(self, path: Path) -> str:
        """Its name, or ``log``."""
        if path.parent.name == "pg_wal":
            return "log"
        name = path.name.partition(".")[0]
        if name not in self.names:
            self.names[name] = one(self.connection, "SELECT max(oid::regclass::text) FROM pg_class WHERE relfilenode::text = %s", name)
        return self.names[name] or path.name


def one(connection: psycopg.Connection, sql: str, *parameters: object) -> Any:
    row = connection.execute(sql, parameters).fetchone()
    assert row is not None
    return row[0]


@dataclass
class Explained:
    """What lies at each place: the mark, the nomination, and the keys of rows that were read for it."""

    places: list[tuple[Path, int, bytes, Lying | None]]
    rows: Mapping[int, list[Copy]]
    seconds: tuple[float, float]


def explained(company: Company, erased: Sequence[Copy] = (), *, log: str = "") -> Explained:
    places: list[tuple[Path, int, bytes, Lying | None]] = []
    begun = time.process_time()
    for path, found in _by_file(company, log):
        reader = open_reader(path)
        for at, text in found:
            places.append((path, at, text, reader.at(at, len(text)) if reader is not None else None))
        if reader is not None:
            reader.close()
    read = time.process_time()
    asked = [(index, lying) for index, (*_, lying) in enumerate(places) if isinstance(lying, LiveRows)]
    rows: dict[int, list[Copy]] = defaultdict(list)
    for index, copy in company.store.nominated(company.notes, [lying for _, lying in asked], erased):
        rows[asked[index][0]].append(copy)
    assert len({copy.subject for copies in rows.values() for copy in copies}) == sum(map(len, rows.values()))
    return Explained(places, rows, (read - begun, time.process_time() - read))


def _by_file(company: Company, log: str) -> Iterator[tuple[Path, list[tuple[int, bytes]]]]:
    found: dict[Path, list[tuple[int, bytes]]] = defaultdict(list)
    for path, at, text in company.occurrences(log):
        found[path].append((at, text))
    return iter(found.items())


def judge(company: Company, answer: Explained, *, complete: bool) -> Counter[str]:
    """Hold every place against what SQL says; return how many places were explained, by relation."""
    live = company.live()
    holders: dict[str, set[str]] = defaultdict(set)
    for key, text in live.items():
        for quoted in QUOTED.findall(text):
            holders[quoted].add(key)
    counts: Counter[str] = Counter()
    for index, (path, at, text, lying) in enumerate(answer.places):
        where = f"{company.relation(path)} {path.name}:{at} {text.decode()} {lying}"
        keys = {copy.keys[0] for copy in answer.rows.get(index, ())}
        assert keys <= live.keys(), where
        kind, owner, quoted = text[:-21].decode(), f'["{int(text[-21:-15])}"]', text[-14:].decode()
        # those that the holder would let stand for these bytes
        holding = {key for key in keys if text.decode() in live[key]}
        if kind == "team":
            assert keys & holders[quoted] == holding, where
        else:
            # another row may quote the same: it must not stand in for this place
            assert keys & holders[quoted] <= {owner}, where
        expected = any(text.decode() in live[key] for key in ([owner] if kind != "team" else holders[quoted]) if key in live)
        assert not complete or path.parent.name == "pg_wal" or bool(holding) == expected, where
        counts[f"{company.relation(path)} {'explained' if holding else 'not' if expected else 'gone'}"] += 1
    return counts


def filled(company: Company) -> None:
    with company.connection.cursor().copy("COPY notes (id, person, title, team, tags, words, body, seen) FROM STDIN") as copy:
        for number in random.Random(5).sample(range(ROWS), ROWS):
            title, team = mark("own", number), mark("team", number % TEAMS)
            # every third row quotes another one, without the words that say whose it is
            quote = mark("own", (number * 7 + 1) % ROWS).split()[1] if number % 3 == 0 else "nothing"
            body = f"quotes {quote} {_body(number)}"
            lexeme = f"'{title.replace(' ', ' ')}':1 '{team}':2"
            copy.write_row((number, f"p{number % 300}", title, team, [title, team], lexeme, body, 0))
    company.run(
        "REFRESH MATERIALIZED VIEW shown", "UPDATE notes SET paper = lo_from_bytea(0, convert_to(title, 'UTF8')) WHERE id % 100 = 1"
    )


def _body(number: int) -> str:
    title = mark("own", number)
    if number % (ROWS // LONG):
        return title
    filler = random.Random(number).randbytes(3000).hex() if number % 2 else " ".join(["the quick brown fox"] * 900)
    return f"{title} {filler} {title} {filler}"


@contextmanager
def made(server: PostgresServer) -> Iterator[Company]:
    server.start()
    name = f"places_{next(_numbers)}"
    url = server.database(name)
    notes = dataset("notes", "person")
    store = Postgres(StoreSpec("app", "postgres", url, {"lock_ms": 300}), (notes,))
    try:
        with psycopg.connect(url, autocommit=True) as connection, closing(store):
            company = Company(server, connection, store, notes, server.data, url)
            company.run("CREATE EXTENSION lo", "CREATE EXTENSION btree_gist", "SET allow_in_place_tablespaces = on")
            company.run(f"CREATE TABLESPACE {name} LOCATION ''", *filter(str.strip, SCHEMA.format(space=name).split(";")))
            yield company
    finally:
        server.drop(name)
        server.sql(f"DROP TABLESPACE IF EXISTS {name}")


@pytest.fixture(params=["postgres_server", pytest.param("debian_postgres", marks=pytest.mark.soak)])
def company(request: pytest.FixtureRequest) -> Iterator[Company]:
    """A company with rows of every kind; on both servers unless the test names one."""
    with made(request.getfixturevalue(request.param)) as company:
        filled(company)
        yield company


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[Company]:
    with made(postgres_server) as company:
        yield company


UPDATES = [
    # in the same page where there is room, old index entries leading to both
    "UPDATE notes SET seen = seen + 1 WHERE id % 5 = 1",
    "UPDATE notes SET seen = seen + 1 WHERE id % 5 = 1 AND id % 2 = 0",
    "DELETE FROM notes WHERE id % 5 = 2",
]


def updated(company: Company) -> None:
    with company.connection.cursor() as cursor:
        for number in range(0, ROWS, 5):
            title = mark("now", number)
            words = f"'{title}':1"
            cursor.execute(
                "UPDATE notes SET title = %s, tags = %s, words = %s, body = %s WHERE id = %s", [title, [title], words, title, number]
            )
    company.run(*UPDATES)


def test_every_place_leads_to_its_own_row_and_to_no_other(company: Company) -> None:
    company.run("ANALYZE notes")
    whole = judge(company, explained(company), complete=True)
    named = {name for name in map(str.split, whole) for name in name[:1]}
    indexes = {"notes_low_title_id_idx", "notes_low_team_idx", "notes_low_lower_title_idx", "notes_low_tags_idx", "notes_low_words_idx"}
    assert named >= {"notes_low", "notes_high", "shown", "shown_title", "pg_statistic", "pg_largeobject", *indexes}
    assert any(name.startswith("pg_toast") for name in named)
    updated(company)
    judge(company, explained(company), complete=False)
    company.run("VACUUM notes")
    judge(company, explained(company), complete=False)
    tables = ("notes_low", "notes_high", "pg_statistic", "pg_largeobject")
    company.run(*(f"VACUUM FULL {name}" for name in tables), "REFRESH MATERIALIZED VIEW shown", "ANALYZE notes", "VACUUM FULL pg_statistic")
    judge(company, explained(company), complete=True)
    someone = located(company.store, company.notes, "p8")
    assert someone[0].items
    keys = {key for copy in someone for key in copy.keys}
    answer = explained(company, someone)
    assert answer.rows
    assert not keys & {key for copies in answer.rows.values() for copy in copies for key in copy.keys}


def fresh_log(company: Company) -> str:
    """Begin a new file of the log, in which the next checkpoint is the first record; return its name."""
    company.run("SELECT pg_switch_wal()", "CHECKPOINT")
    return str(one(company.connection, "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"))


def test_a_record_of_the_log_leads_to_the_row_that_it_wrote(company: Company) -> None:
    log = fresh_log(company)
    updated(company)
    answer = explained(company, log=log)
    assert not untold(answer)
    counts = judge(company, answer, complete=False)
    assert counts["log explained"] > counts["log not"]
    assert counts["log gone"]


def untold(answer: Explained) -> set[Lying]:
    return {lying for *_, lying in answer.places if isinstance(lying, CannotTell)}


@pytest.mark.parametrize("company", ["postgres_server"], indirect=True)
@pytest.mark.parametrize("compression", ["pglz", pytest.param("off", marks=pytest.mark.soak)])
def test_no_index_and_no_record_of_ordinary_work_is_left_untold(company: Company, compression: str) -> None:
    """Rewriting, new indexes of every kind, splits and whole images, compressed or not: each place is told apart."""
    kinds = ("spgist (title)", "brin (title)", "hash (title)", "gist (title)", "gin (tags)", "btree (title) WITH (fillfactor = 50)")
    log = fresh_log(company)
    company.run(f"SET wal_compression = {compression}", *(f"CREATE INDEX ON notes USING {kind}" for kind in kinds), "CHECKPOINT")
    company.run("UPDATE notes SET title = title || '!' WHERE id % 3 = 0", "CHECKPOINT", "VACUUM notes")
    company.run("UPDATE notes SET title = title || '!' WHERE id % 3 = 1", "ALTER TABLE notes_low REPLICA IDENTITY FULL")
    company.run("UPDATE notes SET seen = 5 WHERE id % 7 = 1", "DELETE FROM notes WHERE id % 11 = 1", "VACUUM FULL notes_low")
    in_log, in_files = explained(company, log=log), explained(company)
    assert not untold(in_log) | untold(in_files)
    values = {lying.relation for *_, lying in in_files.places if isinstance(lying, SomeRow)}
    assert values
    assert all(company.store.relates(company.notes, relation) for relation in values)
    judge(company, in_files, complete=False)


def test_a_compressed_value_in_the_log_lies_in_a_record_of_its_page(empty: Company) -> None:
    text = token(7)
    file = fresh_log(empty)
    for number in range(3):
        body = unseen(prose(200, number), text if number == 1 else token(70 + number))
        empty.connection.execute("INSERT INTO notes (id, person, body) VALUES (%s, 'q', %s)", [number, body])
    empty.run("CHECKPOINT")
    seen = found_in(empty.data / "pg_wal" / file, traces_of(partial(whole, text), 1))
    assert {each.hidden for each in seen} == {"postgres wal pglz"}
    for each in seen:
        reader = open_reader(each.path)
        assert isinstance(reader, ChainReader)
        with closing(reader):
            answers = reader.at_page(each.offset)
        assert '["1"]' in set().union(*read_from(empty, *answers).values())


def read_from(company: Company, *nominations: Lying | None) -> dict[int, set[str]]:
    """Key of each row that is read for each nomination."""
    asked = [each for each in nominations if isinstance(each, LiveRows)]
    found: dict[int, set[str]] = {number: set() for number in range(len(asked))}
    for index, copy in company.store.nominated(company.notes, asked, ()):
        found[index] |= set(copy.keys)
    return found


def lying(path: Path, at: int, length: int = 1) -> Lying | None:
    reader = open_reader(path)
    if reader is None:
        return None
    with closing(reader):
        return reader.at(at, length)


def test_a_compressed_value_is_its_row_and_a_value_in_pieces_that_of_the_row_that_names_it(empty: Company) -> None:
    texts = {number: token(number) for number in range(4)}
    for number, text in texts.items():
        body = unseen(prose(200 if number % 2 else 4000, number), text)
        empty.connection.execute("INSERT INTO notes (id, person, body) VALUES (%s, 'q', %s)", [number, body])
    empty.run("DELETE FROM notes WHERE id = 3", "CHECKPOINT")
    for number, text in texts.items():
        traces = traces_of(partial(whole, text), 1)
        seen = [each for path in files(empty.server, empty.connection, "notes_low") for each in found_in(path, traces)]
        assert {each.hidden for each in seen} == {"postgres pglz" if number % 2 else "postgres toast pglz"}
        answers = read_from(empty, *(lying(each.path, each.offset) for each in seen))
        assert set().union(*answers.values()) == ({f'["{number}"]'} if number < 3 else set())


def whole(text: str, tracer: Collector) -> None:
    tracer.text(MARY, "notes", "body", text)


@pytest.mark.parametrize("company", ["postgres_server"], indirect=True)
def test_a_copy_of_a_file_and_a_file_of_another_table_name_nobody(company: Company, tmp_path: Path) -> None:
    company.run("INSERT INTO strays SELECT n, (SELECT title FROM notes WHERE id = n) FROM generate_series(10, 20) AS n", "CHECKPOINT")
    live, index, other = (files(company.server, company.connection, name)[0] for name in ("notes_low", "notes_low_title_id_idx", "strays"))
    name = mark("own", 13).encode()
    at = {path: path.read_bytes().index(name) for path in (live, index, other)}
    held = read_from(company, lying(live, at[live], len(name)), lying(index, at[index], len(name)), lying(other, at[other], len(name)))
    assert held == {0: {'["13"]'}, 1: {'["13"]'}, 2: set()}
    assert [company.store.holds(company.notes, path) for path in (live, index, other)] == [True, True, False]
    relations = [str(path.relative_to(company.data)) for path in (live, index, other)]
    assert [company.store.relates(company.notes, relation) for relation in (*relations, "pg_wal")] == [True, True, False, False]

    copied = tmp_path / "data"
    (copied / "base" / live.parent.name).mkdir(parents=True)
    shutil.copy(company.data / "postmaster.pid", copied)
    beside = [index.with_name(f"{index.name}.1"), index.with_name(f"{index.name}.bak"), live.with_name("17_copy")]
    inside = company.data / "old" / "base" / live.parent.name
    inside.mkdir(parents=True)
    try:
        for copy in (*beside, inside / index.name, copied / "base" / live.parent.name / index.name):
            shutil.copy(index, copy)
            assert lying(copy, at[index], len(name)) is None
            assert not company.store.holds(company.notes, copy)
    finally:
        shutil.rmtree(company.data / "old")
        for copy in beside:
            copy.unlink()


@pytest.mark.parametrize("company", ["postgres_server"], indirect=True)
def test_a_place_that_other_bytes_have_taken_names_another_row_and_so_excuses_nothing(company: Company) -> None:
    text = mark("own", 13).encode()
    (path,) = files(company.server, company.connection, "notes_low")[:1]
    company.run("CHECKPOINT")
    place = path.read_bytes().index(text)
    before = lying(path, place, len(text))
    assert read_from(company, before) == {0: {'["13"]'}}
    company.run("DELETE FROM notes WHERE id = 13", "CHECKPOINT")
    assert read_from(company, before, lying(path, place, len(text))) in ({0: set()}, {0: set(), 1: set()})
    company.run("VACUUM notes", "INSERT INTO notes (id, person, title) SELECT 13, 'new', 'nothing of it'", "CHECKPOINT")
    found = read_from(company, before)[0]
    assert not any(text.decode() in company.live()[key] for key in found)


def test_one_sentence_of_many_people_is_each_persons_own_and_what_is_left_of_it_nobodys(empty: Company) -> None:
    sentence = "the very same words, said by everybody here"
    empty.run(
        "CREATE TABLE said (words text, person text, seen int, more text) WITH (fillfactor = 80)",
        f"INSERT INTO said SELECT '{sentence}', 'person-' || lpad(n::text, 4, '0'), 0, repeat('x', 60) FROM generate_series(1, 1000) AS n",
        "UPDATE said SET seen = 1 WHERE person LIKE '%3'",
        "DELETE FROM said WHERE person LIKE '%7' OR (ctid::text::point)[1] BETWEEN 20 AND 38",
        "VACUUM said",
        # new rows under the numbers of others, shorter, so that bytes of these are left
        f"INSERT INTO said SELECT '{sentence}', 'newone-' || lpad(n::text, 4, '0'), 0, '' FROM generate_series(1, 200) AS n",
        "CHECKPOINT",
    )
    said = dataset("said", "person")
    (path,) = files(empty.server, empty.connection, "said")[:1]
    found = list(re.finditer(sentence.encode() + rb".(\w{6}-\d{4})", path.read_bytes()))
    asked = [lying(path, each.start(), len(sentence)) for each in found]
    read: dict[int, set[str]] = defaultdict(set)
    named = [(number, each) for number, each in enumerate(asked) if isinstance(each, LiveRows)]
    with closing(Postgres(StoreSpec("app", "postgres", empty.url, {}), (said,))) as store:
        for index, copy in store.nominated(said, [each for _, each in named], ()):
            assert copy.selector is not None
            read[named[index][0]] |= copy.selector.match["person"]
    live = {row[0] for row in empty.connection.execute("SELECT person FROM said").fetchall()}
    explained_people = set()
    for number, each in enumerate(found):
        owner = each[1].decode()
        assert read[number] <= {owner} & live
        explained_people |= read[number]
    assert explained_people == live
    assert {each[1].decode() for each in found} - live


@pytest.mark.parametrize(
    ("written_by", "ended_by", "item", "owned"), [(5, 0, 1, True), (4, 5, 1, True), (7, 0, 1, False), (5, 0, 2, False), (4, 6, 1, False)]
)
def test_bytes_left_in_free_space_are_a_rows_where_they_name_its_place_and_who_wrote_it(
    written_by: int, ended_by: int, item: int, owned: bool
) -> None:
    def version(by: int, until: int, number: int) -> bytes:
        return pack("<IIIHHHHHBx", by, until, 0, 0, 0, number, 2, 0x0902, 24) + b"the very same words, said by everybody"

    page, live, left = bytearray(PAGE), version(5, 0, 1), version(written_by, ended_by, item)
    page[12:20] = pack("<HHHH", 28, 8000, PAGE, PAGE | 4)
    page[24:28] = pack("<I", 8000 | 1 << 15 | len(live) << 17)
    page[8000 : 8000 + len(live)], page[4000 : 4000 + len(left)] = live, left
    made = Page(bytes(page), 0)
    assert lying_in("base/5/1", None, made, 8030, 20) == LiveRows("base/5/1", ("(0,1)",))
    found = lying_in("base/5/1", None, made, 4030, 20)
    assert found == (LiveRows("base/5/1", ("(0,1)",)) if owned else NothingLive("free space"))


def test_a_vector_in_an_index_is_that_of_the_row_that_has_it(empty: Company) -> None:
    empty.run(
        "CREATE EXTENSION vector",
        "CREATE TABLE voices (id int PRIMARY KEY, person text, heard vector(24))",
        "INSERT INTO voices SELECT n, 'p' || n % 50, (SELECT array_agg(sin(n * 7 + k)) FROM generate_series(1, 24) k)::vector"
        " FROM generate_series(1, 300) AS n",
        "CREATE INDEX voices_graph ON voices USING hnsw (heard vector_l2_ops)",
        "CREATE INDEX voices_lists ON voices USING ivfflat (heard vector_l2_ops) WITH (lists = 4)",
    )
    voices = dataset("voices", "person")
    heard = {row[0]: row[1] for row in empty.connection.execute("SELECT id, heard::real[] FROM voices").fetchall()}
    with closing(Postgres(StoreSpec("app", "postgres", empty.url, {}), (voices,))) as store:
        for gone in (0, 3):
            empty.run(f"DELETE FROM voices WHERE id % 4 = {gone}", "VACUUM voices", "CHECKPOINT")
            live = {row[0] for row in empty.connection.execute("SELECT id FROM voices").fetchall()}
            for name in ("voices", "voices_graph", "voices_lists"):
                (path,) = files(empty.server, empty.connection, name)[:1]
                data = path.read_bytes()
                at = {number: data.find(pack("<24f", *vector)) for number, vector in heard.items()}
                asked = [(number, lying(path, place, 96)) for number, place in at.items() if place >= 0]
                rows = [(number, each) for number, each in asked if isinstance(each, LiveRows)]
                read = {(rows[index][0], copy.keys) for index, copy in store.nominated(voices, [each for _, each in rows], ())}
                assert read == {(number, (f'["{number}"]',)) for number in live}, name
