"""Identifiers as the gate's files hold them: keyed hashes of 16 bytes. They reveal nothing without the gate key."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256

from expunge.core.values.signature import Cmac

ENTRY_BYTES = 16
_AT_ONCE = 1 << 13
"""Values whose blocks are encrypted together: few enough to stay near the processor."""


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


class GateEntries:
    """The entries of many identifiers, some thousand at a time: :func:`gate_entry` of each, at a fraction of its cost.

    Not for several threads at once.
    """

    def __init__(self, gate_key: bytes) -> None:
        self._gate_key = gate_key
        self._ciphers: dict[str, Cmac] = {}

    def of(self, kind: str, values: Sequence[str]) -> list[bytes]:
        """The 16 bytes of each value, in their order."""
        cipher = self._ciphers.get(kind)
        if cipher is None:
            cipher = self._ciphers[kind] = Cmac(kind_key(self._gate_key, kind))
        found: list[bytes] = []
        for start in range(0, len(values), _AT_ONCE):
            found += _together(cipher, [value.encode("utf-8", "surrogatepass") for value in values[start : start + _AT_ONCE]])
        return found


def _together(cipher: Cmac, messages: Sequence[bytes]) -> list[bytes]:
    lengths = {*map(len, messages)}
    if len(lengths) == 1:
        return cipher.of_each(messages)
    found = [b""] * len(messages)
    by_length: dict[int, list[int]] = {length: [] for length in lengths}
    for number, message in enumerate(messages):
        by_length[len(message)].append(number)
    for numbers in by_length.values():
        for number, entry in zip(numbers, cipher.of_each([messages[each] for each in numbers]), strict=True):
            found[number] = entry
    return found


def former_entry(gate_key: bytes, kind: str, value: str) -> bytes:
    """The 16 bytes that stand for one identifier in format 1, and in the list of those who were suppressed before format 2."""
    name = kind.encode("utf-8", "surrogatepass")
    message = b"expunge/gate-entry/1\0" + len(name).to_bytes(4, "big") + name + value.encode("utf-8", "surrogatepass")
    return hmac.digest(gate_key, message, "sha256")[:ENTRY_BYTES]


def key_check(gate_key: bytes) -> str:
    """Return the hex of 8 bytes that tell whether a gate key is the key of the entries."""
    return hmac.new(gate_key, b"expunge/gate-key-check/1", sha256).hexdigest()[:16]
