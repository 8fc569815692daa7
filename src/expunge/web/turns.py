"""Turns: how the threads of the server are shared, so that no account, client or sender holds all of them.

A request that has to wait for its turn holds no thread while it does. The rule is that of dynamic thresholds for shared buffers (Choudhury
and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998): an asker may hold as many threads as are free, up to a bound of its kind. So two
of them never hold everything, and one alone is not slowed down by bounds that were made for a crowd.

An account or a sender counts as such once its cookie or token was found to be good in this process. A made-up one counts for the address
that it came from.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import blake2b
from secrets import token_bytes
from typing import Generic, TypeVar

from django.http.cookie import parse_cookie

from expunge.core.attempts.client_networks import Network, client_key, client_of

TURNS = 16
"""Threads of the server that are shared by turns."""
THREADS = TURNS + 2
"""All threads of the server. Two take no turn: they answer looks whether the server works, and requests that waited in vain."""
STRANGERS = 10
"""Threads of all clients together that have shown no login or token."""
WAIT = 10.0
"""Seconds for which a request waits for its turn."""
RETRY = 10
"""Seconds after which a client whose request had no turn is asked to try again."""
_KNOWN_FOR = 900.0
"""Seconds for which a login or a token counts as known since it was last found to be good."""
_MOST_KNOWN = 8192
_OPERATION = re.compile(rb"(?:GET|HEAD) /(?:healthz|readyz|metrics)[ ?]")
_FIELD = re.compile(rb"(?im)^(cookie|authorization|x-forwarded-for):[ \t]*([^\r\n]*)")

T = TypeVar("T")


class AskerKind(Enum):
    """The kinds of asker. Threads are shared among them by the tables below."""

    ACCOUNT = auto()
    """A login, or a customer at the company's app."""
    STRANGER = auto()
    """An address, or the network of an IPv6 customer."""
    SENDER = auto()
    """A program with a token."""
    OPERATION = auto()
    """A look whether the server works: it is answered at once, and reads no body."""


_MOST = {AskerKind.ACCOUNT: 6, AskerKind.STRANGER: 6, AskerKind.SENDER: 12, AskerKind.OPERATION: THREADS - TURNS}
"""Kind of asker -> the most threads that one holds."""
_SHARE = {AskerKind.ACCOUNT: 1, AskerKind.STRANGER: 1, AskerKind.SENDER: 3}
"""Kind of asker that takes turns -> the threads that one may hold for each that is free."""


@dataclass(frozen=True)
class Asker:
    """Whose request it is, as far as threads go."""

    kind: AskerKind
    name: str


class KnownAskers:
    """The logins and tokens that were found to be good, by a keyed hash that is in memory alone. Safe between threads."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Begin with none; ``now`` gives seconds."""
        self.cookie = ""
        """The name of the session's cookie; empty where there are no sessions."""
        self.proxies: Sequence[Network] = ()
        """Networks whose word about their client is believed."""
        self._now, self._key, self._guard = now, token_bytes(32), threading.Lock()
        self._known: OrderedDict[bytes, tuple[Asker, float]] = OrderedDict()

    def know(self, shown: str, asker: Asker) -> None:
        """Note whose login or token a text is: the value of a cookie, or a header ``Authorization``."""
        name, now = self.hashed(shown), self._now()
        with self._guard:
            self._known[name] = asker, now + _KNOWN_FOR
            self._known.move_to_end(name)
            while len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)

    def of(self, head: bytes, peer: str) -> Asker:
        """Return whose a request is.

        Args:
            head: its request line and fields.
            peer: the address of the socket.
        """
        if _OPERATION.match(head):
            return Asker(AskerKind.OPERATION, "")
        fields: dict[bytes, list[str]] = {}
        for name, value in _FIELD.findall(head.partition(b"\r\n\r\n")[0]):
            fields.setdefault(name.lower(), []).append(value.decode("latin-1").strip())
        session = parse_cookie("; ".join(fields.get(b"cookie", ()))).get(self.cookie, "") if self.cookie else ""
        for shown in (*fields.get(b"authorization", ())[:1], session):
            if shown and (found := self._found(shown)) is not None:
                return found
        address = client_of(peer, ",".join(fields.get(b"x-forwarded-for", ())), self.proxies)
        return Asker(AskerKind.STRANGER, client_key(address))

    def _found(self, shown: str) -> Asker | None:
        name = self.hashed(shown)
        with self._guard:
            asker, until = self._known.get(name, (None, 0.0))
            return asker if self._now() < until else None

    def hashed(self, shown: str) -> bytes:
        """Return the hash by which a text is known here, until this process ends."""
        return blake2b(shown.encode(errors="replace"), key=self._key, digest_size=16).digest()


class Turns(Generic[T]):
    """Shares threads among askers; what waits is of type ``T``. Safe between threads."""

    def __init__(self, threads: int = TURNS, strangers: int = STRANGERS, wait: float = WAIT) -> None:
        """Take the number of threads, of those that strangers may hold together, and the seconds that a turn is waited for."""
        self._threads, self._strangers, self._wait = threads, strangers, wait
        self._guard = threading.Lock()
        self._held: Counter[Asker] = Counter()
        self._waiting: list[tuple[T, Asker, float]] = []

    def enter(self, asker: Asker, waiting: T) -> bool:
        """Take a thread for an asker; where it may hold no other one now, keep ``waiting`` for it and return False."""
        with self._guard:
            # Why those before it first: a crowd of new requests must not pass one that waits.
            if self._may(asker) and not any(other == asker for _, other, _ in self._waiting):
                self._held[asker] += 1
                return True
            self._waiting.append((waiting, asker, time.monotonic() + self._wait))
            return False

    def leave(self, asker: Asker) -> list[T]:
        """Give a thread back, and return what has its turn now: each holds a thread from here on."""
        with self._guard:
            self._held[asker] -= 1
            self._held += Counter()
            found = []
            for each in tuple(self._waiting):
                if self._may(each[1]):
                    self._held[each[1]] += 1
                    self._waiting.remove(each)
                    found.append(each[0])
            return found

    def overdue(self) -> list[T]:
        """Return what waited too long, and keep it no more. Its answer is short, and takes no turn."""
        now = time.monotonic()
        with self._guard:
            found = [waiting for waiting, _, until in self._waiting if until <= now]
            self._waiting = [each for each in self._waiting if each[2] > now]
            return found

    def _may(self, asker: Asker) -> bool:
        held = self._held[asker]
        if asker.kind is AskerKind.OPERATION:
            return held < _MOST[asker.kind]
        free = self._threads - sum(count for other, count in self._held.items() if other.kind is not AskerKind.OPERATION)
        if asker.kind is AskerKind.STRANGER:
            strangers = sum(count for other, count in self._held.items() if other.kind is AskerKind.STRANGER)
            if strangers >= self._strangers:
                return False
        return held < _MOST[asker.kind] and held < free * _SHARE[asker.kind]


KNOWN = KnownAskers()
"""Those of this process."""
_TURNED_AWAY: ContextVar[bool] = ContextVar("turned_away", default=False)


@contextmanager
def turned_away(away: bool) -> Iterator[None]:
    """Have the request of a block answered with *try again* alone, where ``away``."""
    before = _TURNED_AWAY.set(away)
    try:
        yield
    finally:
        _TURNED_AWAY.reset(before)


def is_turned_away() -> bool:
    """Return whether the present request is answered with *try again* alone."""
    return _TURNED_AWAY.get()
