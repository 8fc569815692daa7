"""A copy of a text with other white space among its first words, right behind another value in a page of a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CUSTOMERS, CUSTOMERS_SET, company

SAID = "so the walnuts went by sea"
OTHER = "nobody asked for marmalade"


@pytest.mark.parametrize(("said", "state"), [(SAID, OrderState.IN_PART), (OTHER, OrderState.FULFILLED)])
@pytest.mark.parametrize("space", ["\n  ", "\t "])
def test_other_white_space_behind_a_letter_is_seen(tmp_path: Path, said: str, space: str, state: OrderState) -> None:
    notes = "notes: {store: app, table: notes, subject: {customer: who}, retention: life}"
    spread = said.replace(" ", space, 1)
    sql = f"""
    CREATE TABLE notes (n INTEGER PRIMARY KEY, who TEXT, said TEXT);
    INSERT INTO notes VALUES (1, '{ANNA}', '{SAID}'), (2, '{BELA}', '{OTHER}');
    CREATE TABLE drafts (n INTEGER PRIMARY KEY, kind TEXT, said TEXT);
    INSERT INTO drafts VALUES (1, 'draft', '{spread}');
    """
    made = company(tmp_path, CUSTOMERS + sql, f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}", notes)
    assert made.erase(ANNA).state is state
