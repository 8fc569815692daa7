"""The keys port: keys are made, used and destroyed behind it. Key material for signing never crosses the port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from expunge.core.values.ids import OrderId


class Keys(Protocol):
    """The keystore.

    Durability: a key that was returned or used once survives a crash. Once ``destroy_*`` returned, the key is nowhere on disk: not wrapped,
    not in a temporary, not in a journal. Destroying twice is success. Everything else raises ``KeystoreLocked`` or ``KeyDestroyed``.
    """

    def pseudonym_key(self) -> bytes:
        """Return 32 bytes, the same for the life of the installation: rotating them would orphan every suppression."""
        ...

    def gate_key(self) -> bytes:
        """Return 32 bytes for suppression entries of the gate snapshot; derived, so that no pipeline has to hold the pseudonym key."""
        ...

    def sign_receipt(self, data: bytes) -> bytes:
        """Return the Ed25519 signature (64 bytes) of ``data`` by the current signer. It is deterministic (RFC 8032)."""
        ...

    def sign_receipts(self, data: Sequence[bytes]) -> tuple[bytes, ...]:
        """Return the same for many, all by one key."""
        ...

    def signer_public(self) -> bytes:
        """Return the signer's raw Ed25519 public key, 32 bytes."""
        ...

    def sign_checkpoint(self, data: bytes) -> bytes:
        """Return the Ed25519 signature by the log key."""
        ...

    def log_public(self) -> bytes:
        """Return the log's raw Ed25519 public key, 32 bytes."""
        ...

    def sign_checkpoint_p256(self, data: bytes) -> bytes:
        """Return the ECDSA P-256 / SHA-256 signature (DER) by the log's second key; deterministic where the library offers RFC 6979."""
        ...

    def log_public_p256(self) -> bytes:
        """Return the SubjectPublicKeyInfo (DER) of the log's second key."""
        ...

    def seal(self, order: OrderId, purpose: str, plaintext: bytes) -> bytes:
        """Encrypt under the order's key (made at first use), bound to ``purpose`` and the order id."""
        ...

    def open(self, order: OrderId, purpose: str, sealed: bytes) -> bytes:
        """Decrypt. Raises KeyDestroyed after ``destroy_order``, StateCorrupt when the bytes do not authenticate."""
        ...

    def destroy_order(self, order: OrderId) -> None:
        """Destroy the order's key for good."""
        ...

    def destroy_orders(self, orders: Sequence[OrderId]) -> None:
        """Destroy the keys of several orders for good."""
        ...

    def trace_key(self, order: OrderId) -> bytes:
        """Return 32 bytes for this order's traces, made at first use. Raises KeyDestroyed after ``destroy_trace_key``."""
        ...

    def destroy_trace_key(self, order: OrderId) -> None:
        """Destroy the trace key at the traces' end date."""
        ...

    def seal_contact(self, order: OrderId, plaintext: bytes) -> bytes:
        """Encrypt a contact address under a key of its own, which outlives the order until the traces' end date."""
        ...

    def open_contact(self, order: OrderId, sealed: bytes) -> bytes:
        """Decrypt a contact address."""
        ...

    def destroy_contact(self, order: OrderId) -> None:
        """Destroy the contact's key."""
        ...


class InstallationKeys(Keys, Protocol):
    """The keys of an installation as its composition needs them: :class:`Keys` with further reads, and no rotation."""

    def index_key(self) -> bytes:
        """Return 32 bytes for the hashes of the locate index; derived, like :meth:`gate_key`."""
        ...

    def vault_key(self) -> bytes:
        """Return 32 bytes for the ids under which the vault knows people; derived, like :meth:`gate_key`."""
        ...

    def signer_publics(self) -> tuple[bytes, ...]:
        """Return the raw Ed25519 public keys of all signers, oldest first, the current one last."""
        ...

    def log_publics(self) -> tuple[tuple[bytes, bytes], ...]:
        """Return (Ed25519 raw, P-256 SubjectPublicKeyInfo) of all log keys, oldest first, the current pair last."""
        ...

    def signer_starts(self) -> tuple[tuple[bytes, datetime | None], ...]:
        """Return every key of :meth:`signer_publics`, and since when it signs; None where that is unknown."""
        ...

    def log_starts(self) -> tuple[tuple[tuple[bytes, bytes], datetime | None], ...]:
        """Return every pair of :meth:`log_publics`, and since when it signs; None where that is unknown."""
        ...

    def orders(self) -> Mapping[OrderId, frozenset[str]]:
        """Return the orders that keys were made for, each with the kinds of its keys (``trace``), and of those destroyed (``-trace``)."""
        ...

    def close(self) -> None:
        """Release what is open. Safe to call twice."""
        ...
