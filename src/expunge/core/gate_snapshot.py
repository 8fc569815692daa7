"""The gate's snapshot: who may no longer be used, as one signed file that a pipeline can read without us.

::

    canonical JSON header, one line feed
    count entries of 16 bytes, strictly ascending
    Ed25519 signature (64 bytes) over the text "expunge/gate-snapshot/1", a NUL, and everything before it

An entry is HMAC-SHA-256 under the gate key over the kind and the value of an identifier, cut to 16 bytes: the file says nothing about
anybody to whoever lacks the gate key. The header holds a check value of that key, because with a wrong key nobody would be found.
"""

from __future__ import annotations

import hmac
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from expunge.core import canonical
from expunge.core.signature import verify_ed25519
from expunge.errors import EvidenceInvalid

SCHEMA = "expunge.gate-snapshot/1"
ENTRY_BYTES = 16
SIGNATURE_BYTES = 64
_SIGNED = b"expunge/gate-snapshot/1\0"
_FIELDS = frozenset({"schema", "published", "valid_until", "count", "key_check"})
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def gate_entry(gate_key: bytes, kind: str, value: str) -> bytes:
    """The 16 bytes that stand for one identifier.

    Args:
        gate_key: 32 bytes from the keystore.
        kind: identity kind of the data map (``profile``); part of the input, so that equal values of two kinds differ.
        value: the identifier exactly as the stores hold it.
    """
    name = kind.encode("utf-8", "surrogatepass")
    message = b"expunge/gate-entry/1\0" + len(name).to_bytes(4, "big") + name + value.encode("utf-8", "surrogatepass")
    return hmac.new(gate_key, message, sha256).digest()[:ENTRY_BYTES]


def key_check(gate_key: bytes) -> str:
    """Hex of 8 bytes that tell whether a gate key is the one that entries were made with."""
    return hmac.new(gate_key, b"expunge/gate-key-check/1", sha256).hexdigest()[:16]


@dataclass(frozen=True)
class Snapshot:
    """A snapshot whose signature was checked."""

    published: datetime
    valid_until: datetime
    count: int
    key_check: str
    entries: bytes = field(repr=False)
    """``count`` times 16 bytes, ascending."""

    def holds(self, entry: bytes) -> bool:
        """Whether an entry is among the suppressed; by halving, so that memory stays that of the file."""
        at = bisect_left(range(self.count), entry, key=self._entry)
        return at < self.count and self._entry(at) == entry

    def _entry(self, at: int) -> bytes:
        return self.entries[at * ENTRY_BYTES : (at + 1) * ENTRY_BYTES]


def publish_snapshot(
    entries: Iterable[bytes], gate_key: bytes, *, published: datetime, valid_until: datetime, sign: Callable[[bytes], bytes]
) -> bytes:
    """Build the bytes of a snapshot.

    Args:
        entries: what :func:`gate_entry` made, in any order, repeated or not.
        gate_key: the key they were made with.
        published: when the suppressions were read; aware, cut to the second.
        valid_until: after this nobody is allowed by this file; aware, cut to the second.
        sign: Ed25519 by the signer (``Keys.sign_receipt``): 64 bytes over what it is given.

    Raises:
        ValueError: for an entry of another length, or a validity that ends before it begins.
    """
    ordered = sorted(set(entries))
    if any(len(entry) != ENTRY_BYTES for entry in ordered):
        raise ValueError("a suppression entry is 16 bytes")
    if valid_until <= published:
        raise ValueError("a snapshot must be valid for a while")
    header = canonical.encode(
        {
            "schema": SCHEMA,
            "published": _write_time(published),
            "valid_until": _write_time(valid_until),
            "count": len(ordered),
            "key_check": key_check(gate_key),
        }
    )
    body = header + b"\n" + b"".join(ordered)
    return body + sign(_SIGNED + body)


def parse_snapshot(data: bytes, public_keys: Sequence[bytes]) -> Snapshot:
    """Read a snapshot that must be signed by one of ``public_keys`` (raw Ed25519).

    Raises:
        EvidenceInvalid: for anything that :func:`publish_snapshot` would not have written, or a signature by nobody known.
    """
    if len(data) < SIGNATURE_BYTES:
        raise EvidenceInvalid("the snapshot is cut short")
    body, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
    _check_signature(body, signature, public_keys)
    head, line_feed, entries = body.partition(b"\n")
    if not line_feed:
        raise EvidenceInvalid("the snapshot has no header")
    header = canonical.decode(head)
    if not isinstance(header, Mapping) or set(header) != _FIELDS or header["schema"] != SCHEMA:
        raise EvidenceInvalid("the snapshot's header has another form")
    count, check = header["count"], header["key_check"]
    if not isinstance(count, int) or isinstance(count, bool) or len(entries) != count * ENTRY_BYTES or not isinstance(check, str):
        raise EvidenceInvalid("the snapshot's header and length differ")
    snapshot = Snapshot(_read_time(header["published"]), _read_time(header["valid_until"]), count, check, entries)
    if any(entries[at - 16 : at] >= entries[at : at + 16] for at in range(ENTRY_BYTES, len(entries), ENTRY_BYTES)):
        raise EvidenceInvalid("the snapshot's entries are not in order")
    return snapshot


def _check_signature(body: bytes, signature: bytes, public_keys: Sequence[bytes]) -> None:
    for public in public_keys:
        try:
            verify_ed25519(public, signature, _SIGNED + body)
        except EvidenceInvalid:
            continue
        return
    raise EvidenceInvalid("the snapshot is not signed by a known key", help="it was changed, or signed by a key that is not trusted here")


def _write_time(time: datetime) -> str:
    if time.tzinfo is None:
        raise ValueError("times are aware")
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _read_time(value: canonical.Json) -> datetime:
    try:
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValueError("another form")
        return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise EvidenceInvalid("a time in the snapshot cannot be read") from None
