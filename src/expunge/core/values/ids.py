"""Names of things, as types. None of them can hold a person's identifier."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NewType

Pseudonym = NewType("Pseudonym", str)
"""Keyed name of one identity: hex of HMAC-SHA-256 cut to 32 characters (128 bits)."""
OrderId = NewType("OrderId", str)
"""``ord-`` and 20 lower-case base32 characters; random, so it says nothing about anybody."""
StepId = NewType("StepId", str)
"""``<kind>:<dataset or store>``; unique within a plan."""
PlanDigest = NewType("PlanDigest", str)
"""Hex SHA-256 of a plan's canonical bytes."""
IdempotencyKey = NewType("IdempotencyKey", str)
"""Names one attempt at one effect; the same key twice has the effect once."""
MODEL = "model"
"""The reserved identity kind of models in the gate's snapshot: ``model:NAME`` of the map, ``model:sha256:DIGEST`` of one content."""


def pseudonym(key: bytes, kind: str, value: str) -> Pseudonym:
    """Derive the keyed pseudonym of one identifier.

    Args:
        key: the pseudonym key, 32 bytes, from the keystore.
        kind: identity kind of the data map (``profile``); part of the input, so that equal values of two kinds differ.
        value: the identifier exactly as the stores hold it.
    """
    message = len(kind.encode()).to_bytes(2, "big") + kind.encode() + value.encode("utf-8", "surrogatepass")
    return Pseudonym(hmac.digest(key, b"expunge/pseudonym/1\0" + message, "sha256").hex()[:32])


def pseudonyms(key: bytes, kind: str, values: Iterable[str]) -> Iterator[Pseudonym]:
    """The pseudonyms of many identifiers of one kind; see :func:`pseudonym`."""
    begun = hmac.new(key, b"expunge/pseudonym/1\0" + len(kind.encode()).to_bytes(2, "big") + kind.encode(), sha256)
    for value in values:
        each = begun.copy()
        each.update(value.encode("utf-8", "surrogatepass"))
        yield Pseudonym(each.hexdigest()[:32])


def link_mark(key: bytes, dataset: str, field: str, value: str) -> bytes:
    """Keyed fingerprint, 8 bytes, of a value by which rows of another dataset are found: knows such a row again when its pointer is gone.

    Args:
        key: the pseudonym key, 32 bytes.
        dataset: the dataset that pointed.
        field: its field that the rows name.
        value: as the stores hold it.
    """
    message = b"\0".join(part.encode("utf-8", "surrogatepass") for part in (dataset, field, value))
    return hmac.digest(key, b"expunge/link/1\0" + message, "sha256")[:8]
