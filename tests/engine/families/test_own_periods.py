"""A family keeps a child's data for less time than the map says: it is shown what goes, and that goes, with a receipt, and nothing else."""

from __future__ import annotations

import gzip
import json
from datetime import date, timedelta

import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.person import Person
from expunge.core.evidence.receipt import Result
from expunge.core.orders.run import Run
from expunge.core.retention.own_periods import OwnPeriod
from expunge.core.values.cause import ByOwnPeriod
from expunge.core.values.order import OrderKind, OrderState
from expunge.engine.families import holdings
from expunge.engine.families.stopping import own_periods
from expunge.errors import NeedsApproval, UsageError
from expunge.gate import Subject
from tests.engine.consents import CHILD, asking
from tests.engine.household import ANNA, BELA, SAID, Household, difference
from tests.engine.retention.test_retention import aged, events, ran, receipt, with_schedules

ACCOUNT = "40000000-0000-4000-8000-000000000000"
DAY = timedelta(days=1)


@pytest.fixture
def family(home: Household) -> Household:
    """Recordings and their transcripts for 20 months, events for a month."""
    with_schedules(home, "20 months")
    text = home.map.read_text()
    home.map.write_text(
        text.replace('path: "voice/', 'holds: voice recordings, path: "voice/').replace(
            "format: jsonl\n", "format: jsonl\n    holds: usage events\n"
        )
    )
    return home


def anna(opened: Expunge) -> Person:
    return opened.resolve(CHILD).person


def choose(home: Household, period: OwnPeriod | None, kind: DataKind = DataKind.VOICE) -> bool:
    with home.open() as opened, opened.context.journal.changing():
        return own_periods.choose(opened.context, anna(opened), kind, period, ACCOUNT)


def own_orders(runs: list[Run]) -> list[Run]:
    return [run for run in runs if isinstance(run.received.cause, ByOwnPeriod)]


def goes(opened: Expunge) -> date:
    """The day on which the child's oldest voice recording goes by itself, as the first page says it."""
    found = holdings.count(opened.context, anna(opened), holdings.origins(opened.context))
    (day,) = (each.goes for each in found.kinds if each.kind is DataKind.VOICE)
    assert day is not None
    return day


def test_what_is_offered_is_shorter_than_the_maps_period_and_says_who_exists_is_not_among_it(family: Household) -> None:
    with family.open() as opened:
        found = {each.kind: each for each in own_periods.offered(opened.context, anna(opened))}
    assert DataKind.RECORD not in found or "profiles" not in found[DataKind.RECORD].datasets
    voice, log = found[DataKind.VOICE], found[DataKind.EVENT]
    assert (voice.datasets, voice.along, voice.options) == (("voice",), (DataKind.TRANSCRIPT,), tuple(OwnPeriod))
    assert str(voice.longest) == "20 months"
    assert log.options == (OwnPeriod.DAYS_30, OwnPeriod.NOT_KEPT), "three months is longer than the month that the map has"


@pytest.mark.duty("COP-11")
def test_a_shorter_time_removes_what_the_preview_says_with_a_receipt_and_nothing_of_others(family: Household) -> None:
    aged(family, ANNA, 31)
    aged(family, BELA, 31)
    events(family, anna=2)
    with family.open() as opened:
        shown = own_periods.preview(opened.context, anna(opened), DataKind.VOICE, OwnPeriod.DAYS_30)
    assert (shown.items, dict(shown.along), shown.held) == (2, {DataKind.TRANSCRIPT: 2}, 0)
    before = family.logical()
    assert ran(family)[1] == [], "a preview changes nothing"
    assert choose(family, OwnPeriod.DAYS_30)
    assert not choose(family, OwnPeriod.DAYS_30), "the form came twice"
    retired, (run,) = ran(family)
    assert (run.received.kind, run.received.cause, retired.own) == (OrderKind.ERASURE, ByOwnPeriod(("voice recordings",)), 1)
    assert run.state is OrderState.FULFILLED
    made = receipt(family, run.order)
    erased = {each.dataset: each.outcome for each in made.datasets}
    assert (erased["voice"], erased["transcripts"]) == (Result.ERASED, Result.ERASED)
    gone = difference(before, family.logical())
    assert len([each for each in gone if each.startswith("media/voice/")]) == shown.items
    assert len([each for each in gone if each.startswith("transcripts:")]) == shown.along[DataKind.TRANSCRIPT]
    assert not any(BELA in each for each in gone)
    assert family.search(*SAID[ANNA]) == []
    assert family.search(*SAID[BELA], where=("world",))
    assert ran(family)[1] == [], "and once only"


def test_what_is_younger_stays_and_may_be_used(family: Household) -> None:
    aged(family, ANNA, 29)
    choose(family, OwnPeriod.DAYS_30)
    assert ran(family)[1] == []
    with family.open() as opened:
        # The household is a copy of one that was made a while ago, and a gate believes no snapshot of then.
        opened.gate_publish()
        assert opened.gate().may_use(Subject("profile", ANNA), "answer"), "an order that reaches a part suppresses nobody"
        assert goes(opened) - clock.today() in (timedelta(0), DAY)


def test_not_kept_takes_what_is_there_each_day(family: Household) -> None:
    aged(family, ANNA, 0.01)
    events(family, anna=2)
    choose(family, OwnPeriod.NOT_KEPT)
    _, (run,) = ran(family)
    assert run.state is OrderState.FULFILLED
    assert family.search(*SAID[ANNA]) == []


def test_given_up_it_takes_nothing_and_the_maps_period_holds_again(family: Household) -> None:
    aged(family, ANNA, 31)
    choose(family, OwnPeriod.DAYS_30)
    assert choose(family, None)
    assert ran(family)[1] == []
    with family.open() as opened:
        assert goes(opened) > clock.today() + 500 * DAY


def test_an_order_that_waits_is_cancelled_by_another_choice(family: Household) -> None:
    aged(family, ANNA, 31)
    choose(family, OwnPeriod.DAYS_30)
    with family.open() as opened:
        (order,) = opened.retention.retire().orders
    before = family.logical()
    choose(family, OwnPeriod.MONTHS_18)
    with family.open() as opened:
        assert opened.status(order).state is OrderState.CANCELLED
    assert ran(family)[1] == []
    assert family.logical() == before


def test_what_outlived_both_periods_goes_by_the_order_of_expiry_alone(family: Household) -> None:
    aged(family, ANNA, 700)
    choose(family, OwnPeriod.DAYS_30)
    _, runs = ran(family)
    assert [run.received.kind for run in runs] == [OrderKind.EXPIRY]


def test_a_hold_wins_and_the_preview_says_so(family: Household) -> None:
    aged(family, ANNA, 40)
    until = clock.now() + 300 * DAY
    with family.open() as opened:
        opened.holds.place(opened.resolve(CHILD), "voice", ground="a dispute", authority="counsel", until=until)
        shown = own_periods.preview(opened.context, anna(opened), DataKind.VOICE, OwnPeriod.DAYS_30)
    assert (shown.items, shown.held, shown.held_until) == (0, 2, until)
    choose(family, OwnPeriod.DAYS_30)
    before = family.logical()
    assert ran(family)[1] == []
    assert family.logical() == before


def test_in_a_dispute_nothing_is_chosen_and_nothing_goes(family: Household) -> None:
    text = family.map.read_text()
    asking(family)
    family.map.write_text(text + "guardians: {profile: 13 years}\n")
    aged(family, ANNA, 40)
    choose(family, OwnPeriod.DAYS_30)
    with family.open() as opened:
        opened.consents.freeze(opened.resolve(CHILD), by="priya", reason="custody is before a court")
    with pytest.raises(NeedsApproval):
        choose(family, None)
    retired, runs = ran(family)
    assert (runs, retired.own_left_out) == ([], 1)


def test_a_kind_or_period_that_is_not_offered_is_refused_and_nothing_is_written(family: Household) -> None:
    for kind, period in [(DataKind.EVENT, OwnPeriod.MONTHS_3), (DataKind.PROFILE, OwnPeriod.DAYS_30), (DataKind.MODEL, None)]:
        with pytest.raises(UsageError) as refused:
            choose(family, period, kind)
        assert refused.value.help
    with family.open() as opened:
        assert opened.context.journal.length("periods") == 0


@pytest.mark.duty("COP-11")
def test_events_in_records_go_by_the_time_in_them(family: Household) -> None:
    now = clock.now()
    said = [(ANNA, -3, "asked how deep the deepest lake of Siberia is"), (ANNA, 1, "wants to be woken when the bakery opens")]
    said.append((BELA, -3, "asked for the longest word without any vowel"))
    lines = [json.dumps({"profile_id": who, "at": (now + days * DAY).isoformat(), "said": text}) for who, days, text in said]
    events(family)
    path = family.world / "lake" / "events" / "all.jsonl.gz"
    path.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    choose(family, OwnPeriod.NOT_KEPT, DataKind.EVENT)
    _, runs = ran(family)
    assert [(run.state, run.reasons) for run in own_orders(runs)] == [(OrderState.FULFILLED, ())]
    left = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [each["said"] for each in left] == [said[1][2], said[2][2]]


@pytest.mark.parametrize(("follows", "left"), [("on_expiry: follow", False), ("on_expiry: stay", True)], ids=["follows", "stays"])
def test_what_learnt_from_it_goes_where_the_map_has_it_follow(family: Household, follows: str, left: bool) -> None:
    weights = family.world / "media" / "models" / "intent.bin"
    weights.parent.mkdir()
    weights.write_bytes(b"weights that learnt how children ask for lakes")
    made = f"kind: model, derived_from: [voice], on_erase: destroy, {follows}, retention: life"
    model = f"  model: {{store: media, path: models/intent.bin, {made}}}\n"
    family.map.write_text(family.map.read_text().replace("datasets:\n", f"datasets:\n{model}", 1))
    aged(family, ANNA, 31)
    with family.open() as opened:
        shown = own_periods.preview(opened.context, anna(opened), DataKind.VOICE, OwnPeriod.DAYS_30)
    assert (DataKind.MODEL.value in shown.along) is not left
    choose(family, OwnPeriod.DAYS_30)
    _, (run,) = ran(family)
    assert (run.state, weights.exists()) == (OrderState.FULFILLED, left)


def test_a_hold_on_one_item_keeps_that_one_and_the_others_go(family: Household) -> None:
    aged(family, ANNA, 40)
    with family.open() as opened:
        (copy, *_) = opened.locate([opened.resolve(CHILD)]).held_in("voice")
        until = clock.now() + 300 * DAY
        opened.holds.place(opened.resolve(CHILD), "voice", items=copy.keys[:1], ground="a dispute", authority="counsel", until=until)
        shown = own_periods.preview(opened.context, anna(opened), DataKind.VOICE, OwnPeriod.DAYS_30)
    assert (shown.items, shown.held) == (1, 1)
    choose(family, OwnPeriod.DAYS_30)
    _, (run,) = ran(family)
    assert (run.state, run.reasons) == (OrderState.IN_PART, ("voice: kept, a dispute",))
    assert ran(family)[1] == [], "what is held makes no order of its own, day by day"


def test_what_is_held_says_when_the_next_goes_by_the_familys_own_time(family: Household) -> None:
    aged(family, ANNA, 10)
    today = clock.today()

    def goes() -> date | None:
        with family.open() as opened:
            found = holdings.count(opened.context, anna(opened), holdings.origins(opened.context))
        return next(each.goes for each in found.kinds if each.kind is DataKind.VOICE)

    before = goes()
    assert before is not None
    assert before > today + 500 * DAY
    choose(family, OwnPeriod.DAYS_30)
    after = goes()
    assert after in (today + 20 * DAY, today + 21 * DAY)
    choose(family, OwnPeriod.NOT_KEPT)
    assert goes() == today
