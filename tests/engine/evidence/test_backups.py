"""Backups hold what was erased until they end: each receipt says until when, and the order is done when the last has ended."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge import clock
from expunge.core.evidence.receipt import KeptItems
from expunge.core.values.copy import FindingKind
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.stores.backup.store import made_between, pg_dump_date
from tests.engine.household import ANNA, Household

DAY = timedelta(days=1)
STORE = "  backups: {kind: backup, url: ./backups, of: app, format: files, every: 1 day, keep: 30 days}\n"


@pytest.fixture
def backed_up(home: Household) -> Household:
    """The household with a folder of backups: one of today, one of ten days ago."""
    text = home.map.read_text()
    home.map.write_text(text.replace("retention:\n  life", STORE + "retention:\n  life", 1))
    backup(home, "old", 10 * DAY)
    backup(home, "new", timedelta(minutes=1))
    return home


def backup(home: Household, name: str, age: timedelta) -> Path:
    folder = home.folder / "backups"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(home.database.read_bytes())
    at = (clock.now() - age).timestamp()
    os.utime(path, (at, at))
    return path


def kept(home: Household, order: str) -> tuple[KeptItems, ...]:
    with home.open() as opened:
        files = opened.receipt_folder(order)  # type: ignore[arg-type]
    return receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt.kept


@pytest.mark.duty("TIM-02")
def test_a_receipt_says_until_when_backups_hold_what_was_erased(backed_up: Household) -> None:
    run = backed_up.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    (entry,) = kept(backed_up, run.order)
    assert entry.dataset == "backups"
    assert entry.items == 2
    assert entry.until is not None
    assert abs(entry.until - (clock.now() + 30 * DAY)) < timedelta(hours=1), "the true last date is the newest backup's"


def test_backups_made_after_the_erasure_do_not_lengthen_it(backed_up: Household) -> None:
    run = backed_up.erase(f"profile:{ANNA}")
    backup(backed_up, "later", -timedelta(minutes=5))
    again = backed_up.apply(run.order)
    assert again.state is OrderState.IN_PART
    (entry,) = kept(backed_up, run.order)
    assert entry.items == 2


def test_the_order_is_done_when_the_last_backup_that_holds_the_person_has_ended(backed_up: Household) -> None:
    run = backed_up.erase(f"profile:{ANNA}")
    for each in (backed_up.folder / "backups").iterdir():
        each.unlink()
    backup(backed_up, "later", -timedelta(minutes=5))
    assert backed_up.apply(run.order).state is OrderState.FULFILLED
    assert kept(backed_up, run.order) == ()


def test_a_backup_that_outlived_its_schedule_still_holds_and_is_found(backed_up: Household) -> None:
    backup(backed_up, "forgotten", 40 * DAY)
    run = backed_up.erase(f"profile:{ANNA}")
    assert any(each.until is None and "outlived" in each.ground for each in kept(backed_up, run.order))
    with backed_up.open() as opened:
        page = opened.receipt_folder(run.order)["receipt.html"].decode()
    assert "1 backup: kept, and this receipt has no date for its end. Why: backups of" in page
    assert "keeping time ends" not in page
    with backed_up.open() as opened:
        assert any(each.kind is FindingKind.NOTE and "outlived" in each.what for each in opened.check())


def test_a_folder_that_cannot_be_seen_holds_by_its_schedule(backed_up: Household) -> None:
    (backed_up.folder / "backups").rename(backed_up.folder / "moved")
    run = backed_up.erase(f"profile:{ANNA}")
    (entry,) = kept(backed_up, run.order)
    assert "cannot be seen" in entry.ground
    assert entry.until is not None
    gone = run.gone_at(clock.now())
    assert gone is not None
    assert entry.until == gone.replace(microsecond=0) + 30 * DAY


def test_the_header_of_a_dump_says_when_it_was_made() -> None:
    def number(value: int) -> bytes:
        return b"\0" + value.to_bytes(4, "little")

    stamp = b"".join(number(each) for each in (30, 15, 16, 25, 10, 126))
    old = b"PGDMP" + bytes([1, 14, 0, 4, 8, 1]) + number(0) + stamp
    new = b"PGDMP" + bytes([1, 16, 0, 4, 8, 1]) + b"\1" + stamp
    for head in (old, new):
        assert pg_dump_date(head.ljust(64, b"x")) == datetime(2026, 11, 25, 16, 15, 30, tzinfo=UTC)
    assert pg_dump_date(b"-- PostgreSQL database dump".ljust(64)) is None
    assert pg_dump_date(b"PGDMP") is None


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("app-2026-03-01.sql.gz", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)),
        ("20260301T0230.tar", datetime(2026, 3, 1, 2, 30, tzinfo=UTC), datetime(2026, 3, 1, 2, 31, tzinfo=UTC)),
    ],
)
def test_a_date_in_the_name_counts_where_the_backup_says_nothing(tmp_path: Path, name: str, first: datetime, last: datetime) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    assert made_between(path) == (first, last)


def test_a_number_that_is_no_date_is_none(tmp_path: Path) -> None:
    path = tmp_path / "app-20269999"
    path.write_bytes(b"")
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    assert made_between(path) == (changed, changed)


def test_somebody_of_whom_nothing_was_held_waits_for_no_backup(backed_up: Household) -> None:
    run = backed_up.erase("profile:prf-nobody-000000")
    assert run.state is OrderState.FULFILLED
    with backed_up.open() as opened:
        files = opened.receipt_folder(run.order)
    scope = receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt.out_of_scope
    assert any("backups" in each and "30 days" in each for each in scope)
