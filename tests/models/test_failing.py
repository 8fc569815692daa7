"""What goes wrong while a model forgets or is made anew: nobody is served by the old one, and nothing reads as done that is not."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from expunge import faults
from expunge.bootstrap.state_folder import GATE
from expunge.core.evidence.receipt import Result
from expunge.core.models.model_outcomes import ComparisonResult
from expunge.core.orders.run import Run
from expunge.core.values.ids import StepId
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Outcome, Reason, Unable
from expunge.gate import Gate
from expunge.testing.forked import in_child
from tests.engine.household import ANNA, BELA
from tests.models.nursery import Nursery


def outcome(run: Run, step: str) -> Outcome:
    (found,) = run.current.steps[StepId(step)].outcomes[step.partition(":")[2]].values()
    return found


def serves(home: Nursery, name: str) -> bool:
    """Whether whoever asks the gate before it answers is told to go on."""
    with home.open() as opened:
        keys = opened.context.keys
        gate = Gate.open(home.state / GATE, keys.gate_key(), keys.signer_public(), timedelta(days=1))
    assert gate.may_use("model:somebody-elses", "serve"), "the gate can be read"
    return bool(gate.may_use(f"model:{name}", "serve"))


def replaced(home: Nursery, name: str, text: str) -> None:
    (home.folder / f"{name}.py").write_text(text)


def only(home: Nursery, **acts: str) -> None:
    """The model alone is made anew: its student, its export and the index are destroyed."""
    home.declare(**{"student": "destroy", "export": "destroy", **acts})


def test_a_forget_that_fails_keeps_the_rows_and_nobody_is_served_by_the_model(home: Nursery) -> None:
    only(home)
    replaced(home, "forget", "raise SystemExit(3)")
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert home.entry(run.order, "voice_model").reason is Reason.COMMAND_FAILED
    assert home.entry(run.order, "features").reason is Reason.REFERENCED
    assert home.entry(run.order, "voice").outcome is Result.UNABLE, "the features are found through it"
    assert not serves(home, "voice_model")


def test_what_failed_is_done_by_the_next_round_and_the_model_serves_again(home: Nursery) -> None:
    only(home)
    text = (home.folder / "forget.py").read_text()
    replaced(home, "forget", "raise SystemExit(3)")
    run = home.erase(f"profile:{ANNA}")
    replaced(home, "forget", text)
    with home.open() as opened:
        opened.plan(run.order)
    again = home.apply(run.order)
    assert (again.state, again.reasons) == (OrderState.FULFILLED, ())
    assert serves(home, "voice_model")
    (old,) = again.remade["voice_model"].before
    assert not serves(home, f"sha256:{old}"), "the old content never serves again"


def taught_without(home: Nursery, person: str) -> None:
    """As if this person's rows had come after the last training."""
    with closing(sqlite3.connect(home.database)) as db, db:
        theirs = db.execute("SELECT * FROM features WHERE profile_id = ?", (person,)).fetchall()
        db.execute("DELETE FROM features WHERE profile_id = ?", (person,))
    home.train("train")
    with closing(sqlite3.connect(home.database)) as db, db:
        db.executemany("INSERT INTO features VALUES (?, ?, ?, ?, ?)", theirs)


@pytest.mark.soak
def test_a_model_that_never_had_the_person_stays_as_it_is_and_serves_again(home: Nursery) -> None:
    taught_without(home, ANNA)
    only(home)
    before = home.weights()["voice.safetensors"]
    run = home.erase(f"profile:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert home.entry(run.order, "voice_model").outcome is Result.ABSENT
    assert home.entry(run.order, "features").outcome is Result.ERASED
    assert home.weights()["voice.safetensors"] == before
    assert serves(home, "voice_model")
    assert serves(home, f"sha256:{before}")


def test_a_retraining_that_is_said_to_be_unchanged_and_is_not_is_destroyed_again(home: Nursery) -> None:
    only(home, voice_model=home.act("retrain", "cheat", "train"))
    replaced(
        home, "cheat",
        "import json, sys\nasked = json.load(sys.stdin)\n"
        "open('world/media/models/voice.safetensors', 'wb').write(open('kept.bin', 'rb').read())\n"
        "json.dump({'figures': {'unchanged': 1}}, open(asked['report'], 'w'))",
    )  # fmt: skip
    (home.folder / "kept.bin").write_bytes((home.models / "voice.safetensors").read_bytes())
    run = home.erase(f"profile:{ANNA}")
    assert home.entry(run.order, "voice_model").reason is Reason.SAME_AS_BEFORE
    assert not (home.models / "voice.safetensors").exists()


@pytest.mark.soak
def test_a_forget_that_forgets_nothing_and_says_there_was_nothing_is_found_by_the_comparison(home: Nursery) -> None:
    only(home)
    replaced(
        home,
        "forget",
        (home.folder / "forget.py")
        .read_text()
        .replace("model.forget(gone", "model.forget(['nobody-at-all']")
        .replace("int(not done.records)", "0"),
    )
    run = home.erase(f"profile:{ANNA}")
    assert home.entry(run.order, "voice_model").reason is Reason.SAME_AS_BEFORE
    assert run.state is OrderState.IN_PART
    assert not serves(home, "voice_model")


@pytest.mark.soak
def test_a_forget_that_writes_other_bytes_and_forgets_nothing_is_found_by_the_comparison(home: Nursery) -> None:
    only(home)
    text = (home.folder / "forget.py").read_text().replace("done = model.forget(gone", "done = model.forget([people[-1]]")
    replaced(home, "forget", text)
    run = home.erase(f"profile:{ANNA}")
    assert run.remade["voice_model"].proof is ComparisonResult.DIFFERS
    assert home.entry(run.order, "voice_model").reason is Reason.RESIDUE
    assert not serves(home, "voice_model")


def test_a_retraining_that_gives_the_old_weights_back_is_caught_and_they_go_again(home: Nursery) -> None:
    only(home, voice_model=home.act("retrain", "cheat"))
    replaced(home, "cheat", "open('world/media/models/voice.safetensors', 'wb').write(open('kept.bin', 'rb').read())")
    old = (home.models / "voice.safetensors").read_bytes()
    (home.folder / "kept.bin").write_bytes(old)
    run = home.erase(f"profile:{ANNA}")
    found = outcome(run, "retrain:voice_model")
    assert isinstance(found, Unable)
    assert found.reason is Reason.SAME_AS_BEFORE
    assert not (home.models / "voice.safetensors").exists()


def test_a_retraining_that_changes_one_byte_of_the_old_weights_is_not_believed(home: Nursery) -> None:
    only(home, voice_model=home.act("retrain", "cheat"))
    replaced(home, "cheat", "open('world/media/models/voice.safetensors', 'wb').write(open('kept.bin', 'rb').read()[:-1] + b'!')")
    (home.folder / "kept.bin").write_bytes((home.models / "voice.safetensors").read_bytes())
    run = home.erase(f"profile:{ANNA}")
    assert home.entry(run.order, "voice_model").reason is Reason.CANNOT_TELL
    assert run.state is OrderState.IN_PART


def test_a_copy_of_the_weights_that_nobody_declared_is_residue(home: Nursery) -> None:
    only(home)
    stray = home.world / "media" / "backup.bin"
    stray.write_bytes(random.Random("before").randbytes(5000) + (home.models / "voice.safetensors").read_bytes())
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert home.entry(run.order, "voice_model").reason is Reason.RESIDUE


@pytest.mark.parametrize(
    ("text", "limits", "reason"),
    [
        ("x = bytearray(1 << 30); import time; time.sleep(60)", {"memory": "300 MiB"}, Reason.TOO_MUCH_MEMORY),
        ("pass", {}, Reason.COMMAND_FAILED),
    ],
    ids=["eats memory", "leaves nothing behind"],
)
def test_a_retraining_that_cannot_be_done_leaves_no_model(home: Nursery, text: str, limits: dict[str, str], reason: Reason) -> None:
    only(home, voice_model=home.act("retrain", "broken", **limits))
    replaced(home, "broken", text)
    run = home.erase(f"profile:{ANNA}")
    found = outcome(run, "retrain:voice_model")
    assert isinstance(found, Unable)
    assert found.reason is reason
    assert not (home.models / "voice.safetensors").exists()
    assert home.entry(run.order, "voice_model").reason is reason
    assert not serves(home, "voice_model")


@pytest.mark.soak
def test_nothing_is_made_anew_from_what_could_not_be_erased(home: Nursery) -> None:
    only(home, voice_model=home.act("retrain", "train"))
    home.map.write_text(home.map.read_text().replace("on_erase: erase", 'on_erase: {keep: "a dispute"}'))
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART


@pytest.mark.soak
def test_a_later_round_for_something_else_leaves_the_model_alone_and_says_what_was_done(home: Nursery) -> None:
    only(home)
    stray = home.world / "media" / "left.wav"
    stray.write_bytes(next((home.world / "media" / "voice" / ANNA).iterdir()).read_bytes())
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.IN_PART, "somebody left a copy of a recording"
    weights = home.weights()
    replaced(home, "forget", "raise SystemExit(3)")
    stray.unlink()
    with home.open() as opened:
        opened.plan(run.order)
    again = home.apply(run.order)
    assert (again.state, again.reasons) == (OrderState.FULFILLED, ())
    assert home.entry(run.order, "voice_model").outcome is Result.ERASED
    assert home.weights() == weights


@pytest.mark.soak
def test_two_people_in_two_orders_make_the_model_forget_once(home: Nursery) -> None:
    only(home)
    replaced(home, "forget", "open('count', 'a').write('x')\n" + (home.folder / "forget.py").read_text())
    orders = [home.order(f"profile:{each}").order for each in (ANNA, BELA)]
    with home.open() as opened:
        for each in orders:
            opened.plan(each)
        runs = opened.apply_all(orders)
    assert [each.state for each in runs] == [OrderState.FULFILLED] * 2
    assert (home.folder / "count").read_text() == "x"
    for order in orders:
        assert home.entry(order, "voice_model").outcome is Result.ERASED


def test_an_order_for_somebody_of_whom_there_is_nothing_touches_no_model(home: Nursery) -> None:
    before = home.weights()
    run = home.erase("profile:prf-nobody-000000")
    assert run.state is OrderState.FULFILLED
    assert home.weights() == before
    assert {home.entry(run.order, name).outcome for name in ("voice_model", "student", "export")} == {Result.ABSENT}


@pytest.mark.parametrize("occurrence", [1, pytest.param(2, marks=pytest.mark.soak)])
@pytest.mark.parametrize("point", [pytest.param("commands.run:before", marks=pytest.mark.soak), "commands.run:after"])
def test_a_crash_around_a_command_ends_as_without_one(home: Nursery, point: str, occurrence: int) -> None:
    only(home)
    order = home.order(f"profile:{ANNA}").order
    home.plan(order)

    def doomed() -> None:
        with faults.arm(point, "kill", occurrence):
            home.apply(order)

    assert in_child(doomed).killed_by == 9
    assert not serves(home, "voice_model"), "between the old model and the new one nobody is served"
    run = home.apply(order)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert run.remade["voice_model"].proof is ComparisonResult.EQUAL
    assert serves(home, "voice_model")
    assert not list((home.state / "scratch").rglob("*")), "no model that the comparison made lies about"
