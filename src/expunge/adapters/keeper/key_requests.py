"""Requests about keys, and their answers from a keystore. No private half of a signing key and no order's key leaves the keeper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.peers import Peer
from expunge.adapters.keeper.requests import Request, Threads
from expunge.core.values import canonical
from expunge.core.values.canonical import Json
from expunge.core.values.ids import OrderId
from expunge.errors import KeystoreLocked, UsageError
from expunge.ports.keys import InstallationKeys

Handler: TypeAlias = Callable[[Peer, Request, bytes], Answer]
"""Answers one kind of request, given who asks, the request and its body."""

PSEUDONYM, GATE, INDEX, VAULT = "pseudonym", "gate", "index", "vault"
ORDER, TRACE, CONTACT = "order", "trace", "contact"


@dataclass(frozen=True)
class LastingKey(Request):
    """A key that the port hands out: of pseudonyms, of the gate, of the locate index."""

    name = "lasting-key"
    which: str


@dataclass(frozen=True)
class TraceKey(Request):
    """The trace key of an order."""

    name = "trace-key"
    threads = Threads.KEYS
    order: OrderId


@dataclass(frozen=True)
class Publics(Request):
    """All public keys, and since when each signs."""

    name = "publics"


@dataclass(frozen=True)
class SignReceipts(Request):
    """Signatures over parts of the body, whose sizes are named, all by one key."""

    name = "sign-receipts"
    with_body = True
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class SignCheckpoint(Request):
    """A signature over the body by the log's Ed25519 key."""

    name = "sign-checkpoint"
    with_body = True


@dataclass(frozen=True)
class SignCheckpointP256(Request):
    """A signature over the body by the log's P-256 key."""

    name = "sign-checkpoint-p256"
    with_body = True


@dataclass(frozen=True)
class Seal(Request):
    """The body sealed under the order's key."""

    name = "seal"
    with_body = True
    threads = Threads.KEYS
    order: OrderId
    purpose: str


@dataclass(frozen=True)
class Open(Request):
    """The body opened by the order's key."""

    name = "open"
    with_body = True
    order: OrderId
    purpose: str


@dataclass(frozen=True)
class SealContact(Request):
    """The body sealed under the key of the order's contact."""

    name = "seal-contact"
    with_body = True
    threads = Threads.KEYS
    order: OrderId


@dataclass(frozen=True)
class OpenContact(Request):
    """The body opened by the key of the order's contact."""

    name = "open-contact"
    with_body = True
    order: OrderId


@dataclass(frozen=True)
class Destroy(Request):
    """The end of one kind of key of several orders."""

    name = "destroy"
    threads = Threads.KEYS
    kind: str
    orders: tuple[OrderId, ...]


@dataclass(frozen=True)
class KeyedOrders(Request):
    """The orders that keys were made for."""

    name = "keyed-orders"


class KeyDesk:
    """Answers requests about keys."""

    def __init__(self, keys: InstallationKeys) -> None:
        self._keys = keys

    def handlers(self) -> dict[type[Request], Handler]:
        """Return a handler for each kind of request."""
        keys = self._keys
        acts: dict[type[Request], Callable[..., Answer]] = {
            LastingKey: self._lasting,
            TraceKey: lambda ask, _: Answer(body=keys.trace_key(ask.order)),
            Publics: lambda *_: self._publics(),
            KeyedOrders: lambda *_: self._orders(),
            Destroy: self._destroy,
            SignReceipts: self._sign,
            SignCheckpoint: lambda _, body: Answer(body=keys.sign_checkpoint(body)),
            SignCheckpointP256: lambda _, body: Answer(body=keys.sign_checkpoint_p256(body)),
            Seal: lambda ask, body: Answer(body=keys.seal(ask.order, ask.purpose, body)),
            Open: lambda ask, body: Answer(body=keys.open(ask.order, ask.purpose, body)),
            SealContact: lambda ask, body: Answer(body=keys.seal_contact(ask.order, body)),
            OpenContact: lambda ask, body: Answer(body=keys.open_contact(ask.order, body)),
        }
        return {kind: _told(act) for kind, act in acts.items()}

    def _lasting(self, ask: LastingKey, _: bytes) -> Answer:
        keys = {PSEUDONYM: self._keys.pseudonym_key, GATE: self._keys.gate_key, INDEX: self._keys.index_key, VAULT: self._keys.vault_key}
        if ask.which not in keys:
            raise _unknown("key")
        return Answer(body=keys[ask.which]())

    def _publics(self) -> Answer:
        signers: list[Json] = [[public.hex(), _written(since)] for public, since in self._keys.signer_starts()]
        logs: list[Json] = [[one.hex(), other.hex(), _written(since)] for (one, other), since in self._keys.log_starts()]
        return Answer(body=canonical.encode({"signers": signers, "logs": logs}))

    def _sign(self, ask: SignReceipts, body: bytes) -> Answer:
        if sum(ask.sizes) != len(body):
            message = "a request to sign names other sizes than its bytes have"
            raise UsageError(message, help="ask with the same version of Expunge as the keeper runs")
        parts = [body[start:end] for start, end in pairwise(accumulate(ask.sizes, initial=0))]
        return Answer(body=b"".join(self._keys.sign_receipts(parts)))

    def _destroy(self, ask: Destroy, _: bytes) -> Answer:
        if ask.kind == ORDER:
            self._keys.destroy_orders(ask.orders)
            return Answer()
        destroy = {TRACE: self._keys.destroy_trace_key, CONTACT: self._keys.destroy_contact}
        if ask.kind not in destroy:
            raise _unknown("kind of key")
        for order in ask.orders:
            destroy[ask.kind](order)
        return Answer()

    def _orders(self) -> Answer:
        return Answer(body=canonical.encode({order: sorted(kinds) for order, kinds in self._keys.orders().items()}))


def _told(act: Callable[..., Answer]) -> Handler:
    """Return a handler that says what to do about a rotated root key: the client cannot open the keystore again, the keeper must."""

    def handle(_: Peer, ask: Request, body: bytes) -> Answer:
        try:
            return act(ask, body)
        except KeystoreLocked as error:
            raise KeystoreLocked(error.message, help="restart the keeper: expunge keeper stop, then expunge keeper run") from error

    return handle


def _unknown(what: str) -> UsageError:
    message = f"the keeper knows no such {what}"
    return UsageError(message, help="ask with the same version of Expunge as the keeper runs")


def _written(since: datetime | None) -> str | None:
    return since.isoformat() if since else None


Starts: TypeAlias = "tuple[tuple[tuple[bytes, datetime | None], ...], tuple[tuple[tuple[bytes, bytes], datetime | None], ...]]"
"""Signers, and key pairs of the log, each with the time since when it signs."""


def read_publics(body: bytes) -> Starts:
    """Return the signers and the log's key pairs from an answer to :class:`Publics`."""
    value = _object(body)
    signers = tuple((bytes.fromhex(public), _read(since)) for public, since in value["signers"])
    return signers, tuple(((bytes.fromhex(one), bytes.fromhex(other)), _read(since)) for one, other, since in value["logs"])


def read_orders(body: bytes) -> dict[OrderId, frozenset[str]]:
    """Return the orders from an answer to :class:`KeyedOrders`."""
    return {OrderId(order): frozenset(kinds) for order, kinds in _object(body).items()}


def _object(body: bytes) -> dict[str, Any]:
    value = canonical.decode(body)
    assert isinstance(value, dict)
    return value


def _read(since: str | None) -> datetime | None:
    return datetime.fromisoformat(since) if since else None
