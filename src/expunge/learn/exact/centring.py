"""Turn exact sums into the inputs of solvers: means, deviations and products about the mean, without the rounding of large numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dposv

from expunge.learn.base.integer_sums import Sums


@dataclass(frozen=True)
class Centre:
    """The nearest whole number to each mean, and its remainder: ``mean = whole + rest / n``, with ``|rest| <= n / 2``."""

    n: int
    whole: np.ndarray
    """(d,) int64."""
    rest: np.ndarray
    """(d,) int64."""

    @classmethod
    def of(cls, sums: Sums) -> Centre:
        """Return the centre of all records."""
        n, total = sums.records, sums.first.sum(axis=0)
        whole = (2 * total + n) // (2 * n)
        return cls(n, whole, total - n * whole)

    @property
    def mean(self) -> np.ndarray:
        """(d,) float64."""
        return np.asarray(self.whole + self.rest / self.n, np.float64)

    def gram(self, gram: np.ndarray) -> np.ndarray:
        """(d, d) float64: products about the mean, of the sums of products.

        Those about the whole number are exact; int64 may run over in between and comes back, since the sum itself fits.
        """
        about = np.outer(self.whole, self.rest + self.n * self.whole)
        np.subtract(gram, about, out=about)
        more = np.outer(self.rest, self.whole)
        about -= more
        # Why the same memory: for many features, what is new costs more than what is reckoned.
        rounded = more.view(np.float64)
        np.multiply.outer(self.rest / self.n, self.rest.astype(np.float64), out=rounded)
        return np.subtract(about, rounded, out=rounded)

    def classes(self, sums: Sums) -> np.ndarray:
        """(k, d) float64: the sum over each class of the part beyond the mean."""
        about: np.ndarray = sums.first - np.outer(sums.counts, self.whole)
        return np.asarray(about - np.outer(sums.counts / self.n, self.rest), np.float64)


def within(sums: Sums) -> np.ndarray:
    """(d, d) float64: products about the mean of each class, summed over the classes."""
    n = sums.counts[:, None]
    whole = (2 * sums.first + n) // (2 * n)
    rest = sums.first - n * whole
    about = sums.gram - whole.T @ sums.first - rest.T @ whole
    return np.asarray(about - (rest / n).T @ rest, np.float64)


def deviations(squares: np.ndarray, n: int) -> np.ndarray:
    """Standard deviations of columns from their sums of squares about the mean; 1 for a column that is the same everywhere."""
    found: np.ndarray = np.sqrt(np.maximum(squares, 0.0) / n)
    found[found == 0] = 1.0
    return found


def spread(sums: np.ndarray, squares: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances (k, d) of groups, from (k, d) sums and sums of squares over (k,) rows each."""
    n = counts[:, None]
    whole = (2 * sums + n) // (2 * n)
    rest = sums - n * whole
    # About a whole number near the mean: exact, where the difference of two large squares would not be.
    about = squares - whole * (sums + rest)
    return whole + rest / n, np.maximum(about / n - (rest / n) ** 2, 0.0)


def solve(system: np.ndarray, right: np.ndarray, ridge: float, level: float) -> np.ndarray:
    """Solve ``(system + ridge * identity) x = right``.

    Args:
        system: (d, d) symmetric, with no negative eigenvalue but for rounding; written over.
        right: (d, t).
        ridge: what is added; more where rounding could otherwise leave nothing to divide by.
        level: the mean of the diagonal.
    """
    d = len(system)
    system.flat[:: d + 1] += max(ridge, 1e-15 * d * d * level)
    # Why transposed: LAPACK counts by columns; the matrix is the same, and need not be copied.
    _, found, failed = dposv(system.T, right, overwrite_a=True)
    if failed:
        raise ArithmeticError("a system that has no negative eigenvalue could not be solved")
    return np.asarray(found, np.float64)
