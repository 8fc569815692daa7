"""The task of a trainer, and the process that calls a trainer written in Python: ``python -m expunge.learn.retraining``."""

from __future__ import annotations

import json
import os
import pkgutil
import runpy
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMA = "expunge.retrain/1"


@dataclass(frozen=True)
class Manifest:
    """The sources of a model to be made, and the place to put it."""

    records: tuple[str, ...] = field(repr=False)
    """Ids of the records that may be learnt from, in the order of the ids; all others must stay out."""
    out: Path = field(repr=False)
    """Where the model has to be when the trainer ends: a file or a folder with this very name. Nothing is there yet."""

    @staticmethod
    def progress(share: float) -> None:
        """Tell how far it is, from 0 to 1."""
        os.write(1, f"expunge: progress {min(max(share, 0.0), 1.0):.4f}\n".encode())

    def request(self, **more: Any) -> bytes:
        """As a command reads it on standard input: JSON with ``schema``, ``records``, ``out``."""
        return json.dumps({"schema": SCHEMA, "records": self.records, "out": str(self.out), **more}).encode()


def named(function: Callable[[Manifest], object]) -> dict[str, str]:
    """Return the address by which another process finds a function: ``module``, ``name``, and the ``file`` of one in the started script.

    Raises ValueError for a function that has no name by which it could be found: a lambda, one inside another, one of a notebook.
    """
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", "")
    file = getattr(sys.modules.get(module), "__file__", None) if module == "__main__" else ""
    if not module or not name or "<" in name or file is None:
        raise ValueError("retrain is run in a process of its own: put the function at the top level of a module or script")
    return {"module": module, "name": name, "file": str(Path(file).absolute()) if file else ""}


def main() -> None:
    """Do the task on standard input. An exception of the function ends this process with exit code 1."""
    asked = json.load(sys.stdin)
    sys.path[:0] = [each for each in asked["paths"] if each not in sys.path]
    if asked["file"]:
        function = runpy.run_path(asked["file"], run_name="__expunge__")[asked["name"]]
    else:
        function = pkgutil.resolve_name(f"{asked['module']}:{asked['name']}")
    function(Manifest(tuple(asked["records"]), Path(asked["out"])))


if __name__ == "__main__":
    main()
