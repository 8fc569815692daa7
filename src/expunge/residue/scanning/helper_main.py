"""The program of a process that helps with a scan: it takes units from its standard input and answers on its standard output."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from typing import BinaryIO

from expunge.residue.scanning.scan_units import UnitScanner

READY = "ready"


def main() -> None:
    """Serve until the input ends. Input and output are pickles that this program and its parent make."""
    # tables of a scan are many objects that live long, none of them in a cycle
    gc.set_threshold(100_000, 20, 20)
    # an interrupt reaches every process of a terminal; the parent ends its helpers itself
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    # what a library may print must not come between the answers
    os.dup2(2, 1)
    try:
        serve(sys.stdin.buffer, answers)
    except (EOFError, BrokenPipeError):
        # the parent is gone or wants no more
        os._exit(0)


def serve(tasks: BinaryIO, answers: BinaryIO) -> None:
    """Scan by scan, to the end of the input: make the tables, say so, take one unit after the other; None is the end of a scan."""
    while True:
        taker = UnitScanner(*pickle.load(tasks))  # noqa: S301
        _answer(answers, READY)
        while (unit := pickle.load(tasks)) is not None:  # noqa: S301
            _answer(answers, taker.take(unit))
        del taker


def _answer(answers: BinaryIO, value: object) -> None:
    pickle.dump(value, answers, protocol=pickle.HIGHEST_PROTOCOL)
    answers.flush()
