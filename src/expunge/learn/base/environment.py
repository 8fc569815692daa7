"""The environment that decides the bits of a model besides the data: versions, processor, threads.

PyTorch and oneDNN promise the same bits for the same build, processor and number of threads only.
"""

from __future__ import annotations

import functools
import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threadpoolctl import ThreadpoolController

PINS = ("ATEN_CPU_CAPABILITY", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE")
"""Environment variables that choose instructions; they count where a library reads them."""

_WITH_THREADS = ("scipy.linalg", "sklearn", "lightgbm", "torch")


class _Limit:
    """One thread in the libraries whose number of threads is a setting of the process, for as long as anybody is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: list[tuple[Any, int]] = []

    def enter(self, libraries: list[Any]) -> None:
        with self._lock:
            self._inside += 1
            self._before += _limited(libraries)

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _restore(self._before)
                self._before = []


_LIMIT = _Limit()


@contextmanager
def one_thread() -> Iterator[None]:
    """Everything numeric inside runs on one thread: the number of threads changes the order of sums, and so the bits."""
    process, thread = _libraries(tuple(name in sys.modules for name in _WITH_THREADS))
    _LIMIT.enter(process)
    before = _limited(thread)
    try:
        yield
    finally:
        _restore(before)
        _LIMIT.leave()


@functools.cache
def _libraries(loaded: tuple[bool, ...]) -> tuple[list[Any], list[Any]]:  # noqa: ARG001 - looks again once another one was loaded
    """Those whose number of threads is the process's, and those whose is the calling thread's; finding them outlasts a small solve."""
    found = ThreadpoolController().lib_controllers
    own = [each for each in found if "openmp" in {each.user_api, getattr(each, "threading_layer", "")}]
    return [each for each in found if each not in own], own


def _limited(libraries: list[Any]) -> list[tuple[Any, int]]:
    before = [(library, library.get_num_threads()) for library in libraries]
    before = [(each, threads) for each, threads in before if threads not in {None, 1}]
    _restore([(each, 1) for each, _ in before])
    return before


def _restore(before: list[tuple[Any, int]]) -> None:
    for each, threads in reversed(before):
        # Why not the public one: of late it does nothing, and says nothing, while another thread of the process has a limit set.
        getattr(each, "_real_set_num_threads", each.set_num_threads)(threads)


@functools.cache
def fingerprint(*packages: str) -> dict[str, str]:
    """Return the environment that the weights depend on: names -> versions, flags; equal on equal machines, free of host names."""
    found = {name: version(name) for name in ("numpy", *packages)}
    found |= {name: os.environ[name] for name in PINS if name in os.environ}
    found["machine"] = platform.machine()
    found["processor"] = sha256(_flags().encode()).hexdigest()[:16]
    found["python"] = ".".join(platform.python_version_tuple()[:2])
    return dict(sorted(found.items()))


def _flags() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return platform.processor()
    # Why sorted and of the first: the kernel lists the flags in any order, once a core.
    line = next((each for each in text.splitlines() if each.startswith(("flags", "Features"))), "")
    return " ".join(sorted(line.partition(":")[2].split()))
