"""Whole numbers in place of fractions: their sums are the same in any sequence, and can be taken back exactly.

A feature becomes the nearest multiple of ``2 ** -fractional_bits``. Products are taken in float64 while every partial sum stays below
2**53, where float64 holds each whole number. They are exact in any sequence and on any number of threads, and some seventy times quicker
than NumPy's int64 ``@``, which has no BLAS. Everything is added up in int64. A row that could leave its range is refused before anything is
added.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from expunge.learn.records.refusals import BadInput, NotNumbers, OutOfBounds

EXACT = 2**53
"""float64 holds every whole number up to here."""
MOST = 2**61
"""What a sum may come to; int64 holds four times as much, which the steps between need."""
BLOCK = 1 << 12
"""Rows taken at a time, so that the copies of them stay small."""
FEW = 16
"""Groups that a product sums up quicker than sorting does."""
FEWEST = 16
"""Rows for which a float64 product is worth its while."""
_COMPLEX = "Complex data not supported: features are real numbers"
_NOT_FINITE = "a feature is not a finite number (NaN or infinity): leave such rows out, or fill them in"
_NO_NUMBERS = "features are not numbers in rows of one length: an argument must be a string or a real number"


def matrix(features: Any) -> Any:
    """Features as finite float64 without -0.0: a C-contiguous (n, d) array, or a CSR matrix with sorted indices and no stored zeros.

    Raises:
        BadInput: they are none.
    """
    if sparse.issparse(features):
        if features.dtype.kind == "c":
            raise BadInput(_COMPLEX)
        found = sparse.csr_matrix(features, dtype=np.float64)
        if not found.has_canonical_format or not found.data.all():
            found = found.copy()
            found.sum_duplicates()
            found.eliminate_zeros()
    else:
        found = rows_of(features)
        if np.asarray(features).dtype.kind in "iu" and most(found) >= EXACT:
            raise BadInput("a whole number is beyond 2**53, where float64 tells it from no other: give codes so long as text")
    if sparse.issparse(found) and not np.isfinite(found.data).all():
        raise BadInput(_NOT_FINITE)
    return found if sparse.issparse(found) else without_negative_zeros(found)


def rows_of(features: Any) -> np.ndarray:
    """Dense features as finite float64, a C-contiguous (n, d) array. Raises BadInput where they are none."""
    try:
        given = np.asarray(features)
        if given.dtype.kind == "c":
            raise BadInput(_COMPLEX)
        found = np.ascontiguousarray(given, np.float64)
    except TypeError as error:
        raise NotNumbers(_NO_NUMBERS) from error
    except ValueError as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput("features are not numbers in rows of one length") from error
    if given.ndim != 2:
        message = f"features of shape {given.shape}: there must be rows and columns. Reshape your data: X[None] makes one row of it"
        raise BadInput(message)
    if not np.isfinite(found).all():
        raise BadInput(_NOT_FINITE)
    return found


def without_negative_zeros(values: np.ndarray) -> np.ndarray:
    """The same numbers, C-contiguous, with 0.0 for each -0.0: equal numbers must be the same rows, and be learnt alike to the last bit."""
    if values.dtype.kind != "f":
        return values
    bits = values.view(f"i{values.dtype.itemsize}")
    return values + values.dtype.type(0) if (bits == np.iinfo(bits.dtype).min).any() else values


def whole(features: Any, bits: int) -> Any:
    """Return the nearest whole multiples of ``2 ** -bits``, counted in them: whole numbers as float64, or as int64 in a CSR matrix.

    Raises:
        OutOfBounds: one of them is more than float64 can count.
    """
    values = features.data if sparse.issparse(features) else features
    with np.errstate(over="ignore"):
        scaled = np.rint(values * 2.0**bits)
    if most(scaled) >= EXACT:
        raise OutOfBounds("a number is too large to be counted exactly: scale its column, or take fewer fractional_bits or target_bits")
    if not sparse.issparse(features):
        return scaled
    return sparse.csr_matrix((scaled.astype(np.int64), features.indices, features.indptr), features.shape)


def most(values: np.ndarray) -> float:
    """Return the largest absolute value; 0 of none."""
    return float(max(values.max(), -values.min())) if values.size else 0.0


def check_room(taken: int, more: Any, *, squares: bool) -> None:
    """Check that sums which have come to ``taken`` stay within bounds when rows are added, each column for itself.

    A sum of products lies within the larger of two sums of squares, so those say it all.

    Raises:
        OutOfBounds: they could leave them.
    """
    if sparse.issparse(more):
        values = abs(more.astype(np.float64))
        sums = np.asarray((values.multiply(values) if squares else values).sum(axis=0)).ravel()
    else:
        sums = np.einsum("ij,ij->j", more, more) if squares else np.abs(more).sum(axis=0)
    # Why a little more: these sums are rounded, by far less than this.
    if taken + most(sums) * 1.0001 >= MOST:
        raise OutOfBounds(
            "the exact sums would run over, and nothing was added: scale columns, or take fewer fractional_bits or target_bits"
        )


def gram(values: Any) -> np.ndarray:
    """``values.T @ values``, exact, as int64 (d, d), of whole numbers for which there is room."""
    if sparse.issparse(values):
        return np.asarray((values.T @ values).toarray(), np.int64)
    rows, columns = values.shape
    square = most(values) ** 2
    step = int(min(BLOCK, EXACT // square)) if square else BLOCK
    if step < FEWEST:
        values, step = values.astype(np.int64), BLOCK
    if rows <= step:
        return np.asarray(values.T @ values, np.int64)
    total = np.zeros((columns, columns), np.int64)
    for start in range(0, rows, step):
        part = values[start : start + step]
        total += (part.T @ part).astype(np.int64)
    return total


def grouped(values: Any, group: np.ndarray, groups: int, *, squares: bool = False) -> np.ndarray:
    """Sums over the rows of each group, exact, as int64 (groups, d); of their squares if so wished."""
    rows, columns = values.shape
    if sparse.issparse(values):
        chosen = values.multiply(values).tocsr() if squares else values
        which = sparse.csr_matrix((np.ones(rows, np.int64), (group, np.arange(rows))), (groups, rows))
        return np.asarray((which @ chosen).toarray(), np.int64)
    if groups <= FEW and most(values) ** (2 if squares else 1) * rows < EXACT:
        members = (group == np.arange(groups)[:, None]).astype(np.float64)
        return np.asarray(members @ (values * values if squares else values), np.int64)
    order = np.argsort(group, kind="stable")
    found, starts = np.unique(group[order], return_index=True)
    numbers = values[order].astype(np.int64)
    total = np.zeros((groups, columns), np.int64)
    total[found] = np.add.reduceat(numbers * numbers if squares else numbers, starts, axis=0)
    return total


def beside(left: Any, right: np.ndarray) -> Any:
    """Columns of both, whole numbers."""
    if sparse.issparse(left):
        return sparse.hstack([left, sparse.csr_matrix(right.astype(np.int64))], format="csr")
    return np.hstack([left, right])
