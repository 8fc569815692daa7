"""One person under several spellings: capitals, Unicode forms, blanks and formats of phone numbers, and stores with a rule of their own."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge import clock, survey
from expunge.bootstrap import Expunge
from expunge.core.orders.run import Run
from expunge.core.values.copy import FindingKind
from expunge.core.values.ids import pseudonym
from expunge.core.values.order import OrderState
from expunge.demo.company.outside_search import Search
from expunge.errors import NotResolved
from expunge.gate import GateReason, Subject
from expunge.servers.postgres import PostgresServer

HEAD = """\
version: 1
state: ./state
identities:
{identities}
stores:
{stores}
retention:
  life: {{period: 30 days, from: closed_at, purpose: keep the account, need: contract}}
datasets:
{datasets}
"""
SQLITE = '  app: {kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 500}'
LAKE = "  lake: {kind: parquet, url: ./world/lake}"
MEDIA = "  media: {kind: files, url: ./world/media}"
WORDS = "the purple hedgehog sleeps under the piano of her grandmother"
NEIGHBOUR = "seventeen lighthouse keepers ordered cinnamon toast at dawn"


@dataclass
class Company:
    """A small company in one folder."""

    folder: Path

    @property
    def world(self) -> Path:
        return self.folder / "world"

    def declare(self, identities: list[str], stores: list[str], datasets: list[str]) -> None:
        self.world.mkdir(parents=True, exist_ok=True)
        lines = ("\n".join(stores), "\n".join(f"  {line}" for line in datasets), "\n".join(f"  {line}" for line in identities))
        self.map.write_text(HEAD.format(stores=lines[0], datasets=lines[1], identities=lines[2]))

    @property
    def map(self) -> Path:
        return self.folder / "expunge.yaml"

    def rows(self, script: str, *values: tuple[str, list[tuple[object, ...]]]) -> None:
        with closing(sqlite3.connect(self.world / "app.db")) as database, database:
            database.executescript(script)
            for statement, rows in values:
                database.executemany(statement, rows)

    def parquet(self, name: str, columns: dict[str, list[str]]) -> None:
        folder = self.world / "lake" / name
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), folder / "part.parquet")

    def erase(self, name: str) -> Run:
        self.begin()
        with Expunge.open(self.map) as opened:
            order = opened.order_erase([opened.resolve(name)]).order
            opened.plan(order)
            return opened.apply(order)

    def begin(self) -> None:
        if not (self.folder / "state").exists():
            Expunge.init(self.map)

    def subject(self, name: str) -> str:
        self.begin()
        with Expunge.open(self.map) as opened:
            return str(opened.resolve(name).person.subject)

    def found(self, *words: str) -> list[str]:
        return [str(hit.path.relative_to(self.folder)) for hit in Search(words).folder(self.world)]

    def faults(self) -> list[str]:
        findings = survey.check(self.map).findings
        return [f"{finding.where}: {finding.what}" for finding in findings if finding.kind is FindingKind.SPELLING]


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


ACCOUNTS = "accounts: {store: app, table: accounts, subject: {email: email}, retention: life}"
NOTES = "notes: {store: app, table: notes, subject: {email: author}, retention: life}"
EVENTS = 'events: {store: lake, path: "events/{part}.parquet", subject: {email: mail}, retention: life}'


def mailing(company: Company, identity: str = "email: {dataset: accounts, key: email}", *, collate: str = "", key: str = "") -> None:
    """Accounts and notes in SQLite, events in Parquet, keyed by e-mail address; each place spells the person in its own way."""
    company.declare([identity], [SQLITE, LAKE], [ACCOUNTS, NOTES, EVENTS])
    company.rows(
        f"CREATE TABLE accounts (email TEXT {key} {collate}, name TEXT, closed_at TEXT);"
        f"CREATE TABLE notes (id INTEGER PRIMARY KEY, author TEXT {collate}, body TEXT, closed_at TEXT)",
        ("INSERT INTO accounts VALUES (?, ?, NULL)", [("Mia@Example.org", "Mia of the meadow"), ("otto@example.org", "Otto of the oak")]),
        (
            "INSERT INTO notes (author, body) VALUES (?, ?)",
            [("mia@example.org", WORDS), ("MIA@EXAMPLE.ORG ", "her second note about walnuts"), ("otto@example.org", NEIGHBOUR)],
        ),
    )
    company.parquet("events", {"mail": ["mia@EXAMPLE.org", "otto@example.org"], "said": ["the marmalade report", "four moons"]})


def test_an_address_in_other_capitals_is_the_same_person(company: Company) -> None:
    mailing(company)
    run = company.erase("email:mia@example.org")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.found(WORDS, "her second note about walnuts", "the marmalade report", "Mia of the meadow") == []
    for spelling in ("Mia@Example.org", "mia@example.org", "MIA@EXAMPLE.ORG", "mia@EXAMPLE.org"):
        assert company.found(spelling) == []
    assert company.found(NEIGHBOUR)
    assert company.found("four moons")


def test_a_store_that_compares_without_case_returns_the_persons_rows(company: Company) -> None:
    mailing(company, "email: {dataset: accounts, key: email, case: exact}", collate="COLLATE NOCASE", key="PRIMARY KEY")
    company.parquet("events", {"mail": ["Mia@Example.org"], "said": ["the marmalade report"]})
    company.rows("DELETE FROM notes WHERE author = 'MIA@EXAMPLE.ORG '")  # with a blank it is nobody's key
    run = company.erase("email:Mia@Example.org")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.found(WORDS, "Mia of the meadow", "the marmalade report") == []
    assert company.found(NEIGHBOUR)


LETTERS = "letters: {store: app, table: letters, subject: {through: accounts, via: email}, retention: life}"


@pytest.mark.parametrize(("case", "collate"), [("fold", ""), ("exact", "COLLATE NOCASE")])
def test_rows_that_follow_an_identifier_follow_it_in_every_spelling(company: Company, case: str, collate: str) -> None:
    mailing(company, f"email: {{dataset: accounts, key: email, case: {case}}}", collate=collate)
    company.declare([f"email: {{dataset: accounts, key: email, case: {case}}}"], [SQLITE], [ACCOUNTS, NOTES, LETTERS])
    company.rows(
        f"CREATE TABLE letters (email TEXT {collate}, body TEXT, closed_at TEXT); DROP TABLE notes;"
        f"CREATE TABLE notes (id INTEGER PRIMARY KEY, author TEXT {collate}, body TEXT, closed_at TEXT)",
        ("INSERT INTO letters VALUES (?, ?, NULL)", [("MIA@example.org", WORDS), ("OTTO@example.org", NEIGHBOUR)]),
    )
    assert "letters" not in str(survey.check(company.map).findings), "each letter leads to its account"
    run = company.erase("email:mia@example.org" if case == "fold" else "email:Mia@Example.org")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.found(WORDS) == []
    assert company.found(NEIGHBOUR)


def test_a_hold_under_the_pseudonym_of_former_days_binds(company: Company) -> None:
    mailing(company)
    company.begin()
    with Expunge.open(company.map) as opened:
        known = opened.resolve("email:mia@example.org")
        former = pseudonym(opened.context.keys.pseudonym_key(), "email", "Mia@Example.org")
        assert known.person.subject != former
        before = replace(known, person=replace(known.person, subject=former))
        until = clock.now() + timedelta(days=30)
        opened.holds.place(before, "notes", ground="a dispute", authority="counsel", until=until)
    run = company.erase("email:mia@example.org")
    assert run.state is OrderState.IN_PART
    assert company.found(WORDS)
    assert company.found("Mia of the meadow") == []


def test_two_people_whom_a_table_cannot_tell_apart_keep_their_own_rows(company: Company) -> None:
    company.declare(
        ["account: {dataset: accounts, key: id}"],
        [SQLITE],
        [
            "accounts: {store: app, table: accounts, subject: {account: id}, retention: life}",
            "notes: {store: app, table: notes, subject: {account: author}, retention: life}",
        ],
    )
    company.rows(
        "CREATE TABLE accounts (id TEXT PRIMARY KEY, closed_at TEXT);"
        "CREATE TABLE notes (author TEXT COLLATE NOCASE, body TEXT, closed_at TEXT)",
        ("INSERT INTO accounts VALUES (?, NULL)", [("acc-north-51XK",), ("acc-NORTH-51xk",)]),
        (
            "INSERT INTO notes VALUES (?, ?, NULL)",
            [("acc-north-51XK", WORDS), ("ACC-north-51XK", "walnuts in the attic"), ("acc-NORTH-51xk", NEIGHBOUR)],
        ),
    )
    (fault,) = company.faults()
    assert "NOCASE" in fault
    company.erase("account:acc-north-51XK")
    assert company.found(WORDS, "walnuts in the attic") == []
    assert company.found(NEIGHBOUR), "these are the rows of another account that exists"


def test_one_person_has_one_pseudonym_whatever_is_typed(company: Company) -> None:
    mailing(company)
    typed = ("email:mia@example.org", "email:Mia@Example.org", "email: MIA@example.ORG ", "mia@EXAMPLE.org")
    known = {company.subject(name) for name in typed}
    assert len(known) == 1
    company.erase("email:mia@example.org")
    assert {company.subject(name) for name in typed[:3]} == known


def test_an_erased_person_is_refused_under_every_spelling(company: Company) -> None:
    mailing(company)
    company.begin()
    with Expunge.open(company.map) as opened:
        opened.order_erase([opened.resolve("email:mia@example.org")])
        gate = opened.gate()
        for spelling in ("Mia@Example.org", "mia@example.org", " MIA@EXAMPLE.ORG", "mia@Example.Org"):
            assert gate.may_use(Subject("email", spelling), "training").reason is GateReason.SUPPRESSED
        assert gate.may_use(Subject("email", "otto@example.org"), "training")
        rows = [{"who": "MIA@example.org"}, {"who": "OTTO@example.org"}, {"who": "Mia@Example.org "}, {"who": "anna@example.org"}]
        passed = gate.allowed(rows, "who", "email", "training")
        assert [row["who"] for row in passed.rows] == ["OTTO@example.org", "anna@example.org"]
        column = pa.table({"who": [row["who"] for row in rows]})
        table = gate.allowed(column, "who", "email", "training")
        assert table.rows.column("who").to_pylist() == ["OTTO@example.org", "anna@example.org"]
        assert table.tally.refused[GateReason.SUPPRESSED] == 2


def test_data_that_comes_back_in_another_spelling_is_noticed(company: Company) -> None:
    mailing(company)
    run = company.erase("email:mia@example.org")
    company.rows("", ("INSERT INTO notes (author, body) VALUES (?, ?)", [("miA@example.org", "she is back in other letters")]))
    with Expunge.open(company.map) as opened:
        (back,) = opened.sweep().came_back
    assert back.datasets == ("notes",)
    assert run.state is OrderState.FULFILLED


PHONES = "accounts: {store: app, table: accounts, subject: {phone: phone}, retention: life}"
CALLS = 'calls: {store: lake, path: "calls/{part}.parquet", subject: {phone: caller}, retention: life}'


def test_a_phone_number_is_one_number_however_it_is_written(company: Company) -> None:
    company.declare(["phone: {dataset: accounts, key: phone, type: phone, region: GB}"], [SQLITE, LAKE], [PHONES, CALLS])
    company.rows(
        "CREATE TABLE accounts (phone TEXT, name TEXT, closed_at TEXT)",
        ("INSERT INTO accounts VALUES (?, ?, NULL)", [("+44 20 7946 0958", "Mia of the meadow"), ("+44 20 7946 0123", "Otto")]),
    )
    callers = ["020 7946 0958", "(020) 7946-0958", "00442079460958", "020 7946 0123"]
    company.parquet("calls", {"caller": callers, "said": [WORDS, "walnuts make her itch", "her third call", NEIGHBOUR]})
    run = company.erase("phone:+442079460958")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.found(WORDS, "walnuts make her itch", "her third call", "Mia of the meadow") == []
    assert company.found(NEIGHBOUR)
    with Expunge.open(company.map) as opened:
        assert opened.gate().may_use(Subject("phone", "020-7946-0958"), "training").reason is GateReason.SUPPRESSED
        assert opened.gate().may_use(Subject("phone", "020-7946-0123"), "training")


VOICE = 'voice: {store: media, path: "voice/{name}/{take}.txt", subject: {name: name}, retention: life}'


@pytest.mark.parametrize("form", ["NFD", "NFC"])
def test_a_folder_in_another_unicode_form_is_the_persons(company: Company, form: str) -> None:
    datasets = ["people: {store: app, table: people, subject: {name: name}, retention: life}", VOICE]
    company.declare(["name: {dataset: people, key: name}"], [SQLITE, MEDIA], datasets)
    stored, folder = unicodedata.normalize("NFC", "zoë-müller-17"), unicodedata.normalize(form, "zoë-müller-17")
    company.rows("CREATE TABLE people (name TEXT, closed_at TEXT)", ("INSERT INTO people VALUES (?, NULL)", [(stored,), ("otto-oak-18",)]))
    for name, words in ((folder, WORDS), ("otto-oak-18", NEIGHBOUR)):
        path = company.world / "media" / "voice" / name / "take-1.txt"
        path.parent.mkdir(parents=True)
        path.write_text(words)
    run = company.erase(f"name:{stored}")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.found(WORDS) == []
    assert [path.name for path in (company.world / "media" / "voice").iterdir()] == ["otto-oak-18"]


BLANKS: dict[str, Callable[[str], str]] = {
    "behind": lambda key: key + " ",
    "in front": lambda key: "\t" + key,
    "no-break": lambda key: key + "\u00a0",
    "line": lambda key: key + "\r\n",
}


@pytest.mark.parametrize("blank", BLANKS.values(), ids=BLANKS)
def test_blanks_around_an_opaque_id_are_no_part_of_it(company: Company, blank: Callable[[str], str]) -> None:
    records = 'records: {store: media, path: "log/{day}.jsonl", format: jsonl, subject: {account: who}, retention: life}'
    datasets = [
        "accounts: {store: app, table: accounts, subject: {account: id}, retention: life}",
        "notes: {store: app, table: notes, subject: {account: author}, retention: life}",
        records,
    ]
    company.declare(["account: {dataset: accounts, key: id}"], [SQLITE, MEDIA], datasets)
    mine, other = "acc-north-51XK", "acc-NORTH-51xk"
    company.rows(
        "CREATE TABLE accounts (id TEXT PRIMARY KEY, closed_at TEXT); CREATE TABLE notes (author TEXT, body TEXT, closed_at TEXT)",
        ("INSERT INTO accounts VALUES (?, NULL)", [(mine,), (other,)]),
        ("INSERT INTO notes VALUES (?, ?, NULL)", [(blank(mine), WORDS), (other, NEIGHBOUR)]),
    )
    path = company.world / "media" / "log" / "monday.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text(
        "".join(
            json.dumps({"who": who, "said": said}) + "\n"
            for who, said in ((blank(mine), "walnuts in the attic"), (other, "moons of jupiter"))
        )
    )
    run = company.erase(f"account:{mine}")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert company.found(WORDS, "walnuts in the attic") == []
    assert company.found(NEIGHBOUR), "capitals of an opaque id tell two people apart"
    assert company.found("moons of jupiter")


# --- what check says --------------------------------------------------------------------------------


def test_check_fails_where_two_keys_are_one_person(company: Company) -> None:
    mailing(company)
    assert company.faults() == []
    company.rows("", ("INSERT INTO accounts VALUES (?, ?, NULL)", [("mia@example.ORG", "Mia again"), ("OTTO@example.org", "Otto again")]))
    (fault,) = company.faults()
    assert "4 keys" in fault
    assert "2 people" in fault
    assert "example" not in fault
    company.begin()
    with Expunge.open(company.map) as opened, pytest.raises(NotResolved, match="2 different keys"):
        opened.resolve("email:mia@example.org")


@pytest.mark.parametrize(
    ("identity", "collate", "key", "sound"),
    [
        ("email: {dataset: accounts, key: email, case: exact}", "COLLATE NOCASE", "PRIMARY KEY", False),
        ("email: {dataset: accounts, key: email, case: fold}", "", "PRIMARY KEY", False),
        ("email: {dataset: accounts, key: email, case: fold}", "COLLATE NOCASE", "PRIMARY KEY", True),
        ("email: {dataset: accounts, key: email, case: fold}", "", "", True),
        ("email: {dataset: accounts, key: email, case: exact}", "", "PRIMARY KEY", True),
    ],
)
def test_check_fails_where_store_and_map_compare_differently(
    company: Company, identity: str, collate: str, key: str, *, sound: bool
) -> None:
    mailing(company, identity, collate=collate, key=key)
    assert (company.faults() == []) is sound


# --- PostgreSQL ----------------------------------------------------------------------------------------


def served(company: Company, database: str, column: str, identity: str) -> None:
    stores = [f'  hall: {{kind: postgres, url: "{database}"}}']
    datasets = [
        "accounts: {store: hall, table: accounts, subject: {account: login}, retention: life}",
        "notes: {store: hall, table: notes, subject: {account: author}, retention: life}",
    ]
    company.declare([identity], stores, datasets)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS citext")
        if "loose" in column:
            connection.execute("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)")
        connection.execute(f"CREATE TABLE accounts (login {column} PRIMARY KEY, closed_at text)".encode())
        connection.execute(f"CREATE TABLE notes (id serial PRIMARY KEY, author {column}, body text, closed_at text)".encode())
        connection.execute("INSERT INTO accounts VALUES ('Mia-Meadow-17'), ('otto-oak-18')")
        connection.execute(
            "INSERT INTO notes (author, body) VALUES ('mia-MEADOW-17', %s), ('Mia-Meadow-17', 'walnuts make her itch'), "
            "('otto-oak-18', %s)",
            (WORDS, NEIGHBOUR),
        )


def bodies(database: str) -> list[str]:
    with psycopg.connect(database) as connection:
        return [body for (body,) in connection.execute("SELECT body FROM notes").fetchall()]


@pytest.fixture
def loose_database(debian_postgres: PostgresServer) -> Iterator[str]:
    """An empty database of a server that knows ICU's collations."""
    debian_postgres.drop("spellings")
    yield debian_postgres.database("spellings")
    debian_postgres.drop("spellings")


@pytest.mark.parametrize(("fixture", "column"), [("database", "citext"), ("loose_database", 'text COLLATE "loose"')])
def test_a_server_that_compares_loosely_returns_the_persons_rows(
    company: Company, request: pytest.FixtureRequest, fixture: str, column: str
) -> None:
    database = request.getfixturevalue(fixture)
    served(company, database, column, "account: {dataset: accounts, key: login}")
    assert any("exact" in fault for fault in company.faults()), "the map compares exactly, the server does not"
    run = company.erase("account:Mia-Meadow-17")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert bodies(database) == [NEIGHBOUR]


def test_a_uuid_is_one_id_as_text_as_bytes_of_its_own_type_and_without_dashes(company: Company, database: str) -> None:
    mine, other = "5F0C7E52-93A1-4B8E-A6D4-2F91C0B37E18", "5F0C7E52-93A1-4B8E-A6D4-2F91C0B37E19"
    stores = [SQLITE, f'  hall: {{kind: postgres, url: "{database}"}}']
    datasets = [
        "accounts: {store: hall, table: accounts, subject: {account: id}, retention: life}",
        "notes: {store: hall, table: notes, subject: {account: author}, retention: life}",
        "visits: {store: app, table: visits, subject: {account: who}, retention: life}",
    ]
    company.declare(["account: {dataset: accounts, key: id, type: uuid}"], stores, datasets)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE accounts (id text PRIMARY KEY, closed_at text)")
        connection.execute("CREATE TABLE notes (author uuid, body text, closed_at text)")
        for who, body in ((mine, WORDS), (other, NEIGHBOUR)):
            connection.execute("INSERT INTO accounts VALUES (%s)", (who,))
            connection.execute("INSERT INTO notes VALUES (%s, %s)", (who, body))
    plain = [(each.replace("-", "").lower(), body) for each, body in ((mine, "walnuts in the attic"), (other, "moons of jupiter"))]
    company.rows("CREATE TABLE visits (who TEXT, body TEXT, closed_at TEXT)", ("INSERT INTO visits VALUES (?, ?, NULL)", plain))
    run = company.erase(f"account:{mine.lower()}")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert bodies(database) == [NEIGHBOUR]
    assert company.found("walnuts in the attic") == []
    assert company.found("moons of jupiter")


# --- members of lists ------------------------------------------------------------------------------------

GROUPS = "groups: {store: app, table: groups, subject: {email: members}, retention: life}"
CIRCLES = 'circles: {store: app, table: circles, subject: {email: "doc.members.id"}, retention: life}'


def test_a_member_of_a_list_in_another_spelling_leaves_it(company: Company) -> None:
    company.declare(["email: {dataset: accounts, key: email}"], [SQLITE], [ACCOUNTS, GROUPS, CIRCLES])
    members = [["MIA@Example.org ", "otto@example.org"], ["Mia@EXAMPLE.ORG"], ["otto@example.org"], ["xmia@example.org"]]
    documents = [{"members": [{"id": "mIA@example.org", "said": WORDS}, {"id": "otto@example.org"}]}]
    company.rows(
        "CREATE TABLE accounts (email TEXT, name TEXT, closed_at TEXT);"
        "CREATE TABLE groups (id INTEGER PRIMARY KEY, members TEXT);"
        "CREATE TABLE circles (id INTEGER PRIMARY KEY, doc TEXT)",
        (
            "INSERT INTO accounts VALUES (?, ?, NULL)",
            [("mia@example.org", "Mia of the meadow"), ("otto@example.org", "Otto"), ("xmia@example.org", "Xenia")],
        ),
        ("INSERT INTO groups (members) VALUES (?)", [(json.dumps(each),) for each in members]),
        ("INSERT INTO circles (doc) VALUES (?)", [(json.dumps(each),) for each in documents]),
    )
    run = company.erase("email:mia@example.org")
    assert run.state is OrderState.FULFILLED, run.reasons
    with closing(sqlite3.connect(company.world / "app.db")) as database:
        left = [json.loads(text) for (text,) in database.execute("SELECT members FROM groups ORDER BY id")]
        assert left == [["otto@example.org"], ["otto@example.org"], ["xmia@example.org"]]
        assert [json.loads(text) for (text,) in database.execute("SELECT doc FROM circles")] == [{"members": [{"id": "otto@example.org"}]}]
    assert company.found(WORDS) == []


def test_a_member_of_a_list_in_a_file_or_a_lake_in_another_spelling_leaves_it(company: Company) -> None:
    datasets = [
        ACCOUNTS,
        "crew: {store: media, path: crew.json, format: json, records: people, subject: {email: id}, retention: life}",
        "teams: {store: media, path: teams.jsonl, format: jsonl, subject: {email: members}, retention: life}",
        "wide: {store: lake, path: wide.parquet, subject: {email: members}, retention: life}",
    ]
    company.declare(["email: {dataset: accounts, key: email}"], [SQLITE, LAKE, MEDIA], datasets)
    company.rows(
        "CREATE TABLE accounts (email TEXT, name TEXT, closed_at TEXT)",
        ("INSERT INTO accounts VALUES (?, ?, NULL)", [("mia@example.org", "Mia of the meadow"), ("otto@example.org", "Otto")]),
    )
    for name in ("media", "lake"):
        (company.world / name).mkdir()
    (company.world / "media" / "crew.json").write_text(
        json.dumps({"people": [{"id": "MIA@example.org", "said": WORDS}, {"id": "otto@example.org"}]})
    )
    (company.world / "media" / "teams.jsonl").write_text(json.dumps({"members": ["Mia@Example.ORG", "otto@example.org"]}) + "\n")
    pq.write_table(pa.table({"members": [["MIA@EXAMPLE.ORG", "otto@example.org"]]}), company.world / "lake" / "wide.parquet")
    run = company.erase("email:mia@example.org")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert json.loads((company.world / "media" / "crew.json").read_text()) == {"people": [{"id": "otto@example.org"}]}
    assert json.loads((company.world / "media" / "teams.jsonl").read_text()) == {"members": ["otto@example.org"]}
    assert pq.read_table(company.world / "lake" / "wide.parquet").to_pylist() == [{"members": ["otto@example.org"]}]


def test_a_member_of_an_array_in_another_spelling_leaves_it(company: Company, postgres_server: PostgresServer) -> None:
    url = postgres_server.database("spelt_members")
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE accounts (email text, name text)")
            connection.execute("CREATE TABLE groups (id int PRIMARY KEY, members text[])")
            connection.execute("CREATE TABLE circles (id int PRIMARY KEY, doc jsonb)")
            connection.execute("INSERT INTO accounts VALUES ('mia@example.org', 'Mia of the meadow'), ('otto@example.org', 'Otto')")
            connection.execute("INSERT INTO groups VALUES (1, '{MIA@Example.org,otto@example.org}'), (2, '{Mia@example.org}')")
            document = {"members": [{"id": "mIA@example.org", "said": WORDS}, {"id": "otto@example.org"}]}
            connection.execute("INSERT INTO circles VALUES (1, %s)", (json.dumps(document),))
        store = f'  app: {{kind: postgres, url: "{url}"}}'
        company.declare(["email: {dataset: accounts, key: email}"], [store], [ACCOUNTS, GROUPS, CIRCLES])
        run = company.erase("email:mia@example.org")
        assert run.state is OrderState.FULFILLED, run.reasons
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT members FROM groups").fetchall() == [(["otto@example.org"],)]
            assert connection.execute("SELECT doc FROM circles").fetchall() == [({"members": [{"id": "otto@example.org"}]},)]
    finally:
        postgres_server.drop("spelt_members")


# --- mentions --------------------------------------------------------------------------------------------

SPELT = ["MIA@Example.org", " mia@EXAMPLE.ORG\t"]
STRANGER = "xmia@example.org"
ALL_ACCOUNTS = "accounts: {{store: {store}, {where}, subject: {{email: email}}, retention: life{rule}}}"


def referring(company: Company, store: str, rule: str, url: str = "") -> None:
    """Otto's row and two others refer to Mia in other spellings, and one to somebody else."""
    people = ["mia@example.org", "otto@example.org", "lena@example.org", "pia@example.org"]
    columns = {"email": people, "referred_by": ["nobody", *SPELT, STRANGER]}
    rows = list(zip(*columns.values(), strict=True))
    where = "path: accounts.parquet" if store == "lake" else "table: accounts"
    spec = {"app": SQLITE, "lake": LAKE, "pg": f'  pg: {{kind: postgres, url: "{url}"}}'}[store]
    company.declare(["email: {dataset: accounts, key: email}"], [spec], [ALL_ACCOUNTS.format(store=store, where=where, rule=rule)])
    if store == "lake":
        (company.world / "lake").mkdir(parents=True)
        # Why: a window that is hers alone, because her address is a part of the stranger's.
        said = [WORDS, NEIGHBOUR, "one two three four", "five six seven eight"]
        pq.write_table(pa.table({**columns, "said": said}), company.world / "lake" / "accounts.parquet")
    elif store == "app":
        company.rows("CREATE TABLE accounts (email TEXT PRIMARY KEY, referred_by TEXT)", ("INSERT INTO accounts VALUES (?, ?)", rows))
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE accounts (email text PRIMARY KEY, referred_by text)")
            connection.cursor().executemany("INSERT INTO accounts VALUES (%s, %s)", rows)


def referrers(company: Company, store: str, url: str) -> list[str | None]:
    if store == "lake":
        return list(pq.read_table(company.world / "lake" / "accounts.parquet").sort_by("email").column("referred_by").to_pylist())
    query = "SELECT referred_by FROM accounts ORDER BY email"
    if store == "pg":
        with psycopg.connect(url) as connection:
            return [row[0] for row in connection.execute(query).fetchall()]
    with closing(sqlite3.connect(company.world / "app.db")) as database:
        return [row[0] for row in database.execute(query)]


@pytest.fixture(params=["app", "lake", "pg"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A store, and the address of its server."""
    if request.param != "pg":
        yield request.param, ""
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    try:
        yield "pg", server.database("referring")
    finally:
        server.drop("referring")


def test_a_mention_in_another_spelling_that_the_map_does_not_know_is_in_part(company: Company, place: tuple[str, str]) -> None:
    referring(company, place[0], "", place[1])
    run = company.erase("email:mia@example.org")
    assert run.state is OrderState.IN_PART
    assert any("named in other people's rows" in reason for reason in run.reasons), run.reasons


def test_a_mention_in_another_spelling_is_taken_out_as_the_map_says(company: Company, place: tuple[str, str]) -> None:
    referring(company, place[0], ", mentions: {referred_by: null}", place[1])
    run = company.erase("email:mia@example.org")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert sorted(map(str, referrers(company, *place))) == sorted(["None", "None", STRANGER])


def test_an_opaque_id_in_other_capitals_is_another_persons_and_no_mention(company: Company) -> None:
    company.declare(
        ["acc: {dataset: accounts, key: acc}"], [SQLITE], ["accounts: {store: app, table: accounts, subject: {acc: acc}, retention: life}"]
    )
    company.rows(
        "CREATE TABLE accounts (acc TEXT PRIMARY KEY, referred_by TEXT, said TEXT)",
        (
            "INSERT INTO accounts VALUES (?, ?, ?)",
            [("acc-51xk-mia-q", "nobody", WORDS), ("acc-51XK-mia-q", "nobody", NEIGHBOUR), ("acc-7-otto", "acc-51XK-mia-q", "hm")],
        ),
    )
    run = company.erase("acc:acc-51xk-mia-q")
    assert run.state is OrderState.FULFILLED, run.reasons
