"""Networks that forget exactly, with checkpoints that are destroyed; every crash leaves the old model or the new one."""

from __future__ import annotations

import os
import signal
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="no build of torch for processors alone was found: docs/howto/torch.md")

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from expunge import faults
from expunge.errors import CouldNotLook
from expunge.learn import BadInput, FileRefused, NothingLearned, ShardedTorch
from expunge.learn.forecast.shard_forecast import Layout, expected_share
from expunge.learn.sharded.checkpoints import find
from expunge.learn.sharded.network_training import batches
from tests.learn.nets import Counted, Watched, convolutional, restless
from tests.learn.people import World, fresh_digests, shuffled, world
from tests.soaking import THREADS, examples

pytestmark = pytest.mark.torch

QUICK: dict[str, Any] = {"shards": 3, "slices": 3, "epochs": 3, "batch_size": 8}
RELAXED = settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.too_slow])


RESTLESS = "tests.learn.nets:restless"


def files_of(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


# ---- the law -------------------------------------------------------------------------------------------------------


@RELAXED
@given(
    rows=st.integers(20, 60),
    people=st.integers(3, 10),
    seed=st.integers(0, 999),
    shared=st.sampled_from([0.0, 0.1]),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    optimiser=st.sampled_from(["adam", "adamw", "sgd"]),
    batched=st.lists(st.sets(st.integers(0, 10), max_size=3), max_size=3),
    likely=st.sets(st.integers(0, 10), max_size=2),
)
def test_any_forgets_one_after_another_leave_what_never_had_them(
    rows: int, people: int, seed: int, shared: float, shape: Any, optimiser: str, batched: list[set[int]], likely: set[int]
) -> None:
    everybody = world(rows, people, seed=seed, shared=shared, classes=2 + seed % 2)
    kind = {**QUICK, "shards": shape[0], "slices": shape[1], "optimiser": optimiser, "momentum": 0.5, "module": restless}
    kind["high_risk"] = [f"person {each}" for each in likely]
    model = everybody.fit(ShardedTorch(**kind), shuffled(everybody, seed))
    gone: set[str] = set()
    for batch in batched:
        names = {f"person {each}" for each in batch}
        report = model.forget(names, missing="ignore")
        assert report.lost == ()
        gone |= names
        left = everybody.without(*gone)
        if not left.ids:
            assert report.emptied
            return
        assert model.digest() == left.fit(ShardedTorch(**kind), shuffled(left, seed + 1)).digest()


def test_learning_more_in_between_makes_no_difference() -> None:
    everybody = world(80, 10, shared=0.05)
    start, rest = np.arange(50), np.arange(50, 80)
    model = everybody.fit(ShardedTorch(**QUICK), start)
    model.forget("person 1")
    model.partial_fit(everybody.x[rest], everybody.y[rest], [everybody.people[row] for row in rest], [everybody.ids[row] for row in rest])
    model.forget(["person 1", "person 2"])
    left = everybody.without("person 1", "person 2")
    assert model.digest() == left.fit(ShardedTorch(**QUICK), shuffled(left, 5)).digest()


@pytest.mark.parametrize("threads", THREADS)
def test_a_fresh_process_that_never_had_them_writes_the_same_file_on_one_thread_and_on_two(threads: int) -> None:
    described = {"rows": 150, "people": 20, "shared": 0.03}
    kinds = [QUICK, {**QUICK, "module": RESTLESS, "optimiser": "sgd", "momentum": 0.9}]
    models = [world(**described).fit(ShardedTorch(**kind)) for kind in kinds]
    for model in models:
        model.forget(["person 3", "person 4"])
        model.forget("person 11")
    mine = [model.digest() for model in models]
    assert fresh_digests([("ShardedTorch", kind) for kind in kinds], described, ["person 3", "person 4", "person 11"], threads) == mine


def test_a_class_that_only_one_person_had_goes_with_them() -> None:
    everybody = world(90, 9)
    rare = np.array([2 if many == ("person 4",) else label for label, many in zip(everybody.y, everybody.people, strict=True)])
    everybody = replace(everybody, y=rare)
    kind = {**QUICK, "shards": 1, "high_risk": ["person 4"]}
    model = everybody.fit(ShardedTorch(**kind))
    report = model.forget("person 4")
    assert model.classes_.tolist() == [0, 1]
    assert report.lost == ()
    assert model.digest() == everybody.without("person 4").fit(ShardedTorch(**kind)).digest()


def test_convolutions_over_sound_forget_as_well() -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(60, 5, 12)), rng.integers(0, 2, 60)
    rows = World(x, y, tuple((f"person {row % 9}",) for row in range(60)), tuple(map(str, range(60))))
    model = rows.fit(ShardedTorch(convolutional, **QUICK))
    model.forget("person 4")
    left = rows.without("person 4")
    assert model.digest() == left.fit(ShardedTorch(convolutional, **QUICK), shuffled(left, 2)).digest()


def test_the_random_numbers_and_threads_of_everybody_else_stay_as_they_were() -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(3), np.random.rand(3)
    torch.manual_seed(5)
    np.random.seed(5)
    threads = torch.get_num_threads()
    world(40, 5).fit(ShardedTorch(restless, **QUICK)).predict(np.zeros((2, 4)))
    assert torch.equal(torch.rand(3), expected[0])
    assert np.array_equal(np.random.rand(3), expected[1])
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_whatever_the_process_allows_a_shard_is_taught_on_one_thread_by_deterministic_algorithms() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        world(40, 5).fit(ShardedTorch(lambda shape, classes: Watched(shape[0], classes), **QUICK)).forget("person 1")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert Watched.seen == {(1, True)}


def test_several_threads_may_learn_and_predict_at_once_and_no_bit_changes() -> None:
    worlds = [world(80, 9, seed=seed) for seed in range(3)]
    gone = [each.without("person 1") for each in worlds]
    expected = [each.fit(ShardedTorch(restless, **QUICK)).digest() for each in gone]
    models = [ShardedTorch(restless, **QUICK) for _ in worlds]
    worlds[0].fit(models[0])

    def life(number: int) -> str:
        if number:
            worlds[number].fit(models[number])
        models[number].forget("person 1")
        return str(models[number].digest())

    with ThreadPoolExecutor(4) as threads:
        lives = [threads.submit(life, number) for number in range(3)]
        while not all(each.done() for each in lives):
            # The first has learnt: it answers all the time, by the shards that are not being taught.
            assert np.isfinite(models[0].predict_proba(worlds[0].x)).all()
    assert [each.result() for each in lives] == expected


def test_batches_have_no_holes_and_nobody_is_alone_in_one() -> None:
    for rows in range(1, 40):
        cut = list(batches(np.arange(rows), 8))
        assert np.concatenate(cut).tolist() == list(range(rows))
        assert all(1 < len(each) <= 9 for each in cut) or rows == 1


# ---- what it costs -------------------------------------------------------------------------------------------------


def test_the_report_counts_the_samples_that_went_through_the_network_and_slices_save_some() -> None:
    everybody = world(200, 30)
    kind = {**QUICK, "shards": 2, "slices": 4, "epochs": 8, "module": lambda shape, classes: Counted(shape[0], classes)}
    model = everybody.fit(ShardedTorch(**kind))
    for name in ("person 1", "person 2", "person 3"):
        Counted.taught = 0
        report = model.forget(name)
        assert report.recomputed == Counted.taught > 0
        assert len(report.parts) == 1
    Counted.taught = 0
    likely = everybody.fit(ShardedTorch(**kind, high_risk=["person 1"]))
    assert abs(Counted.taught - 8 * 200) < 0.25 * 8 * 200
    Counted.taught = 0
    report = likely.forget("person 1")
    assert report.recomputed == Counted.taught
    passes = likely._passes_of_stages()[3]
    assert report.recomputed == passes * sum(map(len, likely._members[report.parts[0]]))
    assert report.monolith == 8 * len(everybody.without("person 1").ids)


def test_a_shard_costs_what_its_epochs_say_however_many_slices_it_has() -> None:
    for slices in range(1, 12):
        for epochs in (1, 3, 16):
            model = ShardedTorch(slices=slices, epochs=epochs)
            stages = model._passes_of_stages()
            assert min(stages) >= 0
            assert sum(stages) == round(2 * epochs * slices / (slices + 1))


# ---- checkpoints ---------------------------------------------------------------------------------------------------


def test_old_checkpoints_are_destroyed_and_the_report_lists_them_and_none_is_found_by_its_hash(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    everybody = world(120, 15)
    model = everybody.fit(ShardedTorch(**QUICK, checkpoints=folder))
    (folder / "of somebody else.txt").write_text("kept")
    before = files_of(folder)
    assert len(before) == 9 + 1
    assert all(sha256(data).hexdigest() in name for name, data in before.items() if name.startswith("shard"))
    inodes = {each.name: each.open("rb") for each in folder.iterdir()}
    report = model.forget("person 3")
    after = files_of(folder)
    gone = before.keys() - after.keys()
    assert sorted(sha256(before[each]).hexdigest() for each in gone) == list(report.destroyed)
    assert report.destroyed
    assert find([tmp_path], report.destroyed) == []
    assert len(after) == 9 + 1
    for name, file in inodes.items():
        # Through a handle from before: not only the name is gone.
        with file:
            assert (set(file.read()) == {0}) == (name in gone)


def test_a_copy_of_an_old_checkpoint_is_found_wherever_it_was_put(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    model = world(60, 8).fit(ShardedTorch(**QUICK, checkpoints=folder))
    elsewhere = tmp_path / "backup" / "deep"
    elsewhere.mkdir(parents=True)
    for name, data in files_of(folder).items():
        (elsewhere / f"{name[:24]}.bak").write_bytes(data)
    report = model.forget("person 3")
    assert len(find([tmp_path], report.destroyed)) == len(report.destroyed)
    with pytest.raises(CouldNotLook):
        find([tmp_path / "not there"], report.destroyed)


def test_a_forget_that_was_skipped_is_caught(tmp_path: Path) -> None:
    everybody = world(60, 8)
    model = everybody.fit(ShardedTorch(**QUICK, checkpoints=tmp_path))
    held = [name[-76:-12] for name in files_of(tmp_path)]
    assert len(find([tmp_path], held)) == len(held) == 9
    assert model.digest() != everybody.without("person 3").fit(ShardedTorch(**QUICK)).digest()


@pytest.mark.parametrize("attack", ["missing", "cut short", "flipped bit", "of another shard"])
def test_a_checkpoint_that_is_not_what_was_written_means_teaching_from_scratch_and_the_report_says_so(attack: str, tmp_path: Path) -> None:
    everybody = world(120, 15)
    kind = {**QUICK, "high_risk": ["person 3"]}
    model = everybody.fit(ShardedTorch(**kind, checkpoints=tmp_path))
    shard = everybody.fit(ShardedTorch(**kind)).forget("person 3").parts[0]
    chain = model._serving.parts[shard].model.chain
    path = next(each for each in tmp_path.iterdir() if chain[1] in each.name)
    other = next(each for each in tmp_path.iterdir() if not each.name.startswith(f"shard{shard:05}"))
    data = path.read_bytes()
    if attack == "missing":
        path.unlink()
    else:
        broken = {
            "cut short": data[:-20],
            "flipped bit": data[:-5] + bytes([data[-5] ^ 1]) + data[-4:],
            "of another shard": other.read_bytes(),
        }
        path.write_bytes(broken[attack])
    report = model.forget("person 3")
    left = everybody.without("person 3")
    assert report.lost == report.parts == (shard,)
    assert report.recomputed == sum(
        passes * sum(map(len, model._members[shard][: number + 1])) for number, passes in enumerate(model._passes_of_stages()[:3])
    )
    assert model.digest() == left.fit(ShardedTorch(**kind), shuffled(left, 1)).digest()
    assert model.forget("person 4").lost == ()


def test_a_loaded_model_goes_on_from_its_folder_and_without_it_from_scratch(tmp_path: Path) -> None:
    everybody = world(120, 15)
    kind = {**QUICK, "high_risk": ["person 3"]}
    folder = tmp_path / "checkpoints"
    everybody.fit(ShardedTorch(**kind, checkpoints=folder)).save(tmp_path / "model")
    alone, beside = ShardedTorch.load(tmp_path / "model"), ShardedTorch.load(tmp_path / "model", checkpoints=folder)
    dear, cheap = alone.forget("person 3", everybody.source()), beside.forget("person 3", everybody.source())
    assert dear.lost == dear.parts
    assert cheap.lost == ()
    assert cheap.recomputed < dear.recomputed
    assert alone.digest() == beside.digest() == everybody.without("person 3").fit(ShardedTorch(**kind)).digest()


def test_in_another_environment_everything_is_fitted_again_and_the_report_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = world(120, 15)
    here = ShardedTorch._environment
    folder = tmp_path / "checkpoints"
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(ShardedTorch, "_environment", lambda self: {**here(self), "processor": "another"})
        everybody.fit(ShardedTorch(**QUICK, checkpoints=folder)).save(tmp_path / "model")
    before = files_of(folder)
    model = ShardedTorch.load(tmp_path / "model", checkpoints=folder)
    report = model.forget("person 3", everybody.source())
    assert report.parts == (0, 1, 2)
    assert "fitted again" in report.why_all
    assert model.digest() == everybody.without("person 3").fit(ShardedTorch(**QUICK)).digest()
    again = {sha256(data).hexdigest() for data in files_of(folder).values()}
    assert set(report.destroyed) == {sha256(data).hexdigest() for data in before.values()} - again


# ---- crashes -------------------------------------------------------------------------------------------------------


def points_of_a_forget(tmp_path: Path) -> list[tuple[str, int]]:
    """Each failpoint that a forget and a save pass, at its first and at its last pass."""
    everybody = world(60, 8)
    folder = tmp_path / "dry"
    model = everybody.fit(ShardedTorch(**QUICK, checkpoints=folder))
    with faults.record() as passed:
        model.forget(["person 3", "person 5"])
        model.save(tmp_path / "dry.model")
    return sorted({(name, each) for name in passed for each in (1, passed.count(name))})


def test_killed_at_any_point_of_forget_swap_and_destroy_the_file_is_old_or_new_and_a_repeat_ends_it(tmp_path: Path) -> None:
    everybody = world(60, 8)
    points = points_of_a_forget(tmp_path)
    assert {"learn.shards.out:after", "learn.shards.taught:after", "learn.shards.swap:after"} <= {name for name, _ in points}
    assert any("wipe" in name for name, _ in points)
    new = everybody.without("person 3", "person 5").fit(ShardedTorch(**QUICK)).digest()
    model, folder = tmp_path / "model", tmp_path / "checkpoints"
    clean = everybody.fit(ShardedTorch(**QUICK, checkpoints=folder))
    clean.save(model)
    old, kept, saved = clean.digest(), files_of(folder), model.read_bytes()
    for name, number in points:
        for each in folder.iterdir():
            each.unlink()
        for each, data in kept.items():
            (folder / each).write_bytes(data)
        model.write_bytes(saved)
        with warnings.catch_warnings():
            # Newer Pythons warn of forks beside threads: this child dies, and waits for none of them.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:  # pragma: no cover - the child dies where it is told to
            try:
                with faults.arm(name, "kill", number):
                    loaded = ShardedTorch.load(model, checkpoints=folder)
                    loaded.forget(["person 3", "person 5"], everybody.source(), missing="ignore")
                    loaded.save(model)
            finally:
                os._exit(3)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), name
        assert os.WTERMSIG(status) == signal.SIGKILL
        found = ShardedTorch.load(model, checkpoints=folder)
        assert found.digest() in {old, new}, name
        found.forget(["person 3", "person 5"], everybody.source(), missing="ignore")
        assert found.digest() == new, name
        chains = {each for part in found._serving.parts.values() if part.model for each in part.model.chain}
        assert {sha256(data).hexdigest() for data in files_of(folder).values()} == chains, name


def test_a_disk_that_fails_in_the_middle_leaves_the_touched_shards_out_and_a_repeat_ends_it(tmp_path: Path) -> None:
    everybody = world(60, 8)
    # The shards that are touched, and what is left, are the same wherever the disk fails.
    touched = everybody.fit(ShardedTorch(**QUICK)).forget(["person 3", "person 5"]).parts
    new = everybody.without("person 3", "person 5").fit(ShardedTorch(**QUICK)).digest()
    for name, number in points_of_a_forget(tmp_path):
        if name.startswith("learn.model"):
            continue
        folder = tmp_path / name.replace(":", "-") / str(number)
        model = everybody.fit(ShardedTorch(**QUICK, checkpoints=folder))
        old = model._serving.parts
        with faults.arm(name, "full" if number == 1 else "fail", number), pytest.raises(OSError, match="failpoint"):
            model.forget(["person 3", "person 5"])
        # Nothing that has seen them votes: those that serve are new, or were not touched.
        serving = model._serving.parts
        assert all(shard not in serving or serving[shard] is not old[shard] for shard in touched), name
        model.forget(["person 3", "person 5"])
        assert model.digest() == new, name
        chains = {each for part in model._serving.parts.values() if part.model for each in part.model.chain}
        assert {sha256(data).hexdigest() for data in files_of(folder).values()} == chains, name


def test_what_a_full_disk_left_half_learnt_is_not_saved_and_the_next_forget_ends_it(tmp_path: Path) -> None:
    everybody = world(80, 10)
    start, rest = np.arange(50), np.arange(50, 80)
    more = (everybody.x[rest], everybody.y[rest], [everybody.people[row] for row in rest], [everybody.ids[row] for row in rest])
    model = everybody.fit(ShardedTorch(**QUICK, checkpoints=tmp_path), start)
    with faults.arm("learn.checkpoint.data:before", "full"), pytest.raises(OSError, match="failpoint"):
        model.partial_fit(*more)
    with pytest.raises(NothingLearned, match="not ended"):
        model.digest()
    model.forget("person 1")
    left = everybody.without("person 1")
    assert model.digest() == left.fit(ShardedTorch(**QUICK)).digest()


def test_a_fit_that_a_full_disk_ended_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    everybody = world(80, 10)
    model = everybody.fit(ShardedTorch(**QUICK, checkpoints=tmp_path))
    before = model.digest()
    with faults.arm("learn.checkpoint.data:before", "full", 2), pytest.raises(OSError, match="failpoint"):
        world(80, 10, seed=1).fit(model)
    assert model.digest() == before
    assert model.forget("person 3").lost == ()


# ---- input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("even", ["passes", "steps"])
@pytest.mark.parametrize("slices", [1, 2, 8, 50, 333])
@pytest.mark.parametrize("epochs", [1, 5, 16, 20])
def test_a_shard_costs_what_was_asked_for_and_nobody_is_left_out(even: str, slices: int, epochs: int) -> None:
    passes = ShardedTorch(slices=slices, epochs=epochs, even=even)._passes_of_stages()
    assert len(passes) == slices
    assert min(passes) >= 0
    # The last stage is the first that those of the last slice are in.
    assert passes[-1] >= 1
    cost = sum(many * (number + 1) / slices for number, many in enumerate(passes))
    assert cost == pytest.approx(epochs, abs=0.9)


def test_stages_of_as_many_steps_follow_the_law_and_the_forecast() -> None:
    everybody = world(300, 60, seed=6)
    steps = {**QUICK, "shards": 2, "slices": 4, "epochs": 12, "even": "steps"}
    model = everybody.fit(ShardedTorch(**steps))
    reports = [model.forget(f"person {each}") for each in range(16)]
    left = everybody.without(*(f"person {each}" for each in range(16)))
    assert model.digest() == left.fit(ShardedTorch(**steps), shuffled(left, 2)).digest()
    counted = sum(each.recomputed for each in reports) / sum(each.monolith for each in reports)
    assert counted == pytest.approx(expected_share(Layout(2, 4, steps=True), 1), rel=0.2)
    assert model.digest() != left.fit(ShardedTorch(**{**steps, "even": "passes"})).digest()


def test_without_arguments_it_learns_a_plain_task() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(loc=50, scale=20, size=(400, 5))
    y = np.where(x[:, 0] > x[:, 3], "more", "less")
    model = ShardedTorch().fit(x[:300], y[:300], subjects=[f"p{row // 5}" for row in range(300)])
    assert model.score(x[300:], y[300:]) > 0.85
    assert model.predict_proba(x[300:]).sum(axis=1) == pytest.approx(1)
    model.forget(["p3", "p4"])
    assert model.score(x[300:], y[300:]) > 0.85


BAD_NETWORKS: dict[str, Any] = {
    "no network": lambda _shape, _classes: "a network",
    "one number a row": lambda shape, _classes: nn.Sequential(nn.Linear(shape[0], 1), nn.Flatten(0)),
    "too few outputs": lambda shape, _classes: nn.Linear(shape[0], 1),
    "weights of half a number": lambda shape, classes: nn.Linear(shape[0], classes).bfloat16(),
    "rows of another width": lambda _shape, classes: nn.Linear(17, classes),
    "two tensors": lambda shape, classes: nn.LSTM(shape[0], classes),
    "no function": 7,
    "no such module": "tests.learn.nets:missing",
    "no path": "a b c",
}


@pytest.mark.parametrize("what", BAD_NETWORKS)
def test_a_network_that_cannot_be_taught_is_refused_and_what_was_learnt_stays(what: str) -> None:
    rows = world(40, 5)
    model = rows.fit(ShardedTorch(**QUICK))
    before = model.digest()
    model.module = BAD_NETWORKS[what]
    with pytest.raises(BadInput):
        rows.fit(model)
    model.module = None
    assert model.digest() == before


def test_weights_that_run_away_are_refused_and_say_what_to_do() -> None:
    with pytest.raises(BadInput, match="learning_rate"):
        world(40, 5).fit(ShardedTorch(convolutional_of_rows, **QUICK, optimiser="sgd", learning_rate=1e30))


def convolutional_of_rows(shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(shape[0], 8), nn.Linear(8, classes))


@pytest.mark.parametrize("what", ["NaN", "infinity", "text", "one dimension", "fewer labels", "token numbers with halves"])
def test_rows_that_cannot_be_learnt_are_refused_and_what_was_learnt_stays(what: str) -> None:
    rows = world(40, 5)
    model = rows.fit(ShardedTorch(**QUICK))
    before = model.digest()
    x, y = rows.x.copy(), rows.y
    if what in {"NaN", "infinity"}:
        x[3, 1] = np.nan if what == "NaN" else np.inf
    if what == "token numbers with halves":
        model.dtype = "int64"
    bad = {"text": x.astype(str) + np.array("a"), "one dimension": x[:, 0]}.get(what, x)
    with pytest.raises(BadInput):
        model.fit(bad, y[:-1] if what == "fewer labels" else y)
    model.dtype = "float32"
    assert model.digest() == before


def test_no_converted_copy_of_the_rows_stays_in_the_model() -> None:
    rows = world(60, 6)
    before = rows.x.copy()
    model = ShardedTorch(**QUICK).fit(rows.x, rows.y, rows.people, rows.ids)
    model.partial_fit(rows.x[:3] + 1, rows.y[:3], rows.people[:3], ["more 1", "more 2", "more 3"])
    assert all(part.dtype == np.float64 for part, _, _ in model._given._parts)
    assert np.shares_memory(model._given._parts[0][0], rows.x)
    assert np.array_equal(rows.x, before)


def test_numbers_of_tokens_reach_the_network_as_whole_numbers() -> None:
    rng = np.random.default_rng(2)
    x = rng.integers(0, 20, (60, 6))
    rows = World(x, (x[:, 0] > 9).astype(int), tuple((f"person {row % 9}",) for row in range(60)), tuple(map(str, range(60))))
    kind = {**QUICK, "dtype": "int64", "module": "tests.learn.nets:words"}
    model = rows.fit(ShardedTorch(**kind))
    model.forget("person 2")
    left = rows.without("person 2")
    assert model.digest() == left.fit(ShardedTorch(**kind), shuffled(left, 1)).digest()


def test_a_file_is_read_only_with_the_network_that_it_was_made_with_and_names_no_code(tmp_path: Path) -> None:
    rows = world(40, 5)
    rows.fit(ShardedTorch(RESTLESS, **QUICK)).save(tmp_path / "model")
    assert b"nets" not in (tmp_path / "model").read_bytes()
    with pytest.raises(FileRefused, match="module"):
        ShardedTorch.load(tmp_path / "model")
    with pytest.raises(FileRefused, match="module"):
        ShardedTorch.load(tmp_path / "model", module=convolutional_of_rows)
    again = ShardedTorch.load(tmp_path / "model", module=RESTLESS)
    assert again.predict(rows.x).shape == (40,)


@pytest.mark.parametrize(
    "wrong",
    [{"even": "cost"}, {"optimiser": "lbfgs"}, {"dtype": "float16"}, {"epochs": 0}, {"batch_size": 0}, {"slices": 0}, {"shards": 0},
     {"learning_rate": 0.0}, {"momentum": 1.0}, {"weight_decay": -1.0}],
)  # fmt: skip
def test_settings_that_make_no_model_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        world(30, 3).fit(ShardedTorch(**wrong))


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    with pytest.raises(BadInput, match="checkpoints"):
        world(30, 3).fit(ShardedTorch(checkpoints=tmp_path / "a file" / "below"))


def test_when_all_are_forgotten_no_checkpoint_is_left(tmp_path: Path) -> None:
    model = world(30, 3).fit(ShardedTorch(**QUICK, checkpoints=tmp_path))
    report = model.forget([f"person {each}" for each in range(3)])
    assert report.emptied
    assert report.recomputed == 0
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(NothingLearned):
        model.predict(np.zeros((1, 4)))
