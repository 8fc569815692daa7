"""Models that are learnt a batch at a time. Rows in several batches give the same model as rows in one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

from expunge.learn.base.estimator import Forgetting, Source
from expunge.learn.base.report import Report
from expunge.learn.records.refusals import BadInput


class Additive(Forgetting):
    """The base: ``fit``, ``partial_fit`` and streams over :meth:`_learn`; a failed call leaves the model as it was."""

    learnt: ClassVar[tuple[str, ...]] = ()
    """Attributes that go when learning starts anew."""
    n_features_in_: int
    _settings: dict[str, Any]

    def fit(self, X: Any, y: Any = None, subjects: Sequence[Any] | None = None, records: Sequence[Any] | None = None) -> Self:
        """Learn from rows, discarding everything learnt before.

        Args:
            X: (n, d) rows: an array, or a SciPy sparse matrix where the model takes numbers.
            y: what to predict for each row, where the model predicts.
            subjects: for each row whose it is: a name, or several in a tuple; None makes each record its own subject.
            records: for each row the record's id; None takes each row for a record of its own.

        Raises:
            BadInput: something cannot be learnt from, or one id stands for different contents. The model is as before then.
            OutOfBounds: the exact sums could run over. The model is as before then.
        """
        return self.fit_batches([(X, y, subjects, records)], keep=True)

    def fit_batches(self, batches: Iterable[Sequence[Any]], *, keep: bool = False) -> Self:
        """Learn from a stream of ``(X, y, subjects, records)``, of which the last ones may be left out.

        Args:
            batches: each is let go of before the next one is asked for.
            keep: keep the arrays, so that ``forget`` needs no ``source``.

        Raises:
            BadInput: as ``fit``; nothing of the whole stream is learnt then.
        """
        before = dict(self.__dict__)
        try:
            self._begin()
            if not keep:
                self._given = None
            for batch in batches:
                self._learn(*batch)
            if not hasattr(self, "n_features_in_"):
                raise BadInput("the stream has no batch: not even how many columns there are is known")
            self._settle()
        except BaseException:
            self.__dict__ = before
            raise
        return self

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        subjects: Sequence[Any] | None = None,
        records: Sequence[Any] | None = None,
        classes: Any = None,  # noqa: ARG002 - scikit-learn names the classes that will come
    ) -> Self:
        """Learn from more rows: the same model as one ``fit`` over all of them. Arguments and errors as for ``fit``.

        ``classes`` is taken, as scikit-learn hands it over, and changes nothing: the classes of a model are those of its records. Classes
        may turn up that were not there before. A model that was loaded from a file goes on without keeping arrays.
        """
        if not hasattr(self, "_records"):
            return self.fit(X, y, subjects, records)
        self._unchanged()
        self._learn(X, y, subjects, records)
        self._settle()
        return self

    def _begin(self) -> None:
        for name in (*self.learnt, "n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        self._note_settings()
        super()._begin()

    def _note_settings(self) -> None:
        self._settings = self.get_params(deep=False)

    def _unchanged(self) -> None:
        """That the settings are those of ``fit``: sums in other steps, or weights for another ``alpha``, are of no one model."""
        if self.get_params(deep=False) != self._settings:
            raise BadInput("the settings were changed after fit: set them back, or fit again")

    @abstractmethod
    def _learn(self, X: Any, y: Any = None, subjects: Any = None, records: Any = None) -> None:
        """Add rows, all or none."""

    @abstractmethod
    def _settle(self) -> None:
        """Make the weights those of what was added."""

    def _forget_rows(self, rows: Any, known: int, unknown: tuple[str, ...], source: Source | None) -> Report:
        self._unchanged()
        features, targets = self._fetch(rows, source)
        self._subtract(rows, features, targets)
        left = len(self._records)
        return Report(subjects=known, records=len(rows), unknown=unknown, monolith=left, why_all=self._why_all(), emptied=not left)

    def _why_all(self) -> str:
        """Why all weights are new, where they are."""
        return ""

    @abstractmethod
    def _subtract(self, rows: Any, features: Any, targets: Any) -> None:
        """Take rows out of what was added and out of the records, all or none, and make the weights those of what is left."""
