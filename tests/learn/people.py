"""Small worlds to learn from: rows of people, some of whom share records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class World:
    """Rows, each with its class, its people and its id."""

    x: np.ndarray
    y: np.ndarray
    people: tuple[tuple[str, ...], ...]
    ids: tuple[str, ...]

    def fit(self, model: Any, order: Sequence[int] | None = None) -> Any:
        """Fit a model on the rows, in some order."""
        if order is None:
            return model.fit(self.x, self.y, self.people, self.ids)
        rows = np.asarray(order)
        return model.fit(self.x[rows], self.y[rows], [self.people[row] for row in rows], [self.ids[row] for row in rows])

    def without(self, *gone: str) -> World:
        """The world in which some people never were."""
        rows = np.array([row for row, many in enumerate(self.people) if not set(many) & set(gone)], np.int64)
        return replace(
            self, x=self.x[rows], y=self.y[rows], people=tuple(self.people[row] for row in rows), ids=tuple(self.ids[row] for row in rows)
        )

    def source(self) -> Callable[[Sequence[str]], tuple[np.ndarray, np.ndarray]]:
        """What hands rows to a model from a file."""
        at = {each: row for row, each in enumerate(self.ids)}
        return lambda records: (self.x[[at[each] for each in records]], self.y[[at[each] for each in records]])


def world(rows: int = 240, people: int = 24, *, seed: int = 0, shared: float = 0.0, classes: int = 2, features: int = 4) -> World:
    """A world: ``shared`` is the share of rows that belong to two people."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).round(3)
    score = x[:, 0] + x[:, 1] ** 2 + 0.1 * rng.normal(size=rows)
    y = np.digitize(score, np.quantile(score, np.arange(1, classes) / classes))
    owners = [tuple({f"person {each}" for each in rng.choice(people, 1 + (rng.random() < shared), replace=False)}) for _ in range(rows)]
    return World(x, y, tuple(owners), tuple(f"record {row}" for row in range(rows)))


def shuffled(of: World, seed: int) -> np.ndarray:
    """Rows in another order."""
    return np.random.default_rng(seed).permutation(len(of.ids))


FRESH = """
import json, sys
import expunge.learn as learn
from tests.learn.people import shuffled, world
asked = json.load(sys.stdin)
for name, settings in asked["models"]:
    left = world(**asked["world"]).without(*asked["gone"])
    print(left.fit(getattr(learn, name)(**settings), shuffled(left, 99)).digest())
"""


def fresh_digests(
    models: Sequence[tuple[str, Mapping[str, Any]]], settings: Mapping[str, Any], gone: Collection[str], threads: int
) -> list[str]:
    """Digests of models that a process of its own fitted on a world without some people, its rows in another order."""
    asked = json.dumps({"models": models, "world": settings, "gone": sorted(gone)})
    counts = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", FRESH], input=asked, capture_output=True, text=True, check=False, env={**os.environ, **counts}, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
