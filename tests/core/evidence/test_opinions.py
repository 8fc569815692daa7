"""A second opinion whose verdict has to follow from its numbers, and that never reads as done while it says FAIL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from expunge.core.datamap.datamap import EraseAct
from expunge.core.evidence import receipt
from expunge.core.evidence.receipt import Result, Verdict
from expunge.core.models import membership_opinion
from expunge.core.models.membership_opinion import AttackFigures, Opinion, as_report
from expunge.core.pages import render
from expunge.core.values.outcome import Reason
from tests.evidence_kit import entry, opinion, recognised, with_models

SOUND = as_report(opinion())


def test_a_report_comes_back_as_it_was() -> None:
    assert membership_opinion.read(SOUND) == opinion()
    assert membership_opinion.read(as_report(recognised())) == recognised()


BROKEN = {
    "no object": [],
    "nothing in it": {},
    "a key too few": {name: each for name, each in SOUND.items() if name != "control"},
    "a key too many": {**SOUND, "looked_at": "by me"},
    "a word of its own": {**SOUND, "verdict": "FINE"},
    "a PASS that its numbers do not say": {**SOUND, "after": as_report(recognised())["after"]},
    "a PASS of an attack that never worked": {**SOUND, "before": SOUND["after"], "control": "INCONCLUSIVE"},
    "a control that its numbers do not say": {**SOUND, "control": "PASS"},
    "a share instead of ten-thousandths": {**SOUND, "before": {"auc": 0.735, "low": 0.6, "high": 0.85}},
    "true as a count": {**SOUND, "forgotten": True},
    "nobody forgotten": {**SOUND, "forgotten": 0},
    "no reference": {**SOUND, "references": 0},
    "an interval the wrong way round": {**SOUND, "after": {"auc": 5570, "low": 6750, "high": 4390}},
    "more than certain": {**SOUND, "after": {"auc": 5570, "low": 4390, "high": 10_001}},
    "an interval narrower than forty people allow": {**SOUND, "before": {"auc": 7350, "low": 7300, "high": 7400}},
    "an attack as a number": {**SOUND, "after": 5570},
}


@pytest.mark.parametrize("value", BROKEN.values(), ids=BROKEN.keys())
def test_a_report_that_contradicts_itself_is_refused_with_what_is_wrong(value: object) -> None:
    with pytest.raises(ValueError, match=r"membership|verdict|control|interval|count"):
        membership_opinion.read(value)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (AttackFigures(7350, 6150, 8550), AttackFigures(5570, 4390, 6750), Opinion.PASS),
        (AttackFigures(7350, 6150, 8550), AttackFigures(7400, 6200, 8600), Opinion.FAIL),
        (AttackFigures(5500, 4300, 6700), AttackFigures(5570, 4390, 6750), Opinion.INCONCLUSIVE),
        (AttackFigures(5500, 4300, 6700), AttackFigures(2600, 1400, 3800), Opinion.FAIL),
    ],
    ids=["told before, tells no more", "still tells", "never told", "strangely low is recognised too"],
)
def test_the_verdict_is_what_the_intervals_say(before: AttackFigures, after: AttackFigures, said: Opinion) -> None:
    assert membership_opinion.opinion(before, after) is said


def test_a_fail_that_nobody_looked_at_cannot_stand_in_a_receipt_that_reads_as_done() -> None:
    said = with_models()
    doubted = tuple(replace(each, membership=recognised()) if each.dataset == "intents" else each for each in said.models)
    with pytest.raises(ValueError, match="nobody looked"):
        replace(said, models=doubted)
    unable = entry("intents", act=EraseAct.RETRAIN, outcome=Result.UNABLE, items=0, reason=Reason.CANNOT_TELL, detail="look at it")
    datasets = tuple(unable if each.dataset == "intents" else each for each in said.datasets)
    assert replace(said, models=doubted, datasets=datasets, verdict=Verdict.IN_PART).verdict is Verdict.IN_PART


def test_the_page_says_in_plain_words_what_it_means_and_what_it_does_not() -> None:
    page = render(receipt.build(with_models())).decode()
    for words in (
        "an attack could tell who had been in it, and cannot tell any more (PASS).",
        "an attack can still tell who was in it (FAIL).",
        "It is never the proof",
        "Had nothing been forgotten, that would have been noticed.",
        "The operator looked at it and says: equal to a training from nothing",
        "The program that did it was kept from the network.",
        "The program that did it may use the network: the operator allows it.",
    ):
        assert words in page, words


def test_what_was_looked_at_is_no_pass() -> None:
    with pytest.raises(ValueError, match="looked at"):
        opinion(looked_at="fine by me, thank you")
