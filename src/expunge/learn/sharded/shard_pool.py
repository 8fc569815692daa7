"""Shards that are taught at once, each in a process of its own on one thread: the bits are the same as one after the other.

Processes are started anew (``spawn``), since a copy of one that has threads may hang. They import the script that was started, which so has
to keep its work under ``if __name__ == "__main__":``. Only arrays and the settings go there and come back; no network or tree as an object.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import numpy as np

from expunge.learn.sharded.shard_parts import ShardInput

State = tuple[dict[str, np.ndarray], dict[str, Any]]
"""A model as tensors and JSON."""


@dataclass(frozen=True)
class ShardTask:
    """All that another process needs to teach one shard."""

    kind: type
    """The class of the model, a :class:`~expunge.learn.sharded.sharding.Sharded`."""
    params: Mapping[str, Any]
    shape: tuple[int, ...]
    key: bytes
    lesson: ShardInput
    old: State | None
    """The model of the shard that is right up to ``lesson.since``."""
    kept: Mapping[str, bytes]
    """Checkpoints to go on from, where they are in memory."""


@dataclass(frozen=True)
class ShardResult:
    """The result of an errand."""

    model: State
    samples: int
    lost: bool
    kept: Mapping[str, bytes]
    """Checkpoints that were made, where they are kept in memory."""


def run(errand: ShardTask) -> ShardResult:
    """Teach one shard: the work of the other process."""
    made = errand.kind(**errand.params)
    found: ShardResult = made._on_errand(errand)  # noqa: SLF001 - the other half of Sharded
    return found


def send(
    errands: Iterable[tuple[int, ShardTask]], jobs: int, act: Callable[[ShardTask], ShardResult] | None = None
) -> Iterator[tuple[int, ShardResult]]:
    """Run errands in at most ``jobs`` processes at once; each with its number, in the order in which they come to an end.

    Args:
        errands: read as processes become free, so that no more rows are held than are being learnt from.
        jobs: 1 at least.
        act: the function that carries out an errand; :func:`run` by default.

    Raises:
        ChildProcessError: a process died; the others are let come to an end.
        Exception: every error of the act.
    """
    waiting = iter(errands)
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        running: dict[Future[ShardResult], int] = {}
        try:
            while True:
                for number, each in waiting:
                    running[pool.submit(act or run, each)] = number
                    if len(running) == jobs:
                        break
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for each_done in done:
                    yield running.pop(each_done), each_done.result()
        except BrokenProcessPool as error:
            raise ChildProcessError(
                "a process that was teaching a shard died: memory may be short (take fewer jobs), "
                'or the script that was started does its work without `if __name__ == "__main__":`'
            ) from error
