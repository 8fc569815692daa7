"""A stage of trees by scikit-learn's HistGradientBoosting, kept as plain arrays of nodes and walked down here.

scikit-learn can be rebuilt from a pickle only. A prediction of its trees is a sum of leaves, in the sequence in which the trees were grown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from expunge.learn.records.refusals import FileRefused

_CELLS = 1 << 20
"""Pairs of a row and a tree that are walked down together."""


class Nodes:
    """Trees of one stage: all nodes in a row, a leaf leads to itself."""

    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self.baseline = tensors["baseline"]
        """(outputs,): what all rows start from."""
        self.roots = tensors["roots"]
        """(trees, outputs): the first node of each."""
        self.feature, self.threshold = tensors["feature"], tensors["threshold"]
        self.left, self.right, self.value = tensors["left"], tensors["right"], tensors["value"]
        nodes = len(self.value)
        if not all(len(each) == nodes for each in (self.left, self.right, self.feature, self.threshold)):
            raise FileRefused("the trees in the file are cut short or altered")
        here = np.arange(nodes)
        leaf = (self.left == here) & (self.right == here)
        # Whoever goes down comes to an end only where children follow their parents, as they were grown.
        down = (self.left > here) & (self.right > here) & (self.left < nodes) & (self.right < nodes)
        if not (leaf | down).all() or (self.roots < 0).any() or (self.roots >= nodes).any() or (self.feature < 0).any():
            raise FileRefused("the trees in the file are cut short or altered")

    def raw(self, features: np.ndarray) -> np.ndarray:
        """(n, 1) for two classes, (n, classes) for more."""
        trees, outputs = self.roots.shape
        out = np.empty((len(features), outputs))
        step = max(1, _CELLS // max(1, trees * outputs))
        for start in range(0, len(features), step):
            rows = features[start : start + step]
            at = np.broadcast_to(self.roots.ravel(), (len(rows), trees * outputs))
            each = np.arange(len(rows))[:, None]
            while True:
                follow = np.where(rows[each, self.feature[at]] <= self.threshold[at], self.left[at], self.right[at])
                if np.array_equal(follow, at):
                    break
                at = follow
            total = np.broadcast_to(self.baseline, (len(rows), outputs)).copy()
            for tree in self.value[at].reshape(len(rows), trees, outputs).transpose(1, 0, 2):
                total += tree
            out[start : start + step] = total
        return out

    def tensors(self) -> dict[str, np.ndarray]:
        """For a file."""
        names = ("baseline", "roots", "feature", "threshold", "left", "right", "value")
        return {name: getattr(self, name) for name in names}


def grow(x: np.ndarray, codes: np.ndarray, classes: int, params: Mapping[str, Any]) -> Nodes:
    """Grow trees from (n, features) float64 rows in canonical order and (n,) numbers of classes.

    What is read of the fitted learner is private to scikit-learn, which has no other way to its trees; a test compares the two predictions.
    """
    learner = HistGradientBoostingClassifier(early_stopping=False, categorical_features=None, **params).fit(x, codes)
    grown = [one.nodes for iteration in learner._predictors for one in iteration]  # noqa: SLF001
    baseline = np.asarray(learner._baseline_prediction, np.float64)  # noqa: SLF001
    outputs = 1 if classes == 2 else classes
    starts = np.cumsum([0, *(len(each) for each in grown)])[:-1]
    nodes = np.concatenate(grown)
    itself = np.arange(len(nodes))
    shift = np.repeat(starts, [len(each) for each in grown])
    leaf = nodes["is_leaf"].astype(bool)
    return Nodes(
        {
            "baseline": baseline.reshape(outputs),
            "roots": starts.reshape(-1, outputs).astype(np.int32),
            "feature": np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
            "threshold": np.where(leaf, 0.0, nodes["num_threshold"]),
            "left": np.where(leaf, itself, nodes["left"] + shift).astype(np.int32),
            "right": np.where(leaf, itself, nodes["right"] + shift).astype(np.int32),
            "value": np.where(leaf, nodes["value"], 0.0),
        }
    )
