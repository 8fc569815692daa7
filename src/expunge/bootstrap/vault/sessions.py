"""Openings and uploads between two calls: each belongs to a caller, is bounded in number and in idle time, and begins once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from expunge.errors import AlreadyThere, Busy, SessionGone
from expunge.ports.vault.vault_door import Caller, check_token

Claim = TypeVar("Claim")
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class SessionLimits:
    """The limits of one kind of session."""

    of_caller: int
    together: int
    idle: float
    """Seconds after which one that is not used ends."""


@dataclass
class Session(Generic[Claim, Kept]):
    """One opening or upload. Its lock is held while it is used."""

    claim: Claim
    lock: threading.Lock = field(default_factory=threading.Lock)
    kept: Kept | None = None
    ended: bool = False
    used: float = 0.0


class Sessions(Generic[Claim, Kept]):
    """The sessions of one kind. Safe between threads."""

    def __init__(
        self,
        what: str,
        limits: SessionLimits,
        end: Callable[[Kept], None],
        now: Callable[[], float] = time.monotonic,
        *,
        may_go: Callable[[Kept, float], bool] = lambda _kept, _idle: False,
    ) -> None:
        """Set up none yet.

        Args:
            what: "an opening" or "an upload", for messages.
            limits: their limits.
            end: ends what is kept; called once for each.
            now: seconds, from anywhere.
            may_go: whether one that was idle for some seconds makes room for another; with 0 seconds, whether nothing is lost with it.
        """
        self._what, self._limits, self._end, self._now, self._may_go = what, limits, end, now, may_go
        self._guard = threading.Lock()
        self._sessions: dict[tuple[Caller, str], Session[Claim, Kept]] = {}

    @contextmanager
    def begun(self, caller: Caller, token: str, claim: Claim, make: Callable[[], Kept]) -> Iterator[Kept]:
        """Begin a session, or take up the one that this caller began by the same claim. An error in the block ends it.

        Raises:
            UsageError: the token is malformed.
            AlreadyThere: it is used for another claim.
            Busy: there are too many.
        """
        check_token(token)
        while True:
            session = self._of(caller, token, claim)
            with session.lock:
                if session.ended:
                    continue
                with self._ending(caller, token, session):
                    if session.kept is None:
                        session.kept = make()
                    yield session.kept
                return

    @contextmanager
    def held(self, caller: Caller, token: str, survives: type[Exception]) -> Iterator[Kept]:
        """Use a session for the length of a block. An error in the block ends it, but for one that it ``survives``. Raises SessionGone."""
        with self._guard:
            session = self._sessions.get((caller, token))
        if session is not None:
            with session.lock:
                if session.kept is not None and not session.ended:
                    with self._ending(caller, token, session, survives):
                        yield session.kept
                    return
        message = f"there is no such {self._what} any more"
        raise SessionGone(message, help="begin it again; a keeper that was restarted knows none from before")

    def end(self, caller: Caller, token: str) -> None:
        """End a session. Does nothing where there is none."""
        with self._guard:
            session = self._sessions.get((caller, token))
        if session is not None:
            with session.lock:
                self._over(caller, token, session)

    def settle(self, is_over: Callable[[Kept], bool] = lambda _: False) -> None:
        """End sessions that are idle for too long, and those of which ``is_over`` says so; none that is in use."""
        until = self._now() - self._limits.idle
        for (caller, token), session in self._all():
            if session.lock.acquire(blocking=False):
                try:
                    if session.kept is not None and (session.used < until or is_over(session.kept)):
                        self._over(caller, token, session)
                finally:
                    session.lock.release()

    def close(self) -> None:
        """End all, each as soon as it is not in use. Others may begin meanwhile."""
        for (caller, token), session in self._all():
            with session.lock:
                self._over(caller, token, session)

    def _all(self) -> list[tuple[tuple[Caller, str], Session[Claim, Kept]]]:
        with self._guard:
            return list(self._sessions.items())

    def _of(self, caller: Caller, token: str, claim: Claim) -> Session[Claim, Kept]:
        with self._guard:
            session = self._sessions.get((caller, token))
            if session is not None:
                if session.claim != claim:
                    message = f"the token of this {self._what} is used for another"
                    raise AlreadyThere(message, help="choose a token for each by secrets.token_hex(16)")
                return session
            mine = sum(other.uid == caller.uid for other, _ in self._sessions)
            full = len(self._sessions) >= self._limits.together
            too_many = mine >= self._limits.of_caller
            if (full or too_many) and not self._make_room(caller, of_all=full and not too_many):
                message = f"there is no room for another {self._what}"
                raise Busy(message, help="close those that are not needed, or wait until idle ones end")
            session = self._sessions[caller, token] = Session(claim, used=self._now())
            return session

    def _make_room(self, caller: Caller, *, of_all: bool) -> bool:
        """End the one that was not used for longest of those that may go; first those with which nothing is lost. Return whether one was.

        Args:
            caller: who needs room; of others' only those go with which nothing is lost.
            of_all: whether it is all callers together who have too many, and not this one.
        """
        now, found = self._now(), sorted(self._sessions.items(), key=lambda each: each[1].used)
        mine = [each for each in found if each[0][0].uid == caller.uid]
        return any(self._let_go(*each, 0.0) for each in (found if of_all else mine)) or any(
            self._let_go(*each, now - each[1].used) for each in mine
        )

    def _let_go(self, key: tuple[Caller, str], session: Session[Claim, Kept], idle: float) -> bool:
        """End a session that may go and is not in use. Return whether it was."""
        if not session.lock.acquire(blocking=False):
            return False
        try:
            kept = session.kept
            if kept is None or not self._may_go(kept, idle):
                return False
            session.ended, session.kept = True, None
            del self._sessions[key]
            self._end(kept)
            return True
        finally:
            session.lock.release()

    @contextmanager
    def _ending(self, caller: Caller, token: str, session: Session[Claim, Kept], *survives: type[Exception]) -> Iterator[None]:
        try:
            yield
        except survives:
            session.used = self._now()
            raise
        except BaseException:
            self._over(caller, token, session)
            raise
        session.used = self._now()

    def _over(self, caller: Caller, token: str, session: Session[Claim, Kept]) -> None:
        """End a session whose lock is held."""
        if session.ended:
            return
        session.ended = True
        with self._guard:
            self._sessions.pop((caller, token), None)
        kept, session.kept = session.kept, None
        if kept is not None:
            self._end(kept)
