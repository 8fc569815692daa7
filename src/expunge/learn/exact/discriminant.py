"""Linear discriminant analysis that forgets exactly. Cf. Hastie, Tibshirani and Friedman, *The Elements of Statistical Learning*, 4.3."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit, softmax

from expunge.learn.base.integer_sums import Sums
from expunge.learn.exact.centring import Centre, solve, within
from expunge.learn.exact.linear import LinearClassifier
from expunge.learn.records.refusals import BadInput


class LinearDiscriminant(LinearClassifier):
    """Classes as bell curves of one common shape; scikit-learn's ``LinearDiscriminantAnalysis(solver="lsqr", shrinkage=...)``."""

    file_tag = "LinearDiscriminant"
    grams = True

    def __init__(self, shrinkage: float = 0.01, fractional_bits: int = 12, key: bytes | None = None) -> None:
        """Configure.

        Args:
            shrinkage: above 0, to 1: how far the covariance is drawn to that of independent features of equal variance.
            fractional_bits: features count in steps of ``2 ** -fractional_bits``.
            key: what the subjects are tagged with in files; a default that anybody knows if None.
        """
        self.shrinkage = shrinkage
        self.fractional_bits = fractional_bits
        self.key = key

    def _check_settings(self, width: int) -> None:  # noqa: ARG002 - of no matter here
        if not 0 < self.shrinkage <= 1:
            message = f"shrinkage is {self.shrinkage!r}: it must be above 0, and 1 at most"
            raise BadInput(message)

    def _solve(self, sums: Sums) -> dict[str, np.ndarray]:
        centre, unit = Centre.of(sums), 2.0**-self.fractional_bits
        means = centre.classes(sums) / sums.counts[:, None] * unit
        products = within(sums) * (unit * unit / centre.n)
        level = float(np.trace(products)) / len(products)
        products *= 1.0 - self.shrinkage
        # Where no feature varies within a class, they are told apart by the distance from the means.
        coef = solve(products, means.T, self.shrinkage * level if level > 0 else 1.0, level).T
        intercept = np.log(sums.counts / centre.n) - 0.5 * np.einsum("kd,kd->k", means, coef) - coef @ (centre.mean * unit)
        if len(coef) == 2:
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        return {"coef_": coef, "intercept_": intercept}

    def predict_proba(self, X: Any) -> np.ndarray:
        """(n, k) chances of the classes, in the order of ``classes_``. Raises NothingLearned, BadInput."""
        found = self.decision_function(X)
        if len(self.classes_) == 1:
            return np.ones((len(found), 1))
        if len(self.classes_) == 2:
            return np.column_stack([expit(-found), expit(found)])
        return np.asarray(softmax(found, axis=1))
