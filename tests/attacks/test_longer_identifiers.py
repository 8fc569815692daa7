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
