"""Residue is named by store, table or file, with every place counted; offsets are for whoever asks."""

from __future__ import annotations

from pathlib import Path

import psycopg

from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.engine.evidence.residue_places import ResidueGroup
from tests.attacks.mention_company import ANNA, CUSTOMERS, CUSTOMERS_SET, MentionCompany, company
from tests.cli.running import expunge

NAME = "Anna the first of all customers"
SET = f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}"
SCRATCH = "CREATE TABLE scratch (n INTEGER PRIMARY KEY, said TEXT);" + "".join(
    f"INSERT INTO scratch VALUES ({n}, '{NAME}, number {n}');" for n in range(9)
)
IGNORED = "ignore:\n  - {store: app, table: scratch, reason: scratch space}\n"


def _groups(made: MentionCompany, run: Run) -> tuple[ResidueGroup, ...]:
    assert run.state is OrderState.IN_PART
    with made.open() as opened:
        return opened.residue_groups(run.order)


def test_residue_in_a_table_is_named_by_the_table_and_every_place_counts(tmp_path: Path) -> None:
    made = company(tmp_path, CUSTOMERS + SCRATCH, SET)
    made.map.write_text(made.map.read_text() + IGNORED)
    (group,) = _groups(made, run := made.erase(ANNA))
    assert (group.store, group.table, group.lying, Path(group.path).name) == ("app", "scratch", "live rows", "app.db")
    assert group.places >= 9, "more than the five of each window that are kept one by one"
    assert group.of == ("customers.name",)
    again = expunge("apply", run.order, "--yes", cwd=tmp_path)
    assert f"residue in app: {group.places} places" in again.out
    assert "table scratch, live rows in " in again.out
    assert " at " not in again.out.partition("residue in app")[2]
    assert " at " in expunge("apply", run.order, "--yes", "--verbose", cwd=tmp_path).out


def test_residue_in_many_files_is_counted_by_folder(tmp_path: Path) -> None:
    made = company(tmp_path, CUSTOMERS, SET)
    made.map.write_text(made.map.read_text().replace("stores:\n", "stores:\n  drop: {kind: files, url: ./world/drop}\n"))
    for folder in ("old", "new"):
        (tmp_path / "world" / "drop" / folder).mkdir(parents=True)
        for n in range(15):
            (tmp_path / "world" / "drop" / folder / f"{n}.txt").write_text(f"{NAME}, as written in {n}")
    run = made.erase(ANNA)
    assert {each.places for each in _groups(made, run)} == {1}
    out = expunge("apply", run.order, "--yes", cwd=tmp_path).out
    assert "residue in drop: 30 places" in out
    assert "/new/ (15 files): 15 places, of customers.name" in out
    assert "/old/ (15 files): 15 places, of customers.name" in out


def test_residue_on_a_server_is_named_by_the_table_that_nobody_declared(tmp_path: Path, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute((CUSTOMERS + SCRATCH).encode())
    made = company(tmp_path, "SELECT 1", SET, server=database)
    made.map.write_text(made.map.read_text() + IGNORED)
    tables = {group.table for group in _groups(made, made.erase(ANNA))}
    assert "scratch" in tables
