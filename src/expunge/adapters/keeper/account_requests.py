"""Requests about accounts of customers and staff, and their answers. The key of sealed fields never leaves the keeper."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Right
from expunge.adapters.keeper.requests import Request, Threads
from expunge.errors import Busy, UsageError
from expunge.ports.accounts.sealed_fields import MOST_FIELD, MOST_FIELDS, FieldKind, SealedFields

_MOST_BODY = 4 * MOST_FIELD * MOST_FIELDS
OPENED: Mapping[FieldKind, int] = {
    FieldKind.ADDRESS: 600,
    FieldKind.SESSION: 6000,
    FieldKind.SEED: 600,
    FieldKind.TOKEN: 600,
    FieldKind.PROVIDER: 600,
    FieldKind.MAIL: 1200,
}
"""The most fields of a kind that are opened in a minute: what is needed when people log in and read their mail, far less than a whole
database. Code that has taken over the web process is slowed down."""

SEALED: Mapping[FieldKind, int] = {
    FieldKind.ADDRESS: 6000,
    FieldKind.SESSION: 60_000,
    FieldKind.SEED: 600,
    FieldKind.TOKEN: 600,
    FieldKind.PROVIDER: 6000,
    FieldKind.MAIL: 6000,
}
"""The most fields of a kind that are sealed in a minute. Each look for an address or a session seals one, also of people who only try: at
most 2400 tries a minute are looked at. Addresses and people at companies are sealed deterministically: so many guesses a minute can be
matched with a column."""

_ASKED = frozenset(OPENED)
"""The kinds that a client may have sealed and opened."""


@dataclass(frozen=True)
class SealFields(Request):
    """Texts to seal, in the body: a JSON array."""

    name = "seal-fields"
    with_body = True
    most_body = _MOST_BODY
    needs = Right.SERVE
    threads = Threads.ACCOUNTS
    kind: str


@dataclass(frozen=True)
class OpenFields(Request):
    """Sealed texts to open, in the body: a JSON array of hex."""

    name = "open-fields"
    with_body = True
    most_body = _MOST_BODY
    needs = Right.SERVE
    threads = Threads.ACCOUNTS
    kind: str


@dataclass(frozen=True)
class SiteKey(Request):
    """The web process's own key."""

    name = "site-key"
    needs = Right.SERVE


_DONE = {"open": "opened", "seal": "sealed"}


class FieldBudget:
    """Counts the fields that are sealed or opened, and refuses more than so many of a kind in a minute. Safe between threads."""

    def __init__(self, act: str, per_minute: Mapping[FieldKind, int], clock: Callable[[], float] = time.monotonic) -> None:
        """``act`` is *seal* or *open*."""
        self._act, self._per_minute, self._clock = act, per_minute, clock
        self._guard = threading.Lock()
        self._left = {kind: (float(most), clock()) for kind, most in per_minute.items()}
        self._refused = dict.fromkeys(per_minute, 0)

    def refused(self) -> tuple[tuple[str, str, int], ...]:
        """Return (act, kind, fields that were refused since the start) for each kind of which some were."""
        with self._guard:
            return tuple((self._act, kind.value, count) for kind, count in self._refused.items() if count)

    def take(self, kind: FieldKind, count: int) -> None:
        """Count fields that are about to be sealed or opened. Raises Busy, and counts none, where there are too many."""
        most = self._per_minute[kind]
        with self._guard:
            now = self._clock()
            left, at = self._left[kind]
            left = min(float(most), left + (now - at) * most / 60)
            enough = left >= count
            self._left[kind] = (left - count if enough else left, now)
            self._refused[kind] += 0 if enough else count
        if not enough:
            message = f"more than {most} fields of the kind {kind.value!r} were {_DONE[self._act]} in a minute"
            raise Busy(message, help="wait a minute, and look for code in the web process that is not yours")


class AccountDesk:
    """Answers requests about accounts."""

    def __init__(self, fields: SealedFields) -> None:
        self._fields = fields
        self._opening, self._sealing = FieldBudget("open", OPENED), FieldBudget("seal", SEALED)

    def refused(self) -> tuple[tuple[str, str, int], ...]:
        """Return (act, kind, fields that were refused since the start): signs of code in the web process that is not the operator's."""
        return self._opening.refused() + self._sealing.refused()

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        acts: dict[type[Request], Callable[[Any, bytes], Answer]] = {
            SealFields: self._seal,
            OpenFields: self._open,
            SiteKey: lambda _, __: Answer(body=self._fields.site_key()),
        }
        return {kind: _answering(act) for kind, act in acts.items()}

    def _seal(self, ask: SealFields, body: bytes) -> Answer:
        kind, texts = _kind(ask.kind), _texts(body)
        self._sealing.take(kind, len(texts))
        sealed = self._fields.seal_fields(kind, texts)
        return Answer(body=json.dumps([each.hex() for each in sealed]).encode())

    def _open(self, ask: OpenFields, body: bytes) -> Answer:
        kind, texts = _kind(ask.kind), _texts(body)
        self._opening.take(kind, len(texts))
        try:
            sealed = [bytes.fromhex(each) for each in texts]
        except ValueError as error:
            raise _unreadable() from error
        return Answer(body=json.dumps(self._fields.open_fields(kind, sealed)).encode())


def _answering(act: Callable[[Any, bytes], Answer]) -> Handler:
    return lambda _, ask, body: act(ask, body)


def _kind(word: str) -> FieldKind:
    if word not in _ASKED:
        message = "a request names a kind of field that is not known, or that the keeper opens for no client"
        raise UsageError(message, help="ask with the same version of Expunge as the keeper runs")
    return FieldKind(word)


def _texts(body: bytes) -> list[str]:
    try:
        texts = json.loads(body)
    except ValueError as error:
        raise _unreadable() from error
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise _unreadable()
    return texts


def _unreadable() -> UsageError:
    return UsageError("the fields of a request cannot be read", help="ask with the same version of Expunge as the keeper runs")
