"""A plan tells what an order will meet: rows of others that it changes or leaves, and rows that keep something back; apply then agrees."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from expunge import survey
from expunge.cli.orders.plan_commands import as_values, drawn
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence.receipt import Mention
from expunge.core.values.copy import FindingKind
from expunge.core.values.order import OrderState
from expunge.engine.execution.planning import PlanForecast
from tests.attacks.mention_company import ANNA, BELA, CUSTOMERS, CUSTOMERS_SET, MentionCompany, company

TABLES = f"""
CREATE TABLE messages (n INTEGER PRIMARY KEY, sender TEXT, body TEXT, closed_at TEXT);
INSERT INTO messages (sender, body) VALUES ('{ANNA}', 'nothing but the weather here'), ('{BELA}', 'I asked {ANNA} about it');
CREATE TABLE replies (n INTEGER PRIMARY KEY, sender TEXT, answers INTEGER NOT NULL REFERENCES messages (n), body TEXT, closed_at TEXT);
"""
REPLY = f"INSERT INTO replies (sender, answers, body) VALUES ('{BELA}', 1, 'quite so, and for a long time');"
SET = f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}"
MESSAGES = "messages: {store: app, table: messages, subject: {customer: sender}, retention: life}"
REPLIES = "replies: {store: app, table: replies, subject: {customer: sender}, retention: life}"


def _planned(made: MentionCompany) -> tuple[PlanForecast, str]:
    with made.open() as opened:
        order = opened.order_erase([opened.resolve(ANNA)]).order
        forecast = opened.plan(order, ahead=True)
    console = Console(width=400)
    with console.capture() as captured:
        console.print(drawn(forecast))
    return forecast, captured.get()


def _applied(made: MentionCompany, forecast: PlanForecast) -> tuple[OrderState, tuple[Mention, ...]]:
    with made.open() as opened:
        run = opened.apply(forecast.plan.order)
    return run.state, made.receipt(run).mentions


def test_a_plan_tells_which_rows_of_others_it_changes_and_which_stay_as_the_receipt_will(tmp_path: Path) -> None:
    made = company(tmp_path, CUSTOMERS + TABLES, SET, MESSAGES, REPLIES)
    forecast, text = _planned(made)
    assert "- messages: erase 1 item" in text
    assert "~ customers.referred_by: 1 row of other people names them: set to null" in text
    assert "= messages.body: 1 row of other people names them: it stays as it is" in text
    assert "nothing found in replies" in text
    assert "!" not in text.replace("! stands in the way", "")
    assert forecast.foreseen is not None
    assert not forecast.foreseen.in_the_way
    assert _applied(made, forecast) == (OrderState.FULFILLED, forecast.foreseen.mentions)
    acts = {(each.dataset, each.act) for each in forecast.foreseen.mentions}
    assert acts == {("customers", MentionAct.NULL), ("messages", MentionAct.KEEP)}


def test_a_plan_tells_that_rows_of_others_hold_something_back_before_apply_does(tmp_path: Path) -> None:
    made = company(tmp_path, CUSTOMERS + TABLES + REPLY, SET, MESSAGES, REPLIES)
    forecast, text = _planned(made)
    assert "! messages: cannot go: table messages: rows of replies refer to what should go" in text
    assert "the order will end in part" in text
    assert list(as_values(forecast)["foreseen"]["bound"]) == ["messages"]
    assert _applied(made, forecast)[0] is OrderState.IN_PART


def test_a_plan_tells_which_cells_the_map_does_not_know(tmp_path: Path) -> None:
    made = company(tmp_path, CUSTOMERS + TABLES, f"{CUSTOMERS_SET}}}", MESSAGES, REPLIES)
    forecast, text = _planned(made)
    assert "! customers: table customers: referred_by names the person in 1 row of other people; `mentions: {referred_by: null}`" in text
    assert _applied(made, forecast)[0] is OrderState.IN_PART


def test_the_time_of_a_second_order_comes_from_the_first(tmp_path: Path) -> None:
    made = company(tmp_path, CUSTOMERS + TABLES, SET, MESSAGES, REPLIES)
    forecast, text = _planned(made)
    assert "by bytes alone: no order of this kind has ended here yet" in text
    assert (forecast.estimate.steps, forecast.estimate.seconds) == (0, 2)
    _applied(made, forecast)
    with made.open() as opened:
        order = opened.order_erase([opened.resolve(BELA)]).order
        again = opened.plan(order)
    assert again.estimate.steps == again.estimate.of > 0
    assert again.foreseen is None, "programs that did not ask pay nothing for it"


def test_check_tells_that_rows_of_others_hold_something_back_with_line_and_fix(tmp_path: Path) -> None:
    made = company(tmp_path, CUSTOMERS + TABLES + REPLY, SET, MESSAGES, REPLIES)
    (found,) = [each for each in survey.check(made.map).findings if "rows of replies refer" in each.what]
    assert found.kind is not FindingKind.NOTE
    assert found.what == "dataset messages: rows of replies refer to what should go, for 1 of 3 people who were looked at"
    assert "write `mentions: {answers: null}`" in found.mend
    assert found.line > 0


def test_check_says_nothing_where_people_refer_to_rows_of_their_own(tmp_path: Path) -> None:
    made = company(tmp_path, CUSTOMERS + TABLES + REPLY.replace(BELA, ANNA), SET, MESSAGES, REPLIES)
    assert [each for each in survey.check(made.map).findings if "refer" in each.what] == []
