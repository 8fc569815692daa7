"""The nearest mean, which forgets exactly."""

from __future__ import annotations

import numpy as np

from expunge.learn.base.integer_sums import Sums
from expunge.learn.exact.linear import LinearClassifier


class NearestCentroid(LinearClassifier):
    """A classifier by the nearest mean; scikit-learn's ``NearestCentroid``. The cheapest of the family: one sum for each class and feature.

    So it has no ``predict_proba``: how far is likely depends on how much rows vary about their mean, which takes sums of squares.
    :class:`~expunge.learn.LinearDiscriminant` and :class:`~expunge.learn.GaussianNaiveBayes` keep them and tell chances.
    """

    file_tag = "NearestCentroid"
    solved = ("centroids_", "coef_", "intercept_")
    centroids_: np.ndarray
    """(k, d) means."""

    def __init__(self, fractional_bits: int = 12, key: bytes | None = None) -> None:
        """Configure.

        Args:
            fractional_bits: features count in steps of ``2 ** -fractional_bits``.
            key: what the subjects are tagged with in files; a default that anybody knows if None.
        """
        self.fractional_bits = fractional_bits
        self.key = key

    def _solve(self, sums: Sums) -> dict[str, np.ndarray]:
        centroids = sums.first / sums.counts[:, None] * 2.0**-self.fractional_bits
        # The square of the distance, without that of the row, which is the same for each class; halved and turned round.
        coef, intercept = centroids, -0.5 * np.einsum("kd,kd->k", centroids, centroids)
        if len(coef) == 2:
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        return {"centroids_": centroids, "coef_": coef, "intercept_": intercept}
