"""An order takes a child's recordings through features, model, student and export in one plan, and one receipt says so."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from expunge.core.order import OrderState
from expunge.core.plan import StepKind
from expunge.core.receipt import Result
from expunge.learn import IntegerRidgeClassifier
from tests.engine.household import ANNA
from tests.models.nursery import Nursery


def test_everything_that_was_learnt_from_a_child_forgets_or_dies_in_one_plan(home: Nursery) -> None:
    before = home.weights()
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    kinds = [step.kind for step in run.plan.steps if step.kind not in (StepKind.TRACE, StepKind.LOOK, StepKind.VERIFY)]
    assert kinds.index(StepKind.BLOCK) < kinds.index(StepKind.FORGET) < kinds.index(StepKind.ERASE)
    after = home.weights()
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values())
    assert not list((home.world / "lake" / "lookup").iterdir())
    said = {each.dataset: each.outcome for each in home.receipt(run.order).datasets}
    assert {said[name] for name in ("voice_model", "student", "export", "lookup", "features", "voice")} == {Result.ERASED}
    forgotten = IntegerRidgeClassifier.load(home.models / "voice.safetensors")
    assert not forgotten.forget([ANNA]).subjects
    with closing(sqlite3.connect(home.database)) as db:
        assert not db.execute("SELECT * FROM features WHERE profile_id = ?", (ANNA,)).fetchall()
