"""An order takes a child's recordings through features, model, student and export in one plan, and one receipt says so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.evidence.receipt import Result
from expunge.core.orders.plan import StepKind
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Progress
from expunge.learn import IntegerRidgeClassifier
from tests.cli.running import in_a_process
from tests.engine.household import ANNA
from tests.models import nursery
from tests.models.nursery import SHIPPED, Nursery


def test_everything_that_was_learnt_from_a_child_forgets_or_dies_in_one_plan(tmp_path: Path) -> None:
    home = nursery.build(tmp_path / "home", SHIPPED)
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
    assert not forgotten.forget([ANNA], missing="ignore").subjects
    with closing(sqlite3.connect(home.database)) as db:
        assert not db.execute("SELECT * FROM features WHERE profile_id = ?", (ANNA,)).fetchall()


@pytest.mark.soak
def test_how_far_a_command_is_is_told_while_it_runs(home: Nursery) -> None:
    home.declare(student="destroy", export="destroy")
    script = home.folder / "forget.py"
    script.write_text("print('expunge: progress 0.4', flush=True)\n" + script.read_text())
    order = home.order(f"profile:{ANNA}").order
    home.plan(order)
    told: list[Progress] = []
    with home.open() as opened:
        opened.apply(order, report=told.append)
    assert [(each.step, each.share) for each in told if each.state == "going"] == [("forget:voice_model", 0.4)]


def test_a_plan_shows_what_is_done_to_each_model(home: Nursery) -> None:
    order = home.order(f"profile:{ANNA}").order
    done = in_a_process("plan", order, "--map", home.map)
    for line in ("voice_model: forget: ", "student: destroy 1 item", "student: retrain: ", "export: rebuild: ", "lookup: destroy 1 item"):
        assert line in done.out, done.out
