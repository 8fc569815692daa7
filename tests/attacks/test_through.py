"""Paths to a person that cross tables: another name on each side, a name that is nowhere, references that the map does not cover."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.core.values.order import OrderState
from expunge.errors import Misconfigured
from tests.attacks.mention_company import ANNA, BELA, CARA, CUSTOMERS_SET, MentionCompany, company

NOTES = f"""
CREATE TABLE customers (id varchar(20) PRIMARY KEY, name text, closed_at text);
INSERT INTO customers VALUES ('{ANNA}', 'Anna the first of all customers', NULL), ('{BELA}', 'Bela who came along some time later', NULL);
CREATE TABLE notes (id varchar(20) PRIMARY KEY, author varchar(20), body text);
INSERT INTO notes VALUES ('note-a1', '{ANNA}', 'the purple hedgehog sleeps'), ('note-b1', '{BELA}', 'seventeen lighthouse keepers');
CREATE TABLE drawings (n int PRIMARY KEY, note_id varchar(20), lines text);
INSERT INTO drawings VALUES (1, 'note-a1', 'a hedgehog drawn in purple ink'), (2, 'note-b1', 'a lighthouse drawn in red ink');
"""
NOTES_SET = "notes: {store: app, table: notes, subject: {customer: author}, retention: life}"
DRAWINGS = "drawings: {store: app, table: drawings, subject: {through: notes, via: VIA}, retention: life}"


@pytest.fixture(params=["sqlite", "postgres"])
def server(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("database")) if request.param == "postgres" else ""


def with_via(folder: Path, via: str, server: str) -> MentionCompany:
    return company(folder, NOTES, f"{CUSTOMERS_SET}}}", NOTES_SET, DRAWINGS.replace("VIA", via), server=server)


def test_the_field_may_have_another_name_on_each_side(tmp_path: Path, server: str) -> None:
    made = with_via(tmp_path, "{note_id: id}", server)
    run = made.erase(ANNA)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run("SELECT n FROM drawings") == [(2,)]
    assert made.run("SELECT id FROM notes") == [("note-b1",)]
    assert {entry.dataset: entry.items for entry in made.receipt(run).datasets} == {"customers": 1, "notes": 1, "drawings": 1}


def test_check_plan_and_apply_agree_on_a_path_that_cannot_be_followed(tmp_path: Path, server: str) -> None:
    made = with_via(tmp_path, "note_id", server)
    with made.open() as opened:
        assert any("note_id" in finding.what for finding in opened.check())
        order = opened.order_erase([opened.resolve(ANNA)]).order
        with pytest.raises(Misconfigured, match="note_id"):
            opened.plan(order)
    assert made.run("SELECT count(*) FROM customers") == [(2,)]
    made.declare(f"{CUSTOMERS_SET}}}", NOTES_SET, DRAWINGS.replace("VIA", "{note_id: id}"))
    with made.open() as opened:
        opened.plan(order)
        assert opened.apply(order).state is OrderState.FULFILLED


LOYALTY = """
CREATE TABLE loyalty (n int PRIMARY KEY, customer varchar(20) REFERENCES customers (id) {action}, points int);
INSERT INTO loyalty VALUES (1, '{anna}', 5), (2, '{bela}', 7);
"""


@pytest.mark.parametrize("action", [pytest.param("", marks=pytest.mark.soak), "ON DELETE CASCADE"])
def test_a_reference_from_a_table_that_the_map_does_not_know_is_refused_before_anything_is_erased(
    tmp_path: Path, server: str, action: str
) -> None:
    made = company(tmp_path, NOTES + LOYALTY.format(action=action, anna=ANNA, bela=BELA), f"{CUSTOMERS_SET}}}", NOTES_SET, server=server)
    with made.open() as opened:
        order = opened.order_erase([opened.resolve(ANNA)]).order
        with pytest.raises(Misconfigured, match="loyalty"):
            opened.plan(order)
    assert made.run("SELECT count(*) FROM notes") == [(2,)]
    assert made.run("SELECT count(*) FROM loyalty") == [(2,)]
    loyalty = "loyalty: {store: app, table: loyalty, subject: {customer: customer}, retention: life}"
    made.declare(f"{CUSTOMERS_SET}}}", NOTES_SET, loyalty)
    with made.open() as opened:
        opened.plan(order)
        assert not any("loyalty" in reason for reason in opened.apply(order).reasons)
    assert made.run("SELECT n FROM loyalty") == [(2,)]


# --- one kind of identity in several columns ---------------------------------------------------------

PAYMENTS = f"""
CREATE TABLE customers (id varchar(20) PRIMARY KEY, name text, sponsor varchar(20) REFERENCES customers (id), closed_at text);
INSERT INTO customers VALUES ('{ANNA}', 'Anna the first of all customers', '{ANNA}', NULL);
INSERT INTO customers VALUES ('{BELA}', 'Bela who came along some time later', '{ANNA}', NULL);
INSERT INTO customers VALUES ('{CARA}', 'Cara, sent by Bela', '{BELA}', NULL);
CREATE TABLE payments (payer varchar(20), payee varchar(20), n int, cents int, PRIMARY KEY (payer, payee, n));
INSERT INTO payments VALUES ('{ANNA}', '{ANNA}', 1, 5), ('{ANNA}', '{BELA}', 1, 7);
INSERT INTO payments VALUES ('{CARA}', '{ANNA}', 1, 11), ('{CARA}', '{BELA}', 1, 13);
CREATE TABLE receipts (number int PRIMARY KEY, payer varchar(20), payee varchar(20), n int, text text,
  FOREIGN KEY (payer, payee, n) REFERENCES payments (payer, payee, n));
INSERT INTO receipts VALUES (1, '{ANNA}', '{BELA}', 1, 'paid with many thanks'), (2, '{CARA}', '{BELA}', 1, 'paid, and no thanks');
"""
SEVERAL = (
    f"{CUSTOMERS_SET}, mentions: {{sponsor: null}}}}",
    "payments: {store: app, table: payments, subject: {customer: [payer, payee]}, retention: life}",
    "receipts: {store: app, table: receipts, subject: {customer: [payer, payee]}, retention: life}",
)


def test_one_identity_in_several_columns_is_one_person_and_each_row_counts_once(tmp_path: Path, server: str) -> None:
    made = company(tmp_path, PAYMENTS, *SEVERAL, server=server)
    with made.open() as opened:
        assert not [finding for finding in opened.check() if "mentions" in finding.mend]
    run = made.erase(ANNA)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run("SELECT id, sponsor FROM customers ORDER BY id") == [(BELA, None), (CARA, BELA)]
    assert made.run("SELECT payer, payee FROM payments") == [(CARA, BELA)]
    assert made.run("SELECT number FROM receipts") == [(2,)]
    assert {entry.dataset: entry.items for entry in made.receipt(run).datasets} == {"customers": 1, "payments": 3, "receipts": 1}
    assert made.found(ANNA) == []


DUETS = f"""
CREATE TABLE duets (n int PRIMARY KEY, one varchar(20), other varchar(20));
INSERT INTO duets VALUES (1, '{ANNA}', '{BELA}'), (2, '{BELA}', '{BELA}');
CREATE TABLE takes (id int PRIMARY KEY, duet int, words text);
INSERT INTO takes VALUES (1, 1, 'a song for two voices'), (2, 1, 'the same once more'), (3, 2, 'a song for one voice');
"""
DUETS_SET = "duets: {store: app, table: duets, subject: {customer: [one, other]}, retention: life}"


@pytest.mark.parametrize("many", [True, False])
def test_two_columns_of_a_parent_lead_to_two_people(tmp_path: Path, many: bool) -> None:
    """``check`` said that no row leads to two people, and the plan was refused because two rows did."""
    rule = f"{{through: duets, via: {{duet: n}}{', many: true' if many else ''}}}"
    takes = f"takes: {{store: app, table: takes, subject: {rule}, retention: life}}"
    made = company(tmp_path, NOTES + DUETS, f"{CUSTOMERS_SET}}}", NOTES_SET, DRAWINGS.replace("VIA", "{note_id: id}"), DUETS_SET, takes)
    with made.open() as opened:
        said = [each.what for each in opened.check() if "two or more people" in each.what]
    assert said == ["2 rows of takes lead to two or more people, to 2 at most"]
