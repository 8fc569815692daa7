"""The fresh process of :mod:`expunge.learn.proving`: imports the loader, fits, asks the model whom it knows, writes one line of JSON."""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

from expunge.learn import environment


def main() -> int:
    """Read ``{"factory", "without", "paths"}`` on standard input; exit with 1 and the kind of the error where there was one."""
    asked = json.load(sys.stdin)
    # What the loader prints goes elsewhere, so that the answer is the only line.
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        answer, code = _fitted(asked), 0
    except BaseException as error:
        # Why the kind alone: the text may hold a record.
        os.write(answers, json.dumps({"failed": type(error).__name__}).encode() + b"\n")
        raise
    os.write(answers, json.dumps(answer).encode() + b"\n")
    return code


def _fitted(asked: dict[str, Any]) -> dict[str, Any]:
    sys.path[:0] = asked["paths"]
    module, _, function = asked["factory"].partition(":")
    with environment.one_thread():
        model = getattr(importlib.import_module(module), function)(without=frozenset(asked["without"]))
        digest = model.digest()
        known = model.forget(asked["without"]).subjects
    return {"digest": digest, "known": known, "environment": environment.fingerprint(*model.packages)}


if __name__ == "__main__":
    sys.exit(main())
