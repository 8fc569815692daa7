"""The fresh process of :mod:`expunge.learn.proof.exactness_proof`: import, fit, ask the model for the subjects it knows, write JSON."""

from __future__ import annotations

import importlib
import json
import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from expunge.learn.base import environment

COPY_REFUSED = "CopyRefused"
"""What the answer calls it."""


class CopyRefused(Exception):
    """Something opens the file that the fit is to be compared with, or a copy of it."""


def _forbid(size: int, digest: str) -> None:
    """Let nothing in this process open a file of that content. Libraries that open files by themselves, in C or Rust, are not seen."""
    busy = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal busy
        if event != "open" or busy or not isinstance(arguments[0], str | bytes):
            return
        busy = True
        try:
            path = Path(os.fsdecode(arguments[0]))
            if path.stat().st_size == size and sha256(path.read_bytes()).hexdigest() == digest:
                raise CopyRefused
        except (OSError, ValueError):
            return
        finally:
            busy = False

    sys.addaudithook(hook)


def main() -> int:
    """Read what is asked on standard input; exit with 1 and the kind of the error where there was one.

    It is an object of ``factory``, ``without``, ``paths``, ``served`` (size and digest of what may not be opened) and ``people``: those of
    whom the fitted model is asked whether it knows them.
    """
    asked = json.load(sys.stdin)
    # What the loader prints goes elsewhere, so that the answer is the only line.
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        answer, code = _fitted(asked), 0
    except BaseException as error:
        # Why the kind alone: the text may hold a record.
        kind = COPY_REFUSED if isinstance(error, CopyRefused) else type(error).__name__
        os.write(answers, json.dumps({"failed": kind}).encode() + b"\n")
        raise
    os.write(answers, json.dumps(answer).encode() + b"\n")
    return code


def _fitted(asked: dict[str, Any]) -> dict[str, Any]:
    sys.path[:0] = asked["paths"]
    _forbid(*asked["served"])
    module, _, function = asked["factory"].partition(":")
    with environment.one_thread():
        model = getattr(importlib.import_module(module), function)(without=frozenset(asked["without"]))
        digest = model.digest()
        report = model.forget(asked["people"], missing="ignore")
    return {
        "digest": digest,
        "known": report.subjects,
        "unknown": len(report.unknown),
        "environment": environment.fingerprint(*model.packages),
    }


if __name__ == "__main__":
    sys.exit(main())
