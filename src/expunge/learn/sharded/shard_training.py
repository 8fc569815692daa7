"""Train the shards of a model: their input, and the process that trains them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from expunge.learn.base import environment
from expunge.learn.base.estimator import Forgetting
from expunge.learn.records import labels
from expunge.learn.records.records import Records
from expunge.learn.records.refusals import BadInput
from expunge.learn.sharded import shard_pool
from expunge.learn.sharded.shard_parts import ShardInput, TaughtShard, TrainedShard
from expunge.learn.sharded.shard_placement import Members

MOST_JOBS = 64
"""Processes that may teach at once."""
Fetched = Mapping[int, tuple[Any, Any]]
"""For each shard its rows in canonical order, as they are learnt from, and their labels."""


class ShardTraining(Forgetting):
    """The base of models made of shards. A class defines how one shard is taught. This base teaches all of them."""

    jobs: int
    n_features_in_: int
    _shape: tuple[int, ...]
    _out: dict[int, TrainedShard]
    """Shards that do not vote since they are being taught again."""

    # ---- what a class of models says ---------------------------------------------------------------------------

    @abstractmethod
    def _teach(self, lesson: ShardInput, old: Any) -> TaughtShard:
        """Teach one shard of at least two classes.

        Args:
            lesson: what from.
            old: the model of the same shard, of the same classes, that is right up to ``lesson.since``; None for none.
        """

    @abstractmethod
    def _model_state(self, model: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """A model as tensors and JSON."""

    @abstractmethod
    def _model_restore(self, shard: int, tensors: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> Any:
        """The inverse."""

    @abstractmethod
    def _check_params(self) -> None:
        """Raises BadInput for parameters that make no model."""

    def _check_jobs(self) -> None:
        if not isinstance(self.jobs, int) or isinstance(self.jobs, bool) or not 1 <= self.jobs <= MOST_JOBS:
            message = f"jobs is {self.jobs!r}: take 1 to {MOST_JOBS} processes"
            raise BadInput(message)

    def _prepared(self, lesson: ShardInput) -> ShardInput:
        """A lesson with what only this process knows of its records."""
        return lesson

    def _checkpoints(self, lesson: ShardInput, old: Any) -> Mapping[str, bytes]:
        """Those in memory that a lesson goes on from, for another process."""
        del lesson, old
        return {}

    def _take_checkpoints(self, kept: Mapping[str, bytes]) -> None:
        """Keep those that another process made or was sent."""

    def _made_checkpoints(self, model: Any) -> Mapping[str, bytes]:
        """Those of a model that are in memory."""
        del model
        return {}

    @abstractmethod
    def _features(self, features: Any) -> np.ndarray:
        """Rows as they are learnt from. Raises BadInput."""

    def _canonical(self, slices: tuple[np.ndarray, ...]) -> np.ndarray:
        return self._records.ordered("order", np.concatenate(slices))

    # ---- teaching ----------------------------------------------------------------------------------------------

    def _taught_all(
        self, since: Mapping[int, int], after: Members, fetched: Fetched | None
    ) -> Iterator[tuple[int, TrainedShard, TaughtShard]]:
        """Teach shards from their first slice that is not as it was: one after the other, or several at once in processes."""
        parts: dict[int, TrainedShard] = {}
        errands = self._lessons(since, after, fetched, parts)
        if min(self.jobs, len(since)) <= 1:
            for shard, lesson, old in errands:
                with environment.one_thread():
                    taught = self._teach(lesson, old)
                yield shard, replace(parts.pop(shard), model=taught.model), taught
        else:
            for shard, brought in shard_pool.send(self._errands(errands), min(self.jobs, len(since))):
                self._take_checkpoints(brought.kept)
                taught = TaughtShard(self._model_restore(shard, *brought.model), brought.samples, brought.lost)
                yield shard, replace(parts.pop(shard), model=taught.model), taught
        for shard, part in parts.items():
            yield shard, part, TaughtShard(None)

    def _lessons(
        self, since: Mapping[int, int], after: Members, fetched: Fetched | None, parts: dict[int, TrainedShard]
    ) -> Iterator[tuple[int, ShardInput, Any]]:
        """What each shard is taught from, and its model so far; shards with nothing to tell apart are in ``parts`` alone."""
        for shard, first in sorted(since.items()):
            rows = self._canonical(after[shard])
            parts[shard] = TrainedShard()
            if not len(rows):
                continue
            if fetched is not None:
                features, y = fetched[shard]
            else:
                assert self._given is not None
                found, y = self._given.take(rows)
                features = self._features(found)
            classes, codes = labels.coded(y)
            parts[shard] = TrainedShard(labels.by_value(classes), len(rows))
            if len(classes) == 1:
                continue
            was = self._out.get(shard)
            # A shard whose classes are others has another last layer, or other trees: nothing of it can be kept.
            same = was is not None and was.model is not None and np.array_equal(was.classes, classes)
            lesson = ShardInput(shard, after[shard], rows, features, codes, len(classes), first if same else 0)
            yield shard, self._prepared(lesson), was.model if was is not None and same else None

    def _errands(self, lessons: Iterable[tuple[int, ShardInput, Any]]) -> Iterator[tuple[int, shard_pool.ShardTask]]:
        params = {**self.get_params(deep=False), "key": None, "high_risk": None, "jobs": 1}
        for shard, lesson, old in lessons:
            state = None if old is None else self._model_state(old)
            kept = self._checkpoints(lesson, old)
            yield shard, shard_pool.ShardTask(type(self), params, self._shape, self._records.key, lesson, state, kept)

    def _on_errand(self, errand: shard_pool.ShardTask) -> shard_pool.ShardResult:
        """Teach one shard in a process that was started for it."""
        self._check_params()
        self._shape, self._records = errand.shape, Records(errand.key)
        self.n_features_in_ = int(np.prod(self._shape))
        self._take_checkpoints(errand.kept)
        with environment.one_thread():
            old = None if errand.old is None else self._model_restore(errand.lesson.shard, *errand.old)
            taught = self._teach(errand.lesson, old)
        return shard_pool.ShardResult(self._model_state(taught.model), taught.samples, taught.lost, self._made_checkpoints(taught.model))
