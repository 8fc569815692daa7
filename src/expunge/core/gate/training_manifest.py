"""Training manifests: the subjects admitted to one product, with date and policy, as one signed file without names.

::

    canonical JSON header, one line feed
    Ed25519 signature (64 bytes) by the pipeline's key over the text "expunge/training-manifest/1", a NUL, and the header with its line feed
    count entries of 16 bytes, strictly ascending: those of the gate's snapshot, format 2

The header carries the certificate by which the installation's signer vouches for the pipeline's key.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from expunge.core.gate.gate_entry import ENTRY_BYTES
from expunge.core.gate.gate_head import SIGNATURE_BYTES, each, read_time, require_signed, text, whole, write_time
from expunge.core.values import canonical
from expunge.errors import EvidenceInvalid

SCHEMA = "expunge.training-manifest/1"
CERTIFICATE = "expunge.gate-pipeline/1"
_SIGNED = b"expunge/training-manifest/1\0"
_CERTIFIED = b"expunge/gate-pipeline/1\0"
_FIELDS = frozenset(
    {"schema", "product", "purpose", "kinds", "inputs", "begun", "ended", "tally", "seen", "key_check", "count", "sha256", "certificate"}
)


@dataclass(frozen=True)
class Certificate:
    """The signer's statement that the installation issued a pipeline's key."""

    name: str
    public: bytes
    """Raw Ed25519 public key of the pipeline."""
    issued: datetime
    key_check: str
    """Of the gate key that went with it."""
    signature: bytes = b""

    def message(self) -> bytes:
        """Return the bytes that the signer signs."""
        return _CERTIFIED + canonical.encode(self._body())

    def to_json(self) -> dict[str, canonical.Json]:
        """Encode it as in manifests and in the pipeline's folder."""
        return {**self._body(), "signature": self.signature.hex()}

    def _body(self) -> dict[str, canonical.Json]:
        issued = write_time(self.issued)
        return {"schema": CERTIFICATE, "name": self.name, "public": self.public.hex(), "issued": issued, "key_check": self.key_check}


def read_certificate(value: canonical.Json, signers: Sequence[bytes]) -> Certificate:
    """Read a certificate, which must be signed by one of ``signers``. Raises EvidenceInvalid."""
    try:
        if not isinstance(value, Mapping) or value["schema"] != CERTIFICATE:
            raise ValueError("another schema")
        read = Certificate(
            text(value["name"]),
            bytes.fromhex(text(value["public"])),
            read_time(value["issued"]),
            text(value["key_check"]),
            bytes.fromhex(text(value["signature"])),
        )
    except (KeyError, TypeError, ValueError):
        raise EvidenceInvalid("the pipeline's certificate has another form") from None
    if read.to_json() != value:
        raise EvidenceInvalid("the pipeline's certificate has another form")
    require_signed(read.signature, read.message(), signers)
    return read


@dataclass(frozen=True)
class SnapshotRange:
    """The snapshots of one policy under which subjects were admitted."""

    policy: str
    first: datetime
    """When the first of them was published."""
    first_sha256: str
    """Its name: hex SHA-256 of its signed header."""
    last: datetime
    last_sha256: str


@dataclass(frozen=True)
class TrainingManifest:
    """A manifest that was checked."""

    product: str
    purpose: str
    kinds: tuple[str, ...]
    """Kinds of identifiers that its entries were made from, sorted."""
    inputs: tuple[str, ...]
    """What the pipeline says it read: digests, snapshots of datasets, paths; no identifier."""
    begun: datetime
    ended: datetime
    tally: Mapping[str, int]
    """Rows let in (``allowed``) and refused, by reason."""
    seen: tuple[SnapshotRange, ...]
    key_check: str
    certificate: Certificate
    entries: bytes = field(repr=False)

    @property
    def count(self) -> int:
        """The number of different subjects that were admitted."""
        return len(self.entries) // ENTRY_BYTES

    def holds(self, entry: bytes) -> bool:
        """Return whether a subject was admitted."""
        data = self.entries
        at = bisect_left(range(self.count), entry, key=lambda at: data[at * ENTRY_BYTES : (at + 1) * ENTRY_BYTES])
        return data[at * ENTRY_BYTES : (at + 1) * ENTRY_BYTES] == entry

    def head(self) -> bytes:
        """The header, with its line feed."""
        body: dict[str, canonical.Json] = {
            "schema": SCHEMA,
            "product": self.product,
            "purpose": self.purpose,
            "kinds": list(self.kinds),
            "inputs": list(self.inputs),
            "begun": write_time(self.begun),
            "ended": write_time(self.ended),
            "tally": dict(self.tally),
            "seen": [
                {
                    "policy": one.policy,
                    "first": write_time(one.first),
                    "first_sha256": one.first_sha256,
                    "last": write_time(one.last),
                    "last_sha256": one.last_sha256,
                }
                for one in self.seen
            ],
            "key_check": self.key_check,
            "count": self.count,
            "sha256": sha256(self.entries).hexdigest(),
            "certificate": self.certificate.to_json(),
        }
        return canonical.encode(body) + b"\n"


def signed_message(head: bytes) -> bytes:
    """Return the bytes of a manifest's header that the pipeline signs."""
    return _SIGNED + head


def parse_manifest(data: bytes, signers: Sequence[bytes]) -> TrainingManifest:
    """Read a manifest whose pipeline one of ``signers`` (raw Ed25519, of the installation) vouches for.

    Raises:
        EvidenceInvalid: for bytes that no pipeline wrote, a change of any character, or a key for which no signer vouches.
    """
    line, line_feed, rest = data.partition(b"\n")
    value = canonical.decode(line)
    if not line_feed or not isinstance(value, Mapping) or set(value) != _FIELDS or value["schema"] != SCHEMA:
        raise EvidenceInvalid("not a training manifest")
    certificate = read_certificate(value["certificate"], signers)
    require_signed(rest[:SIGNATURE_BYTES], signed_message(line + line_feed), [certificate.public])
    entries = rest[SIGNATURE_BYTES:]
    try:
        tally = value["tally"]
        if not isinstance(tally, Mapping):
            raise TypeError("not a tally")
        read = TrainingManifest(
            text(value["product"]),
            text(value["purpose"]),
            tuple(text(one) for one in each(value["kinds"])),
            tuple(text(one) for one in each(value["inputs"])),
            read_time(value["begun"]),
            read_time(value["ended"]),
            {name: whole(count) for name, count in tally.items()},
            tuple(_seen(one) for one in each(value["seen"])),
            text(value["key_check"]),
            certificate,
            entries,
        )
    except (KeyError, TypeError, ValueError):
        raise EvidenceInvalid("the manifest's header has another form") from None
    if len(entries) % ENTRY_BYTES or read.head() != line + line_feed:
        raise EvidenceInvalid("the manifest's header and entries differ")
    if any(entries[at - 16 : at] >= entries[at : at + 16] for at in range(ENTRY_BYTES, len(entries), ENTRY_BYTES)):
        raise EvidenceInvalid("the manifest's entries are not in order")
    return read


def _seen(value: canonical.Json) -> SnapshotRange:
    if not isinstance(value, Mapping):
        raise TypeError("not an object")
    first, last = read_time(value["first"]), read_time(value["last"])
    return SnapshotRange(text(value["policy"]), first, text(value["first_sha256"]), last, text(value["last_sha256"]))
