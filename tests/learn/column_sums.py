"""A model of a company's own over the records of the library: sums of columns, from which a forget subtracts.

It needs no scikit-learn, whose import is most of what a small training costs. Programs of the tests that are about what surrounds a model
learn with it. It is written to their folder as a module, and imports nothing of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from expunge.learn.base import environment, model_files
from expunge.learn.base.report import Report
from expunge.learn.records.record_hashes import contents
from expunge.learn.records.records import KEY, Records, key_check
from expunge.learn.records.subject_names import Missing, require_known

STEP = 1 << 20
"""Parts of one in which numbers are counted, so that sums are whole numbers and their order is nothing."""


class ColumnSums:
    """Tells two classes apart by the means of their columns; ``alpha`` draws the means to zero."""

    packages = ()

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, features: np.ndarray, labels: np.ndarray, *, subjects: Sequence[Any], records: Sequence[Any]) -> ColumnSums:
        """Learn rows from nothing."""
        self.classes = np.unique(labels)
        self.sums = np.zeros((len(self.classes), features.shape[1] + 1), np.int64)
        self._records = Records(KEY)
        self._records.add(contents(features, labels), subjects, records)
        self._count(features, labels, 1)
        self._given = features, labels
        return self

    def forget(
        self, subjects: Sequence[Any], source: Callable[[list[Any]], tuple[Any, Any]] | None = None, *, missing: Missing = "raise"
    ) -> Report:
        """Subtract the rows of subjects and drop them; ``source`` hands them out for a model from a file."""
        rows, known, unknown = self._records.of(subjects)
        require_known(unknown, known + len(unknown), missing)
        if len(rows):
            features, labels = source(self._records.as_given(rows)) if source else (part[rows] for part in self._given)
            self._records.check(rows, contents(features, labels))
            self._count(features, labels, -1)
            self._records.drop(rows)
        return Report(subjects=known, records=len(rows), unknown=unknown, emptied=not len(self._records))

    def _count(self, features: np.ndarray, labels: np.ndarray, sign: int) -> None:
        whole = np.column_stack([np.rint(features * STEP).astype(np.int64), np.ones(len(features), np.int64)])
        np.add.at(self.sums, np.searchsorted(self.classes, labels), sign * whole)

    def decision_function(self, features: np.ndarray) -> np.ndarray:
        """How much nearer a row is to the second class than to the first."""
        first, second = self.sums[:, :-1] / STEP / (self.sums[:, -1:] + self.alpha)
        scores: np.ndarray = features @ (second - first) - (second @ second - first @ first) / 2
        return scores

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Return the class of each row."""
        return self.classes[(self.decision_function(features) > 0).astype(int)]

    def to_bytes(self) -> bytes:
        """Return the same bytes for the same records."""
        learnt = {"classes": self.classes.tolist(), "alpha": self.alpha, "key": key_check(KEY), "environment": environment.fingerprint()}
        return model_files.to_bytes({"class": "column sums", **learnt}, {"sums": self.sums, **self._records.tensors()})

    def digest(self) -> str:
        """Hex SHA-256 of the file."""
        return model_files.digest(self.to_bytes())

    def save(self, path: str | Path) -> None:
        """Write the file."""
        model_files.write(Path(path), self.to_bytes())

    @classmethod
    def load(cls, path: str | Path) -> ColumnSums:
        """Read what was saved; raise FileRefused for anything else."""
        head, tensors = model_files.from_bytes(Path(path).read_bytes())
        made = cls(head["alpha"])
        made.classes, made.sums = np.array(head["classes"]), tensors["sums"].copy()
        made._records = Records.from_tensors(KEY, tensors)
        return made
