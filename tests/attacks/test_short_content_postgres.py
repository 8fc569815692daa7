"""Rows too short for a window in PostgreSQL: every byte of the files of their table is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.core.values.order import OrderState
from tests.attacks.mention_company import company
from tests.attacks.test_short_content import CUSTOMERS_SET, PERSON, seldom

CUSTOMERS = """
CREATE TABLE customers (id int PRIMARY KEY, name text, closed_at text);
INSERT INTO customers SELECT i + 100, 'Customer called number ' || (i * 7919), NULL FROM generate_series(1, 300) AS i;
"""


@pytest.mark.parametrize(
    "shelf",
    [
        f"CREATE TABLE shelf (ids int[]); INSERT INTO shelf VALUES (ARRAY[101, {PERSON}]), (ARRAY[104, 105])",
        seldom(f"CREATE TABLE shelf (ids text); INSERT INTO shelf VALUES ('101,{PERSON}'), ('104,105')"),
        seldom(f"""CREATE TABLE shelf (ids jsonb); INSERT INTO shelf VALUES ('{{"of": [101, {PERSON}]}}'), ('[104]')"""),
    ],
)
def test_a_list_with_the_short_key_is_never_silent(tmp_path: Path, database: str, shelf: str) -> None:
    made = company(tmp_path, CUSTOMERS + shelf, f"{CUSTOMERS_SET}}}", server=database)
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    assert any("may name the person in 1 row" in reason and "shelf.ids" in reason for reason in run.reasons), run.reasons
