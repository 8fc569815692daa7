"""Several models over a few people each, which vote. A person who leaves costs one of them.

This is the common base of trees and networks. Places come from :mod:`expunge.learn.sharded.shard_placement`. Each shard is taught on one
thread from its own rows, in a sequence that depends on record ids alone: so a shard is a function of its members. Cf. Bourtoule et al.,
*Machine Unlearning*, IEEE S&P 2021; there, rows are put in shards by their number, and nothing that had seen a row is destroyed.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin

from expunge.faults import failpoint
from expunge.learn.base import environment
from expunge.learn.base.estimator import GivenArrays, Source
from expunge.learn.base.report import Report
from expunge.learn.records import labels
from expunge.learn.records.record_hashes import contents, tags
from expunge.learn.records.records import KEY, Records
from expunge.learn.records.refusals import BadInput, NothingLearned, SourceNeeded
from expunge.learn.records.subject_names import Missing, Subjects, require_known, subject_name, subject_names
from expunge.learn.sharded import shard_placement
from expunge.learn.sharded.shard_parts import Serving, TaughtShard, TrainedShard
from expunge.learn.sharded.shard_placement import Members
from expunge.learn.sharded.shard_training import Fetched, ShardTraining

ELSEWHERE = "the versions, the processor or the settings are not those under which the model was fitted: all of it was fitted again"

HighRisk = Iterable[str] | Callable[[str], bool] | None


class Sharded(ClassifierMixin, ShardTraining):  # type: ignore[misc]
    """The base of classifiers made of shards."""

    secret_params: ClassVar[frozenset[str]] = frozenset({"key", "high_risk", "jobs"})

    shards: int
    slices: int
    high_risk: HighRisk
    classes_: np.ndarray

    @abstractmethod
    def _votes(self, model: Any, features: np.ndarray) -> np.ndarray:
        """Probabilities (n, classes of the shard). Another thread may be teaching meanwhile: nothing that all threads share is touched."""

    @abstractmethod
    def _passes(self) -> int:
        """How often one model over everybody would be taught each sample."""

    def _destroy_old(self) -> tuple[str, ...]:
        """Destroy what the shards that serve now do not need; hashes of what was destroyed."""
        return ()

    # ---- learning ----------------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any,
        subjects: Sequence[Any] | None = None,
        records: Sequence[Any] | None = None,
    ) -> Self:
        """Learn from rows, forgetting everything learnt before.

        Args:
            X: (n, ...) finite numbers.
            y: (n,) classes, text or numbers.
            subjects: for each row its subject: a name, or several in a tuple; None makes each record its own subject.
            records: for each row the record's id; None names records by their content.

        Raises:
            BadInput: nothing was learnt then, and what was learnt before is as it was.
        """
        self._check_params()
        x, classes = self._as_learnt(X, y)
        if not int(np.prod(x.shape[1:])):
            message = f"0 feature(s) (shape={x.shape}) while a minimum of 1 is required."
            raise BadInput(message)
        if classes is None or not len(x):
            raise BadInput("there is no row to learn from")
        known, given = Records(self.key or KEY), GivenArrays()
        # Kept as they came: what was converted for learning would be one more copy of everybody's rows.
        given.add(np.asarray(X), classes, known.add(contents(x, classes), subjects, records))
        before = dict(self.__dict__)
        try:
            self._learn(known, given, subjects, x.shape[1:])
            self._take_names(X, first=True)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        return self

    def _learn(self, known: Records, given: GivenArrays, subjects: Sequence[Any] | None, shape: tuple[int, ...]) -> None:
        self._records, self._given = known, given
        self._risky: set[bytes] = set()
        self._watch(subjects, 0)
        self._shape = shape
        self.n_features_in_ = int(np.prod(shape))
        self._out: dict[int, TrainedShard] = {}
        self._serving = Serving()
        self._pending: frozenset[int] = frozenset()
        self._members: Members = ()
        self._swap(dict.fromkeys(range(self.shards), 0), self._places(), None)

    def partial_fit(
        self,
        X: Any,
        y: Any,
        subjects: Sequence[Any] | None = None,
        records: Sequence[Any] | None = None,
        classes: Any = None,
    ) -> Self:
        """Learn from more rows: the shards whose members change are taught again. The result is the one of ``fit`` on all rows.

        ``classes`` is taken, as scikit-learn hands it over, and changes nothing: the classes of a model are those of its records.

        Raises:
            BadInput: nothing was learnt then.
            OSError: a checkpoint could not be kept; the shards that were to be taught do not vote until a repeat has ended it.
            SourceNeeded: for a model from a file, which has not the rows that it would be taught again.
        """
        if not hasattr(self, "_records"):
            return self.fit(X, y, subjects, records)
        if self._given is None:
            raise SourceNeeded("this model was loaded from a file, which holds no rows: fit a new one on all of them")
        self._take_names(X, first=False)
        x, classes = self._as_learnt(X, y)
        self._same_shape(x)
        labels.union([self._serving.classes, *(part.classes for part in self._out.values()), *([] if classes is None else [classes])])
        start = self._records.given
        self._enter(x, classes, subjects, records, kept=np.asarray(X))
        self._watch(subjects, start)
        after = self._places(self._pending)
        self._swap(shard_placement.changed(self._members, after), after, None)
        return self

    def _watch(self, subjects: Sequence[Any] | None, start: int) -> None:
        """Remember the tags of those who are likely to go soon, as ``high_risk`` says; of rows from ``start`` on."""
        if self.high_risk is None:
            return
        if callable(self.high_risk):
            names: set[str] = set()
            for each in self._records.ids(start) if subjects is None else subjects:
                names.update(map(subject_name, each if isinstance(each, list | tuple | set | frozenset) else [each]))
            chosen = {name for name in names if self.high_risk(name)}
        else:
            chosen = set(subject_names(self.high_risk))
        self._risky.update(tags(self._records.key, chosen))

    def _places(self, gone: Collection[int] = ()) -> Members:
        """Where everybody belongs in the set without some rows."""
        rows = self._records.there()
        if len(gone):
            rows = rows[~np.isin(rows, np.fromiter(gone, np.int64, len(gone)))]
        return shard_placement.members(self._records.key, rows, self._records.owners(rows), self.shards, self.slices, self._risky)

    # ---- forgetting --------------------------------------------------------------------------------------------

    _begun: frozenset[str] = frozenset()
    """Whom calls were to forget that were cut short in this process; in no file."""

    def forget(self, subjects: Subjects, source: Source | None = None, *, missing: Missing = "raise") -> Report:
        """Turn this into the model that never had the subjects; see the base. Unfinished work of an earlier call is finished as well.

        While shards are taught again they do not vote, and should that fail (a full disk), they do not vote until a repeat has ended it.
        """
        self._learnt()
        asked = subject_names(subjects)
        rows, known, unknown = self._records.of(asked)
        # Why not those: a call that was cut short may have dropped them already, and a repeat has to end it.
        require_known([each for each in unknown if each not in self._begun], len(asked), missing)
        self._begun = self._begun.union(asked)
        if len(rows) or self._out:
            report = self._forget_rows(rows, known, unknown, source)
        else:
            report = Report(subjects=0, records=0, unknown=unknown, destroyed=self._destroy_old(), emptied=not len(self._records))
        self._begun = frozenset()
        return report

    def _forget_rows(self, rows: np.ndarray, known: int, unknown: tuple[str, ...], source: Source | None) -> Report:
        if self._given is None and source is None:
            raise SourceNeeded("this model was loaded from a file, which holds no rows: forget(subjects, source=...)")
        gone = self._pending.union(rows.tolist())
        if not self._out and all(len(self._records.tags(row)) == 1 for row in gone):
            # Nobody else was tied to anybody by these records, so nobody else moves.
            after = shard_placement.without(self._members, np.array(sorted(gone), np.int64))
        else:
            after = self._places(gone)
        since, why = shard_placement.changed(self._members, after), ""
        if self._given is None and self._learnt_in != environment.fingerprint(*self.packages):
            since, why = dict.fromkeys(range(self.shards), 0), ELSEWHERE
        orders = {shard: self._canonical(after[shard]) for shard in since}
        fetched = {shard: self._fetch(order, source) for shard, order in orders.items() if len(order)}
        self._pending = gone
        report = self._swap(since, after, fetched)
        return replace(report, subjects=known, records=len(gone), unknown=unknown, why_all=why)

    def _swap(self, since: Mapping[int, int], after: Members, fetched: Fetched | None) -> Report:
        """Take shards out, teach them again, put them back in one assignment, drop what is pending, destroy what is old."""
        # From here on the touched shards do not vote, whatever happens; a repeat takes up what is pending.
        self._out = self._out | {shard: part for shard, part in self._serving.parts.items() if shard in since}
        rest = {shard: part for shard, part in self._serving.parts.items() if shard not in since}
        self._serving = Serving(self._serving.classes, rest)
        failpoint("learn.shards.out:after")
        made: dict[int, tuple[TrainedShard, TaughtShard]] = {}
        for shard, part, taught in self._taught_all(since, after, fetched):
            made[shard] = part, taught
            failpoint("learn.shards.taught:after")
        parts = dict(sorted((rest | {shard: part for shard, (part, _) in made.items()}).items()))
        self._serving = Serving(labels.union(part.classes for part in parts.values()), parts)
        # commit point: from here on only the new shards vote.
        failpoint("learn.shards.swap:after")
        self._records.drop(self._pending)
        self._risky &= self._records.by_tag.keys()
        self._out = {}
        self._members, self._pending = after, frozenset()
        self._learnt_in = environment.fingerprint(*self.packages)
        self.classes_ = self._serving.classes
        destroyed = self._destroy_old()
        left = len(self._records)
        return Report(
            subjects=0,
            records=0,
            recomputed=sum(taught.samples for _, taught in made.values()),
            monolith=left * self._passes(),
            parts=tuple(sorted(since)),
            lost=tuple(sorted(shard for shard, (_, taught) in made.items() if taught.lost)),
            destroyed=destroyed,
            emptied=not left,
        )

    # ---- predicting --------------------------------------------------------------------------------------------

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities (n, classes) in the order of ``classes_``: the mean over the shards, weighted by the rows that each has learnt.

        Shards that are being taught again do not vote. Raises NothingLearned, BadInput.
        """
        return self._vote(self._now(), X)

    def _vote(self, serving: Serving, features: Any) -> np.ndarray:
        voters, total = 0, np.zeros(())
        for _, part, said in self._voting(serving, features):
            voters, total = voters + part.rows, total + part.rows * said
        return total / voters

    def shard_proba(self, X: Any) -> dict[int, np.ndarray]:
        """Return the probabilities of each voting shard, for audits: its number -> (n, classes). Raises NothingLearned, BadInput."""
        return {shard: said for shard, _, said in self._voting(self._now(), X)}

    def shard_of(self, subjects: Sequence[str]) -> np.ndarray:
        """Return the shard of each subject, (n,). An unknown subject gets the shard where they would be. Raises NothingLearned."""
        self._learnt()
        return shard_placement.homes(self._records, self._members, subjects)

    def _now(self) -> Serving:
        self._somebody()
        return self._serving

    def _voting(self, serving: Serving, features: Any) -> Iterator[tuple[int, TrainedShard, np.ndarray]]:
        voters = {shard: part for shard, part in serving.parts.items() if part.rows}
        if not voters:
            raise NothingLearned("every shard that had learnt something is being taught again: ask once forget has returned")
        self._take_names(features, first=False)
        x = self._features(features)
        self._same_shape(x)
        for shard, part in voters.items():
            said = np.zeros((len(x), len(serving.classes)))
            said[:, np.searchsorted(serving.classes, part.classes)] = 1.0 if part.model is None else self._votes(part.model, x)
            yield shard, part, said

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of each row, (n,). Raises NothingLearned, BadInput."""
        serving = self._now()
        return np.asarray(serving.classes[np.argmax(self._vote(serving, X), axis=1)])

    # ---- input -------------------------------------------------------------------------------------------------

    def _as_learnt(self, features: Any, y: Any) -> tuple[Any, np.ndarray | None]:
        x = self._features(features)
        return x, labels.checked(y, len(x))

    def _same_shape(self, x: np.ndarray) -> None:
        if x.ndim == 2 == len(self._shape) + 1:
            self._require_width(x.shape[1], x.shape)
        if x.shape[1:] != self._shape:
            message = f"rows of shape {x.shape[1:]} for a model of rows of shape {self._shape}"
            raise BadInput(message)

    # ---- files -------------------------------------------------------------------------------------------------

    def _environment(self) -> dict[str, str]:
        return self._learnt_in

    def _state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        if self._out:
            raise NothingLearned("a forget has begun and not ended: call it again, then save")
        tensors: dict[str, np.ndarray] = {}
        parts = {}
        for shard, part in self._serving.parts.items():
            model = None
            if part.model is not None:
                arrays, model = self._model_state(part.model)
                tensors |= {f"shard{shard}.{name}": each for name, each in arrays.items()}
            parts[str(shard)] = {"rows": part.rows, "classes": part.classes.tolist(), "model": model}
        return tensors, {"parts": parts, "shape": list(self._shape), "risky": sorted(each.hex() for each in self._risky)}

    def _restore(self, tensors: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> None:
        self._check_params()
        self._shape = tuple(int(each) for each in state["shape"])
        self.n_features_in_ = int(np.prod(self._shape))
        self._risky = {bytes.fromhex(each) for each in state["risky"]}
        self._out, self._pending = {}, frozenset()
        self._members = self._places()
        parts = {}
        for shard in range(self.shards):
            found, start = state["parts"][str(shard)], f"shard{shard}."
            mine = {name.removeprefix(start): each for name, each in tensors.items() if name.startswith(start)}
            model = None if found["model"] is None else self._model_restore(shard, mine, found["model"])
            parts[shard] = TrainedShard(labels.from_json(found["classes"]), sum(map(len, self._members[shard])), model)
        self._serving = Serving(labels.union(part.classes for part in parts.values()), parts)
        self.classes_ = self._serving.classes
