"""What besides the data decides the bits of a model: versions, processor, threads.

PyTorch and oneDNN promise the same bits for the same build, processor and number of threads only.
"""

from __future__ import annotations

import functools
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from threadpoolctl import ThreadpoolController

PINS = ("ATEN_CPU_CAPABILITY", "MKL_CBWR", "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE")
"""Environment variables that choose instructions; they count where a library reads them."""

_WITH_THREADS = ("scipy.linalg", "sklearn", "lightgbm", "torch")


@contextmanager
def one_thread() -> Iterator[None]:
    """Everything numeric inside runs on one thread: the number of threads changes the order of sums, and so the bits."""
    loaded = tuple(name in sys.modules for name in _WITH_THREADS)
    with _threads(loaded).limit(limits=1):
        yield


@functools.cache
def _threads(loaded: tuple[bool, ...]) -> ThreadpoolController:  # noqa: ARG001 - looks again once another library was loaded
    """Finding the libraries takes longer than a small solve: only when there may be others than last time."""
    return ThreadpoolController()


@functools.cache
def fingerprint(*packages: str) -> dict[str, str]:
    """What the weights depend on besides data and configuration: names -> versions, flags; equal on equal machines, free of host names."""
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
