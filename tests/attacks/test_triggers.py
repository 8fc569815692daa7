"""Triggers of a company's database that change other people's rows when a person's rows are deleted."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA
from tests.attacks.test_cascades import LOGS, LOGS_SET, Company, company, dataset, server

__all__ = ["server"]

NOTES = f"""
CREATE TABLE notes (n int PRIMARY KEY, author varchar(20), thread int, body text, seen int);
INSERT INTO notes VALUES (1, '{ANNA}', 1, 'a note on purple hedgehogs', 0), (2, '{BELA}', 1, 'a note on lighthouse keepers', 0);
INSERT INTO notes VALUES (3, '{ANNA}', 2, 'a second note on hedgehogs', 0);
"""
NOTES_SET = dataset("notes", "customer: author")
DELETES = "DELETE FROM notes WHERE thread = OLD.n"
CHANGES = "UPDATE notes SET seen = seen + 1 WHERE thread = OLD.n"
OWN = "UPDATE notes SET seen = seen + 1 WHERE author = OLD.customer_id"
MANUAL = "DELETE FROM notes WHERE author = OLD.customer_id"
CUSTOMER = "UPDATE customers SET name = name || '!' WHERE customer_id = OLD.customer_id"


def trigger(server: str, act: str, table: str = "threads") -> str:
    if not server:
        return f"CREATE TRIGGER tidy AFTER DELETE ON {table} BEGIN {act}; END;"
    return (
        f"CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {act}; RETURN NULL; END$$;"
        f"CREATE TRIGGER tidy AFTER DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION tidy();"
    )


def accept(made: Company) -> None:
    made.map.write_text(made.map.read_text().replace("kind: ", "triggers: {tidy: keeps a counter and no content}, kind: ", 1))


@pytest.mark.parametrize("act", [DELETES, pytest.param(CHANGES, marks=pytest.mark.soak)])
def test_a_trigger_that_changes_another_persons_row_is_refused_by_name(tmp_path: Path, server: str, act: str) -> None:
    made = company(tmp_path, server, NOTES + trigger(server, act), NOTES_SET)
    before = made.run("SELECT * FROM notes WHERE n = 2")
    with made.open() as opened:
        order = opened.order_erase([opened.resolve(f"customer:{ANNA}")]).order
        opened.plan(order)
        run = opened.apply(order)
    assert made.run("SELECT * FROM notes WHERE n = 2") == before
    assert (run.state, made.run("SELECT n FROM threads ORDER BY n")) == (OrderState.IN_PART, [(1,), (2,)])
    (said,) = [entry.detail for entry in made.receipt(run).datasets if entry.dataset == "threads"]
    assert "rows of notes of other people (tidy" in said
    accept(made)
    with made.open() as opened:
        opened.plan(order)
        again = opened.apply(order)
    assert (again.state, again.reasons) == (OrderState.FULFILLED, ())
    assert made.run("SELECT * FROM notes WHERE n = 2") != before


@pytest.mark.parametrize("act", [OWN, MANUAL, CUSTOMER, "UPDATE notes SET seen = seen WHERE thread = OLD.n"])
@pytest.mark.soak
def test_a_trigger_that_changes_rows_of_the_person_alone_is_none_of_that(tmp_path: Path, server: str, act: str) -> None:
    made = company(tmp_path, server, NOTES + trigger(server, act), NOTES_SET)
    before = made.run("SELECT * FROM notes WHERE n = 2")
    run = made.erase_all(ANNA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert made.run("SELECT * FROM notes") == before


@pytest.mark.soak
def test_rows_of_everybody_in_the_order_may_go(tmp_path: Path, server: str) -> None:
    made = company(tmp_path, server, NOTES + trigger(server, DELETES), NOTES_SET)
    run = made.erase_all(ANNA, BELA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())


def test_a_trigger_of_a_table_of_another_kind_is_watched_as_well(tmp_path: Path, server: str) -> None:
    guest = LOGS.replace(" REFERENCES devices ON DELETE CASCADE", "").replace(f"(2, 'dev-3R8W1Z6PBY', '{BELA}'", f"(2, NULL, '{BELA}'")
    made = company(tmp_path, server, guest + trigger(server, "DELETE FROM logs WHERE device_id IS NULL", "devices"), LOGS_SET)
    run = made.erase_all(ANNA)
    assert (2,) in made.run("SELECT n FROM logs")
    assert any("devices" in reason for reason in run.reasons), run.reasons


@pytest.mark.soak
def test_a_trigger_behind_a_trigger_is_watched_as_well(tmp_path: Path, server: str) -> None:
    first, second = trigger(server, "DELETE FROM stamps WHERE n = OLD.n"), trigger(server, DELETES, "stamps").replace("tidy", "behind")
    stamps = "CREATE TABLE stamps (n int PRIMARY KEY, at text); INSERT INTO stamps VALUES (1, 'now');"
    made = company(tmp_path, server, NOTES + stamps + first + second, NOTES_SET)
    run = made.erase_all(ANNA)
    assert (2,) in made.run("SELECT n FROM notes")
    assert any("threads" in reason for reason in run.reasons), run.reasons
