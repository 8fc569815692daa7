"""A FAIL that goes away by itself: a command that says nothing the next time, and a look that is asked for again and again."""

from __future__ import annotations

from typing import Any

import pytest

from expunge.core.models.membership_opinion import as_report
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from tests.engine.household import ANNA
from tests.evidence_kit import opinion, recognised
from tests.models.conftest import built, home
from tests.models.nursery import Nursery
from tests.models.test_failing import only, serves
from tests.models.test_second_opinion import WHY, again, model

__all__ = ["built", "home"]

pytest.importorskip("sklearn")

TRAIN = """
import json, os, random, sys
asked = json.load(sys.stdin)
path = asked.get('out', 'world/media/models/voice.safetensors')
open(path, 'wb').write({content})
said = {said!r}
if said:
    json.dump({{'membership': said}}, open(asked['report'], 'w'))
"""
SAME, ANOTHER = "random.Random(3).randbytes(4000)", "os.urandom(4000)"


def training(home: Nursery, said: Any, content: str = SAME) -> None:
    (home.folder / "make.py").write_text(TRAIN.format(content=content, said=said))


@pytest.mark.parametrize("content", [SAME, pytest.param(ANOTHER, marks=pytest.mark.soak)], ids=["the same model", "another model"])
def test_a_fail_is_not_undone_by_a_command_that_says_nothing_the_next_time(home: Nursery, content: str) -> None:
    training(home, as_report(recognised()), content)
    only(home, voice_model=home.act("retrain", "make"))
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    training(home, None, content)
    for _ in range(2):
        later = again(home, run)
        entry = home.entry(run.order, "voice_model")
        assert (later.state, entry.reason) == (OrderState.IN_PART, Reason.COMMAND_FAILED)
        assert "FAIL" in entry.detail
        assert not serves(home, "voice_model")
    training(home, as_report(opinion()), ANOTHER)
    last = again(home, run)
    assert last.state is OrderState.FULFILLED
    assert model(home, last).membership == opinion()


def test_a_fail_that_somebody_looked_at_is_not_asked_of_them_again_for_the_same_model(home: Nursery) -> None:
    training(home, as_report(recognised()))
    only(home, voice_model=home.act("retrain", "make", prove="make"))
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    with home.open() as opened:
        opened.models.looked_at(run.order, "voice_model", WHY)
    last = again(home, run)
    assert (last.state, last.reasons) == (OrderState.FULFILLED, ())
    said = model(home, last).membership
    assert said is not None
    assert said.looked_at == WHY
