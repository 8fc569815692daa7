"""Data of people who stay: lists, group rows, shared paths and other encodings lose the person, and nothing else."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge import clock
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.errors import Misconfigured
from expunge.maps.document.faults import MapFaults
from tests.engine.household import ANNA, BELA, CARA, DINO, PEOPLE, SAID, Household, build


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


def file(home: Household, name: str, data: bytes) -> Path:
    path = home.world / "lake" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def rows(home: Household, *statements: str) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        for statement in statements:
            db.executescript(statement)


def read(home: Household, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(home.database)) as db:
        return db.execute(sql).fetchall()


def declares(home: Household, name: str, body: str) -> None:
    home.write_map(more=f"  {name}: {{{body}, retention: life}}\n")


def fulfilled(run: Run) -> None:
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


# --- lists of records in a JSON document ------------------------------------------------------------


def crew(profile: str) -> dict[str, object]:
    return {"profile_id": profile, "said": SAID[profile], "n": 1.50}


LISTS = [
    ("members", '{"name": "crew", "members": [%s], "v": 1.0}\n'),
    (".", "[\n  %s\n]"),
    ("a.b.members", '{"a": {"b": {"members":[%s] , "x": [1, 2]}}}'),
    ("teams.members", '{"teams": [{"t": 1, "members": [%s]}, {"t": 2, "members": []}]}'),
]
ENTRIES = [
    pytest.param(records, shape, who, marks=[pytest.mark.soak] if who != ANNA and records in {"members", "a.b.members"} else [])
    for records, shape in LISTS
    for who in (ANNA, BELA, DINO)
]
"""The first, one in the middle and the last goes from each kind of list; the sample has all three of the whole file and of the deepest."""


@pytest.mark.parametrize(("records", "shape", "who"), ENTRIES)
def test_a_json_list_loses_the_entry_and_not_the_file(home: Household, records: str, shape: str, who: str) -> None:
    entries = [json.dumps(crew(profile), indent=indent) for indent, profile in zip([None, 4, None, 2], PEOPLE, strict=True)]
    path = file(home, "crew.json", (shape % " ,\n\t".join(entries)).encode())
    declares(home, "crew", f'store: lake, path: crew.json, format: json, records: "{records}", subject: {{profile: profile_id}}')
    fulfilled(home.erase(f"profile:{who}"))
    left = [entry for entry, profile in zip(entries, PEOPLE, strict=True) if profile != who]
    assert path.read_text() == shape % " ,\n\t".join(left)
    json.loads(path.read_bytes())
    assert home.search(*SAID[who]) == []


def test_a_packed_json_list_and_a_list_of_plain_names_lose_the_entry(home: Household) -> None:
    packed = file(home, "crew.json.gz", gzip.compress(json.dumps({"members": [*PEOPLE], "é": "ü"}).encode()))
    declares(home, "crew", 'store: lake, path: crew.json.gz, format: json, records: members, subject: {profile: "."}')
    fulfilled(home.erase(f"profile:{BELA}"))
    assert json.loads(gzip.decompress(packed.read_bytes())) == {"members": [ANNA, CARA, DINO], "é": "ü"}


def test_the_last_entry_of_a_list_leaves_a_sound_document(home: Household) -> None:
    path = file(home, "crew.json", b'{"members": [ ' + json.dumps(crew(ANNA)).encode() + b' ], "name": "the solo crew"}')
    declares(home, "crew", "store: lake, path: crew.json, format: json, records: members, subject: {profile: profile_id}")
    fulfilled(home.erase(f"profile:{ANNA}"))
    assert json.loads(path.read_bytes()) == {"members": [], "name": "the solo crew"}


def test_a_document_without_the_list_is_said_and_never_silent(home: Household) -> None:
    path = file(home, "crew.json", json.dumps({"people": [crew(ANNA)]}).encode())
    declares(home, "crew", "store: lake, path: crew.json, format: json, records: members, subject: {profile: profile_id}")
    before = path.read_bytes()
    assert home.erase(f"profile:{ANNA}").state is OrderState.IN_PART
    assert path.read_bytes() == before


# --- a row or record of several people ---------------------------------------------------------------


def test_a_record_of_several_people_loses_the_member(home: Household) -> None:
    lines = [
        b'{"title": "quiet readers of marmalade",  "members": ["%s", "%s"], "n": 1.0}\n' % (ANNA.encode(), CARA.encode()),
        b'{"title": "choir", "members": [{"id": "%s", "part": "a whistling soprano"}, {"id": "%s"}]}\n' % (ANNA.encode(), DINO.encode()),
        b'{"title": "hers", "members": ["%s"]}\n' % ANNA.encode(),
        b'{"title": "theirs", "members": ["%s"]}\n' % CARA.encode(),
    ]
    path = file(home, "groups.jsonl", b"".join(lines))
    other = file(home, "choirs.jsonl", lines[1])
    home.write_map(
        more="  groups: {store: lake, path: groups.jsonl, format: jsonl, subject: {profile: members}, retention: life}\n"
        "  choirs: {store: lake, path: choirs.jsonl, format: jsonl, subject: {profile: members.id}, retention: life}\n"
    )
    path.write_bytes(b"".join((lines[0], lines[2], lines[3])))
    fulfilled(home.erase(f"profile:{ANNA}"))
    assert path.read_bytes() == b'{"title": "quiet readers of marmalade",  "members": ["%s"], "n": 1.0}\n' % CARA.encode() + lines[3]
    assert other.read_bytes() == b'{"title": "choir", "members": [{"id": "%s"}]}\n' % DINO.encode()


def test_a_json_file_of_one_group_loses_the_member_and_goes_with_the_last(home: Household) -> None:
    group = file(home, "groups/g1.json", json.dumps({"name": "book club of the north", "members": [ANNA, CARA]}, indent=1).encode())
    alone = file(home, "groups/g2.json", json.dumps({"name": "hers alone", "members": [ANNA]}).encode())
    declares(home, "groups", 'store: lake, path: "groups/{group}.json", format: json, subject: {profile: members}')
    fulfilled(home.erase(f"profile:{ANNA}"))
    assert json.loads(group.read_bytes()) == {"name": "book club of the north", "members": [CARA]}
    assert not alone.exists()


GROUPS = "CREATE TABLE groups (id INTEGER PRIMARY KEY, title TEXT, members TEXT, note BLOB, closed_at TEXT);"


@pytest.mark.parametrize("indexed", [False, True])
def test_a_sqlite_row_with_a_json_list_loses_the_member(home: Household, *, indexed: bool) -> None:
    members = ["[]", json.dumps([ANNA, CARA]), json.dumps([ANNA]), json.dumps([CARA, DINO]), f'[ "{BELA}" ,"{ANNA}"]', CARA]
    rows(
        home,
        GROUPS,
        *(f"INSERT INTO groups VALUES ({n}, 'group number {n}', '{each}', x'0001ff', NULL);" for n, each in enumerate(members)),
    )
    rows(home, "CREATE INDEX by_members ON groups (members);" if indexed else "")
    declares(home, "groups", "store: app, table: groups, subject: {profile: members}")
    before = read(home, "SELECT * FROM groups")
    fulfilled(home.erase(f"profile:{ANNA}"))
    after = read(home, "SELECT * FROM groups")
    assert [row[0] for row in after] == [0, 1, 3, 4, 5]
    assert [row for row in after if row[0] in {0, 3, 5}] == [row for row in before if row[0] in {0, 3, 5}]
    assert [row[2] for row in after if row[0] in {1, 4}] == [json.dumps([CARA]), f'[ "{BELA}"]']
    assert [(row[1], row[3]) for row in after if row[0] in {1, 4}] == [(row[1], row[3]) for row in before if row[0] in {1, 4}]
    assert home.search(ANNA) == []


def test_a_sqlite_document_with_members_inside_loses_the_member(home: Household) -> None:
    document = {"title": "garden", "members": [{"id": ANNA, "said": SAID[ANNA][0]}, {"id": DINO, "said": "hm"}], "x": 1.50}
    rows(home, "CREATE TABLE circles (id INTEGER PRIMARY KEY, doc TEXT, closed_at TEXT);")
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("INSERT INTO circles VALUES (1, ?, NULL)", (json.dumps(document),))
        db.execute("INSERT INTO circles VALUES (2, ?, NULL)", (json.dumps({"members": [{"id": ANNA}]}),))
    declares(home, "circles", 'store: app, table: circles, subject: {profile: "doc.members.id"}')
    with home.open() as opened:
        assert not any("circles" in finding.what for finding in opened.check())
    fulfilled(home.erase(f"profile:{ANNA}"))
    assert read(home, "SELECT id, doc FROM circles") == [(1, json.dumps({**document, "members": [{"id": DINO, "said": "hm"}]}))]


def test_two_members_of_one_order_leave_together(home: Household) -> None:
    rows(home, GROUPS, f"INSERT INTO groups VALUES (1, 'all of the north', '{json.dumps([ANNA, BELA, CARA])}', NULL, NULL);")
    rows(home, f"INSERT INTO groups VALUES (2, 'two of the north', '{json.dumps([ANNA, BELA])}', NULL, NULL);")
    declares(home, "groups", "store: app, table: groups, subject: {profile: members}")
    fulfilled(home.erase("account:acc-north-51XK"))
    assert read(home, "SELECT id, members FROM groups") == [(1, json.dumps([CARA]))]


def test_a_row_that_people_of_one_order_share_is_kept_for_nobody(home: Household) -> None:
    rows(home, GROUPS, f"INSERT INTO groups VALUES (1, 'two of the north', '{json.dumps([ANNA, BELA])}', NULL, NULL);")
    rows(home, f"INSERT INTO groups VALUES (3, 'theirs alone', '{json.dumps([CARA, DINO])}', NULL, NULL);")
    declares(home, "groups", "store: app, table: groups, subject: {profile: members}, shared: keep")
    fulfilled(home.erase("account:acc-north-51XK"))
    assert read(home, "SELECT id FROM groups") == [(3,)]


SHARED_GROUPS = "store: app, table: groups, subject: {profile: members}, shared: keep"
OF_TWO, OF_THREE = json.dumps([ANNA, DINO]), json.dumps([ANNA, DINO, CARA])


def test_a_row_goes_with_the_last_of_its_people_who_asks(home: Household) -> None:
    rows(home, GROUPS, f"INSERT INTO groups VALUES (1, 'of two', '{OF_TWO}', NULL, NULL), (2, 'of three', '{OF_THREE}', NULL, NULL);")
    declares(home, "groups", SHARED_GROUPS)
    first = home.erase(f"profile:{ANNA}")
    assert first.reasons == ("groups: kept, recording shared with people who stay",)
    second = home.order(f"profile:{DINO}").order
    with home.open() as opened:
        plan = opened.plan(second).plan
    assert plan.bystanders == {"shared": 1}
    assert home.apply(second).state is OrderState.IN_PART
    assert read(home, "SELECT id FROM groups") == [(2,)]
    fulfilled(home.erase(f"profile:{CARA}"))
    assert read(home, "SELECT id FROM groups") == []
    fulfilled(home.erase(f"profile:{ANNA}"))
    assert home.search("of two", "of three", ANNA, where=("world",)) == []


@pytest.mark.soak
def test_a_row_stays_for_a_person_whose_order_can_still_be_cancelled(home: Household) -> None:
    rows(home, GROUPS, f"INSERT INTO groups VALUES (1, 'of two', '{OF_TWO}', NULL, NULL);")
    declares(home, "groups", SHARED_GROUPS)
    waiting = home.order(f"profile:{ANNA}").order
    home.plan(waiting)
    assert home.erase(f"profile:{DINO}").reasons == ("groups: kept, recording shared with people who stay",)
    assert read(home, "SELECT id FROM groups") == [(1,)]
    # planned while the other still stayed: nothing has to be planned again
    fulfilled(home.apply(waiting))
    assert read(home, "SELECT id FROM groups") == []


@pytest.mark.soak
def test_a_row_stays_for_a_person_whose_data_is_held(home: Household) -> None:
    rows(home, GROUPS, f"INSERT INTO groups VALUES (1, 'of two', '{OF_TWO}', NULL, NULL);")
    declares(home, "groups", SHARED_GROUPS)
    home.erase(f"profile:{ANNA}")
    with home.open() as opened:
        subject, until = opened.resolve(f"profile:{ANNA}"), clock.now() + timedelta(days=3)
        opened.holds.place(subject, "groups", ground="matter 7", authority="court", until=until)
    assert home.erase(f"profile:{DINO}").state is OrderState.IN_PART
    assert read(home, "SELECT id FROM groups") == [(1,)]


@pytest.mark.soak
def test_a_row_that_they_share_with_another_person_is_kept(home: Household) -> None:
    rows(home, GROUPS, f"INSERT INTO groups VALUES (1, 'two of the north', '{json.dumps([ANNA, BELA])}', NULL, NULL);")
    rows(home, f"INSERT INTO groups VALUES (2, 'three of them', '{json.dumps([ANNA, BELA, CARA])}', NULL, NULL);")
    declares(home, "groups", "store: app, table: groups, subject: {profile: members}, shared: keep")
    assert home.erase("account:acc-north-51XK").state is OrderState.IN_PART
    assert read(home, "SELECT id FROM groups") == [(2,)]


def test_a_map_may_say_that_the_row_goes_and_then_the_plan_counts_the_others(home: Household) -> None:
    rows(home, GROUPS, f"INSERT INTO groups VALUES (1, 'readers', '{json.dumps([ANNA, CARA, DINO])}', NULL, NULL);")
    rows(home, f"INSERT INTO groups VALUES (2, 'writers', '{json.dumps([ANNA, CARA])}', NULL, NULL);")
    declares(home, "groups", "store: app, table: groups, subject: {profile: members}, shared: erase")
    order = home.order(f"profile:{ANNA}").order
    with home.open() as opened:
        plan = opened.plan(order).plan
        assert (plan.bystanders_in_all, plan.bystanders) == (3, {"groups": 2, "shared": 1})
        assert b"3 other people lose something in these datasets: groups (2), shared (1)" in opened.approval_message(order)
    assert not any(name.encode() in plan.to_bytes() for name in (CARA, DINO))
    fulfilled(home.apply(order))
    assert read(home, "SELECT id FROM groups") == []


TALKS = (
    "CREATE TABLE talkers (talk TEXT, profile_id TEXT, closed_at TEXT, PRIMARY KEY (talk, profile_id));"
    "CREATE TABLE lines (id INTEGER PRIMARY KEY, talk TEXT, text TEXT, closed_at TEXT);"
    f"INSERT INTO talkers VALUES ('t1-alpha-talk', '{ANNA}', NULL), ('t1-alpha-talk', '{CARA}', NULL), ('t2-beta-talk', '{ANNA}', NULL);"
    "INSERT INTO lines VALUES (1, 't1-alpha-talk', 'what the two of them said about kites', NULL);"
    "INSERT INTO lines VALUES (2, 't2-beta-talk', 'what she said about herrings alone', NULL);"
)


def talk(home: Household, more: str) -> None:
    home.write_map(
        more="  talkers: {store: app, table: talkers, subject: {profile: profile_id}, retention: life}\n"
        f"  lines: {{store: app, table: lines, subject: {{through: talkers, via: talk{more}}}, retention: life}}\n"
    )


def test_an_approval_does_not_cover_people_who_came_in_later(home: Household) -> None:
    rows(home, GROUPS, f"INSERT INTO groups VALUES (1, 'readers', '{json.dumps([ANNA, CARA])}', NULL, NULL);")
    declares(home, "groups", "store: app, table: groups, subject: {profile: members}, shared: erase")
    order = home.order(f"profile:{ANNA}").order
    home.plan(order)
    rows(home, f"UPDATE groups SET members = '{json.dumps([ANNA, CARA, DINO])}'")
    run = home.apply(order)
    assert run.state is OrderState.IN_PART
    assert "groups: referenced by other data" in run.reasons
    assert "shared: referenced by other data" not in run.reasons
    assert len(read(home, "SELECT id FROM groups")) == 1
    home.plan(order)
    fulfilled(home.apply(order))
    assert read(home, "SELECT id FROM groups") == []


def test_a_path_that_comes_to_be_shared_after_the_plan_takes_nothing(home: Household) -> None:
    rows(home, TALKS, f"DELETE FROM talkers WHERE profile_id = '{CARA}'")
    talk(home, "")
    order = home.order(f"profile:{ANNA}").order
    home.plan(order)
    rows(home, f"INSERT INTO talkers VALUES ('t1-alpha-talk', '{CARA}', NULL)")
    assert home.apply(order).state is OrderState.IN_PART
    assert len(read(home, "SELECT id FROM lines")) == 2
    home.map.write_text(home.map.read_text().replace("via: talk}", "via: talk, many: true}"))
    home.plan(order)
    fulfilled(home.apply(order))
    assert read(home, "SELECT id FROM lines") == []


# --- a path along a column that leads to several people ------------------------------------------------


def test_a_path_along_a_column_of_several_people_is_refused_and_found_by_check(home: Household) -> None:
    rows(home, TALKS)
    talk(home, "")
    order = home.order(f"profile:{ANNA}").order
    with pytest.raises(Misconfigured, match="to 1 other person as well") as refused:
        home.plan(order)
    assert "many: true" in refused.value.help
    with home.open() as opened:
        said = [finding.what for finding in opened.check()]
    assert any("1 row of lines leads to two or more people" in each for each in said)
    assert len(read(home, "SELECT id FROM lines")) == 2


def test_a_path_of_one_person_alone_needs_nothing_said(home: Household) -> None:
    rows(home, TALKS, f"DELETE FROM talkers WHERE profile_id = '{CARA}'")
    talk(home, "")
    fulfilled(home.erase(f"profile:{ANNA}"))
    assert read(home, "SELECT id FROM lines") == []


def test_a_path_of_many_that_is_declared_is_counted_in_plan_and_check(home: Household) -> None:
    rows(home, TALKS)
    talk(home, ", many: true")
    with home.open() as opened:
        said = [finding.what for finding in opened.check()]
    assert any("1 row of lines leads to two or more people" in each for each in said)
    order = home.order(f"profile:{ANNA}").order
    with home.open() as opened:
        plan = opened.plan(order).plan
    assert (plan.bystanders_in_all, plan.bystanders) == (2, {"lines": 1, "shared": 1})
    fulfilled(home.apply(order))
    assert read(home, "SELECT talk, profile_id FROM talkers") == [("t1-alpha-talk", CARA)]


def test_many_is_true_or_false(home: Household) -> None:
    rows(home, TALKS)
    talk(home, ", many: perhaps")
    with pytest.raises(MapFaults, match="neither true nor false"):
        home.order(f"profile:{ANNA}")


# --- other encodings -----------------------------------------------------------------------------------

CODECS = [("", "utf-16"), ("", "utf-16-be"), ("utf-16-le", "utf-16-le"), ("latin-1", "latin-1"), ("windows-1252", "cp1252")]


def written(text: str, codec: str) -> bytes:
    return b"\xfe\xff" * (codec == "utf-16-be") + text.encode(codec)


@pytest.mark.parametrize(("word", "codec"), CODECS)
@pytest.mark.parametrize("form", ["csv", "jsonl", "json"])
def test_records_in_another_encoding_go_and_the_others_stay_byte_for_byte(home: Household, word: str, codec: str, form: str) -> None:
    said = dict(zip(PEOPLE, ["où étés brûlés déjà", "größe über straße öfter", "señor niño año", "ærlig ørred får"], strict=True))
    entries = [
        f'{profile};"{text}";1\r\n' if form == "csv" else json.dumps({"profile_id": profile, "said": text}, ensure_ascii=False) + "\n"
        for profile, text in said.items()
    ]
    head, tail, between = {"csv": ("profile_id;said;n\r\n", "", ""), "jsonl": ("", "", ""), "json": ('{"all":[', "]}", ",")}[form]
    path = file(home, f"notes.{form}", written(head + between.join(entries) + tail, codec))
    more = (", records: all" if form == "json" else "") + (f", encoding: {word}" if word else "")
    declares(home, "notes", f"store: lake, path: notes.{form}, format: {form}{more}, subject: {{profile: profile_id}}")
    fulfilled(home.erase(f"profile:{BELA}"))
    left = [entry for entry, profile in zip(entries, said, strict=True) if profile != BELA]
    assert path.read_bytes() == written(head + between.join(left) + tail, codec)


def test_bytes_that_are_not_of_the_encoding_are_said_by_check_and_by_the_order(home: Household) -> None:
    path = file(home, "notes.csv", f"profile_id;said\n{ANNA};déjà\n".encode("latin-1"))
    declares(home, "notes", "store: lake, path: notes.csv, format: csv, subject: {profile: profile_id}")
    with home.open() as opened:
        assert any("not UTF-8" in finding.what and "encoding" in finding.mend for finding in opened.check())
    before = path.read_bytes()
    assert home.erase(f"profile:{ANNA}").state is OrderState.IN_PART
    assert path.read_bytes() == before


@pytest.mark.parametrize("codec", ["utf-16", "latin-1", "cp1252"])
def test_a_stray_copy_in_another_encoding_is_residue(home: Household, codec: str) -> None:
    said = "l\u2019été déjà brûlé" if codec == "cp1252" else "où l'été déjà brûlé"
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("UPDATE transcripts SET text = ? WHERE recording_id = 'rec-anna-0-X7'", (said,))
    (home.world / "media" / "stray.bin").write_bytes(b"\x01\x02" + said.encode(codec) + b"\x03\x04")
    home.write_map(more='ignore:\n  - {store: media, path: "stray.bin", reason: a test}\n')
    assert home.erase(f"profile:{ANNA}").state is OrderState.IN_PART


def test_csv_readers_find_what_stays(home: Household) -> None:
    path = file(home, "notes.csv", "\ufeffprofile_id,said\n".encode("utf-16-le") + f'{ANNA},"a\nb"\n{CARA},"ça, là"\n'.encode("utf-16-le"))
    declares(home, "notes", "store: lake, path: notes.csv, format: csv, subject: {profile: profile_id}")
    fulfilled(home.erase(f"profile:{ANNA}"))
    assert list(csv.reader(io.StringIO(path.read_text("utf-16")))) == [["profile_id", "said"], [CARA, "ça, là"]]


# --- other stores -------------------------------------------------------------------------------------


def beside(home: Household, store: str, dataset: str) -> None:
    home.map.write_text(home.map.read_text().replace("retention:\n  life", f"  {store}\nretention:\n  life", 1) + f"  {dataset}\n")


def test_a_row_of_a_lake_with_several_people_loses_the_member(home: Household) -> None:
    (home.world / "wide").mkdir()
    table = pa.table({"title": ["readers of the north", "hers", "theirs"], "members": [[ANNA, CARA], [ANNA], [CARA, DINO]]})
    pq.write_table(table, home.world / "wide" / "groups.parquet")
    beside(
        home,
        "wide: {kind: parquet, url: ./world/wide}",
        "groups: {store: wide, path: groups.parquet, subject: {profile: members}, retention: life}",
    )
    fulfilled(home.erase(f"profile:{ANNA}"))
    assert pq.read_table(home.world / "wide" / "groups.parquet").to_pylist() == [
        {"title": "readers of the north", "members": [CARA]},
        {"title": "theirs", "members": [CARA, DINO]},
    ]
    assert home.search(ANNA) == []


@pytest.mark.soak
def test_rows_of_postgres_with_several_people_lose_the_member(home: Household, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE TABLE groups (id int PRIMARY KEY, title text, members text[])")
        connection.execute("CREATE TABLE circles (id int PRIMARY KEY, doc jsonb)")
        connection.execute("INSERT INTO groups VALUES (1, 'readers', %s), (2, 'hers', %s), (3, 'x', %s)", ([ANNA, CARA], [ANNA], [CARA]))
        connection.execute("INSERT INTO circles VALUES (1, %s)", (json.dumps({"of": [{"id": ANNA, "said": SAID[ANNA][0]}, {"id": DINO}]}),))
    beside(
        home,
        f'pg: {{kind: postgres, url: "{database}"}}',
        "groups: {store: pg, table: groups, subject: {profile: members}, retention: life}\n"
        '  circles: {store: pg, table: circles, subject: {profile: "doc.of.id"}, retention: life}',
    )
    fulfilled(home.erase(f"profile:{ANNA}"))
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT * FROM groups ORDER BY id").fetchall() == [(1, "readers", [CARA]), (3, "x", [CARA])]
        assert connection.execute("SELECT doc FROM circles").fetchall() == [({"of": [{"id": DINO}]},)]


def test_members_with_short_numbers_leave_and_can_be_told_to_be_gone(home: Household) -> None:
    rows(home, "CREATE TABLE devices (device INTEGER PRIMARY KEY, profile_id TEXT, closed_at TEXT);", GROUPS)
    rows(home, f"INSERT INTO devices VALUES (7, '{ANNA}', NULL), (3, '{CARA}', NULL), (12, '{DINO}', NULL);")
    rows(home, "INSERT INTO groups VALUES (1, 'readers of the north', '[3, 7, 12]', NULL, NULL), (2, 'others', '[3,12]', NULL, NULL);")
    home.write_map(
        more="  devices: {store: app, table: devices, subject: {profile: profile_id}, retention: life}\n"
        "  groups: {store: app, table: groups, subject: {device: members}, retention: life}\n"
    )
    home.map.write_text(
        home.map.read_text().replace("\nstores:", "\n  device: {dataset: devices, key: device, member_of: profile}\nstores:", 1)
    )
    fulfilled(home.erase(f"profile:{ANNA}"))
    assert read(home, "SELECT id, members FROM groups") == [(1, "[3, 12]"), (2, "[3,12]")]
