"""One of three thousand messages lies about: every item of a person has a window that is looked for."""

from __future__ import annotations

import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.evidence.receipt import Receipt, parse
from expunge.core.log import dsse
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from tests.engine.household import ANNA, Household, build

MESSAGES = 3000
WORDS = [f"{first}{last}" for first in ("am", "bel", "cor", "dun", "el") for last in ("ber", "low", "ton", "sey")][:17]
RECORDING = f"rec-{ANNA[4:8]}-0-X7"


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


def message(number: int) -> str:
    words = [WORDS[number // each % len(WORDS)] for each in (1, 17, 289, 5, 7, 11)]
    return f"{words[0]} {words[1]} {words[2]} in {' '.join(words[3:])} of evening {number}"


def in_table(home: Household) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        db.executemany(
            "INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", [(RECORDING, message(number)) for number in range(MESSAGES)]
        )


def in_lake(home: Household) -> None:
    lines = [json.dumps({"profile_id": ANNA, "said": message(number)}) for number in range(MESSAGES)]
    (home.world / "lake/events/2026-05-03.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))


def stray_row(home: Household, text: str) -> None:
    with closing(sqlite3.connect(home.database)) as db, db:
        db.execute("CREATE TABLE drafts (said TEXT)")
        db.execute("INSERT INTO drafts VALUES (?)", (text,))


def stray_file(home: Household, text: str) -> None:
    (home.world / "lake/one.txt").write_text(f"Re: {text} (fwd)")


def erase(home: Household) -> Run:
    return home.erase(f"profile:{ANNA}")


def receipt_of(home: Household, run: Run) -> Receipt:
    with home.open() as opened:
        return parse(dsse.parse(opened.receipt_folder(run.order)["receipt.dsse.json"]).payload)


@pytest.mark.parametrize(("fill", "plant"), [(in_table, stray_row), (in_lake, stray_file)], ids=["sqlite", "files"])
def test_a_stray_copy_of_one_message_of_three_thousand_is_found(
    home: Household, fill: Callable[[Household], None], plant: Callable[[Household, str], None]
) -> None:
    fill(home)
    plant(home, message(1234))
    run = erase(home)
    assert run.state is OrderState.IN_PART


@pytest.mark.soak
@pytest.mark.parametrize("fill", [in_table, in_lake], ids=["sqlite", "files"])
def test_without_a_stray_copy_the_order_is_fulfilled(home: Household, fill: Callable[[Household], None]) -> None:
    fill(home)
    run = erase(home)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    (many,) = (each for each in receipt_of(home, run).datasets if each.items > MESSAGES)
    assert many.scan is not None
    assert many.scan.values == many.scan.values_looked_for >= 1000
    assert many.scan.share == 100
