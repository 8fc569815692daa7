"""What an attack can tell of a model stands in the receipt; FAIL stands in the way until somebody has looked at it."""

from __future__ import annotations

import json

import pytest

from expunge.core.evidence.receipt import ModelEntry, Result
from expunge.core.models.membership_opinion import Opinion, as_report
from expunge.core.models.model_outcomes import ComparisonResult, NetworkAccess
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.errors import UsageError
from tests.engine.household import ANNA
from tests.evidence_kit import opinion, recognised
from tests.models.nursery import Nursery
from tests.models.test_failing import only, serves

WHY = "equal to a training from nothing, so that it is chance; the officer agreed"


def report(home: Nursery, value: object) -> None:
    """Have the forget report it."""
    script = home.folder / "forget.py"
    text = script.read_text()
    more = f"said = json.load(open(asked['report']))\nsaid['membership'] = {value!r}\njson.dump(said, open(asked['report'], 'w'))\n"
    script.write_text(text + more)


def model(home: Nursery, run: Run) -> ModelEntry:
    return next(each for each in home.receipt(run.order).models if each.dataset == "voice_model")


def again(home: Nursery, run: Run) -> Run:
    home.plan(run.order)
    return home.apply(run.order)


def test_a_second_opinion_stands_in_the_receipt(home: Nursery) -> None:
    only(home)
    report(home, as_report(opinion()))
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert model(home, run).membership == opinion()


@pytest.mark.soak
def test_a_command_that_reports_none_has_none(home: Nursery) -> None:
    only(home)
    assert model(home, home.erase(f"profile:{ANNA}")).membership is None


@pytest.mark.parametrize(
    ("value", "part"),
    [
        pytest.param({**as_report(opinion()), "verdict": "FAIL"}, "verdict", id="contradicts itself"),
        pytest.param({"verdict": "PASS"}, "lacks", id="lacks most", marks=pytest.mark.soak),
        pytest.param("PASS", "object", id="a word alone", marks=pytest.mark.soak),
    ],
)
def test_a_report_that_cannot_be_taken_is_a_command_that_failed(home: Nursery, value: object, part: str) -> None:
    only(home)
    report(home, value)
    run = home.erase(f"profile:{ANNA}")
    entry = home.entry(run.order, "voice_model")
    assert (run.state, entry.reason) == (OrderState.IN_PART, Reason.COMMAND_FAILED)
    assert "report" in entry.detail
    assert part in entry.detail
    assert not serves(home, "voice_model")


def test_a_fail_is_in_part_until_somebody_looked_at_it(home: Nursery) -> None:
    only(home)
    report(home, as_report(recognised()))
    run = home.erase(f"profile:{ANNA}")
    entry = home.entry(run.order, "voice_model")
    assert (run.state, entry.outcome, entry.reason) == (OrderState.IN_PART, Result.UNABLE, Reason.CANNOT_TELL)
    assert "looked-at" in entry.detail
    assert not serves(home, "voice_model")
    assert again(home, run).state is OrderState.IN_PART, "another round is not a look"
    with home.open() as opened:
        opened.models.looked_at(run.order, "voice_model", WHY)
    last = again(home, run)
    assert (last.state, last.reasons) == (OrderState.FULFILLED, ())
    said = model(home, last).membership
    assert said is not None
    assert (said.verdict, said.looked_at) == (Opinion.FAIL, WHY)
    assert home.entry(run.order, "voice_model").outcome is Result.ERASED
    assert serves(home, "voice_model")


@pytest.mark.soak
def test_nobody_can_look_a_fail_away_that_no_comparison_speaks_against(home: Nursery) -> None:
    only(home, voice_model=home.act("forget", "forget"))
    report(home, as_report(recognised()))
    run = home.erase(f"profile:{ANNA}")
    assert run.remade["voice_model"].proof is ComparisonResult.NOT_ASKED
    with home.open() as opened, pytest.raises(UsageError, match="comparison"):
        opened.models.looked_at(run.order, "voice_model", WHY)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("fine", id="short", marks=pytest.mark.soak),
        pytest.param(f"it is only {ANNA}, who is easy to tell", id="names somebody", marks=pytest.mark.soak),
        pytest.param("x " * 200, id="long", marks=pytest.mark.soak),
    ],
)
def test_what_was_said_is_a_sentence_that_names_nobody(home: Nursery, said: str) -> None:
    only(home)
    report(home, as_report(recognised()))
    run = home.erase(f"profile:{ANNA}")
    with home.open() as opened, pytest.raises(UsageError):
        opened.models.looked_at(run.order, "voice_model", said)
    assert not home.search(ANNA, where=("state",))


@pytest.mark.soak
def test_nobody_looks_at_what_did_not_fail(home: Nursery) -> None:
    only(home)
    report(home, as_report(opinion()))
    run = home.erase(f"profile:{ANNA}")
    with home.open() as opened, pytest.raises(UsageError, match="FAIL"):
        opened.models.looked_at(run.order, "voice_model", WHY)


@pytest.mark.soak
def test_the_receipt_says_whether_commands_were_kept_from_the_network(home: Nursery) -> None:
    only(home, student=home.act("retrain", "distill", network="open"))
    run = home.erase(f"profile:{ANNA}")
    said = {each.dataset: each.network for each in home.receipt(run.order).models}
    with home.open() as opened:
        apart = opened.context.commands.apart  # type: ignore[union-attr]
    assert said == {
        "voice_model": NetworkAccess.SHUT if apart else NetworkAccess.COULD_NOT,
        "student": NetworkAccess.OPEN,
        "export": NetworkAccess.NOT_RUN,
        "lookup": NetworkAccess.NOT_RUN,
    }


@pytest.mark.soak
def test_a_machine_that_cannot_shut_the_network_says_so(home: Nursery) -> None:
    only(home)
    order = home.order(f"profile:{ANNA}").order
    home.plan(order)
    with home.open() as opened:
        # As where the kernel allows no namespaces.
        opened.context.commands._apart = False  # type: ignore[union-attr]
        run = opened.apply(order)
    assert run.state is OrderState.FULFILLED
    assert model(home, run).network is NetworkAccess.COULD_NOT
    assert json.dumps("could not be shut off") in next(iter(run.current.stated.values())).statement
