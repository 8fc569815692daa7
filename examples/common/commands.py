"""Commands of a data map, as Expunge runs them: one request of JSON on standard input, a report with figures, nothing said otherwise."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from expunge.learn.base.environment import PINS

Report = tuple[Mapping[str, int], tuple[str, ...]]
"""Figures and sentences for the receipt; about nobody."""


@dataclass(frozen=True)
class Asked:
    """A request of the form ``expunge.remake/1``."""

    dataset: str
    """Of the map: what is to forget, or to be made anew."""
    subjects: tuple[str, ...]
    """Profiles that go; none when something is made anew."""
    out: Path | None
    """Where the same is to be made from nothing, for comparison; None to change what serves."""


def spelled(module: str) -> str:
    """How a map names the command ``python -m MODULE``."""
    return f"{shlex.quote(sys.executable)} -m {module}"


def environment(*more: str) -> str:
    """For ``environment:`` of a map: where the examples are found, what decides a library's instructions, and more."""
    return ", ".join(["PYTHONPATH", *more, *(name for name in PINS if name in os.environ)])


def answer(work: Callable[[Asked], Report]) -> None:
    """Read one request from standard input, have it done, write the report where the request says."""
    request = json.load(sys.stdin)
    out = request.get("out")
    asked = Asked(request["dataset"], tuple(request.get("subjects", {}).get("profile", ())), Path(out) if out else None)
    figures, said = work(asked)
    Path(request["report"]).write_text(json.dumps({"figures": dict(figures), "said": list(said)}), "utf-8")
