"""Manifests that clear what they should not: students of teachers that lied, copies beside other weights, seals written over."""

from __future__ import annotations

import random
import sys

import pytest

from expunge.core.models.model_outcomes import ComparisonResult, NetworkAccess
from expunge.core.values.order import OrderState
from expunge.learn.records.refusals import BadInput
from tests.engine.household import ANNA, BELA, CARA, PEOPLE
from tests.models.nursery import Nursery
from tests.models.test_manifests import MODELS, TRAIN, TRAININGS, compared, declare, expire, home, records, seal, town, trained, weights

__all__ = ["home", "town"]

JUDGED = "artefact: version, derived_from: [voice], origin: manifest, on_erase: destroy"


def test_a_student_of_a_teacher_whose_manifest_was_found_to_lie_is_cleared_by_nothing(home: Nursery) -> None:
    compared(home, (ANNA, BELA, CARA))
    text = home.map.read_text()
    at = text.index("  small:")
    home.map.write_text(text[:at] + text[at:].replace(f"    attest: {sys.executable} again.py\n", ""))
    teacher = home.world / "lake" / "intent" / "2.bin"
    student = weights(home, "a", "small")
    seal(home, student, CARA, dataset="small", sources={}, parents=[[teacher]])
    run = home.erase(f"profile:{ANNA}")
    assert not teacher.exists()
    assert not student.exists()
    assert run.state is OrderState.FULFILLED


def test_the_only_one_that_is_there_and_lies_is_caught(home: Nursery) -> None:
    (home.folder / "again.py").write_text(TRAIN)
    declare(home, origin=f"origin: manifest\n    attest: {sys.executable} again.py")
    path = trained(home, "1", ANNA, BELA)
    seal(home, path, BELA)
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert not path.exists()


def test_what_was_made_from_what_is_there_no_more_is_not_cleared_by_what_is(home: Nursery) -> None:
    student = weights(home, "a", "small")
    new = weights(home, "2")
    seal(home, new, BELA, CARA)
    home.write_map(
        more=MODELS.format(act="destroy", origin="origin: manifest", sources="voice").replace(
            "derived_from: [intent]\n    origin: manifest", "derived_from: [intent]\n    kind: model"
        ),
        extra=TRAININGS,
    )
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert new.exists()
    assert not student.exists(), "an earlier version may have taught it"


def test_weights_that_had_the_person_are_not_cleared_beside_others(home: Nursery) -> None:
    old = weights(home, "1")
    seal(home, old, ANNA, BELA)
    folder = home.world / "lake" / "tuned" / "7"
    folder.mkdir(parents=True)
    (folder / "base.bin").write_bytes(old.read_bytes())
    (folder / "adapter.bin").write_bytes(random.Random(7).randbytes(5000))
    declare(home, more=f'  tuned: {{store: lake, path: "tuned/{{version}}/{{part}}.bin", {JUDGED}}}\n')
    seal(home, folder, BELA, CARA, dataset="tuned")
    run = home.erase(f"profile:{ANNA}")
    assert not old.exists()
    assert not (folder / "base.bin").exists()
    assert run.state is OrderState.FULFILLED


def test_weights_that_had_the_person_go_from_a_dataset_that_their_manifest_does_not_name(home: Nursery) -> None:
    old = weights(home, "1")
    seal(home, old, ANNA, BELA)
    folder = home.world / "lake" / "served"
    folder.mkdir()
    (folder / "1.bin").write_bytes(old.read_bytes())
    declare(home, more=f'  served: {{store: lake, path: "served/{{version}}.bin", {JUDGED}}}\n')
    expire(home, ANNA)
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert not old.exists()
    assert not (folder / "1.bin").exists()


def test_a_seal_cannot_be_written_over_by_one_that_leaves_somebody_out(home: Nursery) -> None:
    old = weights(home, "1")
    seal(home, old, ANNA, BELA)
    with pytest.raises(BadInput, match="sealed before"):
        seal(home, old, BELA)
    with pytest.raises(BadInput, match="sealed before"):
        seal(home, old, ANNA, BELA, people={"profile": [ANNA, BELA]})
    seal(home, old, ANNA, BELA)
    seal(home, old, ANNA, BELA, CARA)
    home.erase(f"profile:{ANNA}")
    assert not old.exists()


def test_a_model_that_was_tuned_every_night_for_years_is_judged(home: Nursery) -> None:
    last = weights(home, "n0")
    seal(home, last, BELA, CARA)
    held = records(home, BELA, CARA)
    for night in range(1, 400):
        now = weights(home, f"n{night}")
        seal(home, now, BELA, CARA, records=held, parents=[[last]])
        last.unlink()
        last = now
    run = home.erase(f"profile:{ANNA}")
    assert run.state is OrderState.FULFILLED
    assert last.exists()


def test_one_name_instead_of_a_list_of_names_is_refused(home: Nursery) -> None:
    path = weights(home, "1")
    with pytest.raises(BadInput, match="list"):
        seal(home, path, BELA, people={"profile": BELA, "account": [PEOPLE[BELA]]})


def test_a_comparison_that_cleared_everything_is_a_command_whose_reach_is_said(home: Nursery) -> None:
    (home.folder / "again.py").write_text(TRAIN)
    declare(home, origin=f"origin: manifest\n    attest: {sys.executable} again.py")
    seal(home, trained(home, "1", BELA), BELA)
    run = home.erase(f"profile:{ANNA}")
    (said,) = home.receipt(run.order).models
    with home.open() as opened:
        apart = opened.context.commands.apart  # type: ignore[union-attr]  # a local runner
    assert said.stayed[0].proof is ComparisonResult.EQUAL
    assert said.network is (NetworkAccess.SHUT if apart else NetworkAccess.COULD_NOT)
