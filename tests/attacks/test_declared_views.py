"""A map that declares a view: the check says so, with the tables that lie under it, and goes on with everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.core.values.copy import Finding, FindingKind
from tests.attacks.mention_company import CUSTOMERS, CUSTOMERS_SET, MentionCompany, company
from tests.attacks.test_cascades import server

__all__ = ["server"]

ORDERS = """
CREATE TABLE orders (n INTEGER PRIMARY KEY, customer TEXT, item TEXT, closed_at TEXT);
INSERT INTO orders VALUES (1, NULL, 'ink', NULL);
"""
VIEWS = "CREATE VIEW inner_orders AS SELECT * FROM orders; CREATE <what> VIEW open_orders AS SELECT o.* FROM inner_orders AS o;"
ORDERS_SET = "orders: {store: app, table: orders, subject: {customer: customer}, retention: life}"
VIEW_SET = "open_orders: {store: app, table: open_orders, subject: {customer: customer}, retention: life}"
HOME_VIEW = "CREATE <what> VIEW people AS SELECT id, name, referred_by, closed_at FROM customers;"
ORPHANED = "1 items of orders name nobody: no order can ever reach them"
HOME_SET = "customers: {store: app, table: people, subject: {customer: id}, retention: life}"


def what(request: pytest.FixtureRequest, server: str) -> str:
    if request.param and not server:
        pytest.skip("SQLite has no materialised views")
    return str(request.param)


@pytest.fixture(params=["", pytest.param("MATERIALIZED", marks=pytest.mark.soak)])
def kind(request: pytest.FixtureRequest, server: str) -> str:
    return what(request, server)


def found(made: MentionCompany) -> tuple[Finding, ...]:
    with made.open() as opened:
        return opened.check()


def test_the_check_names_the_tables_under_a_view_and_goes_on(tmp_path: Path, server: str, kind: str) -> None:
    sql = CUSTOMERS + ORDERS + VIEWS.replace("<what>", kind)
    findings = found(company(tmp_path, sql, CUSTOMERS_SET + "}", VIEW_SET, ORDERS_SET, server=server))
    (view,) = [each for each in findings if each.what.startswith("dataset open_orders:")]
    assert (view.kind, "view" in view.what) == (FindingKind.UNSUPPORTED, True)
    assert view.mend.startswith("declare the tables under it in its place: orders")
    assert [each.mend for each in findings if "referred_by" in each.what] == ["mentions: {referred_by: null}"]
    assert [each.what for each in findings if "items of orders" in each.what] == [
        "1 items of orders name nobody: no order can ever reach them"
    ]


@pytest.mark.soak
def test_the_check_goes_on_where_the_view_is_said_to_list_the_people(tmp_path: Path, server: str, kind: str) -> None:
    sql = CUSTOMERS + ORDERS + HOME_VIEW.replace("<what>", kind)
    findings = found(company(tmp_path, sql, HOME_SET, ORDERS_SET, server=server))
    (view,) = [each for each in findings if each.what.startswith("dataset customers:")]
    assert view.mend.startswith("declare the tables under it in its place: customers")
    assert [each.what for each in findings if "items of orders" in each.what] == [
        "1 items of orders name nobody: no order can ever reach them"
    ]
