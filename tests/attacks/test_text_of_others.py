"""Rows of other people that hold text of the person stay, and the receipt says where and how many: *fulfilled* is not *nowhere*."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from expunge.core.evidence.receipt import OthersText, Receipt, build
from expunge.core.pages import receipt_v5
from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CARA, CUSTOMERS, CUSTOMERS_SET, MentionCompany, company

NAME = "Anna the first of all customers"
MESSAGES = "messages: {store: app, table: messages, subject: {customer: sender}, retention: life}"
SET = f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}"
NOWHERE = "No trace of it is in any file of the system: not"


def _company(folder: Path, *rows: tuple[str, str]) -> MentionCompany:
    values = ", ".join(f"('{sender}', '{body}')" for sender, body in rows)
    table = "CREATE TABLE messages (n INTEGER PRIMARY KEY, sender TEXT, body TEXT, closed_at TEXT);"
    return company(folder, f"{CUSTOMERS}{table} INSERT INTO messages (sender, body) VALUES {values};", SET, MESSAGES)


def _erased(made: MentionCompany) -> tuple[Receipt, str]:
    run = made.erase(ANNA)
    assert run.state is OrderState.FULFILLED, run.reasons
    receipt = made.receipt(run)
    return receipt, receipt_v5.render(build(receipt)).decode()


def test_a_name_in_a_message_of_another_customer_is_said(tmp_path: Path) -> None:
    made = _company(tmp_path, (ANNA, "nothing but the weather here"), (BELA, f"met {NAME} by the river"), (CARA, "rain again all day"))
    receipt, page = _erased(made)
    assert made.found(NAME) != [], "the row is Bela's, and has to stay"
    assert receipt.others_text == (OthersText("messages", "app", 1, ("customers.name",)),)
    assert "1 or more records of other people" in page
    assert NOWHERE not in page
    assert "no trace found outside data of other people" in page


def test_a_receipt_counts_rows_once_and_as_a_power_of_ten(tmp_path: Path) -> None:
    said = f"{NAME} and {NAME}, as they say"
    made = _company(tmp_path, (ANNA, "nothing but the weather here"), *((BELA, f"{said}, {n}") for n in range(12)))
    receipt, page = _erased(made)
    assert receipt.others_text == (OthersText("messages", "app", 10, ("customers.name",)),)
    assert "10 or more records of other people" in page


def test_where_nobody_else_has_any_of_it_a_receipt_says_that_nothing_is_anywhere(tmp_path: Path) -> None:
    made = _company(tmp_path, (ANNA, "nothing but the weather here"), (BELA, "met somebody by the river"))
    receipt, page = _erased(made)
    assert receipt.others_text == ()
    assert NOWHERE in page
    assert "outside data of other people" not in page


@pytest.mark.parametrize("body", [f"I asked {ANNA} about it", base64.b64encode(f"I asked {ANNA} about it".encode()).decode()])
def test_a_mention_that_is_kept_is_counted_in_any_form(tmp_path: Path, body: str) -> None:
    made = _company(tmp_path, (ANNA, "nothing but the weather here"), (BELA, body))
    made.declare(SET, MESSAGES[:-1] + ", mentions: {body: keep}}")
    receipt, page = _erased(made)
    assert receipt.others_text == (OthersText("messages", "app", 1, ("customer", "customers.id", "messages.sender")),)
    assert NOWHERE not in page
