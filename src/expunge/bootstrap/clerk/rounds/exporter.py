"""The clerk's maker of exports: one after the other, on a thread of its own, which sweeps old ones as well."""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from uuid import UUID

from expunge import telemetry
from expunge.bootstrap.clerk.household import Household
from expunge.core.export.wanted_export import ExportProgress, WantedExport
from expunge.core.journal.export_events import ExportEnd
from expunge.core.values.ids import OrderId
from expunge.errors import Busy, ExpungeError, Refused
from expunge.telemetry import Action

MOST_WAITING = 100
MOST_TICKETS = 1000
_PAUSE = 60.0
"""Seconds between two sweeps."""
_IDLE = 300.0
"""Seconds after which a ticket that is not used ends."""
_LONGEST = 3600.0
"""Seconds after which a ticket ends, however it is used: it must not outlive by much the opening under which it was given."""


@dataclass(frozen=True)
class _Job:
    export: OrderId
    family: str
    wanted: WantedExport


@dataclass
class Ticket:
    """The right to be given one range of one part, after the journal has it."""

    account: UUID
    family: str
    session: bytes
    export: OrderId
    part: int
    last: int
    """The first byte behind the range."""
    key: bytes = field(repr=False)
    used: float
    first: int
    """The first byte of the range."""
    given: float = field(default_factory=time.monotonic)

    def is_over(self, now: float) -> bool:
        """Return whether it gives out nothing any more."""
        return now - self.used >= _IDLE or now - self.given >= _LONGEST


class Exporter:
    """Makes exports for the doors of a clerk. Threads may share it."""

    def __init__(self, household: Callable[[], AbstractContextManager[Household]]) -> None:
        """Begin nothing yet.

        Args:
            household: gives the household for the length of a block.
        """
        self._household = household
        self._jobs: queue.Queue[_Job | None] = queue.Queue(MOST_WAITING)
        self._guard = threading.Lock()
        self._made: dict[OrderId, ExportProgress] = {}
        self._tickets: dict[str, Ticket] = {}
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def start(self) -> None:
        """Begin to make exports. What a clerk that ended left unmade is swept first."""
        self._thread = threading.Thread(target=self._run, name="exports", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End. An export that is being made is ended, and its account has to ask again."""
        self._ending.set()
        with suppress(queue.Full):
            self._jobs.put_nowait(None)
        if self._thread is not None:
            self._thread.join(10)

    def submit(self, export: OrderId, family: str, wanted: WantedExport) -> None:
        """Have an export made that is entered. Raises Busy where too many wait."""
        with self._guard:
            self._made[export] = ExportProgress(1, 0, 0, 0)
        try:
            self._jobs.put_nowait(_Job(export, family, wanted))
        except queue.Full as error:
            self._forget(export)
            raise Busy("many copies are being made", help="try again in an hour") from error

    def progress(self, export: OrderId) -> ExportProgress | None:
        """Return how far an export is; None where it is not being made here."""
        with self._guard:
            return self._made.get(export)

    def admit(self, ticket: Ticket) -> str:
        """Keep a ticket, and return the secret that stands for it."""
        secret = secrets.token_hex(16)
        now = time.monotonic()
        with self._guard:
            self._tickets = {name: each for name, each in self._tickets.items() if not each.is_over(now)}
            while len(self._tickets) >= MOST_TICKETS:
                del self._tickets[next(iter(self._tickets))]
            self._tickets[secret] = ticket
        return secret

    def ticket(self, secret: str, account: UUID, family: str, session: bytes) -> Ticket:
        """Return a ticket of an account, family and session, and use it. Raises Refused."""
        now = time.monotonic()
        with self._guard:
            found = self._tickets.get(secret)
            if found is None or found.is_over(now) or (found.account, found.family, found.session) != (account, family, session):
                raise Refused("this download has ended", help="begin it again, or go on with it on the page")
            found.used = now
            return found

    def _run(self) -> None:
        swept = 0.0
        while not self._ending.is_set():
            try:
                if time.monotonic() - swept >= _PAUSE or not swept:
                    with self._household() as household:
                        household.expunge.exports.sweep(self._here())
                    swept = time.monotonic()
            except (ExpungeError, OSError):
                # Why go on: the state may be away for a while, and a sweep is tried again in a minute.
                swept = time.monotonic()
            try:
                job = self._jobs.get(timeout=_PAUSE)
            except queue.Empty:
                continue
            if job is not None:
                self._make(job)

    def _make(self, job: _Job) -> None:
        begun = time.monotonic()
        try:
            with self._household() as household:
                household.expunge.exports.build(job.export, household.person(job.family), job.wanted, self._reporter(job))
            telemetry.log(Action.EXPORT_MADE, seconds=time.monotonic() - begun)
        except (ExpungeError, OSError):
            # Why not the error's words: the export's end has its reason, which its account is told.
            telemetry.log(Action.EXPORT_FAILED, seconds=time.monotonic() - begun)
            self._fail(job.export)
        finally:
            self._forget(job.export)

    def _fail(self, export: OrderId) -> None:
        """End an export that could not even be begun to be made."""
        try:
            with self._household() as household:
                household.expunge.exports.end(export, ExportEnd.FAILED)
        except (ExpungeError, OSError):
            # The next sweep ends it.
            return

    def _reporter(self, job: _Job) -> Callable[[ExportProgress], None]:
        def report(progress: ExportProgress) -> None:
            if self._ending.is_set():
                raise Refused("the clerk ends", help="ask for another export")
            with self._guard:
                self._made[job.export] = progress

        return report

    def _here(self) -> frozenset[OrderId]:
        with self._guard:
            return frozenset(self._made)

    def _forget(self, export: OrderId) -> None:
        with self._guard:
            self._made.pop(export, None)
