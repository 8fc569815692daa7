"""What a scan finds in a SQLite file lies, by the reader of places, where the row does: also what runs over several pages."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.ports.optional.placing import LiveRows, Lying
from expunge.ports.scanner import Residue
from expunge.residue.placing.reader import open_reader
from tests.residue.placing.sqlite_places import mark
from tests.residue.planting import found_in, text_traces

SAID = "a very long story of one person who stays and says it in many words, "


def lying(path: Path, hits: list[Residue]) -> list[tuple[Residue, tuple[Lying, ...]]]:
    """Each hit with what may lie there."""
    answers = []
    with closing(open_reader(path)) as reader:
        for hit in hits:
            chained = hit.hidden == "sqlite overflow"
            answers.append((hit, reader.at_page(hit.offset) if chained else (reader.at(hit.offset, hit.trace.length),)))
    return answers


@pytest.mark.parametrize("page", [512, 1024, 4096])
@pytest.mark.parametrize("indexed", [False, True])
def test_every_hit_of_a_live_value_may_be_its_row(tmp_path: Path, page: int, indexed: bool) -> None:
    path = tmp_path / "app.db"
    numbers = random.Random(page)
    story = "".join(f"{SAID}{number} " for number in range(page // 20))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {page}")
        connection.execute("CREATE TABLE gaps (a, b, c, d, e, f)")
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, said TEXT)")
        connection.execute("CREATE TABLE drafts (said TEXT, id INTEGER)")
        if indexed:
            connection.execute("CREATE INDEX by_said ON notes (said)")
        connection.execute("BEGIN")
        for number in range(200):
            # NULL and small numbers lie side by side like the number of a page
            connection.execute("INSERT INTO gaps VALUES (NULL, NULL, NULL, ?, 0, NULL)", (number,))
            connection.execute("INSERT INTO notes VALUES (?, ?)", (number, mark(number) + "." * numbers.randrange(3 * page)))
        connection.execute("INSERT INTO notes VALUES (1000, ?)", (story,))
        connection.execute("INSERT INTO drafts VALUES (?, 1000)", (mark(5000) * (page // 5),))
        connection.execute("COMMIT")
        connection.execute("VACUUM")
    answers = lying(path, found_in(path, text_traces(story, budget=60)))
    chained = [hit for hit, _ in answers if hit.hidden == "sqlite overflow"]
    assert chained
    assert {hit.hidden for hit, _ in answers} <= {"plain", "sqlite overflow", "utf-8"}
    for hit, told in answers:
        assert all(isinstance(each, LiveRows) for each in told), (hit.hidden, told)
        assert any(each.relation == "notes" and "1000" in each.rows for each in told), hit.hidden


@pytest.mark.parametrize("page", [512, 4096])
def test_no_hit_of_a_deleted_value_is_a_row_alone(tmp_path: Path, page: int) -> None:
    """A row that stays lies on the page where the deleted one's chain began: the number that is left there gives it away."""
    path = tmp_path / "app.db"
    story = "".join(f"{SAID}{number} " for number in range(page // 20))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for setting in (f"page_size = {page}", "secure_delete = 0"):
            connection.execute(f"PRAGMA {setting}")
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, said TEXT)")
        for number in range(6):
            connection.execute("INSERT INTO notes VALUES (?, 'short')", (number,))
        connection.execute("INSERT INTO notes VALUES (6, ?)", (story,))
        connection.execute("INSERT INTO notes VALUES (7, 'short')")
        connection.execute("DELETE FROM notes WHERE id = 6")
    answers = lying(path, found_in(path, text_traces(story, budget=60)))
    assert {hit.hidden for hit, _ in answers} == {"plain", "sqlite overflow"}
    for hit, told in answers:
        assert not all(isinstance(each, LiveRows) for each in told), hit.hidden
