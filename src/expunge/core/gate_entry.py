"""Identifiers as the gate's files hold them: keyed hashes of 16 bytes, which say nothing to whoever lacks the gate key."""

from __future__ import annotations

import hmac
from hashlib import sha256

from expunge.core.signature import Cmac

ENTRY_BYTES = 16


def gate_entry(gate_key: bytes, kind: str, value: str) -> bytes:
    """The 16 bytes that stand for one identifier in format 2.

    Args:
        gate_key: 32 bytes from the keystore.
        kind: identity kind of the data map (``profile``); each has a key of its own, so that equal values of two kinds differ.
        value: the identifier exactly as the stores hold it.
    """
    return Cmac(kind_key(gate_key, kind)).of(value.encode("utf-8", "surrogatepass"))


def kind_key(gate_key: bytes, kind: str) -> bytes:
    """The 32-byte AES-CMAC key for identifiers of one kind."""
    return hmac.new(gate_key, b"expunge/gate-kind/2\0" + kind.encode("utf-8", "surrogatepass"), sha256).digest()


def former_entry(gate_key: bytes, kind: str, value: str) -> bytes:
    """The 16 bytes that stand for one identifier in format 1, and in the list of those who were suppressed before format 2."""
    name = kind.encode("utf-8", "surrogatepass")
    message = b"expunge/gate-entry/1\0" + len(name).to_bytes(4, "big") + name + value.encode("utf-8", "surrogatepass")
    return hmac.digest(gate_key, message, "sha256")[:ENTRY_BYTES]


def key_check(gate_key: bytes) -> str:
    """Hex of 8 bytes that tell whether a gate key is the one that entries were made with."""
    return hmac.new(gate_key, b"expunge/gate-key-check/1", sha256).hexdigest()[:16]
