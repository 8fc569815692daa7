"""Items that lead to nobody known: a fault of the map where they are many, and a line on every receipt."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge import survey
from expunge.bootstrap import Expunge
from expunge.core.evidence.receipt import OrphanedItems
from expunge.core.values.copy import Finding, FindingKind
from expunge.core.values.order import OrderState
from tests.attacks.mention_company import MentionCompany

CUSTOMERS = "customers: {store: app, table: customers, subject: {customer: id}, retention: life}"
TAPES = 'tapes: {store: tapes, path: "{customer}.txt", subject: {customer: customer}, retention: tape}'
NOTES = "notes: {store: app, table: notes, subject: {customer: author}, retention: life}"
SAID = "customer {} hums a tune that nobody else knows"


def _tapes(folder: Path, *names: str) -> MentionCompany:
    """A company with forty customers, a folder of recordings called as given, and a table of notes."""
    made = MentionCompany(folder)
    (folder / "world" / "tapes").mkdir(parents=True)
    with closing(sqlite3.connect(made.database)) as db, db:
        db.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, closed_at TEXT)")
        db.execute("CREATE TABLE notes (n INTEGER PRIMARY KEY, author INTEGER, said TEXT, closed_at TEXT)")
        db.executemany("INSERT INTO customers VALUES (?, ?, NULL)", [(n, f"customer number {n} of forty") for n in range(1, 41)])
    for name in names:
        (folder / "world" / "tapes" / f"{name}.txt").write_text(SAID.format(name))
    made.declare(CUSTOMERS, TAPES, NOTES)
    tapes = "  tapes: {kind: files, url: ./world/tapes}\n"
    tape = "  tape: {period: 30 days, from: modified, purpose: keep the tapes, need: contract}\n"
    made.map.write_text(made.map.read_text().replace("stores:\n", f"{tape}stores:\n{tapes}"))
    Expunge.init(made.map)
    return made


def _faults(made: MentionCompany, dataset: str) -> list[Finding]:
    checked = survey.check(made.map)
    assert checked.faults == ()
    return [each for each in checked.findings if each.kind is not FindingKind.NOTE and dataset in each.what]


def test_half_of_a_folder_under_keys_with_zeros_in_front_is_a_fault_and_on_the_receipt(tmp_path: Path) -> None:
    made = _tapes(tmp_path, *(f"{n:04d}" for n in range(1, 21)), *map(str, range(21, 41)))
    (fault,) = _faults(made, "tapes")
    assert fault.line > 0
    assert fault.what.startswith("20 items of tapes name a subject that is not in customers")
    assert "20 of the 20 keys are there with other zeros in front" in fault.what
    assert "write the keys as customers has them" in fault.mend
    run = made.erase("customer:7")
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.receipt(run).orphaned == (OrphanedItems("tapes", "tapes", 10),)


@pytest.mark.parametrize(("strangers", "faults"), [(4, 1), (2, 0)])
def test_many_keys_of_nobody_are_a_fault_and_a_few_are_a_note(tmp_path: Path, strangers: int, faults: int) -> None:
    made = _tapes(tmp_path, *(f"u-{n}" for n in range(strangers)), *map(str, range(1, 11)))
    assert len(_faults(made, "tapes")) == faults


def test_a_placeholder_for_deleted_people_is_a_note_however_many_items_it_has(tmp_path: Path) -> None:
    made = _tapes(tmp_path, "1", "2")
    with closing(sqlite3.connect(made.database)) as db, db:
        db.executemany("INSERT INTO notes (author, said) VALUES (?, ?)", [(0, f"left behind, number {n}") for n in range(30)])
        db.executemany("INSERT INTO notes (author, said) VALUES (?, ?)", [(n, f"said by customer {n}") for n in range(1, 11)])
    assert _faults(made, "notes") == []


def test_where_every_item_leads_to_somebody_a_receipt_says_nothing_of_it(tmp_path: Path) -> None:
    made = _tapes(tmp_path, *map(str, range(1, 41)))
    assert _faults(made, "tapes") == []
    run = made.erase("customer:7")
    assert (run.state, made.receipt(run).orphaned) == (OrderState.FULFILLED, ())
