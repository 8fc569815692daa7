"""Backups that hold the person, in a receipt that says otherwise."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from expunge import clock
from expunge.core.evidence.receipt import KeptItems
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.stores.backup.store import made_between
from tests.engine.household import ANNA, Household, build

STORE = "  backups: {kind: backup, url: ./backups, of: app, format: files, every: 1 day, keep: 30 days}\n"


@pytest.fixture
def home(tmp_path: Path) -> Household:
    made = build(tmp_path / "home")
    made.map.write_text(made.map.read_text().replace("retention:\n  life", STORE + "retention:\n  life", 1))
    (made.folder / "backups").mkdir()
    (made.folder / "backups" / "of-yesterday").write_bytes(made.database.read_bytes())
    at = (clock.now() - timedelta(days=1)).timestamp()
    os.utime(made.folder / "backups" / "of-yesterday", (at, at))
    return made


def kept(home: Household, order: str) -> tuple[KeptItems, ...]:
    with home.open() as opened:
        files = opened.receipt_folder(order)  # type: ignore[arg-type]
    return receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt.kept


@pytest.mark.parametrize("names", [("prf-nobody-000000", ANNA), (ANNA, "prf-nobody-000000")])
def test_backups_of_somebody_hold_them_whoever_leads_the_round(home: Household, names: tuple[str, str]) -> None:
    with home.open() as opened:
        orders = [opened.order_erase([opened.resolve(f"profile:{name}")]).order for name in names]
        for order in orders:
            opened.plan(order)
        runs = opened.apply_all(orders)
    assert runs[0].current.cohort == tuple(orders)
    held = {name: [each.items for each in kept(home, order)] for name, order in zip(names, orders, strict=True)}
    assert held == {ANNA: [1], "prf-nobody-000000": []}


def test_a_copy_of_files_made_before_the_purge_holds_the_rows_that_were_deleted_already(home: Household) -> None:
    (home.folder / "backups" / "of-yesterday").unlink()
    with closing(sqlite3.connect(home.database)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM profiles").fetchall()
        run = home.erase(f"profile:{ANNA}")
        assert run.state is OrderState.IN_PART
        assert any("reader open" in each for each in run.reasons)
        (home.folder / "backups" / "meanwhile").write_bytes(home.database.read_bytes())
    home.apply(run.order)
    assert [each.items for each in kept(home, run.order)] == [1]


def test_a_date_to_come_in_a_name_does_not_make_a_backup_one_of_later(tmp_path: Path) -> None:
    path = tmp_path / f"app-remove-after-{clock.now() + timedelta(days=30):%Y-%m-%d}.sql"
    path.write_bytes(b"")
    assert made_between(path)[0] <= clock.now()
