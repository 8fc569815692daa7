"""An identifier that begins or ends like another person's: ``ann@example.org`` beside ``ann@example.org.uk``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence.receipt import Mention
from expunge.core.values.order import OrderState
from expunge.demo.company.outside_search import Search
from tests.attacks.mention_company import MentionCompany, company

PAIRS = {
    "a longer domain": ("ann@example.org", "ann@example.org.uk"),
    "one more name": ("mary.smith", "mary.smith.jones"),
    "one name before": ("smith.jones", "mary.smith.jones"),
    "a tag before": ("smith@example.org", "mary+smith@example.org"),
}
MAP = "customers: {store: app, table: customers, subject: {customer: id}, retention: life}"
NOTES = "notes: {store: app, table: notes, subject: {customer: author}, retention: life}"
SQL = """
CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, closed_at TEXT);
INSERT INTO customers VALUES ('<gone>', 'The one who asks to be forgotten', NULL), ('<stays>', 'The one who stays where they are', NULL);
CREATE TABLE notes (n INTEGER PRIMARY KEY, author TEXT, said TEXT);
INSERT INTO notes VALUES (1, '<gone>', 'a sentence of the one who goes'), (2, '<stays>', 'a sentence of the one who stays');
"""


def built(folder: Path, pair: str, more: str = "", server: str = "") -> MentionCompany:
    gone, stays = PAIRS[pair]
    return company(folder, (SQL + more).replace("<gone>", gone).replace("<stays>", stays), MAP, NOTES, server=server)


@pytest.mark.parametrize("store", ["sqlite", pytest.param("postgres", marks=pytest.mark.soak)])
@pytest.mark.parametrize("pair", PAIRS)
def test_a_longer_identifier_of_a_person_who_stays_is_theirs(request: pytest.FixtureRequest, tmp_path: Path, pair: str, store: str) -> None:
    server = request.getfixturevalue("database") if store == "postgres" else ""
    gone, stays = PAIRS[pair]
    told = (
        "INSERT INTO notes VALUES (3, '<stays>', 'write to <stays>, please'), (4, '<stays>', '[\"<stays>\"]'), (5, '<stays>', '<stays>.');"
    )
    made = built(tmp_path, pair, told, server)
    before = made.run(f"SELECT * FROM notes WHERE author = '{stays}' ORDER BY n")
    run = made.erase(gone)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run(f"SELECT * FROM notes WHERE author = '{stays}' ORDER BY n") == before
    assert made.receipt(run).mentions == ()


@pytest.mark.parametrize("pair", PAIRS)
def test_the_shorter_one_at_the_end_of_a_sentence_is_still_found(tmp_path: Path, pair: str) -> None:
    gone, _ = PAIRS[pair]
    made = built(tmp_path, pair, "INSERT INTO notes VALUES (3, '<stays>', 'ask <gone>.'), (4, '<stays>', 'not <stays> but <gone>...');")
    run = made.erase(gone)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.receipt(run).mentions == (Mention("notes", "said", MentionAct.KEEP, 2),)


def test_a_longer_word_that_is_no_identifier_of_anybody_excuses_nothing(tmp_path: Path) -> None:
    made = built(
        tmp_path, "one more name", "INSERT INTO notes VALUES (3, '<stays>', 'mary.smith.jsonl'), (4, '<stays>', 'old.mary.smith');"
    )
    run = made.erase("mary.smith")
    assert run.state is OrderState.IN_PART
    assert any("said names the person in 2 rows" in reason for reason in run.reasons), run.reasons


@pytest.mark.parametrize("pair", PAIRS)
def test_in_a_folder_as_well(tmp_path: Path, pair: str) -> None:
    gone, stays = PAIRS[pair]
    made = built(tmp_path, pair)
    folder = tmp_path / "world" / "files"
    folder.mkdir()
    (folder / "notes.jsonl").write_text("".join(json.dumps({"who": who, "said": f"from {who}, again"}) + "\n" for who in (gone, stays)))
    made.map.write_text(
        made.map.read_text().replace("datasets:\n", "  files: {kind: files, url: ./world/files}\ndatasets:\n")
        + "  lines: {store: files, path: notes.jsonl, format: jsonl, subject: {customer: who}, retention: life}\n"
    )
    run = made.erase(gone)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert [json.loads(line)["who"] for line in (folder / "notes.jsonl").read_text().splitlines()] == [stays]
    assert Search([stays]).folder(folder)


def test_in_a_folder_a_longer_word_of_nobody_excuses_nothing(tmp_path: Path) -> None:
    made = built(tmp_path, "one more name")
    folder = tmp_path / "world" / "files"
    folder.mkdir()
    lines = [{"who": "mary.smith", "said": "hello"}, {"who": "mary.smith.jones", "said": "see mary.smith.jsonl"}]
    (folder / "notes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    made.map.write_text(
        made.map.read_text().replace("datasets:\n", "  files: {kind: files, url: ./world/files}\ndatasets:\n")
        + "  lines: {store: files, path: notes.jsonl, format: jsonl, subject: {customer: who}, retention: life}\n"
    )
    assert made.erase("mary.smith").state is OrderState.IN_PART


LONG = ", ".join(f"{n:x}" for n in range(9_000))
UNDECLARED = {"undeclared": "", "ignored": "", "about nobody": "audit: {store: app, table: audit, about: nobody}"}


def beside(folder: Path, kind: str, pair: str, said: str, server: str = "") -> MentionCompany:
    """Build a company with a table of nobody that says something of the one who stays."""
    made = built(folder, pair, f"CREATE TABLE audit (n INTEGER PRIMARY KEY, x TEXT, y TEXT);{said}", server)
    if UNDECLARED[kind]:
        made.declare(MAP, NOTES, UNDECLARED[kind])
    if kind == "ignored":
        made.map.write_text(made.map.read_text() + "ignore:\n  - {store: app, table: audit, reason: a list of the machine}\n")
    return made


@pytest.mark.parametrize("more", ["", pytest.param(f", (4, '{LONG}, <stays>, {LONG}', '')", marks=pytest.mark.soak)], ids=["", "long"])
@pytest.mark.parametrize("kind", UNDECLARED)
def test_in_a_table_of_nobody_it_is_the_other_persons(tmp_path: Path, kind: str, more: str) -> None:
    _, stays = PAIRS["one more name"]
    said = f"INSERT INTO audit VALUES (1, '<stays>', ''), (2, 'seen <stays> today', '/files/<stays>/a'), (3, '<stays>', 'something'){more};"
    made = beside(tmp_path, kind, "one more name", said)
    before = made.run("SELECT * FROM audit ORDER BY n")
    run = made.erase("mary.smith")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run("SELECT * FROM audit ORDER BY n") == before
    assert Search([stays]).folder(made.database.parent)


BITES = {
    "the shorter one in another row": "(1, '<stays>', ''), (2, 'seen <gone> today', '')",
    "in another cell": "(1, '<stays>', 'seen <gone> today')",
    "in the same cell": "(1, 'not <stays> but <gone>...', '')",
    "the next cell goes on as the longer one would": "(1, '<gone>', '.jones')",
    "a longer word of nobody": "(1, '<gone>.brown', '')",
    "bytes beside it": "(1, '<stays>', CAST('<gone>' AS BLOB))",
}
LONG_BITES = {
    "in a long value": f"(1, '<stays>', ''), (2, '{LONG}, <gone>, {LONG}', '')",
    "beside the longer one in a long value": f"(1, '{LONG}, <stays>, {LONG}, <gone>, {LONG}', '')",
}
JOINED = {
    "two cells make it in another row": "(1, 'mary.', 'smith.jones'), (2, 'mary.smith.jones', '')",
    "two cells make it in the same row": "(1, 'mary.smith.jones, mary.', 'smith.jones')",
}
"""Bites where no byte lies between two values of a row."""


@pytest.mark.parametrize(
    "kind", ["undeclared", pytest.param("ignored", marks=pytest.mark.soak), pytest.param("about nobody", marks=pytest.mark.soak)]
)
@pytest.mark.parametrize("bite", [*BITES, *LONG_BITES, *JOINED])
def test_in_a_table_of_nobody_the_shorter_one_stays_residue(tmp_path: Path, kind: str, bite: str) -> None:
    made = beside(tmp_path, kind, "one more name", f"INSERT INTO audit VALUES {(BITES | LONG_BITES | JOINED)[bite]};")
    assert made.erase("mary.smith").state is OrderState.IN_PART


def test_a_longer_identifier_in_a_long_value_explains_no_other_identifier_there(tmp_path: Path) -> None:
    said = f"INSERT INTO audit VALUES (1, '{LONG}, <stays>, {LONG}, the.mary.of.here, {LONG}', '');"
    said += "UPDATE customers SET name = 'the.mary.of.here' WHERE id = '<gone>';"
    made = beside(tmp_path, "undeclared", "one more name", said)
    made.map.write_text(made.map.read_text().replace("key: id}", "key: id, also: [name]}"))
    assert made.erase("mary.smith").state is OrderState.IN_PART


def folder_beside(made: MentionCompany, name: str, data: bytes) -> None:
    folder = made.database.parent / "files"
    (folder / "other").mkdir(parents=True)
    (folder / "notes.jsonl").write_text(json.dumps({"who": "mary.smith.jones", "said": "a line of the one who stays"}) + "\n")
    (folder / "other" / name).write_bytes(data)
    made.map.write_text(
        made.map.read_text().replace("datasets:\n", "  files: {kind: files, url: ./world/files}\ndatasets:\n")
        + "  lines: {store: files, path: notes.jsonl, format: jsonl, subject: {customer: who}, retention: life}\n"
        + "ignore:\n  - {store: files, path: other/**, reason: logs of the machine}\n"
    )


@pytest.mark.parametrize("encoding", ["utf-8", pytest.param("utf-16", marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    "more", ["", " mary.smith.", *(pytest.param(more, marks=pytest.mark.soak) for more in (" mary.smith.jonson", "mary.smith.jones2"))]
)
def test_in_a_text_file_of_an_ignored_folder(tmp_path: Path, encoding: str, more: str) -> None:
    made = built(tmp_path, "one more name")
    folder_beside(made, "seen.txt", f"10:00 mary.smith.jones came\n10:01 /home/mary.smith.jones/.profile\n{more}\n".encode(encoding))
    run = made.erase("mary.smith")
    assert run.state is (OrderState.IN_PART if more else OrderState.FULFILLED), run.reasons


def test_bytes_that_go_on_as_a_longer_identifier_in_a_binary_file_excuse_nothing(tmp_path: Path) -> None:
    made = built(tmp_path, "one more name")
    folder_beside(made, "seen.bin", b"\x00\x0amary.smith.jones\x00\x01")
    assert made.erase("mary.smith").state is OrderState.IN_PART


ON_A_SERVER = {
    "a row": "",
    "an index": "CREATE INDEX audit_x ON audit (x); CREATE INDEX audit_y ON audit USING hash (y);",
    "a long value": f"ALTER TABLE audit ALTER x SET STORAGE EXTERNAL; INSERT INTO audit VALUES (4, '{LONG}, <stays>, {LONG}', '');",
    "a packed value": f"INSERT INTO audit VALUES (4, '{'abc' * 3000}, <stays>, {'def' * 3000}', '');",
    "changed rows": "UPDATE audit SET y = y || '!' WHERE n > 0;",
    "statistics": "INSERT INTO audit SELECT n, '<stays>', 'x' FROM generate_series(10, 900) n; ANALYZE audit;",
}


@pytest.mark.soak
@pytest.mark.parametrize("more", ON_A_SERVER.values(), ids=ON_A_SERVER)
@pytest.mark.parametrize("kind", UNDECLARED)
def test_on_a_server_in_a_table_of_nobody_it_is_the_other_persons(tmp_path: Path, database: str, kind: str, more: str) -> None:
    said = "INSERT INTO audit VALUES (1, '<stays>', ''), (2, 'seen <stays> today', '/files/<stays>/a');"
    made = beside(tmp_path, kind, "one more name", said + more, database)
    before = made.run("SELECT * FROM audit ORDER BY n")
    run = made.erase("mary.smith")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run("SELECT * FROM audit ORDER BY n") == before


@pytest.mark.soak
@pytest.mark.parametrize("kind", UNDECLARED)
@pytest.mark.parametrize("bite", BITES)
def test_on_a_server_in_a_table_of_nobody_the_shorter_one_stays_residue(tmp_path: Path, database: str, kind: str, bite: str) -> None:
    said = BITES[bite].replace("CAST('<gone>' AS BLOB)", "CAST('<gone>' AS bytea)::text")
    made = beside(tmp_path, kind, "one more name", f"INSERT INTO audit VALUES {said};", database)
    assert made.erase("mary.smith").state is OrderState.IN_PART


EXTERNAL = "ALTER TABLE audit ALTER x SET STORAGE EXTERNAL; INSERT INTO audit VALUES"
PACKED = f"INSERT INTO audit VALUES (1, '{'abc' * 3000}, <WHO>, {'def' * 3000}', '');"
REPLACED = "UPDATE audit SET x = replace(x, '<gone>', '<stays>');"
OFF = "ALTER TABLE audit SET (autovacuum_enabled = off);"
LONG_ON_A_SERVER = {
    **{name: f"{EXTERNAL} {said};" for name, said in LONG_BITES.items()},
    **{f"{name}, packed": f"INSERT INTO audit VALUES {said};" for name, said in LONG_BITES.items()},
    "in a value packed in its row": PACKED.replace("<WHO>", "<gone>"),
    "in the version before, packed in its row": OFF + PACKED.replace("<WHO>", "<gone>") + REPLACED,
    "in the version before of a long value": f"{OFF} {EXTERNAL} (1, '{LONG}, <gone>, {LONG}', ''); {REPLACED}",
}


@pytest.mark.soak
@pytest.mark.parametrize("said", LONG_ON_A_SERVER.values(), ids=LONG_ON_A_SERVER)
def test_on_a_server_the_shorter_one_in_a_long_value_of_nobody_stays_residue(tmp_path: Path, database: str, said: str) -> None:
    made = beside(tmp_path, "undeclared", "one more name", said, database)
    run = made.erase("mary.smith")
    assert run.state is OrderState.IN_PART
    assert any("residue" in reason for reason in run.reasons), run.reasons
