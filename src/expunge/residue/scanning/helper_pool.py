"""Share the units of a scan with other processes.

Helpers are started as programs of their own, not forked: this process may have threads, and connections to databases. This process takes
units as well, so a small scan is done before a helper would be ready. Starting a helper takes as long as scanning some tens of megabytes.
So helpers that did their work wait a while for the next scan. No helper is left running after the scanning process has ended, or after that
while.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from expunge import faults
from expunge.errors import CouldNotLook
from expunge.residue.formats.postgres_values import Unfinished
from expunge.residue.matching.patterns import TracePatterns
from expunge.residue.matching.session import Limits
from expunge.residue.scanning.helper_main import READY
from expunge.residue.scanning.scan_units import ScanUnit, UnitResult, UnitScanner

MOST = 8
"""Processes, however many cores there are: each has tables of its own, some tens of megabytes."""
WORTH = 3 << 24
"""Bytes ahead for which it is worth while to start others."""
_AHEAD = 8
"""Units that are divided ahead, for each process."""
_LONG_S = 0.5
"""Seconds after which it is worth while for whatever is ahead."""
IDLE_S = 60.0
"""Seconds for which a helper waits for another scan."""
_BROKEN = (OSError, EOFError, ValueError, pickle.UnpicklingError)
"""What comes of a process that ended, or was ended: its pipe is broken, its answer cut short, or its pipe closed from here."""
_PROGRAM = "from expunge.residue.scanning.helper_main import main; main()"


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class HelperPool:
    """The processes that help one scanner, at work or waiting for its next scan. Ended with their owner, and after :data:`IDLE_S`."""

    def __init__(self, owner: object, most: int) -> None:
        """None is started. They end when ``owner`` is collected, at the latest with this process; there are at most ``most`` at a time."""
        self._most = most
        self._lock = threading.RLock()
        self._all: set[subprocess.Popen[bytes]] = set()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._timer: threading.Timer | None = None
        self.era = 0
        """How often all were ended."""
        weakref.finalize(owner, self.end)

    def begin(self, era: int) -> subprocess.Popen[bytes] | None:
        """Return an idle helper, or a new one; None when all are busy, or all were ended since ``era``. Raises OSError."""
        with self._lock:
            if era != self.era:
                return None
            while self._idle:
                waiting = self._idle.pop()
                if waiting.poll() is None:
                    return waiting
                self._forget(waiting)
            return self._started() if len(self._all) < self._most else None

    def _started(self) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name != faults.ENVIRONMENT}
        environment["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
        environment["OPENBLAS_NUM_THREADS"] = "1"
        begun = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        self._all.add(begun)
        return begun

    def idle(self) -> int:
        """Return how many wait for a scan."""
        with self._lock:
            return len(self._idle)

    def get_ready(self) -> None:
        """Start as many as there may be, for a scan that is to come; where they cannot be started it does without."""
        with self._lock, suppress(OSError):
            while len(self._all) < self._most:
                self.wait(self._started())

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """It has done its work and can be asked again."""
        with self._lock:
            if process not in self._all:
                return
            self._idle.append(process)
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(IDLE_S, self._rest)
            self._timer.daemon = True
            self._timer.start()

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End one, at work or not."""
        with self._lock:
            self._forget(process)

    def end(self) -> None:
        """End all of them; safe to call twice, and more can be begun afterwards."""
        with self._lock:
            self.era += 1
            if self._timer is not None:
                self._timer.cancel()
            for each in tuple(self._all):
                self._forget(each)

    def _rest(self) -> None:
        with self._lock:
            for each in self._idle:
                self._forget(each)

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        self._all.discard(process)
        self._idle = [each for each in self._idle if each is not process]
        process.kill()
        with suppress(OSError):
            # closes its pipes as well, of which one may still hold what it never took
            process.__exit__(None, None, None)


@dataclass
class ScanCrew:
    """This process and its helpers, at one scan."""

    units: Iterator[ScanUnit]
    needles: TracePatterns
    limits: Limits
    per_trace: int
    processes: int
    helpers: HelperPool
    counted: int = 0
    _done: list[UnitResult] = field(default_factory=list)
    _ahead: deque[ScanUnit] = field(default_factory=deque)
    _taken: int = 0
    _last: bool = False
    """Nothing comes after what is ahead."""
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _unfinished: dict[int, list[Unfinished]] = field(default_factory=dict)
    """Of each unit that is done and was not joined yet."""
    _joined: int = 0
    """Units, from the first on, of which what they left was joined."""
    _called: list[_Helper] = field(default_factory=list)

    def take_all(self) -> list[UnitResult]:
        """Take every unit, and return their results in sequence.

        Raises:
            CouldNotLook: a process died at work; or what dividing raises.
        """
        taker = UnitScanner(self.needles, self.limits, self.per_trace, self.counted)
        begun = time.monotonic()
        finished = False
        try:
            self._divide()
            while (unit := self.next()) is not None:
                self._call_helpers(begun)
                self.done(taker.take(unit))
                self._join(taker)
                self._divide()
            for each in self._called:
                # nothing is left to be taken, so whoever is not ready is not waited for: it waits for the next scan
                if each.ready:
                    each.join()
            finished = True
        finally:
            self.end()
            for each in self._called if not finished else ():
                each.stop()
        if len(self._done) != self._taken:
            raise CouldNotLook(
                "a process that took part in a scan of raw bytes ended before it was done",
                help="see whether the system ran out of memory, and apply again",
            )
        self._join(taker)
        rest = taker.rest()
        return [*sorted(self._done, key=lambda each: each.number), *([rest] if rest else [])]

    def next(self) -> ScanUnit | None:
        """The next unit; None when there are no more, or the scan has ended early."""
        with self._changed:
            while not self._ahead and not self._last:
                self._changed.wait()
            if not self._ahead:
                return None
            self._taken += 1
            return self._ahead.popleft()

    def done(self, done: UnitResult) -> None:
        """Record the result of a unit."""
        with self._changed:
            self._unfinished[done.number], done.unfinished = done.unfinished, []
            self._done.append(done)

    def _join(self, taker: UnitScanner) -> None:
        """Put together what goes on from one unit to the next, as far as all units up to there are done."""
        while True:
            with self._changed:
                left = self._unfinished.pop(self._joined, None)
            if left is None:
                return
            self._joined += 1
            taker.join(left)

    def end(self) -> None:
        """Prevent further units from being taken."""
        with self._changed:
            self._last = True
            self._ahead.clear()
            self._changed.notify_all()

    def _divide(self) -> None:
        """Divide what all processes need until this one comes back to it; done by this one alone, so that its errors are raised here."""
        while True:
            with self._changed:
                if self._last or len(self._ahead) >= _AHEAD * self.processes:
                    return
            # Why unlocked: whoever is ready takes what is ahead while further folders are listed.
            unit = next(self.units, None)
            with self._changed:
                if unit is None:
                    self._last = True
                elif not self._last:
                    self._ahead.append(unit)
                self._changed.notify_all()
            self._call_idle()

    def _call_idle(self) -> None:
        """Have those help that wait for a scan: they need not be started, so that little is worth while."""
        if self.processes > 1 and not self._called and len(self._ahead) > 1:
            self._call(self.helpers.idle())

    def _call_helpers(self, begun: float) -> None:
        if len(self._called) >= self.processes - 1:
            return
        with self._changed:
            units, ahead = len(self._ahead), sum(each.size for each in self._ahead)
        if ahead >= WORTH or (units and time.monotonic() - begun >= _LONG_S):
            self._call(units)

    def _call(self, most: int) -> None:
        for _ in range(min(self.processes - 1, most) - len(self._called)):
            helper = _Helper(self)
            self._called.append(helper)
            helper.start()


class _Helper(threading.Thread):
    """Feeds one process."""

    def __init__(self, crew: ScanCrew) -> None:
        super().__init__(daemon=True)
        self._crew = crew
        self._era = crew.helpers.era
        self._process: subprocess.Popen[bytes] | None = None
        self.ready = False

    def run(self) -> None:
        """Hand over units until there are none. A process that does not get ready is done without; one that dies at work ends the scan."""
        helpers = self._crew.helpers
        try:
            self._process = helpers.begin(self._era)
        except OSError:
            return
        if self._process is None:
            return
        if self._feed(self._process):
            helpers.wait(self._process)
        else:
            helpers.stop(self._process)

    def _feed(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether it did all that it was given, and can be asked again."""
        crew = self._crew
        tasks, answers = process.stdin, process.stdout
        assert tasks is not None
        assert answers is not None
        try:
            _hand_over(tasks, (crew.needles, crew.limits, crew.per_trace, crew.counted))
            if pickle.load(answers) != READY:  # noqa: S301 - answers are of our own program
                return False
        except _BROKEN:
            return False
        self.ready = True
        try:
            while (unit := crew.next()) is not None:
                _hand_over(tasks, unit)
                crew.done(pickle.load(answers))  # noqa: S301
            _hand_over(tasks, None)
        except _BROKEN:
            # the unit is not done: whoever waits for it sees that
            crew.end()
            return False
        return True

    def stop(self) -> None:
        """End the process, at work or not."""
        if self._process is not None:
            self._crew.helpers.stop(self._process)
        self.join()


def _hand_over(tasks: IO[bytes], value: object) -> None:
    pickle.dump(value, tasks, protocol=pickle.HIGHEST_PROTOCOL)
    tasks.flush()
