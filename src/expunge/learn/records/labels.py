"""Class labels by value: the same set of labels gives the same classes, for every type of the input arrays."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.exceptions import DataConversionWarning

from expunge.learn.records.refusals import BadInput, FileRefused

NO_LABELS = "labels are missing: fit(X, y, ...) requires y to be passed, but the target y is None"


def checked(labels: Any, n: int) -> np.ndarray:
    """Labels as a vector of text, int64 or float64. Raises BadInput."""
    if labels is None:
        raise BadInput(NO_LABELS)
    found = np.asarray(labels)
    if found.ndim == 2 and found.shape[1] == 1:
        said = "A column-vector y was passed when a 1d array was expected: its one column is taken"
        warnings.warn(said, DataConversionWarning, stacklevel=2)
        found = found[:, 0]
    if found.ndim != 1 or len(found) != n:
        message = f"{n} rows and labels of shape {found.shape}: there must be one class for each row"
        raise BadInput(message)
    return by_value(found)


def by_value(found: np.ndarray) -> np.ndarray:
    """Return the canonical type of some labels: whole numbers (and booleans) are int64. Raises BadInput."""
    if found.dtype.kind == "O":
        values = found.tolist()
        if values and all(isinstance(value, str) for value in values):
            return np.array(values, dtype=str)
        try:
            found = np.array(values, np.float64)
        except (TypeError, ValueError) as error:
            raise BadInput("labels are neither all text nor all numbers") from error
    if found.dtype.kind == "U":
        return found
    if found.dtype.kind == "c":
        raise BadInput("Complex data not supported: labels are text or real numbers")
    if found.dtype.kind not in "biuf":
        message = f"labels of type {found.dtype} cannot be classes: take text or numbers"
        raise BadInput(message)
    if found.dtype.kind == "f":
        if not np.isfinite(found).all():
            raise BadInput("a label is not a finite number")
        if not (found == np.floor(found)).all() or (len(found) and np.abs(found).max() >= 2**53):
            return found.astype(np.float64)
    return found.astype(np.int64)


def union(several: Iterable[np.ndarray]) -> np.ndarray:
    """Return all classes of several, ascending. Raises BadInput when text meets numbers."""
    parts = [each for each in several if len(each)]
    if not parts:
        return np.empty(0, np.int64)
    if len({part.dtype.kind == "U" for part in parts}) > 1:
        raise BadInput("some labels are text and some are numbers")
    return by_value(np.unique(np.concatenate(parts)))


def coded(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes among some labels, ascending, and for each label the number of its class."""
    if labels.dtype.kind != "U":
        return np.unique(labels, return_inverse=True)
    # Why not the same: NumPy sorts all of the text, and there are few classes.
    given = labels.tolist()
    known = {each: number for number, each in enumerate(sorted(set(given)))}
    return np.array(list(known), labels.dtype), np.fromiter(map(known.__getitem__, given), np.int64, len(given))


def from_json(found: Any) -> np.ndarray:
    """Classes from a file's header, where they are a list. Raises FileRefused."""
    if not isinstance(found, list) or not all(isinstance(each, str | int | float) for each in found):
        raise FileRefused("the classes in the file are not a list of text or numbers")
    return by_value(np.array(found)) if found else np.empty(0, np.int64)
