"""Ridge regression that forgets exactly: for numbers, and for classes as in scikit-learn's ``RidgeClassifier``.

Features are standardised from the same sums, so ``alpha`` weighs each alike. Cf. Hoerl and Kennard, *Ridge Regression*, Technometrics 1970.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import Tags

from expunge.learn.base import fixed_point
from expunge.learn.base.integer_sums import IntegerStatistics, Sums
from expunge.learn.exact.centring import Centre, deviations, solve
from expunge.learn.exact.linear import LinearClassifier
from expunge.learn.records.labels import NO_LABELS
from expunge.learn.records.refusals import BadInput, above_zero


def _weights(products: np.ndarray, targets: np.ndarray, n: int, alpha: float) -> np.ndarray:
    """(d, t) for the features as they were counted, from products about the mean: (d, d), written over, and with the targets (d, t)."""
    scale = deviations(np.diagonal(products), n)
    system = np.divide(products, scale, out=products)
    system /= scale[:, None]
    return np.asarray(solve(system, targets / scale[:, None], alpha, n) / scale[:, None])


class IntegerRidgeClassifier(LinearClassifier):
    """A linear classifier: one against all others, by targets of 1 and -1."""

    file_tag = "IntegerRidgeClassifier"
    grams = True

    def __init__(self, alpha: float | None = None, fractional_bits: int = 12, key: bytes | None = None) -> None:
        """Configure.

        Args:
            alpha: how much large weights cost, above 0; for standardised features. None takes a tenth of the number of records, and
                300 at most.
            fractional_bits: features count in steps of ``2 ** -fractional_bits``.
            key: what the subjects are tagged with in files; a default that anybody knows if None.
        """
        self.alpha = alpha
        self.fractional_bits = fractional_bits
        self.key = key

    def _check_settings(self, width: int) -> None:  # noqa: ARG002 - of no matter here
        if self.alpha is not None:
            above_zero("alpha", self.alpha)

    def _solve(self, sums: Sums) -> dict[str, np.ndarray]:
        alpha = min(sums.records / 10, 300.0) if self.alpha is None else self.alpha
        centre = Centre.of(sums)
        # The sum of x * (1 for this class, -1 for the others), about both means, is twice that over this class.
        targets = 2.0 * centre.classes(sums).T
        means = (2.0 * sums.counts - centre.n) / centre.n
        if len(sums.labels) <= 2:
            targets, means = targets[:, -1:], means[-1:]
        found = _weights(centre.gram(sums.gram), targets, centre.n, alpha)  # type: ignore[arg-type]
        return {
            "coef_": found.T * 2.0**self.fractional_bits,
            "intercept_": means - centre.mean @ found,
        }

    def predict_proba(self, X: Any) -> np.ndarray:
        """(n, k) chances of the classes, in the order of ``classes_``; scikit-learn's ``RidgeClassifier`` has none.

        Regression onto 1 for a class and -1 for the others estimates twice its chance less 1, as a plane; where planes leave the range of
        chances, the nearest chances are taken. So the likeliest class is the one that ``predict`` names, but far from all rows chances
        are 0 and 1 sooner than a logistic curve's. Raises NothingLearned, BadInput.
        """
        found = self.decision_function(X)
        if len(self.classes_) == 1:
            return np.ones((len(found), 1))
        chances = (1.0 + found) / 2.0
        return _nearest_chances(np.column_stack([1.0 - chances, chances]) if found.ndim == 1 else chances)


def _nearest_chances(found: np.ndarray) -> np.ndarray:
    """(n, k): for each row the nearest numbers that are none below 0 and come to 1. Cf. Held, Wolfe and Crowder, Math. Programming 1974."""
    falling = -np.sort(-found, axis=1)
    over = (np.cumsum(falling, axis=1) - 1.0) / np.arange(1, found.shape[1] + 1)
    # All that is taken off each, so that the largest ones that are left come to 1.
    last = np.count_nonzero(falling > over, axis=1) - 1
    return np.asarray(np.maximum(found - np.take_along_axis(over, last[:, None], axis=1), 0.0))


class IntegerRidge(RegressorMixin, IntegerStatistics):  # type: ignore[misc]
    """Linear regression onto one number or several."""

    file_tag = "IntegerRidge"
    grams = True
    solved = ("coef_", "intercept_")
    coef_: np.ndarray
    """(t, d)."""
    intercept_: np.ndarray
    """(t,)."""

    def __init__(self, alpha: float = 1.0, fractional_bits: int = 12, target_bits: int = 12, key: bytes | None = None) -> None:
        """Configure.

        Args:
            alpha: how much large weights cost, above 0; for standardised features.
            fractional_bits: features count in steps of ``2 ** -fractional_bits``.
            target_bits: targets count in steps of ``2 ** -target_bits``; none or fewer than none for large ones.
            key: what the subjects are tagged with in files; a default that anybody knows if None.
        """
        self.alpha = alpha
        self.fractional_bits = fractional_bits
        self.target_bits = target_bits
        self.key = key

    def _targets(self, labels: Any, n: int) -> np.ndarray | None:
        if labels is None:
            raise BadInput(NO_LABELS)
        try:
            found = np.ascontiguousarray(labels, np.float64)
            found = found.reshape(n, -1 if n else found.shape[1] if found.ndim > 1 else 1)
        except (TypeError, ValueError) as error:
            raise BadInput("targets must be numbers, one for each row or several in columns") from error
        if not np.isfinite(found).all():
            raise BadInput("a target is not a finite number")
        found = fixed_point.without_negative_zeros(found)
        if hasattr(self, "_sums") and found.shape[1] != self._sums.width - self.n_features_in_:
            message = f"{found.shape[1]} targets for a model of {self._sums.width - self.n_features_in_}"
            raise BadInput(message)
        return found

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn may hand over: several targets as well."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _counted(self, features: Any, targets: np.ndarray | None) -> tuple[Any, np.ndarray]:
        values, classes = super()._counted(features, targets)
        return fixed_point.beside(values, fixed_point.whole(targets, self._bits("target_bits"))), classes

    def _check_settings(self, width: int) -> None:  # noqa: ARG002 - of no matter here
        above_zero("alpha", self.alpha)

    def _solve(self, sums: Sums) -> dict[str, np.ndarray]:
        d, centre = self.n_features_in_, Centre.of(sums)
        products = centre.gram(sums.gram)  # type: ignore[arg-type]
        found = _weights(np.ascontiguousarray(products[:d, :d]), products[:d, d:], centre.n, self.alpha)
        unit = 2.0**-self.target_bits
        return {"coef_": found.T * (unit * 2.0**self.fractional_bits), "intercept_": (centre.mean[d:] - centre.mean[:d] @ found) * unit}

    def predict(self, X: Any) -> np.ndarray:
        """Return the number for each row, (n,), or (n, t) for several. Raises NothingLearned, BadInput."""
        self._somebody()
        found = np.asarray(self._features(X) @ self.coef_.T + self.intercept_)
        return found[:, 0] if found.shape[1] == 1 else found
