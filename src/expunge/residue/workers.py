"""Shares the units of a scan with other processes.

They are started as programs of their own, not forked: this process may have threads, and connections to databases. This process takes units
as well, so a small scan is done before a helper would be ready, and nothing is left running when the scan ends.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from expunge import faults
from expunge.errors import CouldNotLook
from expunge.residue.needles import Needles
from expunge.residue.session import Limits
from expunge.residue.units import SIZE, Done, Taker, Unit
from expunge.residue.worker import READY

MOST = 8
"""Processes, however many cores there are: each has tables of its own, some tens of megabytes."""
_WORTH = 3 * SIZE
"""Bytes ahead for which it is worth while to start others."""
_AHEAD = 8
"""Units that are divided ahead, for each process."""
_LONG_S = 0.5
"""Seconds after which it is worth while for whatever is ahead."""
_PROGRAM = "from expunge.residue.worker import main; main()"


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class Crew:
    """This process and its helpers, at one scan."""

    units: Iterator[Unit]
    needles: Needles
    limits: Limits
    per_trace: int
    processes: int
    _done: list[Done] = field(default_factory=list)
    _ahead: deque[Unit] = field(default_factory=deque)
    _taken: int = 0
    _last: bool = False
    """Nothing comes after what is ahead."""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _helpers: list[_Helper] = field(default_factory=list)

    def take_all(self) -> list[Done]:
        """Take every unit; what they came to, in their order.

        Raises:
            CouldNotLook: a process died at work; or what dividing raises.
        """
        taker = Taker(self.needles, self.limits, self.per_trace)
        begun = time.monotonic()
        try:
            self._divide()
            while (unit := self.next()) is not None:
                self._call_helpers(begun)
                self.done(taker.take(unit))
                self._divide()
            for each in self._helpers:
                # nothing is left to be taken, so whoever is not ready is not needed any more
                if each.ready:
                    each.join()
        finally:
            self.end()
            for each in self._helpers:
                each.stop()
        if len(self._done) != self._taken:
            raise CouldNotLook(
                "a process that took part in a scan of raw bytes ended before it was done",
                help="see whether the system ran out of memory, and apply again",
            )
        return sorted(self._done, key=lambda each: each.number)

    def next(self) -> Unit | None:
        """The next unit; None when there are no more, or the scan has ended early."""
        with self._changed:
            while not self._ahead and not self._last:
                self._changed.wait()
            if not self._ahead:
                return None
            self._taken += 1
            return self._ahead.popleft()

    def done(self, done: Done) -> None:
        """Note what a unit came to."""
        with self._changed:
            self._done.append(done)

    def end(self) -> None:
        """Let nobody take another unit."""
        with self._changed:
            self._last = True
            self._ahead.clear()
            self._changed.notify_all()

    def _divide(self) -> None:
        """Divide what all processes need until this one comes back to it; done by this one alone, so that its errors are raised here."""
        with self._changed:
            while not self._last and len(self._ahead) < _AHEAD * self.processes:
                unit = next(self.units, None)
                if unit is None:
                    self._last = True
                else:
                    self._ahead.append(unit)
            self._changed.notify_all()

    def _call_helpers(self, begun: float) -> None:
        if self._helpers or self.processes < 2 or not self._ahead:
            return
        ahead = sum(each.size for each in self._ahead)
        if ahead < _WORTH and time.monotonic() - begun < _LONG_S:
            return
        for _ in range(min(self.processes - 1, len(self._ahead))):
            helper = _Helper(self)
            self._helpers.append(helper)
            helper.start()


class _Helper(threading.Thread):
    """Feeds one process."""

    def __init__(self, crew: Crew) -> None:
        super().__init__(daemon=True)
        self._crew = crew
        self._process: subprocess.Popen[bytes] | None = None
        self.ready = False

    def run(self) -> None:
        """Hand over units until there are none. A process that does not get ready is done without; one that dies at work ends the scan."""
        crew = self._crew
        try:
            with self._begin() as self._process:
                tasks, answers = self._process.stdin, self._process.stdout
                assert tasks is not None
                assert answers is not None
                _hand_over(tasks, (crew.needles, crew.limits, crew.per_trace))
                if pickle.load(answers) != READY:  # noqa: S301 - answers are of our own program
                    return
                self.ready = True
                while (unit := crew.next()) is not None:
                    try:
                        _hand_over(tasks, unit)
                        crew.done(pickle.load(answers))  # noqa: S301
                    except (OSError, EOFError, pickle.UnpicklingError):
                        # the unit is not done: whoever waits for it sees that
                        crew.end()
        except (OSError, EOFError, pickle.UnpicklingError):
            return

    def _begin(self) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name != faults.ENVIRONMENT}
        environment["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
        environment["OPENBLAS_NUM_THREADS"] = "1"
        return subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )

    def stop(self) -> None:
        """End the process, at work or not."""
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()
        self.join()


def _hand_over(tasks: IO[bytes], value: object) -> None:
    pickle.dump(value, tasks, protocol=pickle.HIGHEST_PROTOCOL)
    tasks.flush()
