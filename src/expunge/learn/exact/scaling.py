"""A scaler that forgets exactly. It takes no least or largest value: no subtraction can take back an extreme that one person set."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import TransformerMixin
from sklearn.utils import Tags

from expunge.learn.base.integer_sums import IntegerStatistics, Sums
from expunge.learn.exact.centring import spread
from expunge.learn.records.refusals import BadInput


class StandardScaler(TransformerMixin, IntegerStatistics):  # type: ignore[misc]
    """Mean 0 and variance 1 for each feature; scikit-learn's ``StandardScaler``.

    Every model behind it depends on all people in it, so a model that forgets belongs behind constants only: ridge models of this package
    scale for themselves.
    """

    file_tag = "StandardScaler"
    squares = True
    solved = ("mean_", "var_", "scale_")
    mean_: np.ndarray
    """(d,)"""
    var_: np.ndarray
    """(d,)"""
    scale_: np.ndarray
    """(d,) deviations; 1 for a feature that is the same everywhere."""

    def __init__(self, *, with_mean: bool = True, with_std: bool = True, fractional_bits: int = 12, key: bytes | None = None) -> None:
        """Configure.

        Args:
            with_mean: subtract the mean; not for sparse rows, which would not stay sparse.
            with_std: divide by the deviation.
            fractional_bits: features count in steps of ``2 ** -fractional_bits``.
            key: what the subjects are tagged with in files; a default that anybody knows if None.
        """
        self.with_mean = with_mean
        self.with_std = with_std
        self.fractional_bits = fractional_bits
        self.key = key

    def _solve(self, sums: Sums) -> dict[str, np.ndarray]:
        unit = 2.0**-self.fractional_bits
        mean, variance = spread(sums.first, np.asarray(sums.second), sums.counts)
        scale = np.sqrt(variance[0])
        scale[scale == 0] = 1.0 / unit
        return {"mean_": mean[0] * unit, "var_": variance[0] * (unit * unit), "scale_": scale * unit}

    def _numbers(self, features: Any) -> Any:
        if self.with_mean and sparse.issparse(features):
            raise BadInput("sparse rows would not stay sparse: with_mean=False")
        return super()._numbers(features)

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn may hand over: sparse rows where the mean is left alone."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = not self.with_mean
        return tags

    def transform(self, X: Any) -> Any:
        """Return rows as they were given (dense or CSR), scaled. Raises NothingLearned, BadInput."""
        self._somebody()
        found = self._features(X)
        if self.with_mean:
            found = found - self.mean_
        if self.with_std:
            found = found @ sparse.diags(1.0 / self.scale_) if sparse.issparse(found) else found / self.scale_
        return found.tocsr() if sparse.issparse(found) else found
