"""Every module of PyAV, imported: it imports lazily otherwise, and a closed process can open no file. FFmpeg says nothing to anybody."""

from __future__ import annotations

import importlib
import pkgutil

import av
import av.logging


def load() -> None:
    """Import what decoding and encoding may come to need."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if module.name.rpartition(".")[2] not in {"__main__", "datasets"}:
            importlib.import_module(module.name)
    # Why none: with any level, FFmpeg's threads wait for Python's lock to log, while Python holds it and waits for them.
    av.logging.set_level(None)
