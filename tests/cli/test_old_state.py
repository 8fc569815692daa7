"""A journal that is older than what was published from it is refused: it has forgotten orders, and whom they fenced."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli import world
from tests.cli.running import expunge


@pytest.fixture
def company(tmp_path: Path) -> Path:
    world.make(tmp_path)
    expunge("init", cwd=tmp_path)
    return tmp_path


def erase(company: Path, name: str) -> None:
    order = expunge("order", "erase", name, "--yes", "--json", cwd=company).json["order"]
    expunge("plan", order, cwd=company)
    assert expunge("apply", order, "--yes", cwd=company).code == 0


def lose_journal(company: Path) -> None:
    for each in (company / "state").glob("state.db*"):
        each.unlink()


def test_a_lost_journal_does_not_read_as_no_orders_yet(company: Path) -> None:
    erase(company, "profile:p-mia")
    lose_journal(company)
    ran = expunge("status", cwd=company)
    assert ran.code == 1
    assert "the journal" in ran.err
    assert expunge("gate", "publish", cwd=company).code == 1
    assert expunge("doctor", cwd=company).code == 1


def test_an_older_journal_is_refused_and_the_right_one_goes_on(company: Path) -> None:
    erase(company, "profile:p-mia")
    shutil.copy(company / "state" / "state.db", company / "older.db")
    erase(company, "profile:p-ada")
    shutil.copy(company / "state" / "state.db", company / "newer.db")
    lose_journal(company)
    shutil.copy(company / "older.db", company / "state" / "state.db")
    assert "the log holds 2 receipts, the journal knows of 1" in expunge("sweep", cwd=company).err
    lose_journal(company)
    shutil.copy(company / "newer.db", company / "state" / "state.db")
    assert expunge("status", cwd=company).code == 0


def test_a_journal_that_forgot_somebody_who_is_fenced_is_refused(company: Path) -> None:
    shutil.copy(company / "state" / "state.db", company / "older.db")
    expunge("order", "erase", "profile:p-mia", "--yes", cwd=company)
    lose_journal(company)
    shutil.copy(company / "older.db", company / "state" / "state.db")
    shutil.rmtree(company / "state" / "orders")
    ran = expunge("status", cwd=company)
    assert ran.code == 1
    assert "the gate's snapshot holds people whom the journal never suppressed" in ran.err


def test_somebody_let_go_again_is_not_missed(company: Path) -> None:
    order = expunge("order", "erase", "profile:p-mia", "--yes", "--json", cwd=company).json["order"]
    fenced = (company / "state" / "gate" / "snapshot").read_bytes()
    assert expunge("order", "cancel", order, cwd=company).code == 0
    (company / "state" / "gate" / "snapshot").write_bytes(fenced)  # as a crash before the snapshot was published would leave it
    assert expunge("status", cwd=company).code == 0


def test_a_snapshot_that_is_not_ours_says_nothing_about_the_journal(company: Path) -> None:
    (company / "state" / "gate" / "snapshot").write_bytes(b"no snapshot")
    assert expunge("status", cwd=company).code == 0
