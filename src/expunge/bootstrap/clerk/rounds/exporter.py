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
from expunge.core.accounts.letter_texts import LetterKind
from expunge.core.export.export_state import ExportState
from expunge.core.export.wanted_export import ExportProgress, WantedExport
from expunge.core.journal.export_events import ExportEnd
from expunge.core.values.ids import OrderId
from expunge.errors import Busy, ExportPaused, ExpungeError, Refused, Undelivered
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
        self.entering = threading.Lock()
        """Held while an export is entered and submitted: one that is entered and not submitted passes for interrupted."""
        self._made: dict[OrderId, ExportProgress] = {}
        self._tickets: dict[str, Ticket] = {}
        self._thread: threading.Thread | None = None
        self._ending = threading.Event()

    def start(self) -> None:
        """Begin to make exports. What a clerk that ended left unmade is made anew first."""
        self._thread = threading.Thread(target=self._run, name="exports", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End. An export that is being made, or waits for that, is made anew by the next clerk."""
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
        settled = 0.0
        while not self._ending.is_set():
            try:
                if time.monotonic() - settled >= _PAUSE or not settled:
                    with self._household() as household:
                        self._settle(household)
                    settled = time.monotonic()
            except (ExpungeError, OSError):
                # Why go on: the state may be away for a while, and it is tried again in a minute.
                settled = time.monotonic()
            try:
                job = self._jobs.get(timeout=_PAUSE)
            except queue.Empty:
                continue
            if job is not None and not self._ending.is_set():
                self._make(job)

    def _settle(self, household: Household) -> None:
        """Have exports made anew that a clerk that ended left, end those whose time is over, and write the letters that are due."""
        with self.entering:
            for state in household.expunge.exports.interrupted(self._here()):
                self._again(household, state)
            household.expunge.exports.sweep(self._here())
        self._tell(household)

    def _again(self, household: Household, state: ExportState) -> None:
        """Have an export made anew, where its account may still ask for it. What is not, the sweep ends."""
        account, wanted = UUID(state.account), state.wanted
        members = (each for each in sorted(state.subjects) if household.is_member(account, each))
        family = next(members, None)
        if family is None or wanted is None or not household.expunge.exports.again(state):
            return
        with suppress(Busy):
            self.submit(state.export, family, wanted)
            telemetry.log(Action.EXPORT_MADE_AGAIN)

    def _tell(self, household: Household) -> None:
        """Write to each account whose export waits. A letter that is not taken is tried again in a minute, and keeps no other one back."""
        for state in household.expunge.exports.untold():
            # Why any error: the export is ready, whatever becomes of its letter.
            with suppress(ExpungeError, OSError):
                if self._is_written(household, state):
                    household.expunge.exports.told(state.export)

    @staticmethod
    def _is_written(household: Household, state: ExportState) -> bool:
        """Write to each address that hears what happens to an account. Return whether one took it, or none is there."""
        record, now = household.register.account(UUID(state.account)), household.expunge.context.clock.now()
        letters = [] if record is None else [each for each in household.owners.told(record, now) if each.address]
        assert state.until is not None
        taken = not letters
        for each in letters:
            with suppress(Undelivered, Busy):
                household.owners.write(each, LetterKind.COPY_READY, state.until, tells=True)
                taken = True
        return taken

    def _make(self, job: _Job) -> None:
        begun = time.monotonic()
        try:
            with self._household() as household:
                household.expunge.exports.build(job.export, household.person(job.family), job.wanted, self._reporter(job))
                telemetry.log(Action.EXPORT_MADE, seconds=time.monotonic() - begun)
                self._tell(household)
        except ExportPaused:
            # Why nothing: the next clerk makes it anew.
            return
        except (ExpungeError, OSError):
            # Why not the error's words: the export's end has its reason, which its account is told.
            telemetry.log(Action.EXPORT_FAILED, seconds=time.monotonic() - begun)
            self._fail(job.export)
        finally:
            self._forget(job.export)

    def _fail(self, export: OrderId) -> None:
        """End an export that could not be made, and was not ended by that."""
        try:
            with self._household() as household:
                household.expunge.exports.end(export, ExportEnd.FAILED)
        except (ExpungeError, OSError):
            # The next sweep ends it.
            return

    def _reporter(self, job: _Job) -> Callable[[ExportProgress], None]:
        def report(progress: ExportProgress) -> None:
            if self._ending.is_set():
                raise ExportPaused("the clerk ends", help="the next one makes the export anew")
            with self._guard:
                self._made[job.export] = progress

        return report

    def _here(self) -> frozenset[OrderId]:
        with self._guard:
            return frozenset(self._made)

    def _forget(self, export: OrderId) -> None:
        with self._guard:
            self._made.pop(export, None)
