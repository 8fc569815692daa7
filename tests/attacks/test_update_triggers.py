"""Triggers of a company's database that change other people's rows when an identifier leaves a row, or a member a list."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CARA
from tests.attacks.test_cascades import Company, company, dataset, server
from tests.attacks.test_triggers import NOTES, NOTES_SET, accept

__all__ = ["server"]

REFERRALS = f"""
CREATE TABLE referrals (n int PRIMARY KEY, customer_id varchar(20), referred_by varchar(20), seen int);
INSERT INTO referrals VALUES (1, '{BELA}', '{ANNA}', 0), (2, '{CARA}', '{BELA}', 0), (3, '{ANNA}', '{CARA}', 0);
"""
GROUPS = f"""
CREATE TABLE groups (n int PRIMARY KEY, members <list>, seen int);
INSERT INTO groups VALUES (1, '["{ANNA}", "{BELA}"]', 0), (2, '["{BELA}", "{CARA}"]', 0), (3, '["{ANNA}"]', 0);
"""
REFERRALS_SET = dataset("referrals", "customer: customer_id", ", mentions: {referred_by: null}")
REPLACED_SET = dataset("referrals", "customer: customer_id", ", mentions: {referred_by: {replace: nobody-at-all}}")
GROUPS_SET = dataset("groups", "customer: members")
DELETES = "DELETE FROM notes WHERE n = 2"
CHANGES = "UPDATE notes SET seen = 7"
ITSELF = "UPDATE <table> SET seen = 7 WHERE n = 2 AND seen = 0"
SAME_ROW = "UPDATE <table> SET seen = 7 WHERE n = OLD.n AND seen = 0"
OTHER_CELL = "UPDATE <table> SET <column> = NULL WHERE n = 2 AND <column> IS NOT NULL"
AGAIN = "UPDATE <table> SET <column> = '[]' WHERE n = 1 AND seen = 0 AND <column> <> '[]'"
OWN = "DELETE FROM notes WHERE n <> 2"
NOTHING = "UPDATE notes SET seen = seen"
COUNTS = "INSERT INTO counts VALUES (1)"
soak = pytest.mark.soak


def made_with(tmp_path: Path, server: str, table: str, act: str, *, replaced: bool = False, before: str = "") -> Company:
    sql = GROUPS.replace("<list>", "jsonb" if server else "text") if table == "groups" else REFERRALS
    declared = GROUPS_SET if table == "groups" else REPLACED_SET if replaced else REFERRALS_SET
    return company(tmp_path, server, f"CREATE TABLE counts (n int);{NOTES}{sql}{trigger(server, table, act, before)}", NOTES_SET, declared)


def trigger(server: str, table: str, act: str, before: str = "") -> str:
    if not server:
        return f"CREATE TRIGGER tidy AFTER UPDATE ON {table} BEGIN {act}; END;"
    body = f"BEGIN {before or act}; RETURN {'NEW' if before else 'NULL'}; END"
    return (
        f"CREATE FUNCTION tidy() RETURNS trigger LANGUAGE plpgsql AS $${body}$$;"
        f"CREATE TRIGGER tidy {'BEFORE' if before else 'AFTER'} UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION tidy();"
    )


def refused(made: Company, table: str, touched: str, *, updated: bool = True) -> None:
    """Erase; nothing of others may change, and the reason names table and trigger. Then accept the trigger: the order is fulfilled."""
    watched = (table, "notes") if updated else ("notes",)
    before = [made.run(f"SELECT * FROM {each} ORDER BY n") for each in watched]
    own = [row for rows in before for row in rows if row[1] == ANNA or row[0] == 3]
    run = made.erase_all(ANNA)
    after = [made.run(f"SELECT * FROM {each} ORDER BY n") for each in watched]
    assert [[row for row in rows if row not in own] for rows in before] == [[row for row in rows if row not in own] for rows in after]
    assert run.state is OrderState.IN_PART
    (said,) = [entry.detail for entry in made.receipt(run).datasets if entry.dataset == table]
    assert f"rows of {touched} of other people (tidy" in said
    accept(made)
    with made.open() as opened:
        opened.plan(run.order)
        again = opened.apply(run.order)
    assert (again.state, again.reasons) == (OrderState.FULFILLED, ())
    assert [made.run(f"SELECT * FROM {each} ORDER BY n") for each in watched] != after


@pytest.mark.parametrize(("table", "column"), [("referrals", "referred_by"), ("groups", "members")])
@pytest.mark.parametrize(
    "act", [DELETES, pytest.param(CHANGES, marks=soak), pytest.param(ITSELF, marks=soak), pytest.param(OTHER_CELL, marks=soak)]
)
def test_a_trigger_on_an_update_that_changes_another_persons_row_is_refused_by_name(
    tmp_path: Path, server: str, act: str, table: str, column: str
) -> None:
    made = made_with(tmp_path, server, table, act.replace("<table>", table).replace("<column>", column))
    refused(made, table, "notes" if act in {DELETES, CHANGES} else table)


@soak
@pytest.mark.parametrize("table", ["referrals", "groups"])
def test_nor_may_it_change_further_cells_of_the_row_itself(tmp_path: Path, server: str, table: str) -> None:
    act = SAME_ROW.replace("<table>", table)
    refused(made_with(tmp_path, server, table, act, before="NEW.seen := 7" if server else ""), table, table)


@soak
def test_nor_may_it_change_the_list_that_a_member_left_once_more(tmp_path: Path, server: str) -> None:
    act = AGAIN.replace("<table>", "groups").replace("<column>", "members")
    refused(made_with(tmp_path, server, "groups", act, before="NEW.members := '[]'" if server else ""), "groups", "groups")


@soak
def test_a_replacement_sets_it_off_as_well(tmp_path: Path, server: str) -> None:
    refused(made_with(tmp_path, server, "referrals", DELETES, replaced=True), "referrals", "notes")


@pytest.mark.parametrize("act", [OWN, pytest.param(NOTHING, marks=soak), pytest.param(COUNTS, marks=soak)])
@pytest.mark.parametrize("table", ["referrals", pytest.param("groups", marks=soak)])
def test_a_trigger_on_an_update_that_changes_no_row_of_others_is_none_of_that(tmp_path: Path, server: str, act: str, table: str) -> None:
    made = made_with(tmp_path, server, table, act)
    before = made.run("SELECT * FROM notes WHERE n = 2")
    run = made.erase_all(ANNA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert made.run("SELECT * FROM notes") == before
    if table == "referrals":
        assert made.run("SELECT n, referred_by, seen FROM referrals ORDER BY n") == [(1, None, 0), (2, BELA, 0)]


@soak
def test_a_person_without_rows_there_is_told_from_others_as_well(tmp_path: Path, server: str) -> None:
    made = made_with(tmp_path, server, "referrals", OWN)
    made.run("DELETE FROM referrals WHERE n = 3")
    run = made.erase_all(ANNA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert made.run("SELECT n, referred_by FROM referrals ORDER BY n") == [(1, None), (2, BELA)]


MARKS = f"""
CREATE TABLE marks (n int PRIMARY KEY, customer_id varchar(20), hits int);
INSERT INTO marks VALUES (1, '{ANNA}', 0), (2, '{BELA}', 0), (3, NULL, 0);
"""


@soak
@pytest.mark.parametrize("event", ["UPDATE", "DELETE"])
@pytest.mark.parametrize("row", [1, 2, 3])
def test_rows_of_undeclared_tables_that_tell_people_are_watched_as_well(tmp_path: Path, server: str, event: str, row: int) -> None:
    made = made_with(tmp_path, server, "referrals", f"DELETE FROM marks WHERE n = {row}")
    on = "ON referrals FOR EACH ROW EXECUTE FUNCTION tidy()" if server else f"ON referrals BEGIN DELETE FROM marks WHERE n = {row}; END"
    made.run(f"{MARKS}DROP TRIGGER tidy{' ON referrals' if server else ''}; CREATE TRIGGER tidy AFTER {event} {on};")
    run = made.erase_all(ANNA)
    assert made.run("SELECT n FROM marks ORDER BY n") == [(n,) for n in (1, 2, 3) if n != row or row == 2]
    assert any("referrals: not supported" in reason for reason in run.reasons) is (row == 2), run.reasons


@soak
def test_one_persons_trigger_does_not_hold_up_another(tmp_path: Path, server: str) -> None:
    made = made_with(tmp_path, server, "referrals", "DELETE FROM notes WHERE n = 2 AND OLD.n = 1")
    made.run(f"INSERT INTO referrals VALUES (4, '{BELA}', '{CARA}', 0)")
    run = made.erase_all(ANNA, CARA)
    assert run.state is OrderState.IN_PART
    assert made.run("SELECT n, referred_by FROM referrals ORDER BY n") == [(1, ANNA), (3, CARA), (4, None)]


@soak
@pytest.mark.parametrize("act", ["UPDATE referrals SET seen = seen WHERE n = 2", "UPDATE referrals SET seen = 7 WHERE n = 2 AND seen = 0"])
def test_a_released_row_is_not_laid_to_a_trigger_on_deletions(tmp_path: Path, server: str, act: str) -> None:
    made = made_with(tmp_path, server, "referrals", act)
    made.run(
        "DROP TRIGGER tidy"
        + (
            " ON referrals; CREATE TRIGGER tidy AFTER DELETE ON referrals FOR EACH ROW EXECUTE FUNCTION tidy()"
            if server
            else f"; CREATE TRIGGER tidy AFTER DELETE ON referrals BEGIN {act}; END"
        )
    )
    run = made.erase_all(ANNA)
    assert (run.state is OrderState.FULFILLED) is ("seen = seen" in act)
    assert made.run("SELECT seen FROM referrals WHERE n = 2") == [(0,)]


REPLACED = "INSERT OR REPLACE INTO notes VALUES (2, 'nobody', 7, 'written over', 0)"


@pytest.mark.parametrize("event", ["UPDATE", pytest.param("DELETE", marks=soak)])
@pytest.mark.parametrize(
    "act",
    [
        REPLACED,
        pytest.param("INSERT INTO notes VALUES (2, 'nobody', 7, 'written over', 0) ON CONFLICT DO UPDATE SET seen = 7", marks=soak),
    ],
)
def test_a_row_that_another_takes_the_place_of_is_missed(tmp_path: Path, act: str, event: str) -> None:
    made = made_with(tmp_path, "", "referrals", act)
    made.run(f"DROP TRIGGER tidy; CREATE TRIGGER tidy AFTER {event} ON referrals BEGIN {act}; END")
    refused(made, "referrals", "notes", updated=event == "UPDATE")


@soak
@pytest.mark.parametrize("event", ["UPDATE", "DELETE"])
@pytest.mark.parametrize("act", [REPLACED.replace("REPLACE", "IGNORE"), REPLACED.replace("2", "9"), REPLACED.replace("2", "3")])
def test_a_row_that_takes_no_place_of_others_is_none_of_that(tmp_path: Path, act: str, event: str) -> None:
    made = made_with(tmp_path, "", "referrals", act)
    made.run(f"DROP TRIGGER tidy; CREATE TRIGGER tidy AFTER {event} ON referrals BEGIN {act}; END")
    before = made.run("SELECT * FROM notes WHERE n = 2")
    run = made.erase_all(ANNA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert made.run("SELECT * FROM notes WHERE n = 2") == before
