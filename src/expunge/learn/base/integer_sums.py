"""Models that are solved from sums of whole numbers: forgetting is a subtraction, and leaves not a bit behind.

Addition of whole numbers can be taken back and does not depend on sequence, so the sums are a function of the set of records. The weights
are solved from the sums alone, on one thread. The sums are personal data while they contain a subject: small sums reveal their subjects.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import Tags

from expunge.learn.base import environment, fixed_point
from expunge.learn.base.batch_fitting import Additive
from expunge.learn.records import labels as label
from expunge.learn.records.refusals import BadInput, FileRefused


@dataclass(frozen=True)
class Sums:
    """The sums, for each class and over all; whole numbers, int64."""

    labels: np.ndarray
    """(k,) classes of which there is a record, ascending; the class 0 alone for who learns without classes."""
    counts: np.ndarray
    """(k,) records."""
    first: np.ndarray
    """(k, d) sums."""
    second: np.ndarray | None = None
    """(k, d) sums of squares."""
    gram: np.ndarray | None = None
    """(d, d) sums of products over all classes."""

    @classmethod
    def of(cls, values: Any, classes: np.ndarray, *, squares: bool, gram: bool) -> Sums:
        """Return the sums over some rows: whole numbers (n, d), and the class of each."""
        found, group, counts = np.unique(classes, return_inverse=True, return_counts=True)
        group = group.reshape(-1)
        return cls(
            found,
            counts.astype(np.int64),
            fixed_point.grouped(values, group, len(found)),
            fixed_point.grouped(values, group, len(found), squares=True) if squares else None,
            fixed_point.gram(values) if gram else None,
        )

    def plus(self, other: Sums, sign: int = 1) -> Sums:
        """Return the sums over both; with ``sign`` -1 over the rest without the other. Raises BadInput where text meets numbers."""
        labels = self.labels if _within(other.labels, self.labels) else label.union([self.labels, other.labels])
        mine, theirs = np.searchsorted(labels, self.labels), np.searchsorted(labels, other.labels)

        def joined(one: np.ndarray, two: np.ndarray) -> np.ndarray:
            total = np.zeros((len(labels), *one.shape[1:]), np.int64)
            total[mine] = one
            total[theirs] += sign * two
            return total

        counts, first = joined(self.counts, other.counts), joined(self.first, other.first)
        second = None if self.second is None or other.second is None else joined(self.second, other.second)
        gram = None
        if self.gram is not None and other.gram is not None:
            gram = self.gram + other.gram if sign > 0 else self.gram - other.gram
        left = counts > 0
        if left.all():
            return Sums(labels, counts, first, second, gram)
        return Sums(label.union([labels[left]]), counts[left], first[left], None if second is None else second[left], gram)

    @property
    def records(self) -> int:
        """The number of records."""
        return int(self.counts.sum())

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.first.shape[1])

    @property
    def taken(self) -> int:
        """The largest of the sums that bound all others."""
        bound = np.diagonal(self.gram) if self.gram is not None else self.second
        return int(fixed_point.most(np.abs(self.first).sum(axis=0) if bound is None else np.atleast_2d(bound).sum(axis=0)))

    def tensors(self) -> dict[str, np.ndarray]:
        """As arrays for a file."""
        found = {"counts": self.counts, "first": self.first, "second": self.second, "gram": self.gram}
        return {f"sums.{name}": each for name, each in found.items() if each is not None}

    @classmethod
    def from_tensors(cls, labels: np.ndarray, tensors: Mapping[str, np.ndarray]) -> Sums:
        """The inverse. Raises FileRefused."""
        made = cls(labels, *(tensors.get(f"sums.{name}") for name in ("counts", "first", "second", "gram")))  # type: ignore[arg-type]
        if made.counts is None or made.first is None or not len(labels) == len(made.counts) == len(made.first):
            raise FileRefused("the sums in the file do not fit its classes")
        return made


def _within(some: np.ndarray, all_of_them: np.ndarray) -> bool:
    if not len(all_of_them) or some.dtype.kind != all_of_them.dtype.kind:
        return False
    return bool((all_of_them[np.searchsorted(all_of_them, some).clip(max=len(all_of_them) - 1)] == some).all())


class IntegerStatistics(Additive):
    """The base of the family: keeps :class:`Sums`, and has them solved."""

    packages = ("scipy",)
    learnt = ("_sums", "classes_", "solved_again_")
    classifies: ClassVar[bool] = False
    """Whether ``y`` is a class for each row, and wanted."""
    squares: ClassVar[bool] = False
    grams: ClassVar[bool] = False
    solved: ClassVar[tuple[str, ...]]
    """Attributes that hold the weights; there are none while nobody is in the model."""
    fractional_bits: int
    _sums: Sums
    solved_again_: bool
    """Whether the weights of a loaded model were solved again, since its file is of another environment."""

    # ---- learning ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._take_away()
        super()._begin()

    def _learn(self, X: Any, y: Any = None, subjects: Any = None, records: Any = None) -> None:
        self._take_names(X, first=not hasattr(self, "n_features_in_"))
        features, targets = self._as_learnt(X, y)
        self._check_settings(int(features.shape[1]))
        # On one thread, which on a busy machine is many times quicker: several wait for one another.
        with environment.one_thread():
            total = self._sums if hasattr(self, "_sums") else self._summed(features, targets, slice(0))
            for start in range(0, features.shape[0], fixed_point.BLOCK):
                total = total.plus(self._summed(features, targets, slice(start, start + fixed_point.BLOCK), total.taken))
        fresh = self._enter(features, targets, subjects, records, kept=X if isinstance(X, np.ndarray) else None)
        if not fresh.all():
            total = total.plus(self._summed(features, targets, np.flatnonzero(~fresh)), -1)
        self.n_features_in_ = int(features.shape[1])
        self._sums = total

    def _summed(self, features: Any, targets: np.ndarray | None, rows: slice | np.ndarray, taken: int | None = None) -> Sums:
        """The sums over some rows; ``taken`` is what they will be added to. Raises OutOfBounds."""
        values, classes = self._counted(features[rows], None if targets is None else targets[rows])
        if taken is not None:
            fixed_point.check_room(taken, values, squares=self.squares or self.grams)
        return Sums.of(values, classes, squares=self.squares, gram=self.grams)

    def _as_learnt(self, features: Any, labels: Any) -> tuple[Any, np.ndarray | None]:
        found = self._numbers(features)
        return found, self._targets(labels, found.shape[0])

    def _features(self, features: Any) -> Any:
        """What is asked about: of the columns that were learnt from, by number and by name."""
        self._take_names(features, first=False)
        return self._numbers(features)

    def _numbers(self, features: Any) -> Any:
        found = fixed_point.matrix(features)
        self._require_width(int(found.shape[1]), found.shape)
        return found

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn may hand over: sparse rows as well."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _targets(self, labels: Any, n: int) -> np.ndarray | None:
        return label.checked(labels, n) if self.classifies else None

    def _counted(self, features: Any, targets: np.ndarray | None) -> tuple[Any, np.ndarray]:
        """Rows as whole numbers, and the class of each. Raises OutOfBounds."""
        values = fixed_point.whole(features, self._bits("fractional_bits"))
        return values, targets if self.classifies and targets is not None else np.zeros(features.shape[0], np.int64)

    def _check_settings(self, width: int) -> None:
        """Before anything is added: that the sums over ``width`` features can be solved. Raises BadInput."""

    def _bits(self, name: str) -> int:
        bits = getattr(self, name)
        if not isinstance(bits, int | np.integer) or isinstance(bits, bool) or not -60 <= bits <= 50:
            message = f"{name} is {bits!r}: it must be a whole number from -60 to 50"
            raise BadInput(message)
        return int(bits)

    # ---- forgetting --------------------------------------------------------------------------------------------

    def _subtract(self, rows: np.ndarray, features: Any, targets: np.ndarray | None) -> None:
        with environment.one_thread():
            left = self._sums.plus(self._summed(features, targets, slice(None)), -1)
            weights = self._solve(left) if left.records else {}
        self._records.drop(rows)
        self._take(left, weights)

    def _why_all(self) -> str:
        again = getattr(self, "solved_again_", False)
        return "the file is of another environment: the weights were solved again from its sums; no row was learnt again" if again else ""

    # ---- solving -----------------------------------------------------------------------------------------------

    @abstractmethod
    def _solve(self, sums: Sums) -> dict[str, np.ndarray]:
        """Weights by the name of their attribute: a function of the configuration and the sums, of at least one record."""

    def _settle(self) -> None:
        self._adopt(self._sums)

    def _adopt(self, sums: Sums) -> None:
        with environment.one_thread():
            weights = self._solve(sums) if sums.records else {}
        self._take(sums, weights)

    def _take(self, sums: Sums, weights: dict[str, np.ndarray]) -> None:
        self._take_away()
        self._sums = sums
        self.__dict__.update(weights)
        if self.classifies:
            self.classes_ = sums.labels

    def _take_away(self) -> None:
        for name in self.solved:
            self.__dict__.pop(name, None)

    # ---- files -------------------------------------------------------------------------------------------------

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        self._unchanged()
        weights = {f"weights.{name}": getattr(self, name) for name in self.solved if hasattr(self, name)}
        return {**weights, **self._sums.tensors()}, {"features": self.n_features_in_, "labels": self._sums.labels.tolist()}

    def _restore(self, tensors: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
        self._note_settings()
        self.n_features_in_ = int(state["features"])
        sums = Sums.from_tensors(label.from_json(state["labels"]), tensors)
        if sums.records != len(self._records):
            raise FileRefused("the sums in the file are not those of its records")
        self.solved_again_ = self._learnt_in != environment.fingerprint(*self.packages)
        if self.solved_again_:
            self._adopt(sums)
        else:
            self._take(sums, {name: tensors[f"weights.{name}"] for name in self.solved} if sums.records else {})
