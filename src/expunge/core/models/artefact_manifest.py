"""The sealed manifest of one artefact (a version of a model, a file of weights, an index): the people and records it learnt from.

The maker of the artefact seals the manifest. The manifest is bound to the artefact's content: it is found by the SHA-256 of every file of
it, so that it describes these bytes and no others. People and records stand in it as keyed tags. Only a complete manifest clears an
artefact: it has to cover every source that the map declares, and every kind of identity by which the people of an order are known for
certain.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from expunge.core.values import canonical, codec
from expunge.core.values.tags import tagged
from expunge.errors import EvidenceInvalid

SCHEMA = "expunge.artefact-manifest/1"
SUFFIX = ".artefact"
"""Ends the name of a manifest's file."""
TAG = 16
"""Bytes of a tag; in hex, twice as many characters."""
SHORTEST_KEY = 16
"""Bytes that a key has at least: whoever guesses it can ask for anybody."""
_ARTEFACT = b"expunge/artefact/1\0"


def artefact(contents: Iterable[str]) -> str:
    """The name of an artefact: hex SHA-256 over the sorted digests (hex SHA-256) of its files."""
    return sha256(_ARTEFACT + "\n".join(sorted(set(contents))).encode()).hexdigest()


def person(key: bytes, kind: str, identifier: str) -> str:
    """Return the tag of a person, in hex, over the kind and the value of an identifier."""
    return _tag(key, b"person", kind.encode("utf-8", "surrogatepass"), identifier.encode("utf-8", "surrogatepass"))


def record(key: bytes, name: str, content: bytes) -> str:
    """The tag of a record, in hex: of its id and the SHA-256 of its content (32 bytes)."""
    return _tag(key, b"record", name.encode("utf-8", "surrogatepass"), content)


def _tag(key: bytes, what: bytes, *parts: bytes) -> str:
    sized = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.digest(key, b"expunge/trained/1\0" + what + b"\0" + sized, "sha256")[:TAG].hex()


@tagged("Trained")
@dataclass(frozen=True)
class ArtefactManifest:
    """The sources, people and records of one artefact."""

    dataset: str
    """Of the map: what the artefact is one of."""
    contents: tuple[str, ...]
    """Hex SHA-256 of each of its files, sorted, each once."""
    sources: Mapping[str, datetime]
    """Dataset of the map -> when it was read for it."""
    people: Mapping[str, tuple[str, ...]] = field(repr=False)
    """Kind of identity -> the tags of everybody of that kind who is in it, sorted."""
    records: tuple[str, ...] = field(repr=False)
    """Tags of its records, sorted."""
    parents: tuple[str, ...]
    """Other artefacts that it was made from (distilled, quantised, fine-tuned), by their names, sorted."""
    complete: bool
    """Whether that is everything, by the word of whoever made it."""
    made: datetime
    """When it was sealed: the bytes were there then."""

    @property
    def name(self) -> str:
        """The artefact's."""
        return artefact(self.contents)


def seal(trained: ArtefactManifest, key: bytes) -> bytes:
    """Return canonical bytes with a seal that only the holder of the key can make."""
    body = codec.to_json(trained)
    return canonical.encode({"schema": SCHEMA, "trained": body, "seal": _seal(body, key)})


def read(data: bytes, key: bytes) -> ArtefactManifest:
    """Read the output of :func:`seal`.

    Raises EvidenceInvalid where it was altered or has another key's seal, StateCorrupt for another form.
    """
    value = canonical.decode(data)
    if not isinstance(value, dict) or value.keys() != {"schema", "trained", "seal"} or value["schema"] != SCHEMA:
        raise EvidenceInvalid("not a manifest of this form")
    if not hmac.compare_digest(str(value["seal"]).encode(), _seal(value["trained"], key).encode()):
        raise EvidenceInvalid("the manifest was altered, or sealed with another key")
    trained: ArtefactManifest = codec.from_json(ArtefactManifest, value["trained"])
    return trained


def _seal(body: canonical.Json, key: bytes) -> str:
    return hmac.digest(key, b"expunge/trained/1\0seal\0" + canonical.encode(body), "sha256").hex()


class ManifestVerdict(StrEnum):
    """The verdict of a manifest on an artefact and some people."""

    HAD = "had them"
    CLEAR = "never had them"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class ManifestQuery:
    """The coverage that a manifest needs before it clears an artefact."""

    dataset: str
    sources: Mapping[str, datetime | None]
    """Every dataset that it is made from, by the map or as pipelines were seen to do; with the time before which there was no such
    source, where the map says one."""
    inherited: frozenset[str] = frozenset()
    """Of these, the ones in which nothing says whose is what: for them a parent's manifest has to speak."""
    unseen: bool = False
    """Whether pipelines were seen to make it from something that nobody declares."""


@dataclass(frozen=True)
class PersonTags:
    """The people of an order, as tags."""

    tags: Mapping[str, frozenset[str]] = field(repr=False)
    """Kind of identity -> tags, dotted kinds included."""
    certain: frozenset[str]
    """The kinds by which all of them are known for certain: whoever has left no row is found by one of these or not at all."""


@dataclass(frozen=True)
class ManifestFinding:
    """The answer, with why."""

    standing: ManifestVerdict
    why: str = ""
    """For ``cannot tell``: a sentence without anybody's name."""


def judge(
    trained: ArtefactManifest, wanted: ManifestQuery, whose: PersonTags, parents: Mapping[str, tuple[ArtefactManifest, ManifestFinding]]
) -> ManifestFinding:
    """Return whether an artefact learnt from some people, by its manifest.

    Args:
        trained: the manifest, unsealed.
        wanted: the coverage it needs.
        whose: the people.
        parents: name of a parent -> its manifest and the finding about it; a parent without a manifest is missing.
    """
    known = {kind: frozenset(tags) for kind, tags in trained.people.items()}
    # Why before anything else: a manifest that covers half and names them has said enough.
    if any(not tags.isdisjoint(known.get(kind, frozenset())) for kind, tags in whose.tags.items()):
        return ManifestFinding(ManifestVerdict.HAD)
    if any(found.standing is ManifestVerdict.HAD for _, found in parents.values()):
        return ManifestFinding(ManifestVerdict.HAD)
    why = _lacks(trained, wanted, whose, parents)
    return ManifestFinding(ManifestVerdict.CANNOT_TELL, why) if why else ManifestFinding(ManifestVerdict.CLEAR)


def _lacks(
    trained: ArtefactManifest, wanted: ManifestQuery, whose: PersonTags, parents: Mapping[str, tuple[ArtefactManifest, ManifestFinding]]
) -> str:
    """What keeps a manifest from clearing its artefact; empty where nothing does."""
    covered = trained.sources.keys() | {manifest.dataset for manifest, _ in parents.values()}
    missing = sorted(wanted.sources.keys() - covered)
    blind = sorted(wanted.inherited & wanted.sources.keys() - {manifest.dataset for manifest, _ in parents.values()})
    early = sorted(name for name, since in wanted.sources.items() if since is not None and trained.sources.get(name, trained.made) < since)
    unknown = sorted(whose.certain - trained.people.keys())
    first: tuple[tuple[bool, str], ...] = (
        (trained.dataset != wanted.dataset, "its manifest is of another dataset"),
        (not trained.complete, "its manifest is not complete, by the word of whoever made it"),
        (wanted.unseen, "pipelines were seen to make it from something that the map does not declare"),
        (bool(missing), f"its manifest does not cover {', '.join(missing)}"),
        (bool(blind), f"nothing says what {', '.join(blind)} had learnt from"),
        (bool(set(trained.parents) - parents.keys()), "the manifest of something that it was made from is missing or altered"),
        (any(at > trained.made for at in trained.sources.values()), "its manifest was sealed before its sources were read"),
        (bool(early), f"its manifest is older than {', '.join(early)}"),
        (not whose.certain, "the people of the order are known by no identifier that a manifest could hold"),
        (bool(unknown), f"its manifest names nobody by {', '.join(unknown)}"),
        (not trained.records, "its manifest names no record"),
    )
    lacking = next((why for holds, why in first if holds), "")
    doubtful = next((found.why for _, found in parents.values() if found.standing is ManifestVerdict.CANNOT_TELL), "")
    return lacking or (f"of something that it was made from: {doubtful}" if doubtful else "")
