"""The gate's snapshot: suppressed subjects and purposes, as one signed file that a pipeline reads on its own.

Format 2, which is written::

    canonical JSON header, one line feed
    Ed25519 signature (64 bytes) over the text "expunge/gate-snapshot/2", a NUL, and the header with its line feed
    the lists that the header names, each of 16-byte entries, strictly ascending

The header holds the hash of every list. A reader checks the signature first and the lists as they stream by. Format 1 had one list and the
signature at the end. It is still read. An entry is a keyed hash of the kind and the value of an identifier: the file reveals nothing about
a person without the gate key. The header holds a check value of that key, because with a wrong key no entry would match.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from expunge.core.datamap.spelling import Spelling
from expunge.core.gate.gate_entry import ENTRY_BYTES, former_entry, gate_entry, key_check
from expunge.core.gate.gate_head import (
    SIGNATURE_BYTES,
    GateLack,
    ListedMeaning,
    ListSpan,
    PurposeRule,
    SnapshotHead,
    read_head,
    read_time,
    require_signed,
    signed_head,
    write_head,
)
from expunge.core.values import canonical
from expunge.core.values.periods import Period
from expunge.errors import EvidenceInvalid

__all__ = [
    "Contents",
    "GatePolicy",
    "GateSnapshot",
    "ListedMeaning",
    "PurposeState",
    "former_entry",
    "gate_entry",
    "key_check",
    "parse_snapshot",
    "publish_snapshot",
]  # fmt: skip

FORMER_SCHEMA = "expunge.gate-snapshot/1"
_FORMER_SIGNED = b"expunge/gate-snapshot/1\0"


@dataclass(frozen=True)
class PurposeState:
    """The rules and lists of one purpose."""

    needs_consent: bool = False
    keep: Period | None = None
    """Data older than this may not be used for it; None where no period is known."""
    given: frozenset[bytes] = field(default=frozenset(), repr=False)
    withdrawn: frozenset[bytes] = field(default=frozenset(), repr=False)
    ended: frozenset[bytes] = field(default=frozenset(), repr=False)
    closed: bool = False
    """Nothing passes for it: a recipient that it hands data to has to confirm an erasure first."""
    lacks: GateLack | None = None
    """Nothing passes for it until a record is entered."""


@dataclass(frozen=True)
class GatePolicy:
    """The gate's knowledge besides the suppression list. Entries are those of :func:`gate_entry`."""

    version: str = ""
    """Digest of the data map that it comes from."""
    purposes: Mapping[str, PurposeState] | None = None
    """All purposes there are; any other is refused. None where the map declares none: then every purpose passes that suppresses nobody."""
    frozen: frozenset[bytes] = field(default=frozenset(), repr=False)
    collect: Mapping[str, Period] | None = None
    """Kinds of data that have a schedule, with the longest time that they are kept; no other may be collected."""
    kinds: frozenset[str] | None = None
    """Kinds of identifiers that people can be suppressed by: whoever is named by another one could not be known. None: nobody says."""
    compare: Mapping[str, Spelling] | None = None
    """Kind -> how its identifiers compare, for those that are not opaque ids."""


@dataclass(frozen=True)
class Contents:
    """All that goes into a snapshot."""

    suppressed: frozenset[bytes] = field(default=frozenset(), repr=False)
    former: frozenset[bytes] = field(default=frozenset(), repr=False)
    """Entries of :func:`former_entry`."""
    policy: GatePolicy = field(default_factory=GatePolicy)

    def lists(self) -> Iterator[tuple[ListedMeaning, str, frozenset[bytes]]]:
        """Return every list that is not empty: (its meaning, purpose or nothing, entries), in the order of the file."""
        everybody = (
            (ListedMeaning.SUPPRESSED, self.suppressed),
            (ListedMeaning.FORMER, self.former),
            (ListedMeaning.FROZEN, self.policy.frozen),
        )
        yield from ((listing, "", entries) for listing, entries in everybody if entries)
        for name, state in sorted((self.policy.purposes or {}).items()):
            mine = ((ListedMeaning.GIVEN, state.given), (ListedMeaning.WITHDRAWN, state.withdrawn), (ListedMeaning.ENDED, state.ended))
            yield from ((listing, name, entries) for listing, entries in mine if entries)


@dataclass(frozen=True)
class GateSnapshot:
    """A whole snapshot that was checked, in memory."""

    head: SnapshotHead
    lists: Mapping[tuple[ListedMeaning, str], bytes] = field(repr=False)

    def entries(self, listing: ListedMeaning, purpose: str = "") -> frozenset[bytes]:
        """The entries of one list."""
        data = self.lists.get((listing, purpose), b"")
        return frozenset(data[at : at + ENTRY_BYTES] for at in range(0, len(data), ENTRY_BYTES))

    def holds(self, entry: bytes, listing: ListedMeaning = ListedMeaning.SUPPRESSED, purpose: str = "") -> bool:
        """Return whether an entry is in a list, by binary search."""
        data = self.lists.get((listing, purpose), b"")
        count = len(data) // ENTRY_BYTES
        at = bisect_left(range(count), entry, key=lambda at: data[at * ENTRY_BYTES : (at + 1) * ENTRY_BYTES])
        return at < count and data[at * ENTRY_BYTES : (at + 1) * ENTRY_BYTES] == entry


def publish_snapshot(
    contents: Contents, gate_key: bytes, *, published: datetime, valid_until: datetime, sign: Callable[[bytes], bytes]
) -> bytes:
    """Build the bytes of a snapshot, format 2.

    Args:
        contents: entries made under ``gate_key``.
        gate_key: the key they were made with.
        published: when the suppressions were read; aware, cut to the second.
        valid_until: after this the file allows no use; aware, cut to the second.
        sign: Ed25519 by the signer (``Keys.sign_receipt``): 64 bytes over its argument.

    Raises:
        ValueError: for an entry of another length, a purpose without a name, or a validity that ends before it begins.
    """
    lists = [(listing, purpose, _ordered(entries)) for listing, purpose, entries in contents.lists()]
    rules = contents.policy.purposes
    named = (
        None
        if rules is None
        else {name: PurposeRule(state.needs_consent, state.keep, state.closed, state.lacks) for name, state in rules.items()}
    )
    policy = contents.policy
    head = write_head(
        lists,
        gate_key,
        policy.version,
        named,
        valid=(published, valid_until),
        collect=policy.collect,
        kinds=policy.kinds,
        compare=policy.compare,
    )
    return b"".join([head, sign(signed_head(head)), *(data for _, _, data in lists)])


def parse_snapshot(data: bytes, public_keys: Sequence[bytes]) -> GateSnapshot:
    """Read a snapshot of either format, which must be signed by one of ``public_keys`` (raw Ed25519), in memory.

    Raises:
        EvidenceInvalid: for anything that :func:`publish_snapshot` (or that of format 1) would not have written, or a foreign signature.
    """
    head, line_feed, rest = data.partition(b"\n")
    if not line_feed:
        raise EvidenceInvalid("the snapshot has no header")
    if f'"schema":"{FORMER_SCHEMA}"'.encode() in head:
        return _parse_former(data, public_keys)
    read = read_head(head + line_feed, rest[:SIGNATURE_BYTES], public_keys)
    lists: dict[tuple[ListedMeaning, str], bytes] = {}
    at = SIGNATURE_BYTES
    for span in read.spans:
        entries = rest[at : at + span.size]
        at += span.size
        if sha256(entries).hexdigest() != span.sha256:
            raise EvidenceInvalid("a list of the snapshot was changed")
        _require_ascending(entries)
        lists[span.listing, span.purpose] = entries
    if at != len(rest):
        raise EvidenceInvalid("the snapshot's header and length differ")
    return GateSnapshot(read, lists)


def _parse_former(data: bytes, public_keys: Sequence[bytes]) -> GateSnapshot:
    body, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
    require_signed(signature, _FORMER_SIGNED + body, public_keys)
    head, _, entries = body.partition(b"\n")
    header = canonical.decode(head)
    fields = {"schema", "published", "valid_until", "count", "key_check"}
    if not isinstance(header, Mapping) or set(header) != fields or header["schema"] != FORMER_SCHEMA:
        raise EvidenceInvalid("the snapshot's header has another form")
    count, check = header["count"], header["key_check"]
    if not isinstance(count, int) or isinstance(count, bool) or len(entries) != count * ENTRY_BYTES or not isinstance(check, str):
        raise EvidenceInvalid("the snapshot's header and length differ")
    _require_ascending(entries)
    times = read_time(header["published"]), read_time(header["valid_until"])
    span = ListSpan(ListedMeaning.FORMER, "", count, sha256(entries).hexdigest())
    return GateSnapshot(SnapshotHead(*times, check, "", None, (span,), sha256(body).hexdigest()), {(ListedMeaning.FORMER, ""): entries})


def _require_ascending(entries: bytes) -> None:
    if any(entries[at - 16 : at] >= entries[at : at + 16] for at in range(ENTRY_BYTES, len(entries), ENTRY_BYTES)):
        raise EvidenceInvalid("the snapshot's entries are not in order")


def _ordered(entries: Iterable[bytes]) -> bytes:
    ordered = sorted(entries)
    if any(len(entry) != ENTRY_BYTES for entry in ordered):
        raise ValueError("an entry is 16 bytes")
    return b"".join(ordered)
