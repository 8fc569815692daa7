"""Another customer's letter names the person in another form: that is told, until the map keeps mentions in that column."""

from __future__ import annotations

import base64
import gzip
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CARA, CUSTOMERS, CUSTOMERS_SET, company

SAID = "the walnuts are as ripe as they will ever be in the north"
WRITTEN: dict[str, Callable[[str], str | bytes]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "entities": lambda text: text.replace("-", "&#45;"),
    "gzip": lambda text: gzip.compress(text.encode()),
}
FULFILLED, IN_PART = OrderState.FULFILLED, OrderState.IN_PART


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize(
    ("bela", "rule", "state"),
    [
        (f"I asked {ANNA} about it yesterday", "", IN_PART),
        (f"I asked {ANNA} about it yesterday", ", mentions: {body: keep}", FULFILLED),
        (f"as they say: {SAID}, and so do I", "", FULFILLED),
        (f"as they say: {SAID}, and {CARA} does", "", FULFILLED),
    ],
    ids=["named", "kept", "quoted", "another one named"],
)
def test_a_mention_in_another_form_is_told(tmp_path: Path, form: str, bela: str, rule: str, state: OrderState) -> None:
    letters = f"letters: {{store: app, table: letters, subject: {{customer: customer}}, retention: life{rule}}}"
    made = company(tmp_path, CUSTOMERS, f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}", letters)
    with closing(sqlite3.connect(made.database)) as db, db:
        db.execute("CREATE TABLE letters (n INTEGER PRIMARY KEY, customer TEXT, body)")
        rows = [(who, WRITTEN[form](said)) for who, said in ((ANNA, SAID), (BELA, bela), (CARA, "nothing but the weather"))]
        db.executemany("INSERT INTO letters (customer, body) VALUES (?, ?)", rows)
    run = made.erase(ANNA)
    assert run.state is state, run.reasons
