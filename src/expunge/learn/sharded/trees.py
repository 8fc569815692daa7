"""Gradient-boosted trees that forget exactly: shards of LightGBM or of scikit-learn's HistGradientBoosting.

No bagging, one thread, fixed seeds, rows in canonical order: so a shard is a function of its rows. Kept as LightGBM's own text, or as plain
arrays of nodes; nothing is ever unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy import sparse

from expunge.learn.base.fixed_point import rows_of, without_negative_zeros
from expunge.learn.records.refusals import BadInput, FileRefused
from expunge.learn.sharded import trees_hist, trees_lightgbm
from expunge.learn.sharded.shard_parts import ShardInput, TaughtShard
from expunge.learn.sharded.sharding import HighRisk, Sharded

BACKENDS = ("lightgbm", "hist")


class TreeStage(Protocol):
    """Some trees of one shard, which add to the sum of the stages before them."""

    def raw(self, features: np.ndarray) -> np.ndarray:
        """(n, 1) for two classes, (n, classes) for more: the sum of its trees, before the logistic function."""

    def tensors(self) -> dict[str, np.ndarray]:
        """For a file."""


TreeStages = list[TreeStage | None]
"""None for a stage whose people had not all the classes of the shard."""


class ShardedTrees(Sharded):
    """A classifier of boosted trees. Forgetting a person costs one shard.

    Args:
        backend: ``lightgbm``, or ``hist`` for scikit-learn's HistGradientBoosting.
        shards: number of models; people are spread over them by a keyed hash.
        trees: in each shard.
        leaves: of each tree, at most.
        learning_rate: shrinks what each tree adds.
        min_samples: rows in a leaf, at least; in a shard of fewer than 20 times as many rows, a twentieth of them, but no less than two.
        l2: regularisation of the leaves.
        bins: of each feature, at most (2 to 255). None takes one for 200 rows of what is learnt from, from 63 to 255: more would hold too
            few rows to tell them apart, and a small shard would spend most of its time on them.
        slices: stages in which the trees of a shard are grown (LightGBM only): stage ``j`` adds its share of the trees from the first ``j``
            slices of people, so that forgetting a person of the last slice costs the last stage.
        high_risk: people likely to go soon (children, consent about to end), as names or a function of a name: they come in the last
            slice. Not written to files.
        jobs: shards that are taught at once, each in a process of its own; no bit depends on it. With more than one, a script keeps its
            work under ``if __name__ == "__main__":``. Not written to files.
        seed: of the backend; nothing random is left with these settings, but some of them draw a number.
        key: bytes for placement and order; the default is public. Not written to files.
    """

    file_tag = "ShardedTrees"
    packages: ClassVar[tuple[str, ...]] = ("lightgbm", "scikit-learn")

    def __init__(  # noqa: PLR0913 - the habit of scikit-learn: every setting a parameter of its own
        self,
        backend: str = "lightgbm",
        *,
        shards: int = 8,
        trees: int = 100,
        leaves: int = 31,
        learning_rate: float = 0.1,
        min_samples: int = 20,
        l2: float = 0.0,
        bins: int | None = None,
        slices: int = 1,
        high_risk: HighRisk = None,
        jobs: int = 1,
        seed: int = 0,
        key: bytes | None = None,
    ) -> None:
        self.backend = backend
        self.shards = shards
        self.trees = trees
        self.leaves = leaves
        self.learning_rate = learning_rate
        self.min_samples = min_samples
        self.l2 = l2
        self.bins = bins
        self.slices = slices
        self.high_risk = high_risk
        self.jobs = jobs
        self.seed = seed
        self.key = key

    def _check_params(self) -> None:
        self._check_jobs()
        if self.backend not in BACKENDS:
            raise BadInput("backend is lightgbm or hist")
        if not (1 <= self.shards <= 100_000 and 1 <= self.slices <= self.trees and self.leaves >= 2 and self.min_samples >= 1):
            raise BadInput("take 1 to 100,000 shards, as many slices as trees at most, 2 leaves and 1 sample in a leaf at least")
        if self.backend == "hist" and self.slices > 1:
            raise BadInput("only LightGBM grows trees in slices: take backend='lightgbm' or slices=1")
        if not ((self.bins is None or 2 <= self.bins <= 255) and self.learning_rate > 0 and self.l2 >= 0):
            raise BadInput("take 2 to 255 bins, a learning rate above 0 and l2 of 0 or more")

    def _features(self, features: Any) -> np.ndarray:
        if sparse.issparse(features):
            raise BadInput("trees take no sparse rows: give X.toarray()")
        return without_negative_zeros(rows_of(features))

    def _passes(self) -> int:
        return self.trees

    def _stages(self) -> list[int]:
        """How many trees each stage adds."""
        ends = [self.trees * (number + 1) // self.slices for number in range(self.slices)]
        return [end - start for start, end in zip([0, *ends], ends, strict=False)]

    def _teach(self, lesson: ShardInput, old: TreeStages | None) -> TaughtShard:
        stages: TreeStages = [] if old is None else old[: lesson.since]
        taught, among = 0, lesson.slice_of()
        for number, trees in enumerate(self._stages()[len(stages) :], len(stages)):
            there = among <= number
            if len(np.unique(lesson.codes[there])) < lesson.classes:
                # What a stage has not seen it would all but rule out; the next one begins.
                stages.append(None)
                continue
            x, codes = (lesson.features, lesson.codes) if there.all() else (lesson.features[there], lesson.codes[there])
            stages.append(self._grow(x, codes, lesson.classes, trees, [stage for stage in stages if stage is not None]))
            taught += len(x) * trees
        return TaughtShard(stages, taught)

    def _grow(self, x: np.ndarray, codes: np.ndarray, classes: int, trees: int, before: list[TreeStage]) -> TreeStage:
        fewest = min(self.min_samples, max(2, len(x) // 20))
        bins = min(255, max(63, len(x) // 200)) if self.bins is None else self.bins
        if self.backend == "hist":
            params = {
                "max_iter": trees,
                "max_leaf_nodes": self.leaves,
                "learning_rate": self.learning_rate,
                "min_samples_leaf": fewest,
                "l2_regularization": self.l2,
                "max_bins": bins,
                "random_state": self.seed,
            }
            return trees_hist.grow(x, codes, classes, params)
        params = {
            "num_iterations": trees,
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": fewest,
            "lambda_l2": self.l2,
            "max_bin": bins,
            "seed": self.seed,
        }
        return trees_lightgbm.grow(x, codes, classes, params, _sum(before, x) if before else None)

    def _votes(self, model: TreeStages, features: np.ndarray) -> np.ndarray:
        raw = _sum([stage for stage in model if stage is not None], features)
        if raw.shape[1] == 1:
            chance = 1 / (1 + np.exp(-raw[:, 0]))
            return np.stack([1 - chance, chance], axis=1)
        raised = np.exp(raw - raw.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def _model_state(self, model: TreeStages) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        there = [(number, stage) for number, stage in enumerate(model) if stage is not None]
        tensors = {f"stage{number}.{name}": each for number, stage in there for name, each in stage.tensors().items()}
        return tensors, {"stages": [number for number, _ in there]}

    def _model_restore(self, shard: int, tensors: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> TreeStages:
        del shard
        read: Callable[[Mapping[str, np.ndarray]], TreeStage] = trees_hist.Nodes if self.backend == "hist" else trees_lightgbm.read
        stages: TreeStages = [None] * self.slices
        for number in state["stages"]:
            start = f"stage{number}."
            mine = {name.removeprefix(start): each for name, each in tensors.items() if name.startswith(start)}
            stage = stages[number] = read(mine)
            if isinstance(stage, trees_hist.Nodes) and stage.feature.max(initial=0) >= self.n_features_in_:
                raise FileRefused("the trees in the file ask for features that its rows do not have")
        return stages


def _sum(stages: list[TreeStage], features: np.ndarray) -> np.ndarray:
    total = stages[0].raw(features)
    for stage in stages[1:]:
        total = total + stage.raw(features)
    return total
