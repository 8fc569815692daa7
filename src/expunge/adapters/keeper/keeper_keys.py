"""The keys that the keeper holds, behind the same port as a keystore, over a socket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from expunge.adapters.keeper import key_requests as ask
from expunge.adapters.keeper.connection import PATIENCE, Connections
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keeper.requests import MOST_AT_ONCE
from expunge.core.values.ids import OrderId
from expunge.errors import Busy

_BATCH_BYTES = 8 * 2**20
"""The most bytes to sign in one request; a single item may be larger."""
_TRIES = 3


class KeeperKeys:
    """Implements ``expunge.ports.keys.InstallationKeys``. The keeper keeps private halves of signing keys and orders' keys.

    Threads may share it, and a fork may go on using it. After a restart of the keeper it connects anew. A request whose answer was lost is
    made again, which is safe: destroying twice is success, a signature is the same, and each sealing opens to the same bytes.

    Beside the errors of the port, every method raises KeeperAway when the keeper stays away.
    """

    def __init__(self, place: KeeperPlace, patience: float = PATIENCE) -> None:
        self._connections = Connections(place, patience)

    @classmethod
    def connect(cls, place: KeeperPlace, patience: float = 0.0) -> KeeperKeys:
        """Connect to the keeper of a place. Raises KeeperAway where none answers, and the error with which a keeper refuses."""
        keys = cls(place)
        keys._connections.open(patience)
        return keys

    def __repr__(self) -> str:
        return "KeeperKeys(…)"

    def close(self) -> None:
        """Close the connections."""
        self._connections.close()

    def pseudonym_key(self) -> bytes:
        """Return the pseudonym key: 32 bytes, the same for the life of the keystore."""
        return self._connections.ask(ask.LastingKey(ask.PSEUDONYM)).body

    def gate_key(self) -> bytes:
        """Return the key of suppression entries, 32 bytes."""
        return self._connections.ask(ask.LastingKey(ask.GATE)).body

    def index_key(self) -> bytes:
        """Return the key of the locate index's hashes, 32 bytes."""
        return self._connections.ask(ask.LastingKey(ask.INDEX)).body

    def vault_key(self) -> bytes:
        """Return the key of the vault's ids of people, 32 bytes."""
        return self._connections.ask(ask.LastingKey(ask.VAULT)).body

    def sign_receipt(self, data: bytes) -> bytes:
        """Return the Ed25519 signature of ``data`` by the current signer."""
        return self.sign_receipts([data])[0]

    def sign_receipts(self, data: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the Ed25519 signature of each, all by one signer. Raises Busy when the signer is rotated again and again meanwhile."""
        batches = list(_batches(data))
        for _ in range(_TRIES):
            before = self.signer_public() if len(batches) > 1 else b""
            joined = b"".join(self._connections.ask(ask.SignReceipts(tuple(map(len, some))), b"".join(some)).body for some in batches)
            # No signer ever comes back: one that is current both before and after has signed all of them.
            if not before or self.signer_public() == before:
                return tuple(joined[at : at + 64] for at in range(0, len(joined), 64))
        raise Busy("the signer is being rotated again and again", help="try again when that has ended")

    def signer_public(self) -> bytes:
        """Return the raw Ed25519 public key of the current signer, 32 bytes."""
        return self.signer_publics()[-1]

    def signer_publics(self) -> tuple[bytes, ...]:
        """Return the public keys of all signers, oldest first, the current one last."""
        return tuple(public for public, _ in self.signer_starts())

    def signer_starts(self) -> tuple[tuple[bytes, datetime | None], ...]:
        """Return every key of :meth:`signer_publics`, and since when it signs."""
        return ask.read_publics(self._connections.ask(ask.Publics()).body)[0]

    def sign_checkpoint(self, data: bytes) -> bytes:
        """Return the Ed25519 signature of ``data`` by the current log key."""
        return self._connections.ask(ask.SignCheckpoint(), data).body

    def log_public(self) -> bytes:
        """Return the raw Ed25519 public key of the log, 32 bytes."""
        return self.log_publics()[-1][0]

    def sign_checkpoint_p256(self, data: bytes) -> bytes:
        """Return the ECDSA signature over SHA-256 by the log's P-256 key, DER."""
        return self._connections.ask(ask.SignCheckpointP256(), data).body

    def log_public_p256(self) -> bytes:
        """Return the SubjectPublicKeyInfo (DER) of the log's P-256 key."""
        return self.log_publics()[-1][1]

    def log_publics(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return (Ed25519 raw, P-256 SubjectPublicKeyInfo) of all log keys, oldest first, the current pair last."""
        return tuple(pair for pair, _ in self.log_starts())

    def log_starts(self) -> tuple[tuple[tuple[bytes, bytes], datetime | None], ...]:
        """Return every pair of :meth:`log_publics`, and since when it signs."""
        return ask.read_publics(self._connections.ask(ask.Publics()).body)[1]

    def seal(self, order: OrderId, purpose: str, plaintext: bytes) -> bytes:
        """Encrypt under the order's key, which is made at first use. Raises KeyDestroyed after :meth:`destroy_order`."""
        return self._connections.ask(ask.Seal(order, purpose), plaintext).body

    def open(self, order: OrderId, purpose: str, sealed: bytes) -> bytes:
        """Decrypt. Raises KeyDestroyed after :meth:`destroy_order`, StateCorrupt when the bytes do not authenticate."""
        return self._connections.ask(ask.Open(order, purpose), sealed).body

    def destroy_order(self, order: OrderId) -> None:
        """Destroy the order's key."""
        self.destroy_orders([order])

    def destroy_orders(self, orders: Sequence[OrderId]) -> None:
        """Destroy the keys of several orders."""
        for first in range(0, len(orders), MOST_AT_ONCE):
            self._connections.ask(ask.Destroy(ask.ORDER, tuple(orders[first : first + MOST_AT_ONCE])))

    def trace_key(self, order: OrderId) -> bytes:
        """Return the trace key, 32 bytes, made at first use. Raises KeyDestroyed after :meth:`destroy_trace_key`."""
        return self._connections.ask(ask.TraceKey(order)).body

    def destroy_trace_key(self, order: OrderId) -> None:
        """Destroy the trace key."""
        self._connections.ask(ask.Destroy(ask.TRACE, (order,)))

    def seal_contact(self, order: OrderId, plaintext: bytes) -> bytes:
        """Encrypt a contact address under a key of its own, made at first use. Raises KeyDestroyed after :meth:`destroy_contact`."""
        return self._connections.ask(ask.SealContact(order), plaintext).body

    def open_contact(self, order: OrderId, sealed: bytes) -> bytes:
        """Decrypt it. Raises KeyDestroyed after :meth:`destroy_contact`, StateCorrupt when the bytes do not authenticate."""
        return self._connections.ask(ask.OpenContact(order), sealed).body

    def destroy_contact(self, order: OrderId) -> None:
        """Destroy the contact key."""
        self._connections.ask(ask.Destroy(ask.CONTACT, (order,)))

    def orders(self) -> dict[OrderId, frozenset[str]]:
        """Return the orders that keys were made for, each with the kinds of its keys (``trace``), and of those destroyed (``-trace``)."""
        return ask.read_orders(self._connections.ask(ask.KeyedOrders()).body)


def _batches(data: Sequence[bytes]) -> Iterator[list[bytes]]:
    some: list[bytes] = []
    size = 0
    for each in data:
        if some and (len(some) == MOST_AT_ONCE or size + len(each) > _BATCH_BYTES):
            yield some
            some, size = [], 0
        some.append(each)
        size += len(each)
    if some:
        yield some
