"""Principal components that forget exactly. Cf. Jolliffe, *Principal Component Analysis*, 2002."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import eigh
from sklearn.base import TransformerMixin

from expunge.learn.base.integer_sums import IntegerStatistics, Sums
from expunge.learn.exact.centring import Centre
from expunge.learn.records.refusals import BadInput


class PrincipalComponents(TransformerMixin, IntegerStatistics):  # type: ignore[misc]
    """The directions in which rows differ most; scikit-learn's ``PCA``, up to the sign of a direction."""

    file_tag = "PrincipalComponents"
    grams = True
    solved = ("mean_", "components_", "explained_variance_", "explained_variance_ratio_")
    mean_: np.ndarray
    """(d,)"""
    components_: np.ndarray
    """(c, d), the strongest first; of each, the weight that is farthest from 0 is above 0."""
    explained_variance_: np.ndarray
    """(c,)"""
    explained_variance_ratio_: np.ndarray
    """(c,) shares of the whole variance."""

    def __init__(self, n_components: int | None = None, fractional_bits: int = 12, key: bytes | None = None) -> None:
        """Configure.

        Args:
            n_components: how many directions; as many as there are features if None, however few rows there are.
            fractional_bits: features count in steps of ``2 ** -fractional_bits``.
            key: what the subjects are tagged with in files; a default that anybody knows if None.
        """
        self.n_components = n_components
        self.fractional_bits = fractional_bits
        self.key = key

    def _check_settings(self, width: int) -> None:
        if self.n_components is not None and not 0 < self.n_components <= width:
            message = f"n_components is {self.n_components!r}: it must be above 0, and {width} at most"
            raise BadInput(message)

    def _solve(self, sums: Sums) -> dict[str, np.ndarray]:
        centre, unit = Centre.of(sums), 2.0**-self.fractional_bits
        wanted = sums.width if self.n_components is None else self.n_components
        covariance = centre.gram(sums.gram) * (unit * unit / max(centre.n - 1, 1))  # type: ignore[arg-type]
        values, vectors = eigh(covariance, driver="evd")
        strengths, components = np.maximum(values[::-1][:wanted], 0.0), np.ascontiguousarray(vectors[:, ::-1].T[:wanted])
        farthest = np.argmax(np.abs(components), axis=1)
        components *= np.where(components[np.arange(wanted), farthest] < 0, -1.0, 1.0)[:, None]
        whole = float(np.trace(covariance))
        return {
            "mean_": centre.mean * unit,
            "components_": components,
            "explained_variance_": strengths,
            "explained_variance_ratio_": strengths / whole if whole > 0 else np.zeros(wanted),
        }

    def transform(self, X: Any) -> np.ndarray:
        """Return rows along the directions, (n, c). Raises NothingLearned, BadInput."""
        self._somebody()
        return np.asarray(self._features(X) @ self.components_.T - self.mean_ @ self.components_.T)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return rows (n, d) back from (n, c). Raises NothingLearned."""
        self._somebody()
        return np.asarray(np.asarray(X, np.float64) @ self.components_ + self.mean_)
