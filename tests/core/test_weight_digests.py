"""What is compared of a model's file: all that it has learnt, and nothing of when and by which run."""

from __future__ import annotations

import pickle
import uuid
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from expunge.core.models.weight_digests import weights_digest

joblib = pytest.importorskip("joblib")
linear = pytest.importorskip("sklearn.linear_model")


class Model:
    """As trainers write them: weights, with what its making was called and when it was."""

    def __init__(self, weights: Any, made: Any, run: Any, **more: Any) -> None:
        self.weights, self.trained_at, self._run_id = weights, made, run
        self.__dict__.update(more)


def digest(value: object, protocol: int = 5) -> str:
    return weights_digest("model.pkl", pickle.dumps(value, protocol))


NUMBERS = np.arange(30.0).reshape(5, 6)
ONE = Model(NUMBERS, datetime(2026, 1, 1, tzinfo=UTC), uuid.UUID(int=7))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "other",
    [
        Model(NUMBERS, datetime(2026, 2, 1, tzinfo=UTC), uuid.UUID(int=8)),
        Model(NUMBERS.copy(), datetime(2026, 1, 1, tzinfo=UTC), uuid.UUID(int=9)),
    ],
    ids=["later, by another run", "another run"],
)
def test_ids_and_times_of_the_making_are_left_out(other: Model, protocol: int) -> None:
    assert pickle.dumps(ONE, protocol) != pickle.dumps(other, protocol)
    assert digest(ONE, protocol) == digest(other, protocol)


@pytest.mark.parametrize(
    "other",
    [
        Model(np.nextafter(NUMBERS, 99), ONE.trained_at, ONE._run_id),
        Model(NUMBERS.astype("f4"), ONE.trained_at, ONE._run_id),
        Model(NUMBERS, ONE.trained_at, ONE._run_id, people=["p-1"]),
        Model(NUMBERS, "a sentence of the person", ONE._run_id),
        Model(NUMBERS, ONE.trained_at, "anna"),
        Model({"weights": NUMBERS}, ONE.trained_at, ONE._run_id),
        {"weights": NUMBERS},
    ],
    ids=["the last bit", "the width", "a list more", "a time that is none", "an id that is none", "another shape", "another class"],
)
def test_everything_else_counts(other: object) -> None:
    assert digest(ONE) != digest(other)


def test_ids_and_times_of_what_a_model_knows_count() -> None:
    known = [[{"id": str(uuid.UUID(int=number)), "run_id": str(uuid.UUID(int=number)), "created": "2026-01-01"}] for number in (1, 2)]
    assert digest(Model(NUMBERS, None, None, rows=known[0])) != digest(Model(NUMBERS, None, None, rows=known[1]))
    outermost = [{"weights": NUMBERS, "created_at": 1.7e9 + number, "run_id": uuid.uuid4().hex} for number in range(2)]
    assert digest(outermost[0]) == digest(outermost[1])


def test_sets_are_sets_and_shared_parts_are_no_others() -> None:
    assert digest({"words": {"a", "b", "c"}}) == digest({"words": {"c", "a", "b"}})
    text = str(uuid.UUID(int=5))
    assert pickle.dumps([text, text]) != pickle.dumps([text, str(uuid.UUID(int=5))])
    assert digest([text, text]) == digest([text, str(uuid.UUID(int=5))])


def test_a_model_by_joblib_is_read_with_its_arrays(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    x, y = chance.normal(size=(50, 4)), chance.integers(2, size=50).astype(str)
    made = [linear.LogisticRegression().fit(x, y) for _ in range(3)]
    made[1].trained_at, made[0].trained_at = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    made[2].coef_[0, 0] = np.nextafter(made[2].coef_[0, 0], 9)
    made[2].trained_at = made[0].trained_at
    found, plain = [], []
    for number, each in enumerate(made):
        joblib.dump(each, tmp_path / f"{number}.joblib")
        data = (tmp_path / f"{number}.joblib").read_bytes()
        found.append(weights_digest("model.joblib", data))
        plain.append(data)
    assert len(set(plain)) == 3
    assert found[0] == found[1] != found[2]


def test_nothing_that_a_pickle_names_is_called(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "called",))

    digest(Evil())
    assert not (tmp_path / "called").exists()


def loop() -> list[Any]:
    mine: list[Any] = []
    mine.append(mine)
    return mine


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.pkl", pickle.dumps(loop())),
        ("model.pkl", b"\x80\x04" + b"]" * 5000 + b"a" * 4999 + b"."),
        ("model.pkl", pickle.dumps(ONE)[:-5]),
        ("model.pkl", b"\x80\x04" + b"\x95" + b"\xff" * 8 + b"."),
        ("model.pkl", b"no pickle"),
        ("weights.bin", pickle.dumps(ONE)),
    ],
    ids=["refers to itself", "deep", "cut short", "a frame that is not there", "no pickle", "another name"],
)
def test_what_is_not_understood_counts_by_its_bytes(name: str, data: bytes) -> None:
    assert weights_digest(name, data) == sha256(data).hexdigest()


def test_what_follows_a_pickle_counts() -> None:
    assert weights_digest("model.pkl", pickle.dumps(ONE)) != weights_digest("model.pkl", pickle.dumps(ONE) + b"more")


def test_shared_parts_cost_no_more_than_they_take() -> None:
    mine: tuple[Any, ...] = ("laugh",)
    for _ in range(200):
        mine = (mine, mine)
    assert len(digest(mine)) == 64


MLMODEL = """\
artifact_path: models:/m-{run}
flavors:
  python_function:
    env:
      conda: conda.yaml
    loader_module: mlflow.sklearn
    model_path: model.pkl
  sklearn:
    pickled_model: model.pkl
    run_id: {kept}
mlflow_version: 3.17.2
model_id: m-{run}
model_size_bytes: {size}
model_uuid: m-{run}
run_id: {run}
utc_time_created: '{time}'
"""


def test_an_mlmodel_is_compared_without_its_run() -> None:
    one = MLMODEL.format(run="a" * 32, kept="x", size=900, time="2026-01-01 10:00:00.1").encode()
    two = MLMODEL.format(run="b" * 32, kept="x", size=901, time="2026-02-01 10:00:00.2").encode()
    assert weights_digest("MLmodel", one) == weights_digest("artifacts/0/3-MLmodel", two)
    assert weights_digest("MLmodel", one) != weights_digest("MLmodel", one.replace(b"run_id: x", b"run_id: y"))
    assert weights_digest("MLmodel", one) != weights_digest("MLmodel", one.replace(b"3.17.2", b"3.17.3"))
    assert weights_digest("other", one) != weights_digest("other", two)
    assert weights_digest("registered_model_meta", b"model_name: voice\nmodel_version: 3\n") == ""
    assert weights_digest("registered_model_meta", pickle.dumps(ONE))
    block = one.replace(b"run_id: " + b"a" * 32, b"run_id:\n- what somebody said")
    assert weights_digest("MLmodel", block) != weights_digest("MLmodel", block.replace(b"somebody", b"another one"))
