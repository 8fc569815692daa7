from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.datamap import ByField, Dataset, EraseAct, Inherited, OnErase, TableLayout, Through
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.orders.plan import Plan, PlanSnapshot, StepKind, dependents_first, plan
from expunge.core.values.hold import Hold
from expunge.core.values.ids import OrderId, Pseudonym, StepId
from expunge.errors import EvidenceInvalid, StateCorrupt
from tests.core.maps import SCRUBS, voice_company

ANNA = Pseudonym("a" * 32)


def snapshot(**changes: object) -> PlanSnapshot:
    base = PlanSnapshot(OrderId("ord-x"), (ANNA,), voice_company(), "m" * 64, SCRUBS, ())
    return replace(base, **changes)


def order_of(made: Plan, kind: StepKind) -> list[str]:
    return [each.id.partition(":")[2] for each in made.steps if each.kind is kind]


def test_pointers_are_erased_after_what_they_point_to() -> None:
    erased = order_of(plan(snapshot()), StepKind.ERASE)
    assert erased.index("transcripts") < erased.index("recordings") < erased.index("profiles") < erased.index("accounts")


def test_an_erase_waits_for_every_look_and_for_its_dependents() -> None:
    made = plan(snapshot())
    recordings = made.step(next(each.id for each in made.steps if each.id == "erase:recordings"))
    assert set(recordings.after) == {"look:app", "look:media", "erase:transcripts"}


def test_nothing_is_purged_or_verified_before_its_time() -> None:
    made = plan(snapshot())
    kinds = [each.kind for each in made.steps]
    assert kinds.index(StepKind.PURGE) > max(index for index, kind in enumerate(kinds) if kind is StepKind.ERASE)
    assert set(made.step(next(each.id for each in made.steps if each.id == "verify:app")).after) == {"purge:app", "purge:media"}


def test_same_input_gives_the_same_bytes_and_digest() -> None:
    assert plan(snapshot()).to_bytes() == plan(snapshot()).to_bytes()
    assert plan(snapshot()).digest == plan(snapshot()).digest


EVERY_KIND = (
    "trace:app", "trace:media", "look:app", "look:media", "block:scores", "block:encoder", "forget:encoder", "destroy:scores",
    "erase:recordings", "erase:profiles", "purge:app", "purge:media", "prove:encoder", "rebuild:scores", "verify:app", "verify:media",
    "manual:transcripts", "keep:accounts",
)  # fmt: skip


def test_the_steps_come_in_the_order_that_the_specification_numbers() -> None:
    """One order with nearly every kind of step; the digest was computed before the steps carried numbers."""
    company = voice_company(accounts=OnErase(EraseAct.KEEP, "tax law"), transcripts=OnErase(EraseAct.RETRAIN, "make train"))
    like = company.datasets["transcripts"]
    encoder = replace(
        like, name="encoder", subject=Inherited(("recordings",)), derived_from=("recordings",),
        on_erase=OnErase(EraseAct.FORGET, "make forget", prove="make prove"),
    )  # fmt: skip
    scores = replace(
        like, name="scores", subject=Inherited(("encoder",)), derived_from=("encoder",), on_erase=OnErase(EraseAct.REBUILD, "make scores")
    )
    made = plan(snapshot(data_map=replace(company, datasets={**company.datasets, "encoder": encoder, "scores": scores})))
    assert tuple(step.id for step in made.steps) == EVERY_KIND
    assert made.digest == "efa6ee9ad489c064da5ebb0ed746003820010bcf55f90b610fee3689a7083d22"


@given(st.permutations(["accounts", "profiles", "recordings", "transcripts"]))
def test_the_order_in_which_the_map_lists_things_does_not_matter(names: list[str]) -> None:
    shuffled = replace(voice_company(), datasets={name: voice_company().datasets[name] for name in names})
    assert plan(snapshot(data_map=shuffled)).to_bytes() == plan(snapshot()).to_bytes()


def test_what_is_made_anew_is_proven_after_it_was_made_and_before_what_is_made_from_it() -> None:
    company = voice_company()
    like = company.datasets["transcripts"]
    encoder = replace(
        like, name="encoder", subject=Inherited(("recordings",)), derived_from=("recordings",),
        on_erase=OnErase(EraseAct.RETRAIN, "make train", prove="make prove"),
    )  # fmt: skip
    scores = replace(
        like, name="scores", subject=Inherited(("encoder",)), derived_from=("encoder",), on_erase=OnErase(EraseAct.REBUILD, "make scores")
    )
    made = plan(snapshot(data_map=replace(company, datasets={**company.datasets, "encoder": encoder, "scores": scores})))
    waits = {step.id: set(step.after) for step in made.steps}
    assert waits[StepId("retrain:encoder")] == {"purge:app", "purge:media"}
    assert "retrain:encoder" in waits[StepId("prove:encoder")]
    assert "retrain:encoder" in waits[StepId("rebuild:scores")]


@pytest.mark.parametrize(
    "changes",
    [
        {"map_digest": "n" * 64},
        {"subjects": (Pseudonym("b" * 32),)},
        {"order": OrderId("ord-y")},
        {"capabilities": {**SCRUBS, "app": Capabilities(Grounding.REMOVED)}},
        {"data_map": voice_company(transcripts=OnErase(EraseAct.KEEP, "court order"))},
    ],
)
def test_whatever_an_approver_relies_on_changes_the_digest(changes: dict[str, object]) -> None:
    assert plan(snapshot(**changes)).digest != plan(snapshot()).digest


def test_a_hold_changes_the_digest() -> None:
    hold = Hold(
        "hold-1", "recordings", ANNA, "matter 7", "court", datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC), frozenset()
    )
    assert plan(snapshot(holds=(hold,))).digest != plan(snapshot()).digest


def test_what_nobody_can_do_here_is_a_step_for_a_person_and_never_left_out() -> None:
    made = plan(snapshot(data_map=voice_company(transcripts=OnErase(EraseAct.RETRAIN, "make train"))))
    (manual,) = [each for each in made.steps if each.kind is StepKind.MANUAL]
    assert manual.datasets == ("transcripts",)
    assert "no runner" in manual.note


def test_a_store_that_cannot_be_asked_is_in_the_plan_as_a_step_for_a_person() -> None:
    made = plan(snapshot(capabilities={"app": SCRUBS["app"]}))
    assert [each.datasets for each in made.steps if each.kind is StepKind.MANUAL] == [("recordings",)]


def test_what_the_map_keeps_is_in_the_plan_with_its_ground() -> None:
    made = plan(snapshot(data_map=voice_company(accounts=OnErase(EraseAct.KEEP, "tax law"))))
    assert [(each.datasets, each.note) for each in made.steps if each.kind is StepKind.KEEP] == [(("accounts",), "tax law")]


def test_a_saved_plan_reads_back_and_a_changed_one_does_not() -> None:
    data = plan(snapshot()).to_bytes()
    assert Plan.from_bytes(data) == plan(snapshot())
    with pytest.raises((EvidenceInvalid, StateCorrupt)):
        Plan.from_bytes(data.replace(b'"map_digest"', b'"map_digesT"'))
    with pytest.raises(EvidenceInvalid):
        Plan.from_bytes(data + b" ")


def test_a_circle_is_refused_rather_than_ordered_by_chance() -> None:
    data_map = voice_company()
    one = Dataset("one", "app", Through("two", "x"), "life", layout=TableLayout("one"))
    two = Dataset("two", "app", Through("one", "x"), "life", layout=TableLayout("two"))
    with pytest.raises(ValueError, match="circle"):
        dependents_first(replace(data_map, datasets={**data_map.datasets, "one": one, "two": two}))


def test_a_foreign_key_to_what_is_found_through_its_row_decides_which_goes_first() -> None:
    data_map = voice_company()
    names = [each.name for each in dependents_first(data_map, {("recordings", "transcripts")})]
    assert names.index("recordings") < names.index("transcripts") < names.index("profiles")
    both = {("recordings", "transcripts"), ("transcripts", "recordings")}
    assert dependents_first(data_map, both) == dependents_first(data_map)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_every_dataset_comes_before_the_one_it_is_found_through(edges: list[tuple[int, int]]) -> None:
    datasets = {
        f"d{n}": Dataset(f"d{n}", "app", ByField({"profile": "profile_id"}), "life", layout=TableLayout(f"d{n}")) for n in range(10)
    }
    for child, parent in edges:
        if child > parent:  # keeps it free of circles
            datasets[f"d{child}"] = replace(datasets[f"d{child}"], subject=Through(f"d{parent}", "x"))
    data_map = replace(voice_company(), datasets=datasets, identities={})
    names = [each.name for each in dependents_first(data_map)]
    assert sorted(names) == sorted(datasets)
    for each in datasets.values():
        if isinstance(each.subject, Through):
            assert names.index(each.name) < names.index(each.subject.dataset)
