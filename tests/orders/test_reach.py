"""Orders whose reach is a day of a place, some items, or people who have been away: that goes, and recipients are told of no more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.datamap.clocks import ClockState
from expunge.core.disgorgement.disgorgement_events import DisgorgementState, sealed
from expunge.core.journal.recipient_ledger import RecipientAnswer
from expunge.core.values.order import OrderState
from expunge.errors import Misconfigured
from expunge.maps.destruction.reader import read_order
from tests.engine.recipients.test_dues import Set
from tests.orders.worlds import World, fulfilled, noise

MAP = """\
identities:
  account: {dataset: accounts, key: account_id, last_used: {visits: at}}
cohorts:
  children: {dataset: accounts, where: {plan: [child]}}
recipients:
  lab: {gets: [faces, visits]}
datasets:
  accounts: {store: app, table: accounts, subject: {account: account_id}, retention: life}
  faces: {store: app, table: faces, subject: {account: account_id}, kind: embedding, collected: made_at, retention: life,
          categories: [user.biometrics.face]}
  visits: {store: app, table: visits, subject: {account: account_id}, collected: at, retention: life, categories: [user.location.precise]}
"""
HEAD = """\
version: 1
name: {name}
authority: a court
docket: "1"
source: made up
facts: ["I: as written"]
entered: "2026-06-16"
"""
DELETE = "clocks: {delete: 30 days}"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    accounts = [("acc-old-7F", "adult", "2016"), ("acc-kid-3B", "child", "2016"), ("acc-new-9C", "adult", "2016")]
    world.table("accounts", "account_id TEXT PRIMARY KEY, plan TEXT, at TEXT", accounts)
    made = ["2018-02-28T23:30:00-08:00", "2018-03-01T00:30:00-08:00", "2017-01-01"]
    faces = [(f"face-{n}", accounts[n][0], noise(f"face {n}", 512), at, "2017") for n, at in enumerate(made)]
    world.table("faces", "face_id TEXT PRIMARY KEY, account_id TEXT, vector BLOB, made_at TEXT, at TEXT", faces)
    visits = [
        ("visit-0", "acc-old-7F", "clinic", "entrance of the blue clinic in the north", "2022-05-01"),
        ("visit-1", "acc-kid-3B", "park", "the pond behind the old bandstand", "2025-05-01"),
        ("visit-2", "acc-new-9C", "clinic", "the waiting room with yellow chairs", "2025-06-01"),
    ]
    world.table("visits", "visit_id TEXT PRIMARY KEY, account_id TEXT, place TEXT, words TEXT, at TEXT", visits)
    world.declare(MAP)
    return world


def order(world: World, limb: str, name: str = "an order", more: str = "") -> Path:
    path = world.folder / "order.yaml"
    path.write_text(HEAD.format(name=name) + more + f"limbs:\n  data: {{provision: I, direction: retroactive, {limb}}}\n")
    return path


FACES = 'takes: [embedding], trigger: collected, before: "2018-03-01", covered: {kinds: [embedding]}, ' + DELETE


@pytest.mark.duty("RNG-03", "DSG-01")
@pytest.mark.parametrize(("zone", "left"), [("zone: America/Los_Angeles\n", ["face-1"]), ("", ["face-0", "face-1"])])
def test_the_last_evening_before_the_date_is_that_of_the_place_that_the_order_names(world: World, zone: str, left: list[str]) -> None:
    """Both of these faces were made on 1 March in UTC, and one of them on 28 February in Los Angeles."""
    _, runs = world.carry_out(order(world, FACES, more=zone))
    assert fulfilled(runs) == {"data"}
    assert world.rows("faces", "face_id") == left


def test_a_zone_that_there_is_not_is_a_fault_with_its_line(world: World) -> None:
    with pytest.raises(Misconfigured, match="zone"):
        read_order(order(world, FACES, more="zone: America/Angels\n"))


def test_an_order_that_says_nothing_new_keeps_the_digest_that_it_had(world: World) -> None:
    text, _ = sealed(read_order(order(world, FACES)))
    assert not {"zone", "where", "unused_for"} & (json.loads(text).keys() | json.loads(text)["limbs"][0].keys())


@pytest.mark.duty("DSG-01")
def test_a_condition_takes_only_the_items_that_say_so(world: World) -> None:
    limb = "takes: [raw], trigger: collected, where: {visits: {place: [clinic, shelter]}}, covered: {categories: [user.location]}"
    _, runs = world.carry_out(order(world, limb))
    assert fulfilled(runs) == {"data"}
    assert world.rows("visits", "visit_id") == ["visit-1"]


def test_a_condition_on_some_people_is_refused_rather_than_read_as_either(world: World) -> None:
    limb = "takes: [raw], trigger: collected, subjects: children, where: {visits: {place: [clinic]}}"
    with pytest.raises(Misconfigured, match="not by both"):
        read_order(order(world, limb))


@pytest.mark.duty("TIM-07", "DSG-01")
def test_templates_of_people_whose_last_interaction_is_three_years_ago_go(world: World) -> None:
    limb = "takes: [embedding], trigger: collected, unused_for: 3 years, covered: {kinds: [embedding]}"
    clock = Set(datetime(2025, 6, 1, tzinfo=UTC))
    with Expunge.open(world.map, clock=clock) as opened:
        standing = opened.disgorgements.enter(opened.disgorgements.read(order(world, limb)))
        assert fulfilled(world.apply(opened, standing)) == {"data"}
        assert opened.disgorgements.look(standing.id)[0].people == 1
    assert world.rows("faces", "account_id") == ["acc-kid-3B", "acc-new-9C"]
    assert len(world.rows("visits", "visit_id")) == 3


@pytest.mark.duty("DSG-03")
def test_dates_that_cannot_be_read_keep_the_limb_open_until_somebody_decides(world: World) -> None:
    world.table("faces", "face_id TEXT", [("face-9", "acc-new-9C", noise("face 9", 512), "some day", "2017")])
    standing, runs = world.carry_out(order(world, FACES))
    assert fulfilled(runs) == {"data"}

    def due() -> list[str]:
        with world.open() as opened:
            return [each.duty for each in opened.dues.all() if each.duty.startswith("destroy")]

    assert due() == ["destroy what data takes"]
    with world.open() as opened:
        item = "faces: items without a readable date"
        opened.disgorgements.decide(standing.id, item, tainted=False, by="Priya", reason="made in 2020, the card says")
    assert due() == []


def told(world: World, limb: str, more: str = "") -> tuple[DisgorgementState, dict]:  # type: ignore[type-arg]
    standing, runs = world.carry_out(order(world, limb, more=more))
    assert runs["data"].state is OrderState.FULFILLED, runs["data"].reasons
    with world.open() as opened:
        letter = opened.recipients.letter(runs["data"].order, "lab")
    return standing, json.loads(letter.body)["instruction"]


@pytest.mark.duty("DSG-05")
def test_the_letter_names_the_window_and_the_kinds_and_never_more(world: World) -> None:
    _, said = told(world, FACES)
    assert said["datasets"] == ["faces"]
    assert said["selection"] == {"faces": [{"every item": True, "time": {"field": "made_at", "before": "2018-03-01T00:00:00Z"}}]}
    assert said["covers"]["kinds"] == ["embedding"]
    assert (said["covers"]["people"], said["covers"]["before"]) == ("all", "2018-03-01T00:00:00Z")
    assert "models" not in said["erase"]
    assert "nothing else" in said["erase"]


@pytest.mark.duty("DSG-05")
def test_the_letter_names_the_people_of_the_cohort_and_nobody_else(world: World) -> None:
    _, said = told(world, "takes: [raw], trigger: collected, subjects: children, covered: {categories: [user.location]}")
    assert said["selection"] == {"visits": [{"fields": {"account_id": ["acc-kid-3B"]}}]}
    assert said["covers"]["people"] == "children"
    assert "acc-new-9C" not in json.dumps(said)


@pytest.mark.duty("DSG-05")
def test_the_clocks_of_recipients_reach_what_is_due(world: World) -> None:
    recipients = "recipients: {labs: {limbs: [data], clocks: {instruct: 20 days, confirm: 5 days}}}\n"
    path = order(world, FACES, more=recipients)
    with world.open() as opened:
        standing = opened.disgorgements.enter(opened.disgorgements.read(path))
        due = {each.duty: each for each in opened.dues.all()}
        telling = due["instruct labs, who had what data takes"]
        assert telling.at == datetime(2026, 6, 16, tzinfo=UTC) + timedelta(days=20)
        (run,) = world.apply(opened, standing).values()
        assert "instruct labs, who had what data takes" in {each.duty for each in opened.dues.all()}, "it was not sent yet"
        opened.recipients.carried(run.order, "lab", "Priya")
        (confirming,) = [each for each in opened.dues.all() if each.duty == "have labs confirm"]
        assert confirming.standing is ClockState.RUNNING
        assert not [each for each in opened.dues.all() if each.duty.startswith("instruct")]
        opened.recipients.confirm(run.order, "lab", answer=RecipientAnswer.DONE, by="Priya")
        assert not [each for each in opened.dues.all() if "labs" in each.duty]
