"""The header of the gate's snapshot, format 2: the signed part. It holds the hash of everything that follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from expunge.core.datamap.spelling import OPAQUE, CaseRule, Spelling, SpellingType, UnicodeForm
from expunge.core.gate.gate_entry import ENTRY_BYTES, key_check
from expunge.core.values import canonical
from expunge.core.values.periods import Period
from expunge.core.values.signature import verify_ed25519
from expunge.errors import EvidenceInvalid

SCHEMA = "expunge.gate-snapshot/2"
SIGNATURE_BYTES = 64
MOST_HEADER_BYTES = 1 << 20
_SIGNED = b"expunge/gate-snapshot/2\0"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class ListedMeaning(StrEnum):
    """The meaning of an entry in a list."""

    SUPPRESSED = "suppressed"
    FORMER = "suppressed/1"
    """Suppressed before format 2: entries of :func:`former_entry`."""
    FROZEN = "frozen"
    """Not to be used for anything until somebody has decided: a dispute about a child, a hold that locks the purpose."""
    GIVEN = "given"
    """Consent to the purpose stands."""
    WITHDRAWN = "withdrawn"
    """Consent to the purpose was withdrawn, or the person objects to it."""
    ENDED = "ended"
    """Nothing of the person may be kept for the purpose any longer."""


class GateLack(StrEnum):
    """The record that a purpose lacks, so that nothing passes for it."""

    REVIEW = "review"
    """Of a use of location."""
    ASSURANCE = "assurance"
    """Of whoever gets data of children."""


@dataclass(frozen=True)
class ListSpan:
    """The place of one list in the file, and the hash of its bytes."""

    listing: ListedMeaning
    purpose: str
    count: int
    sha256: str

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * ENTRY_BYTES


@dataclass(frozen=True)
class PurposeRule:
    """The header's statements about one purpose."""

    needs_consent: bool
    keep: Period | None
    closed: bool = False
    """Nothing passes for it: a recipient that it hands data to has to confirm an erasure first."""
    lacks: GateLack | None = None
    """Nothing passes for it until a record is entered; None where it lacks none."""


@dataclass(frozen=True)
class SnapshotHead:
    """A header whose signature was checked."""

    published: datetime
    valid_until: datetime
    key_check: str
    policy: str
    purposes: Mapping[str, PurposeRule] | None
    spans: tuple[ListSpan, ...]
    digest: str
    """Hex SHA-256 of the signed header, which names the whole snapshot."""
    collect: Mapping[str, Period] | None = None
    """Kinds of data that may be collected, with the longest time that they are kept; None in snapshots that do not say."""
    kinds: frozenset[str] | None = None
    """Kinds of identifiers that there are; None in snapshots that do not say."""
    compare: Mapping[str, Spelling] | None = None
    """Kind -> how its identifiers compare, for those that are not opaque ids; None in snapshots that do not say."""

    def spelling(self, kind: str) -> Spelling:
        """Return how identifiers of a kind compare."""
        return (self.compare or {}).get(kind, OPAQUE)


def write_head(
    lists: Sequence[tuple[ListedMeaning, str, bytes]],
    gate_key: bytes,
    policy: str,
    purposes: Mapping[str, PurposeRule] | None,
    *,
    valid: tuple[datetime, datetime],
    collect: Mapping[str, Period] | None = None,
    kinds: frozenset[str] | None = None,
    compare: Mapping[str, Spelling] | None = None,
) -> bytes:
    """Encode the header of format 2, with its line feed, for lists whose entries are ascending. Raises as :func:`publish_snapshot`.

    ``valid`` is when the snapshot is published, and until when it holds.
    """
    published, valid_until = valid
    if valid_until <= published:
        raise ValueError("a snapshot must be valid for a while")
    if purposes is not None and not all(purposes):
        raise ValueError("a purpose has a name")
    rules: list[canonical.Json] | None = None
    if purposes is not None:
        rules = [_said(name, rule) for name, rule in sorted(purposes.items())]
    body: dict[str, canonical.Json] = {
        "schema": SCHEMA,
        "published": write_time(published),
        "valid_until": write_time(valid_until),
        "key_check": key_check(gate_key),
        "policy": policy,
        "purposes": rules,
        "lists": [
            {"list": listing.value, "purpose": purpose, "count": len(data) // ENTRY_BYTES, "sha256": sha256(data).hexdigest()}
            for listing, purpose, data in lists
        ],
    }
    if collect is not None:
        body["collect"] = {name: _period(period) for name, period in collect.items()}
    if kinds is not None:
        body["kinds"] = list[canonical.Json](sorted(kinds))
    if compare is not None:
        body["compare"] = {kind: _rule_of_spelling(rule) for kind, rule in sorted(compare.items())}
    return canonical.encode(body) + b"\n"


def signed_head(head: bytes) -> bytes:
    """Return the bytes of a header that the signer signs."""
    return _SIGNED + head


def read_head(head: bytes, signature: bytes, public_keys: Sequence[bytes]) -> SnapshotHead:
    """Read a header of format 2 (with its line feed), which must be signed by one of ``public_keys`` (raw Ed25519).

    Raises:
        EvidenceInvalid: for anything that :func:`write_head` would not have written, or a signature by an unknown key.
    """
    require_signed(signature, _SIGNED + head, public_keys)
    value = canonical.decode(head[:-1])
    try:
        if not isinstance(value, Mapping) or value["schema"] != SCHEMA or not head.endswith(b"\n"):
            raise ValueError("another schema")
        read = SnapshotHead(
            read_time(value["published"]),
            read_time(value["valid_until"]),
            text(value["key_check"]),
            text(value["policy"]),
            None if value["purposes"] is None else _rules(value["purposes"]),
            tuple(_span(one) for one in each(value["lists"])),
            sha256(head).hexdigest(),
            {text(name): _kept(one) for name, one in named(value["collect"]).items()} if "collect" in value else None,
            _distinct(value["kinds"]) if "kinds" in value else None,
            {text(kind): _spelling(rule) for kind, rule in named(value["compare"]).items()} if "compare" in value else None,
        )
    except (KeyError, TypeError, ValueError):
        raise EvidenceInvalid("the snapshot's header has another form") from None
    fields = {"schema", "published", "valid_until", "key_check", "policy", "purposes", "lists"}
    if set(value) - {"collect", "kinds", "compare"} != fields or not _in_order(read):
        raise EvidenceInvalid("the snapshot's header has another form")
    return read


def require_signed(signature: bytes, message: bytes, public_keys: Sequence[bytes]) -> None:
    """Raise EvidenceInvalid unless one of the keys signed."""
    for public in public_keys:
        try:
            verify_ed25519(public, signature, message)
        except EvidenceInvalid:
            continue
        return
    raise EvidenceInvalid("not signed by a known key", help="it was changed, or signed by a key that is not trusted here")


def _in_order(head: SnapshotHead) -> bool:
    """Whether each list stands once, at its place, for a purpose that is there, and no purpose stands twice."""
    order = list(ListedMeaning)
    places = [(span.purpose, order.index(span.listing)) for span in head.spans]
    general = {ListedMeaning.SUPPRESSED, ListedMeaning.FORMER, ListedMeaning.FROZEN}
    fitting = all((span.listing in general) == (not span.purpose) for span in head.spans)
    known = {"", *(head.purposes or {})}
    return fitting and places == sorted(set(places)) and all(span.purpose in known for span in head.spans)


def _distinct(value: canonical.Json) -> frozenset[str]:
    names = [text(one) for one in each(value)]
    if names != sorted(set(names)) or not all(names):
        raise ValueError("kinds are sorted, each is there once, and has a name")
    return frozenset(names)


def _rules(value: canonical.Json) -> dict[str, PurposeRule]:
    pairs = [_rule(one) for one in each(value)]
    names = [name for name, _ in pairs]
    if names != sorted(set(names)) or not all(names):
        raise ValueError("purposes are sorted, each is there once, and has a name")
    return dict(pairs)


def _rule(value: canonical.Json) -> tuple[str, PurposeRule]:
    if (
        not isinstance(value, Mapping)
        or set(value) - {"closed", "lacks"} != {"name", "consent", "keep"}
        or not isinstance(value["consent"], bool)
    ):
        raise ValueError("not a purpose")
    closed = value.get("closed", False)
    if not isinstance(closed, bool) or closed is not ("closed" in value):
        raise ValueError("`closed` stands where it is true")
    keep = value["keep"]
    lacks = GateLack(text(value["lacks"])) if "lacks" in value else None
    return text(value["name"]), PurposeRule(value["consent"], None if keep is None else _kept(keep), closed, lacks)


def _kept(value: canonical.Json) -> Period:
    if not isinstance(value, Mapping) or set(value) != {"days", "months"}:
        raise ValueError("not a period")
    return Period(whole(value["days"]), whole(value["months"]))


def _rule_of_spelling(rule: Spelling) -> canonical.Json:
    said: dict[str, canonical.Json] = {"type": rule.type.value, "case": rule.case.value, "unicode": rule.form.value}
    return {**said, "region": rule.region} if rule.region else said


def _spelling(value: canonical.Json) -> Spelling:
    if not isinstance(value, Mapping) or set(value) - {"region"} != {"type", "case", "unicode"}:
        raise ValueError("not a rule of spelling")
    region = text(value.get("region", ""))
    if bool(region) is not ("region" in value):
        raise ValueError("`region` stands where there is one")
    return Spelling(SpellingType(text(value["type"])), CaseRule(text(value["case"])), UnicodeForm(text(value["unicode"])), region)


def _span(value: canonical.Json) -> ListSpan:
    if not isinstance(value, Mapping) or set(value) != {"list", "purpose", "count", "sha256"}:
        raise ValueError("not a list")
    count = whole(value["count"])
    if count < 1:
        raise ValueError("an empty list is left out")
    return ListSpan(ListedMeaning(text(value["list"])), text(value["purpose"]), count, text(value["sha256"]))


def _said(name: str, rule: PurposeRule) -> canonical.Json:
    said: dict[str, canonical.Json] = {"name": name, "consent": rule.needs_consent, "keep": _period(rule.keep)}
    if rule.closed:
        said["closed"] = True
    if rule.lacks is not None:
        said["lacks"] = rule.lacks.value
    return said


def _period(keep: Period | None) -> canonical.Json:
    return None if keep is None else {"days": keep.days, "months": keep.months}


def named(value: canonical.Json) -> Mapping[str, canonical.Json]:
    """The members of the value, which must be an object. Raises TypeError."""
    if not isinstance(value, Mapping):
        raise TypeError("not an object")
    return value


def each(value: canonical.Json) -> Sequence[canonical.Json]:
    """The members of the value, which must be a list. Raises TypeError."""
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def text(value: canonical.Json) -> str:
    """The value, which must be text. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def whole(value: canonical.Json) -> int:
    """The value, which must be a whole number. Raises TypeError."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a number")
    return value


def write_time(time: datetime) -> str:
    """An instant as headers write it: UTC, cut to the second. Raises ValueError for a naive one."""
    if time.tzinfo is None:
        raise ValueError("times are aware")
    return time.astimezone(UTC).strftime(_TIME)


def read_time(value: canonical.Json) -> datetime:
    """Read the output of :func:`write_time`. Raises EvidenceInvalid for anything else."""
    try:
        time = datetime.strptime(text(value), _TIME).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        raise EvidenceInvalid("a time in the header cannot be read") from None
    if write_time(time) != value:
        raise EvidenceInvalid("a time in the header cannot be read")
    return time
