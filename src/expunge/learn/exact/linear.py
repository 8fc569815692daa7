"""Classifiers whose decision is a sum of weighted features."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin

from expunge.learn.base.integer_sums import IntegerStatistics


class LinearClassifier(ClassifierMixin, IntegerStatistics):  # type: ignore[misc]
    """The base of classifiers that decide by weights."""

    classifies = True
    solved: ClassVar[tuple[str, ...]] = ("coef_", "intercept_")
    classes_: np.ndarray
    """(k,) ascending; those of whom somebody is still in the model."""
    coef_: np.ndarray
    """(1, d) for two classes, else (k, d)."""
    intercept_: np.ndarray
    """(1,) or (k,)."""

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the signed distance for each class: (n, k), or for two classes (n,), above 0 for the second one.

        Raises NothingLearned, BadInput.
        """
        self._somebody()
        found = np.asarray(self._features(X) @ self.coef_.T + self.intercept_)
        return found[:, 0] if len(self.classes_) <= 2 else found

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row, (n,). Raises NothingLearned, BadInput."""
        found = self.decision_function(X)
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(found))
        return np.asarray(self.classes_[(found > 0).astype(np.int64) if found.ndim == 1 else np.argmax(found, axis=1)])
