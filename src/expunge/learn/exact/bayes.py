"""Naive Bayes that forgets exactly: bell curves for measurements, shares for counts. Cf. *The Elements of Statistical Learning*, 6.6.3."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import softmax
from sklearn.base import ClassifierMixin

from expunge.learn.base import fixed_point
from expunge.learn.base.integer_sums import IntegerStatistics, Sums
from expunge.learn.exact.centring import spread
from expunge.learn.records.refusals import above_zero


class NaiveBayes(ClassifierMixin, IntegerStatistics):  # type: ignore[misc]
    """The base: from likelihoods to classes."""

    classifies = True
    classes_: np.ndarray
    """(k,) ascending; those of whom somebody is still in the model."""
    class_log_prior_: np.ndarray
    """(k,)"""

    @abstractmethod
    def _likelihood(self, features: Any) -> np.ndarray:
        """(n, k) logarithms of the likelihood of each row under each class."""

    def predict_proba(self, X: Any) -> np.ndarray:
        """(n, k) chances of the classes, in the order of ``classes_``. Raises NothingLearned, BadInput."""
        self._somebody()
        return np.asarray(softmax(self._likelihood(self._features(X)) + self.class_log_prior_, axis=1))

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row, (n,). Raises NothingLearned, BadInput."""
        self._somebody()
        return np.asarray(self.classes_[np.argmax(self._likelihood(self._features(X)) + self.class_log_prior_, axis=1)])


class GaussianNaiveBayes(NaiveBayes):
    """Each feature a bell curve for each class; scikit-learn's ``GaussianNB``."""

    file_tag = "GaussianNaiveBayes"
    squares = True
    solved = ("theta_", "var_", "class_log_prior_")
    theta_: np.ndarray
    """(k, d) means."""
    var_: np.ndarray
    """(k, d) variances, made a little wider."""

    def __init__(self, var_smoothing: float = 1e-9, fractional_bits: int = 12, key: bytes | None = None) -> None:
        """Configure.

        Args:
            var_smoothing: what is added to each variance, as a share of the largest variance of a feature; above 0.
            fractional_bits: features count in steps of ``2 ** -fractional_bits``.
            key: what the subjects are tagged with in files; a default that anybody knows if None.
        """
        self.var_smoothing = var_smoothing
        self.fractional_bits = fractional_bits
        self.key = key

    def _check_settings(self, width: int) -> None:  # noqa: ARG002 - of no matter here
        above_zero("var_smoothing", self.var_smoothing)

    def _solve(self, sums: Sums) -> dict[str, np.ndarray]:
        second, unit = np.asarray(sums.second), 2.0**-self.fractional_bits
        _, overall = spread(sums.first.sum(axis=0)[None], second.sum(axis=0)[None], sums.counts.sum()[None])
        means, variances = spread(sums.first, second, sums.counts)
        # Where no feature varies at all, each is as good as another.
        variances += self.var_smoothing * float(overall.max()) if overall.max() > 0 else 1.0
        return {"theta_": means * unit, "var_": variances * (unit * unit), "class_log_prior_": np.log(sums.counts / sums.records)}

    def _likelihood(self, features: Any) -> np.ndarray:
        found = np.empty((features.shape[0], len(self.classes_)))
        for start in range(0, len(found), fixed_point.BLOCK):
            part = features[start : start + fixed_point.BLOCK]
            part = part.toarray() if sparse.issparse(part) else part
            for number, (mean, variance) in enumerate(zip(self.theta_, self.var_, strict=True)):
                away = (part - mean) ** 2 / variance
                found[start : start + fixed_point.BLOCK, number] = -0.5 * (np.log(2 * np.pi * variance).sum() + away.sum(axis=1))
        return found


class MultinomialNaiveBayes(NaiveBayes):
    """Naive Bayes over the counts of each thing in each class; scikit-learn's ``MultinomialNB``.

    A feature that is below 0 somewhere counts as two things, one for how far above and one for how far below. As soon as no such record is
    left there is one thing for each feature again.
    """

    file_tag = "MultinomialNaiveBayes"
    solved = ("feature_log_prob_", "class_log_prior_")
    feature_log_prob_: np.ndarray
    """(k, d), or (k, 2 d) while a feature of somebody is below 0."""

    def __init__(self, alpha: float = 1.0, fractional_bits: int = 12, key: bytes | None = None) -> None:
        """Configure.

        Args:
            alpha: added to each count, so that nothing is impossible; above 0.
            fractional_bits: counts go in steps of ``2 ** -fractional_bits``.
            key: what the subjects are tagged with in files; a default that anybody knows if None.
        """
        self.alpha = alpha
        self.fractional_bits = fractional_bits
        self.key = key

    def _counted(self, features: Any, targets: np.ndarray | None) -> tuple[Any, np.ndarray]:
        values, classes = super()._counted(features, targets)
        return _above_and_below(values), classes

    def _check_settings(self, width: int) -> None:  # noqa: ARG002 - of no matter here
        above_zero("alpha", self.alpha)

    def _solve(self, sums: Sums) -> dict[str, np.ndarray]:
        d = self.n_features_in_
        used = sums.first if sums.first[:, d:].any() else sums.first[:, :d]
        counts = used * 2.0**-self.fractional_bits + self.alpha
        logs = np.log(counts) - np.log(counts.sum(axis=1, keepdims=True))
        return {"feature_log_prob_": logs, "class_log_prior_": np.log(sums.counts / sums.records)}

    def _likelihood(self, features: Any) -> np.ndarray:
        parts = _above_and_below(features)[:, : self.feature_log_prob_.shape[1]]
        return np.asarray(parts @ self.feature_log_prob_.T)


def _above_and_below(values: Any) -> Any:
    if sparse.issparse(values):
        return sparse.hstack([values.maximum(0), (-values).maximum(0)], format="csr")
    return np.hstack([np.maximum(values, 0), np.maximum(-values, 0)])
