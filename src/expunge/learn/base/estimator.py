"""The base class of models that forget exactly, with scikit-learn's conventions: ``get_params``, ``clone``, ``Pipeline``."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import _check_feature_names

from expunge.learn.base import environment, model_files
from expunge.learn.base.report import Report
from expunge.learn.records.record_hashes import contents
from expunge.learn.records.records import KEY, Records, key_check
from expunge.learn.records.refusals import BadInput, FileRefused, NothingLearned, SourceNeeded
from expunge.learn.records.subject_names import Missing, Subjects, require_known

Source = Callable[[Sequence[Any]], tuple[Any, Any]]
"""``source(records)``: the rows of some records and their labels (None where there are none), in that order.

Ids are whole numbers where they came as such, else text.
"""


class GivenArrays:
    """The arrays that ``fit`` and ``partial_fit`` were given, kept by reference and found again by row."""

    def __init__(self) -> None:
        self._parts: list[tuple[Any, np.ndarray | None, np.ndarray]] = []
        self._starts: list[int] = []
        self.rows = 0

    def add(self, features: Any, labels: np.ndarray | None, fresh: np.ndarray) -> None:
        """Keep the new rows of a call; ``fresh`` is their mask."""
        self._parts.append((features, labels, np.flatnonzero(fresh)))
        self._starts.append(self.rows)
        self.rows += len(self._parts[-1][2])

    def take(self, rows: np.ndarray) -> tuple[Any, np.ndarray | None]:
        """Features and labels of some rows, in that order."""
        part = np.searchsorted(self._starts, rows, "right") - 1
        numbers = np.unique(part)
        if len(numbers) <= 1:
            return self._of_part(int(numbers[0]) if len(numbers) else 0, rows)
        pieces = [self._of_part(int(number), rows[part == number]) for number in numbers]
        back = np.argsort(np.argsort(part, kind="stable"))
        stack = _stack_sparse if hasattr(pieces[0][0], "indptr") else np.concatenate
        labels = [one for _, one in pieces if one is not None]
        return stack([one for one, _ in pieces])[back], np.concatenate(labels)[back] if labels else None

    def _of_part(self, number: int, rows: np.ndarray) -> tuple[Any, np.ndarray | None]:
        features, labels, where = self._parts[number]
        chosen = where[rows - self._starts[number]]
        # Why not by brackets: rows of an array are taken three times as quickly.
        rows = np.take(features, chosen, axis=0) if isinstance(features, np.ndarray) else features[chosen]
        return rows, None if labels is None else labels[chosen]


def _stack_sparse(parts: Sequence[Any]) -> Any:
    from scipy.sparse import vstack

    return vstack(parts, format="csr")


class NotFitted(NothingLearned, NotFittedError):  # type: ignore[misc]
    """Nothing was learnt yet, in the words of scikit-learn as well."""


class Forgetting(BaseEstimator):  # type: ignore[misc]
    """The base. Weights are a function of (configuration, environment, set of records): see :mod:`expunge.learn.records.records`.

    A class says what it learns (:meth:`_state`, :meth:`_restore`), how rows go (:meth:`_forget_rows`), and what it depends on.
    """

    packages: ClassVar[tuple[str, ...]] = ()
    """Distributions whose versions decide the bits, besides numpy."""
    file_tag: ClassVar[str]
    """What a file of the class calls it; never changed, whatever the class is called. Each class that is saved sets its own."""
    secret_params: ClassVar[frozenset[str]] = frozenset({"key"})
    """Parameters that are never written to a file."""

    key: bytes | None
    _records: Records
    _given: GivenArrays | None
    """None once it was loaded from a file, which holds no rows."""

    # ---- learning ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Start anew: no record, no rows."""
        self._records = Records(self.key or KEY)
        self._given = GivenArrays()

    def _enter(
        self,
        features: Any,
        labels: np.ndarray | None,
        subjects: Any,
        records: Any,
        *,
        kept: Any = None,
        joined: list[tuple[int, bytes]] | None = None,
    ) -> np.ndarray:
        """Enter rows in the set and keep the arrays; the mask of rows that are new. Raises BadInput, with nothing entered.

        ``kept`` stands for ``features`` as they came from outside, where their conversion would take memory only; ``joined`` as for
        :meth:`Records.add`.
        """
        fresh = self._records.add(contents(features, labels), subjects, records, joined)
        if self._given is not None:
            self._given.add(features if kept is None else kept, labels, fresh)
        return fresh

    # ---- forgetting --------------------------------------------------------------------------------------------

    def forget(self, subjects: Subjects, source: Source | None = None, *, missing: Missing = "raise") -> Report:
        """Turn this into the model that never had the subjects.

        Args:
            subjects: one name or several, as they were given to ``fit``. A record of several people goes with any of them.
            source: for a model from a file: ``source(records)`` returns ``(X, y)`` of those record ids, in that order.
            missing: ``"ignore"`` passes over subjects that are not in the model, as a command that may run twice has to.

        Returns:
            The records touched.

        Raises:
            NothingLearned: before ``fit``.
            UnknownSubjects: a subject is not in the model. The model is as before then.
            BadInput: a subject is neither text nor a whole number.
            SourceNeeded: for a loaded model without ``source``.
            RecordChanged: when a row differs from the learnt one. The model is as before then.
        """
        self._learnt()
        rows, known, unknown = self._records.of(subjects)
        require_known(unknown, known + len(unknown), missing)
        if not len(rows):
            return Report(subjects=0, records=0, unknown=unknown, emptied=not len(self._records))
        return self._forget_rows(rows, known, unknown, source)

    @abstractmethod
    def _forget_rows(self, rows: np.ndarray, known: int, unknown: tuple[str, ...], source: Source | None) -> Report:
        """Make the weights those of the set without ``rows``, then drop them; all or nothing."""

    def _fetch(self, rows: np.ndarray, source: Source | None) -> tuple[Any, np.ndarray | None]:
        """Rows as they were learnt, from the arrays that were given or from a source; checked against their content hashes."""
        if source is None:
            if self._given is None:
                raise SourceNeeded("this model holds no rows (it came from a file or a stream): forget(subjects, source=...)")
            features, labels = self._given.take(rows)
        else:
            features, labels = source(self._records.as_given(rows))
        features, labels = self._as_learnt(features, labels)
        self._records.check(rows, contents(features, labels))
        return features, labels

    @abstractmethod
    def _as_learnt(self, features: Any, labels: Any) -> tuple[Any, np.ndarray | None]:
        """Check and convert what came from outside to what the content hash is taken of. Raises BadInput."""

    def _learnt(self) -> None:
        if not hasattr(self, "_records"):
            message = f"{type(self).__name__} has learnt nothing yet: call fit first"
            raise NotFitted(message)

    def _take_names(self, features: Any, *, first: bool) -> None:
        """Learn the names of columns from a table, or hold a later table against them. Raises BadInput.

        They are no part of a file: a model that was loaded takes whatever names a table has.
        """
        if first or hasattr(self, "feature_names_in_") or getattr(self, "_given", None) is not None:
            try:
                _check_feature_names(self, features, reset=first)
            except ValueError as error:
                raise BadInput(str(error)) from error

    def _require_width(self, columns: int, shape: tuple[int, ...]) -> None:
        """That there are columns, and as many as the model has learnt from. Raises BadInput."""
        if not columns:
            message = f"0 feature(s) (shape={shape}) while a minimum of 1 is required."
            raise BadInput(message)
        width = getattr(self, "n_features_in_", columns)
        if columns != width:
            message = f"X has {columns} features, but {type(self).__name__} is expecting {width} features as input"
            raise BadInput(message)

    def _somebody(self) -> None:
        """Before a prediction: that there is something to predict from."""
        self._learnt()
        if not len(self._records):
            raise NothingLearned("nobody is left in this model: it can predict nothing")

    # ---- files -------------------------------------------------------------------------------------------------

    @abstractmethod
    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What was learnt: tensors, and what else there is as JSON."""

    @abstractmethod
    def _restore(self, tensors: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
        """The inverse of :meth:`_state`."""

    def _environment(self) -> dict[str, str]:
        """Where the weights were computed."""
        return environment.fingerprint(*self.packages)

    def to_bytes(self) -> bytes:
        """Return the whole model, the same bytes for the same set of records. Raises NothingLearned."""
        self._learnt()
        tensors, state = self._state()
        head = {
            "class": self._tag(),
            "params": {name: each for name, each in sorted(self.get_params(deep=False).items()) if name not in self.secret_params},
            "environment": self._environment(),
            "key": key_check(self._records.key),
            "state": state,
        }
        return model_files.to_bytes(head, {**tensors, **self._records.tensors()})

    @classmethod
    def _tag(cls) -> str:
        """What files call the class: its own tag; the class's name where it sets none, as a class derived by a user of the library."""
        return str(cls.__dict__.get("file_tag", cls.__name__))

    def digest(self) -> str:
        """Hex SHA-256 of the bytes that :meth:`save` writes."""
        return model_files.digest(self.to_bytes())

    def save(self, path: str | Path) -> None:
        """Write exactly that one file (safetensors), whole or not at all."""
        model_files.write(Path(path), self.to_bytes())

    @classmethod
    def load(cls, path: str | Path, key: bytes | None = None, **unwritten: Any) -> Self:
        """Read a model; no code in the file runs.

        Args:
            path: what ``save`` wrote.
            key: the key that its subjects were tagged with, where it was not the default.
            unwritten: other parameters that are never written to a file (``secret_params``).

        Raises:
            TypeError: for a parameter that the file holds, or that there is not.
            FileRefused: not such a file, another class, another key, altered.
            OSError: it cannot be read.
        """
        if not cls.secret_params.issuperset(unwritten):
            message = f"{cls.__name__}.load takes a path and {', '.join(sorted(cls.secret_params))}; all else is in the file"
            raise TypeError(message)
        head, tensors = model_files.from_bytes(Path(path).read_bytes())
        if head.get("class") != cls._tag():
            message = f"the file holds a {head.get('class')}, not a {cls._tag()}"
            raise FileRefused(message)
        if head.get("key") != key_check(key or KEY):
            raise FileRefused("the subjects in the file were tagged with another key: load(path, key=...)")
        try:
            made = cls(**head["params"], key=key, **unwritten)
            made._given = None
            made._records = Records.from_tensors(key or KEY, tensors)
            made._learnt_in = dict(head["environment"])
            made._restore(tensors, head["state"])
        except FileRefused:
            raise
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise FileRefused("the file is cut short or altered, or of another version") from error
        return made

    _learnt_in: dict[str, str]
    """The environment that the file names, for a loaded model."""

    def __getstate__(self) -> dict[str, Any]:
        # What has learnt nothing is settings alone, which scikit-learn hands to its worker processes.
        if hasattr(self, "_records"):
            raise TypeError("pickles run code and keep rows: use save(path) and load(path)")
        return cast("dict[str, Any]", super().__getstate__())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_records")
