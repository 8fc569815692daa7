"""Shards that are taught in several processes at once are those that are taught one after the other, to the last bit."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import expunge.learn as learn
from expunge.learn.records.refusals import BadInput
from expunge.learn.sharded import shard_pool
from tests.learn.people import shuffled, world

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "lightgbm": ("ShardedTrees", {"trees": 6, "slices": 3, "leaves": 4, "min_samples": 2, "shards": 2}),
    "hist": ("ShardedTrees", {"backend": "hist", "trees": 3, "leaves": 4, "min_samples": 2, "shards": 2}),
    "torch": ("ShardedTorch", {"module": "tests.learn.nets:restless", "shards": 2, "slices": 3, "epochs": 3}),
}
THERE = [name for name, (model, _) in KINDS.items() if model in dir(learn)]


@pytest.mark.soak
@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.torch) if kind == "torch" else kind for kind in THERE])
def test_no_bit_depends_on_how_many_processes_taught(kind: str) -> None:
    model, settings = KINDS[kind]
    everybody = world(60, 10, seed=3, shared=0.1)
    one, two = (everybody.fit(getattr(learn, model)(**settings, jobs=jobs), shuffled(everybody, jobs)) for jobs in (1, 2))
    assert one.digest() == two.digest()
    gone = [f"person {each}" for each in range(4)]
    reports = [each.forget(gone) for each in (one, two)]
    # Where checkpoints are in memory, what one process made another goes on from.
    assert reports[0] == reports[1]
    assert len(reports[0].parts) > 1
    assert reports[0].lost == ()
    left = everybody.without(*gone)
    assert one.digest() == two.digest() == left.fit(getattr(learn, model)(**settings)).digest()
    # And what came back from another process goes on here.
    assert two.forget("person 7").lost == ()
    assert two.digest() == left.without("person 7").fit(getattr(learn, model)(**settings)).digest()


@pytest.mark.soak
@pytest.mark.torch
@pytest.mark.skipif("torch" not in THERE, reason="PyTorch is not installed")
def test_checkpoints_in_a_folder_are_the_same_whoever_made_them(tmp_path: Path) -> None:
    everybody, settings = world(40, 8), KINDS["torch"][1]
    for jobs in (1, 2):
        everybody.fit(learn.ShardedTorch(**settings, jobs=jobs, checkpoints=tmp_path / str(jobs)))
    names = [{each.name for each in (tmp_path / str(jobs)).iterdir()} for jobs in (1, 2)]
    assert names[0] == names[1] != set()


def test_a_file_says_nothing_of_processes_and_whoever_loads_it_chooses(tmp_path: Path) -> None:
    everybody = world(60, 9)
    # Each process that is started imports for two seconds: one call that starts some is enough.
    everybody.fit(learn.ShardedTrees(trees=3, shards=3)).set_params(jobs=2).save(tmp_path / "model")
    assert b"jobs" not in (tmp_path / "model").read_bytes()
    loaded = learn.ShardedTrees.load(tmp_path / "model", jobs=2)
    loaded.forget(["person 1", "person 2", "person 3"], everybody.source())
    assert loaded.digest() == everybody.without("person 1", "person 2", "person 3").fit(learn.ShardedTrees(trees=3, shards=3)).digest()


@pytest.mark.parametrize("jobs", [0, -1, 65, True, 2.0, None])
def test_numbers_of_processes_that_make_no_sense_are_refused(jobs: Any) -> None:
    with pytest.raises(BadInput, match="jobs"):
        world(30, 3).fit(learn.ShardedTrees(jobs=jobs))


@pytest.mark.torch
@pytest.mark.skipif("torch" not in THERE, reason="PyTorch is not installed")
def test_a_network_that_no_other_process_can_import_is_refused_before_anything_is_learnt() -> None:
    rows = world(30, 3)
    with pytest.raises(BadInput, match="import"):
        rows.fit(learn.ShardedTorch(lambda shape, classes: None, jobs=2))


def bad_rows(errand: Any) -> Any:
    raise BadInput("such rows cannot be learnt")


def dies(errand: Any) -> Any:
    os._exit(9)


def whoami(errand: Any) -> Any:
    return os.getpid(), np.zeros(1)


def test_errors_come_back_and_a_process_that_dies_is_told_of() -> None:
    with pytest.raises(BadInput, match="such rows"):
        list(shard_pool.send([(0, None), (1, None)], 2, bad_rows))  # type: ignore[list-item]
    with pytest.raises(ChildProcessError, match="died"):
        list(shard_pool.send([(0, None), (1, None)], 2, dies))  # type: ignore[list-item]


def test_no_more_rows_are_held_and_no_more_processes_run_than_were_asked_for() -> None:
    held, most = 0, 0

    def errands() -> Iterator[tuple[int, Any]]:
        nonlocal held, most
        for number in range(7):
            held += 1
            most = max(most, held)
            yield number, None

    pids = set()
    numbers = []
    for number, (pid, _) in shard_pool.send(errands(), 2, whoami):  # type: ignore[misc]
        held -= 1
        pids.add(pid)
        numbers.append(number)
    assert sorted(numbers) == list(range(7))
    assert most <= 3
    assert 1 <= len(pids) <= 2
    assert os.getpid() not in pids


def test_a_process_that_dies_in_the_middle_of_a_forget_leaves_its_shards_out_and_a_repeat_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = world(60, 9)
    model = everybody.fit(learn.ShardedTrees(trees=3, shards=3)).set_params(jobs=2)
    gone = ["person 1", "person 2", "person 3"]
    with monkeypatch.context() as broken:
        broken.setattr(shard_pool, "run", dies)
        with pytest.raises(ChildProcessError):
            model.forget(gone)
    assert model._out
    model.set_params(jobs=1).forget([])
    assert model.digest() == everybody.without(*gone).fit(learn.ShardedTrees(trees=3, shards=3)).digest()
