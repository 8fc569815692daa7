"""Counts that forget exactly: how often each value or cell of a map was seen, by how many people, and where they went next.

A publication leaves out values that too few people share. Cf. Sweeney, *k-anonymity*, 2002. Two publications, one before and one after a
person left, reveal together more than each alone. Publish at fixed times, not after each erasure.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, TransformerMixin

from expunge.learn.base import fixed_point
from expunge.learn.base.batch_fitting import Additive
from expunge.learn.records import labels as label
from expunge.learn.records.record_hashes import TAG
from expunge.learn.records.refusals import BadInput, FileRefused, above_zero

Cell = tuple[Any, ...]
"""The values of a row, or the whole numbers of its cell; and for a step the next place after them."""


@dataclass(frozen=True)
class PublishedCount:
    """One line of a publication."""

    place: Cell
    """Values as they came; of a cell its lower corner."""
    records: int
    people: int
    """Different subjects."""


class Tallies(Additive):
    """The base: for each place the number of its records, and of those of each subject."""

    learnt: ClassVar[tuple[str, ...]] = ("_records_at", "_people_at", "_text")
    cell: float | None
    _records_at: Counter[Cell]
    _people_at: dict[Cell, Counter[bytes]]
    _text: bool

    def _learn(self, X: Any, y: Any = None, subjects: Any = None, records: Any = None) -> None:
        features, targets = self._as_learnt(X, y)
        places = self._places(features, targets)
        joined: list[tuple[int, bytes]] = []
        fresh = self._enter(features, targets, subjects, records, kept=X if isinstance(X, np.ndarray) else None, joined=joined)
        if not hasattr(self, "n_features_in_"):
            self.n_features_in_, self._records_at, self._people_at = int(features.shape[1]), Counter(), {}
        if len(self._records) == fresh.sum():
            self._text = features.dtype.kind == "U"
        self._records_at.update(places[row] for row in np.flatnonzero(fresh))
        for row, tag in joined:
            self._people_at.setdefault(places[row], Counter())[tag] += 1

    def _settle(self) -> None:
        """Nothing: the counts are all there is."""

    def _as_learnt(self, features: Any, labels: Any) -> tuple[np.ndarray, np.ndarray | None]:
        found = self._features(features)
        return found, self._targets(labels, len(found))

    def _features(self, features: Any) -> np.ndarray:
        found = np.asarray(features)
        if found.ndim == 1:
            found = found[:, None]
        if found.dtype.kind == "U" or (found.dtype.kind == "O" and found.size and all(isinstance(each, str) for each in found.flat)):
            if self._cell() is not None:
                raise BadInput("text lies in no cell of a map: cell=None")
            if found.ndim != 2:
                raise BadInput("there must be rows and columns of text")
            found = found.astype(str)
        else:
            found = fixed_point.matrix(found)
        if hasattr(self, "n_features_in_") and len(found):
            self._require_width(int(found.shape[1]), found.shape)
            if len(self._records) and (found.dtype.kind == "U") != self._text:
                raise BadInput("some places are text and some are numbers")
        return found

    def _targets(self, labels: Any, n: int) -> np.ndarray | None:  # noqa: ARG002 - those who predict want them
        return None

    def _cell(self) -> float | None:
        if self.cell is not None and not 0 < self.cell < float("inf"):
            message = f"cell is {self.cell!r}: it must be above 0, or None for values as they are"
            raise BadInput(message)
        return self.cell

    def _places(self, features: np.ndarray, targets: np.ndarray | None) -> list[Cell]:
        """The place of each row, with the next one behind it where it is known. Raises BadInput."""
        size = self._cell()
        if size is not None:
            cells = np.floor(features / size)
            if fixed_point.most(cells) >= fixed_point.EXACT:
                raise BadInput("a number is too large for cells so small")
            features = cells.astype(np.int64)
        here: list[Cell] = [tuple(each) for each in features.tolist()]
        if targets is None:
            return here
        # One label has one spelling, whatever else came with it.
        then = [int(each) if isinstance(each, float) and each.is_integer() else each for each in targets.tolist()]
        return [(*place, there) for place, there in zip(here, then, strict=True)]

    # ---- forgetting --------------------------------------------------------------------------------------------

    def _subtract(self, rows: np.ndarray, features: np.ndarray, targets: np.ndarray | None) -> None:
        for row, place in zip(rows.tolist(), self._places(features, targets), strict=True):
            _less(self._records_at, place)
            for tag in self._records.tags(row):
                _less(self._people_at[place], tag)
            if not self._people_at[place]:
                del self._people_at[place]
        self._records.drop(rows)

    # ---- asking ------------------------------------------------------------------------------------------------

    def publish(self, k: int = 5) -> list[PublishedCount]:
        """Each place where at least ``k`` different people were, in order; all others are left out. Raises NothingLearned, BadInput."""
        self._learnt()
        if not isinstance(k, int) or k < 1:
            message = f"k is {k!r}: it must be a whole number, 1 at least"
            raise BadInput(message)
        alike = ((place, len(people)) for place, people in sorted(self._people_at.items()) if len(people) >= k)
        return [PublishedCount(self._shown(place), self._records_at[place], people) for place, people in alike]

    def _shown(self, place: Cell) -> Cell:
        size = self._cell()
        return place if size is None else tuple(each * size for each in place)

    # ---- files -------------------------------------------------------------------------------------------------

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        self._unchanged()
        places = sorted(self._records_at)
        number = {tag: index for index, tag in enumerate(sorted(self._records.by_tag))}
        people = [sorted((number[tag], count) for tag, count in self._people_at[place].items()) for place in places]
        text = "\n".join(json.dumps(place, separators=(",", ":")) for place in places)
        tensors: dict[str, np.ndarray] = {
            "places": np.frombuffer(text.encode(), np.uint8),
            "places.records": np.array([self._records_at[place] for place in places], np.int64),
            "people.ends": np.cumsum([len(person) for person in people], dtype=np.int64),
            "people.numbers": np.array([who for person in people for who, _ in person], np.int32),
            "people.records": np.array([count for person in people for _, count in person], np.int64),
            "people.tags": np.frombuffer(b"".join(number), np.uint8).reshape(len(number), TAG),
        }
        return tensors, {"columns": self.n_features_in_, "text": self._text and bool(places)}

    def _restore(self, tensors: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
        self._note_settings()
        self.n_features_in_, self._text = int(state["columns"]), bool(state["text"])
        tags = [bytes(tensor) for tensor in tensors["people.tags"]]
        lines = tensors["places"].tobytes().decode().split("\n") if len(tensors["places"]) else []
        places: list[Cell] = [tuple(json.loads(line)) for line in lines]
        self._records_at, self._people_at, start = Counter(), {}, 0
        for place, count, end in zip(places, tensors["places.records"].tolist(), tensors["people.ends"].tolist(), strict=True):
            numbers, counts = tensors["people.numbers"][start:end].tolist(), tensors["people.records"][start:end].tolist()
            self._records_at[place] = count
            self._people_at[place] = Counter({tags[who]: many for who, many in zip(numbers, counts, strict=True)})
            start = end
        if self._records_at.total() != len(self._records):
            raise FileRefused("the counts in the file are not those of its records")


class Frequencies(TransformerMixin, Tallies):  # type: ignore[misc]
    """The base of estimators that return how often a place was seen."""

    def transform(self, X: Any) -> np.ndarray:
        """Return the number of times that the value, or the cell, of each row was seen, (n, 1) int64. Raises NothingLearned, BadInput."""
        self._somebody()
        return np.array([[self._records_at[place]] for place in self._places(self._features(X), None)], np.int64).reshape(-1, 1)


class Counts(Frequencies):
    """Counts of each value: a word, a code, a command; of several columns each combination. ``y`` is not looked at."""

    file_tag = "Counts"
    cell: None = None

    def __init__(self, key: bytes | None = None) -> None:
        """Configure.

        Args:
            key: what the subjects are tagged with in files; a default that anybody knows if None.
        """
        self.key = key


class Heatmap(Frequencies):
    """Counts of people in each cell of a grid: latitude and longitude, or any other columns of numbers. ``y`` is not looked at."""

    file_tag = "Heatmap"

    def __init__(self, cell: float = 0.01, key: bytes | None = None) -> None:
        """Configure.

        Args:
            cell: the side of a cell, in the unit of the columns: 0.01 degrees are about a kilometre from north to south.
            key: what the subjects are tagged with in files; a default that anybody knows if None.
        """
        self.cell = cell
        self.key = key


class NextPlace(ClassifierMixin, Tallies):  # type: ignore[misc]
    """Prediction of the next place, by how often people went there from the same place: ``X`` is the present place, ``y`` the next."""

    file_tag = "NextPlace"

    def __init__(self, cell: float | None = None, smoothing: float = 1.0, key: bytes | None = None) -> None:
        """Configure.

        Args:
            cell: the side of a cell for places that are numbers; None takes names and numbers of places as they are.
            smoothing: how many visits' worth the next places from everywhere count beside those from here; above 0.
            key: what the subjects are tagged with in files; a default that anybody knows if None.
        """
        self.cell = cell
        self.smoothing = smoothing
        self.key = key

    @property
    def classes_(self) -> np.ndarray:
        """The next places that there are, ascending. AttributeError before ``fit``."""
        found = sorted({place[-1] for place in self._records_at})
        return label.by_value(np.array(found)) if found else np.empty(0, np.int64)

    def _targets(self, labels: Any, n: int) -> np.ndarray | None:
        found = label.checked(labels, n)
        if getattr(self, "_records_at", None):
            # One of the labels that are there tells whether they are text or numbers: they do not go together.
            label.union([found, np.array([next(iter(self._records_at))[-1]])])
        return found

    def _shown(self, place: Cell) -> Cell:
        return (*super()._shown(place[:-1]), place[-1])

    def predict_proba(self, X: Any) -> np.ndarray:
        """(n, k) chances of the next places, in the order of ``classes_``. Raises NothingLearned, BadInput."""
        self._somebody()
        above_zero("smoothing", self.smoothing)
        classes = self.classes_.tolist()
        number = {each: index for index, each in enumerate(classes)}
        here = self._places(self._features(X), None)
        counts = {place: np.zeros(len(classes)) for place in here}
        overall = np.zeros(len(classes))
        for place, many in self._records_at.items():
            overall[number[place[-1]]] += many
            if place[:-1] in counts:
                counts[place[:-1]][number[place[-1]]] += many
        usual = self.smoothing * overall / overall.sum()
        found = np.array([counts[place] + usual for place in here]).reshape(len(here), len(classes))
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest next place, (n,); the first of several. Raises NothingLearned, BadInput."""
        likeliest = np.argmax(self.predict_proba(X), axis=1)
        return np.asarray(self.classes_[likeliest])


def _less(counts: Counter[Any], what: Any) -> None:
    counts[what] -= 1
    if not counts[what]:
        del counts[what]
