"""The manifests of an export: one in each part, with a hash of each file, and one beside the parts, with a hash of each part.

Both are canonical JSON, signed as DSSE signs (pre-authentication encoding) by the installation's signer: see ``docs/spec/export.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from expunge.core.datamap.artefact import DataKind
from expunge.core.evidence.receipt_codec import instant
from expunge.core.log import dsse
from expunge.core.log.trust import parse as parse_policy
from expunge.core.values import canonical
from expunge.core.values.outcome import Reason
from expunge.core.values.signature import parse_ed25519_pem, verify_ed25519
from expunge.errors import EvidenceInvalid

SCHEMA = "expunge.export/2"
PART_SCHEMA = "expunge.export-part/2"
PAYLOAD_TYPE = "application/vnd.expunge.export+json"
MANIFEST, SIGNATURE, SIGNER, POLICY, SUMS = "manifest.json", "manifest.sig", "signer.pem", "trust-policy.txt", "SHA256SUMS"
INDEX = "index.html"


def part_name(number: int) -> str:
    """Return the file name of a part, counted from 1."""
    return f"part-{number}.zip"


def part_folder(number: int) -> str:
    """Return the folder in which everything of a part lies but its first pages, so that all parts can be unpacked into one place."""
    return f"part-{number}"


@dataclass(frozen=True)
class ExportedFile:
    """One file of a part, or one piece of a file."""

    name: str
    """Its path in the archive."""
    bytes: int
    sha256: str
    """Hex."""
    media_type: str
    kind: DataKind
    dataset: str
    shared: bool = False
    """Other people are in it as well."""
    original: str = ""
    """Its name in the store, where that differs."""
    piece: int = 0
    """Its number among the pieces of one file, from 1; 0 for a whole file."""
    more: bool = False
    """Whether a further piece follows."""
    cut: Reason | None = None
    """The reason why its end is missing; None where it is whole."""


@dataclass(frozen=True)
class Unread:
    """Data that could not be read."""

    dataset: str
    kind: DataKind
    reason: Reason
    items: int = 0
    """How many items; 0 where that is not known, or it is the whole dataset."""


@dataclass(frozen=True)
class LeftOut:
    """Data of a kind that was not asked for."""

    kind: DataKind
    items: int


@dataclass(frozen=True)
class WrittenPart:
    """One part as it was written."""

    number: int
    bytes: int
    sha256: str
    """Hex."""
    files: int

    @property
    def name(self) -> str:
        """Its file name."""
        return part_name(self.number)


@dataclass(frozen=True)
class ExportScope:
    """What an export was asked for, and what of it could not be given."""

    export: str
    made: datetime
    kinds: tuple[DataKind, ...]
    """The kinds that were asked for; none means all."""
    tool: str
    could_not: Sequence[Unread] = ()
    left_out: Sequence[LeftOut] = ()

    def _values(self) -> dict[str, canonical.Json]:
        return {
            "could_not": [
                {"dataset": each.dataset, "items": each.items, "kind": each.kind.value, "reason": each.reason.value}
                for each in self.could_not
            ],
            "export": self.export,
            "kinds": [each.value for each in self.kinds],
            "made": instant(self.made.replace(microsecond=0)),
            "not_asked_for": [{"items": each.items, "kind": each.kind.value} for each in self.left_out],
            "tool": self.tool,
        }

    def of_part(self, number: int, files: Sequence[ExportedFile], pages: Mapping[str, str], *, last: bool) -> bytes:
        """Return the canonical bytes of a part's manifest. ``could_not`` in it is what was known when the part ended.

        Args:
            number: the part, from 1.
            files: its files.
            pages: name of each of its pages -> hex SHA-256.
            last: whether no part follows.
        """
        listed: list[canonical.Json] = [{"name": name, "sha256": digest} for name, digest in pages.items()]
        part: dict[str, canonical.Json] = {"files": [_file(each) for each in files], "last": last, "pages": listed, "part": number}
        return canonical.encode({**self._values(), **part, "schema": PART_SCHEMA})

    def of_whole(self, parts: Sequence[WrittenPart]) -> bytes:
        """Return the canonical bytes of the manifest beside the parts."""
        listed: list[canonical.Json] = [
            {"bytes": each.bytes, "files": each.files, "name": each.name, "sha256": each.sha256} for each in parts
        ]
        return canonical.encode({**self._values(), "parts": listed, "schema": SCHEMA})


def to_sign(manifest: bytes) -> bytes:
    """Return the bytes that the installation signs (DSSE PAE)."""
    return dsse.pae(manifest, PAYLOAD_TYPE)


def verify_signed(manifest: bytes, signature: bytes, signer: bytes, policy: bytes) -> None:
    """Check that a key of a trust policy signed a manifest.

    Args:
        manifest: its bytes.
        signature: 64 bytes.
        signer: the public key that came along, as PEM.
        policy: the trust policy. Where it came along as well, it proves only that the files belong together.

    Raises EvidenceInvalid.
    """
    public = parse_ed25519_pem(signer)
    try:
        verify_ed25519(public, signature, to_sign(manifest))
    except EvidenceInvalid as error:
        message = f"{MANIFEST} is not what {SIGNER} signed"
        raise EvidenceInvalid(message, help="it was changed; ask for the export again") from error
    if public not in {key.key for key in parse_policy(policy).signers}:
        message = "the signer of the export is not one that the trust policy names"
        raise EvidenceInvalid(message, help="it may be a forgery; ask the company by another way")


def read_parts(manifest: bytes) -> Mapping[str, str]:
    """Return the name of each part with its hex SHA-256. Raises EvidenceInvalid."""
    match canonical.decode(manifest):
        case {"schema": str(schema), "parts": list(parts)} if schema == SCHEMA:
            return _hashes(parts)
    raise _none()


def read_files(manifest: bytes) -> Mapping[str, str]:
    """Return the name of each file and page of a part with its hex SHA-256. Raises EvidenceInvalid."""
    match canonical.decode(manifest):
        case {"schema": str(schema), "files": list(files), "pages": list(pages)} if schema == PART_SCHEMA:
            return _hashes([*files, *pages])
    raise _none()


def _hashes(rows: Sequence[canonical.Json]) -> Mapping[str, str]:
    found = {}
    for row in rows:
        match row:
            case {"name": str(name), "sha256": str(digest)}:
                found[name] = digest
            case _:
                raise _none()
    return found


def _none() -> EvidenceInvalid:
    return EvidenceInvalid("not a manifest of an export", help="see docs/spec/export.md")


def _file(file: ExportedFile) -> canonical.Json:
    beside: dict[str, canonical.Json] = {
        **({"shared": True} if file.shared else {}),
        **({"original": file.original.encode("utf-8", "replace").decode()} if file.original else {}),
        **({"piece": file.piece, "more": file.more} if file.piece else {}),
        **({"cut": file.cut.value} if file.cut else {}),
    }
    return {
        "bytes": file.bytes,
        "dataset": file.dataset,
        "kind": file.kind.value,
        "media_type": file.media_type,
        "name": file.name,
        "sha256": file.sha256,
        **beside,
    }
