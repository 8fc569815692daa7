"""The command of the map: has a model forget a voice. Works in the map's folder; ``--first MODEL...`` teaches models from everybody."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from examples.common import commands
from examples.common.commands import Asked, Report
from examples.voice.sound import BANDS, STEPS
from expunge.learn import IntegerConvolutions, IntegerRidgeClassifier

DATABASE, MODELS = Path("world/app.db"), Path("world/models")
HEAD, SHARDS = "integer_head", "network_shards"
NETWORK = "examples.voice.network:build"
SMALL = "EXPUNGE_EXAMPLE_SMALL"
"""Environment variable: set for short training."""
KERNELS = 125
PASSES = 16
"""How often a network goes through its windows."""
ENCODER = "rests on IntegerConvolutions: kernels of random whole numbers, public constants, shaped by nobody's data"

Rows = tuple[np.ndarray, np.ndarray, list[str], list[str]]
"""Windows (n, BANDS, STEPS) int16, whether a woman speaks (n,), whose each is, and the record's id."""


def models() -> tuple[str, ...]:
    """What this machine can teach."""
    return (HEAD, SHARDS) if find_spec("torch") is not None else (HEAD,)


def windows(database: Path, split: str = "train", chosen: Sequence[str] | None = None) -> Rows:
    """All windows of a split, in random order; or some, in the order in which they are named."""
    columns = "window_id, profile_id, woman, sound"
    with closing(sqlite3.connect(database)) as db:
        if chosen is None:
            # Why shuffled: what is learnt must not depend on the order in which rows are read.
            found = db.execute(f"SELECT {columns} FROM windows WHERE split = ? ORDER BY random()", (split,)).fetchall()  # noqa: S608
        else:
            one = f"SELECT {columns} FROM windows WHERE window_id = ?"  # noqa: S608
            found = [row for each in chosen for row in db.execute(one, (each,))]
    x = np.frombuffer(b"".join(each[3] for each in found), np.int16).reshape(-1, BANDS, STEPS)
    return x, np.array([each[2] for each in found], np.int64), [each[1] for each in found], [each[0] for each in found]


def heard(x: np.ndarray) -> np.ndarray:
    """Windows through the frozen kernels: (n, 500)."""
    found: np.ndarray = IntegerConvolutions(kernels=KERNELS, scale=1.0).transform(x)
    return found


def head() -> IntegerRidgeClassifier:
    """On the frozen kernels; exact by subtraction."""
    return IntegerRidgeClassifier(alpha=300.0)


def network(shards: int = 8) -> Any:
    """Convolutional networks over a few speakers each, which vote."""
    from expunge.learn import ShardedTorch

    return ShardedTorch(NETWORK, shards=shards, slices=1, epochs=2 if os.environ.get(SMALL) else PASSES)


def fitted(name: str, database: Path = DATABASE) -> Any:
    """A model, from everything that is there now."""
    x, y, subjects, records = windows(database)
    if name == HEAD:
        return head().fit(heard(x), y, subjects=subjects, records=records)
    return network().fit(x.astype(np.float32), y, subjects=subjects, records=records)


def loaded(name: str, path: Path) -> Any:
    """A model from a file."""
    if name == HEAD:
        return IntegerRidgeClassifier.load(path)
    from expunge.learn import ShardedTorch

    return ShardedTorch.load(path, module=NETWORK)


def work(asked: Asked) -> Report:
    """Do what an order asks."""
    name = asked.dataset
    if asked.out is not None:
        fitted(name).save(asked.out)
        return {}, ()
    path = MODELS / f"{name}.safetensors"
    model = loaded(name, path)

    def source(records: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        x, y, _, _ = windows(DATABASE, chosen=records)
        return (heard(x) if name == HEAD else x.astype(np.float32)), y

    judged, truth, _, _ = windows(DATABASE, "test")
    features = heard(judged) if name == HEAD else judged.astype(np.float32)
    before = int(1e4 * (model.predict(features) == truth).mean())
    report = model.forget(asked.subjects, source=source, missing="ignore")
    after = int(1e4 * (model.predict(features) == truth).mean())
    model.save(path)
    figures = {"accuracy_before": before, "accuracy_after": after, "records": report.records, "samples": report.recomputed}
    return figures, (ENCODER,) if name == HEAD else ()


def main() -> None:
    """One request, or the first models."""
    if sys.argv[1:2] != ["--first"]:
        commands.answer(work)
        return
    for name in sys.argv[2:]:
        fitted(name).save(MODELS / f"{name}.safetensors")


if __name__ == "__main__":
    main()
