"""The process that reads the map for a server can end, or never begin: the server hears of it, and goes on."""

from __future__ import annotations

import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from expunge.bootstrap.serving import served_map
from expunge.errors import Misconfigured


def _half(value: object, pipe: Any) -> None:
    pipe.write(pickle.dumps(value)[:-3])


def _none(*_: object) -> int:
    raise OSError(errno.EAGAIN, "no process")


@pytest.mark.parametrize(("module", "name", "instead"), [(pickle, "dump", _half), (os, "fork", _none)], ids=["ends", "never begins"])
def test_a_reader_that_ends_early_is_told_and_leaves_nothing_open(
    module: Any, name: str, instead: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(module, name, instead)
    with pytest.raises(Misconfigured, match="its reader ended"):
        served_map.read_served(tmp_path / "no-map.yaml")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
