"""A stage of trees by LightGBM, kept as its own text."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import lightgbm
import numpy as np

from expunge.learn.records.refusals import FileRefused

_FIXED = {
    "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1, "bagging_freq": 0, "bagging_fraction": 1.0,
    "feature_pre_filter": False,
}  # fmt: skip
"""What makes the trees a function of the rows and their order: LightGBM's own bagging depends on both and on the threads."""


class BoosterText:
    """Trees of one stage."""

    def __init__(self, text: str) -> None:
        self.text = text

    @functools.cached_property
    def booster(self) -> lightgbm.Booster:
        """The booster, read at first use: trees that are taught again before that are never read. Raises FileRefused."""
        try:
            return lightgbm.Booster(model_str=self.text)
        except lightgbm.basic.LightGBMError as error:
            raise FileRefused("the trees in the file are cut short or altered") from error

    def raw(self, features: np.ndarray) -> np.ndarray:
        """(n, 1) for two classes, (n, classes) for more."""
        found = np.asarray(self.booster.predict(features, raw_score=True, num_threads=1))
        return found[:, None] if found.ndim == 1 else found

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the text as bytes."""
        return {"text": np.frombuffer(self.text.encode(), np.uint8)}


def read(tensors: Mapping[str, np.ndarray]) -> BoosterText:
    """Trees from a file. Raises FileRefused."""
    found = BoosterText(tensors["text"].tobytes().decode())
    if not found.booster.num_trees():
        raise FileRefused("there are no trees in the file")
    return found


def grow(x: np.ndarray, codes: np.ndarray, classes: int, params: Mapping[str, Any], start: np.ndarray | None) -> BoosterText:
    """Grow trees on top of the sum of earlier stages.

    Args:
        x: (n, features) float64, in canonical order.
        codes: (n,) numbers of classes.
        classes: how many there are; more than two get a tree each.
        params: of LightGBM, besides what is fixed here.
        start: (n, 1) or (n, classes), what earlier stages said; None for the first.
    """
    objective: dict[str, Any] = {"objective": "binary"} if classes == 2 else {"objective": "multiclass", "num_class": classes}
    scores = None if start is None else start[:, 0] if classes == 2 else start
    data = lightgbm.Dataset(x, codes, init_score=scores, free_raw_data=True)
    # Why kept: else LightGBM writes its text and reads it again by itself, and it would be written twice.
    return BoosterText(lightgbm.train({**params, **objective, **_FIXED}, data, keep_training_booster=True).model_to_string())
