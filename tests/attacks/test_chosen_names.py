"""Names that customers choose: one that is another customer's sentence excuses no copy of it, one that two share names neither."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CARA, MentionCompany, company

SAID = "walnuts are for the wicked"
NAME = "Anna Schmidt of Graz"
SET = "customers: {store: app, table: customers, subject: {customer: id}, retention: life}"
NOTES = "notes: {store: app, table: notes, subject: {customer: who}, retention: life}"
TASKS = "tasks: {store: app, table: tasks, subject: {customer: who}, retention: life}"


def club(folder: Path, bela: str, more: str = "") -> MentionCompany:
    """A club whose members are known by their names as well."""
    rows = f"('{ANNA}', '{NAME}', NULL), ('{BELA}', '{bela}', NULL), ('{CARA}', 'Cara Blum of Bern', NULL)"
    notes = f"(1, '{ANNA}', '{SAID}'), (2, '{BELA}', 'nothing much to say of apples'), (3, '{CARA}', 'the rain in the south')"
    tasks = f"(1, '{ANNA}', '{bela}'), (2, '{BELA}', 'Cara Blum of Bern'), (3, '{CARA}', NULL)"
    sql = f"""
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, closed_at TEXT); INSERT INTO customers VALUES {rows};
    CREATE TABLE notes (n INTEGER PRIMARY KEY, who TEXT, said TEXT); INSERT INTO notes VALUES {notes};
    CREATE TABLE tasks (n INTEGER PRIMARY KEY, who TEXT, helper TEXT); INSERT INTO tasks VALUES {tasks};
    """
    made = company(folder, sql + more, SET, NOTES, TASKS, lake=True)
    made.map.write_text(made.map.read_text().replace("key: id}", "key: id, also: [name]}"))
    return made


def drafts(text: str) -> str:
    return f"CREATE TABLE drafts (n INTEGER PRIMARY KEY, x TEXT); INSERT INTO drafts VALUES (1, '{text}');"


@pytest.mark.parametrize("packed", [False, True])
def test_a_copy_of_a_sentence_that_another_customer_took_for_a_name_is_residue(tmp_path: Path, *, packed: bool) -> None:
    made = club(tmp_path, SAID, "" if packed else drafts(SAID))
    if packed:
        with zipfile.ZipFile(made.folder / "world" / "lake" / "old.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("old.txt", f"{SAID}\n" * 9)
    assert made.erase(ANNA).state is OrderState.IN_PART


@pytest.mark.parametrize("bela", [SAID, "Bela Bartok of Pest", NAME])
def test_names_of_customers_who_stay_are_theirs_where_a_column_holds_names(tmp_path: Path, bela: str) -> None:
    made = club(tmp_path, bela, "" if bela == SAID else drafts(bela))
    run = made.erase(ANNA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert (BELA, bela, None) in made.run("SELECT * FROM customers")
