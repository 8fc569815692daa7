"""The content of a receipt, as values that can only be built consistent, and their one byte form (an in-toto Statement v1).

The statement's ``subject`` is the order, its digest a blinded commitment to the person's identifiers. A receipt cannot be matched with a
list of guesses: the opening of the commitment is not in it, and a random nonce makes the hash of the whole unguessable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence.plan_approvals import PlanApproval
from expunge.core.evidence.receipt_codec import LATER, from_json, to_json
from expunge.core.evidence.unread_places import UnreadPlace, blocking, bucket
from expunge.core.models.membership_opinion import Membership
from expunge.core.models.model_outcomes import ArtefactCleared, ComparisonResult, NetworkAccess, SourceAccess
from expunge.core.values import b64, canonical
from expunge.core.values.canonical import Json
from expunge.core.values.ids import OrderId, PlanDigest
from expunge.core.values.order import OrderKind
from expunge.core.values.outcome import Reason
from expunge.errors import EvidenceInvalid

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://expunge.example/receipt/v1"
NONCE_SIZE = 32
FORMS = 4
"""The list of forms that a scan reads."""
NOBODY_STAYS = "nobody stays"
"""Why a scan had no control: nobody stays in the store whose content could be looked for."""
_DIFFERENCES_COUNT = 4
"""Page from which on a comparison that differs speaks against a model. Before it, such a model was listed as done."""
_SAYS_REACH = 7
"""Page from which on a receipt names its reach in a field. Before it, a sentence of ``out_of_scope`` alone tells."""
_HAS_APPROVALS = 8
"""Page from which on a receipt has the approvals of its plan."""
OF_A_CLASS = frozenset({OrderKind.EXPIRY, OrderKind.DISGORGEMENT})
"""Orders about a class of items, of however many people, rather than about a person."""
_HEX = re.compile(r"[0-9a-f]{64}")
_FINGERPRINT = re.compile(r"SHA256:[0-9A-Za-z+/]{43}")


class Verdict(StrEnum):
    """The one-word answer."""

    FULFILLED = "fulfilled"
    IN_PART = "in part"


class Result(StrEnum):
    """The result for one dataset. A lost reply is settled by a probe before a receipt is made, or is ``unable``."""

    ERASED = "erased"
    ABSENT = "absent"
    KEPT = "kept"
    UNABLE = "unable"


class ReceiptReach(StrEnum):
    """The data that the order was about."""

    PERSON = "person"
    """Everything of the person."""
    PART = "part"
    """Some datasets of the person: those of a purpose whose consent was withdrawn."""
    ITEMS = "items"
    """Some items of the person, with everything made from them."""
    CLASS = "class"
    """A class of items, of however many people."""


class ScanMode(StrEnum):
    """The share of a store's bytes that a scan read."""

    ALL = "all"
    CHANGED = "changed since"
    SAMPLE = "sample"


class ScanVerdict(StrEnum):
    """The verdict of a scan."""

    GONE = "gone"
    PRESENT = "present"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class ReceiptTimes:
    """The times of an order; whole seconds, UTC, never going backwards."""

    requested: datetime
    fenced: datetime
    erased: datetime | None
    """End of the last erase or purge; None where nothing was erased."""
    verified: datetime | None
    """End of the last look; None where nothing could be looked at."""

    def __post_init__(self) -> None:
        known = [each for each in (self.requested, self.fenced, self.erased, self.verified) if each is not None]
        _require(known == sorted(known), "times go backwards")


@dataclass(frozen=True)
class Probe:
    """Every normal read path, tried again over another connection."""

    paths: tuple[str, ...]
    items_found: int
    could_not: str
    """Empty, or why it could not look."""

    @property
    def clean(self) -> bool:
        """True when the probe looked and found nothing."""
        return not self.could_not and self.items_found == 0


@dataclass(frozen=True)
class Skipped:
    """Things a scan did not read, by a fixed word."""

    reason: str
    count: int


@dataclass(frozen=True)
class Accounted:
    """The files of a table of which every byte was accounted for: where nothing of a person is long enough for a trace."""

    files: int
    bytes: int

    def __post_init__(self) -> None:
        _require(self.files > 0 and self.bytes > 0, "nothing was accounted for")


@dataclass(frozen=True)
class Scan:
    """The search for residue in raw bytes, by code that did not erase."""

    scanner: str
    """Name and version."""
    mode: ScanMode
    since: datetime | None
    """For ``changed since`` alone."""
    files: int
    bytes: int
    """On disk."""
    decoded_bytes: int
    """After decompression and decoding, in addition."""
    traces_taken: int
    traces_usable: int
    """Those that nobody else's data holds as well: only these are evidence."""
    found: int
    """Usable traces that were found."""
    controls_found: int
    controls_asked: int
    """Content of people who stay, looked for in the same scan to show that it can see."""
    skipped: tuple[Skipped, ...]
    verdict: ScanVerdict
    accounted: Accounted | None = field(default=None, metadata=LATER)
    """The ground of *gone* where no trace is usable; from page 4 on."""
    no_controls: str = field(default="", metadata=LATER)
    """:data:`NOBODY_STAYS` where no control could be asked for, else empty; from page 4 on."""
    values: int = field(default=0, metadata=LATER)
    """Values of the dataset that are long enough to be looked for; from page 4 on, as the next two."""
    values_looked_for: int = field(default=0, metadata=LATER)
    """Those of which a window is among the traces."""
    share: int = field(default=0, metadata=LATER)
    """These in percent of those, in steps of ten, rounded down."""
    forms: int = field(default=0, metadata=LATER)
    """Number of the list of forms (``docs/spec/receipt.md``) that the scan read as well; 0 for none."""

    def __post_init__(self) -> None:
        _require((self.mode is ScanMode.CHANGED) == (self.since is not None), "`since` belongs to `changed since`, and to that alone")
        _require(0 <= self.found <= self.traces_usable <= self.traces_taken, "trace counts contradict each other")
        _require(0 <= self.controls_found <= self.controls_asked, "control counts contradict each other")
        _require(self.no_controls in ("", NOBODY_STAYS), "why there was no control is not one of the fixed words")
        _require(not (self.no_controls and self.controls_asked), "nobody stays, and is looked for as a control")
        grounds = self.accounted is None or (self.verdict is ScanVerdict.GONE and self.traces_usable == 0)
        _require(grounds, "every byte was accounted for, beside another ground or verdict")
        _require(0 <= self.values_looked_for <= self.values, "counts of values contradict each other")
        _require(self.share in range(0, 101, 10) and (self.values > 0 or not self.share), "the share of values is none")
        _require(self.forms >= 0, "a list of forms below zero")
        _require((self.verdict is ScanVerdict.PRESENT) == (self.found > 0), "the scan's verdict contradicts what it found")
        if self.verdict is ScanVerdict.GONE:
            _require(self.traces_usable > 0 or self.accounted is not None, "a scan without usable traces cannot tell")
            _require(self.controls_found > 0 or self.controls_asked == 0, "a scan that missed its controls cannot tell")


@dataclass(frozen=True)
class DatasetEntry:
    """One dataset of the plan."""

    dataset: str
    store: str
    kind: str
    """Kind of the store."""
    act: EraseAct
    """What the plan did with it."""
    outcome: Result
    items: int
    """Erased (or, for ``kept``, kept) recordings, rows or records; for ``unable`` those that a step erased, and nothing confirmed."""
    claimed: Grounding
    """What probe and scan confirmed."""
    asked: Grounding
    """What the plan asked for."""
    probe: Probe | None
    scan: Scan | None
    reason: Reason | None
    """For ``unable`` alone."""
    detail: str
    """For ``unable``: what is left, where, and what to do; names of the map only."""
    holds: DataKind | None = field(default=None, metadata=LATER)
    """The kind of data that people are told it holds; from page 6 on."""

    def __post_init__(self) -> None:
        _require(bool(self.dataset and self.store and self.kind), "a dataset without name, store or kind")
        _require(self.items >= 0, "a negative count")
        _require((self.outcome is Result.UNABLE) == (self.reason is not None), "a reason belongs to `unable`, and to that alone")
        if self.outcome is Result.ERASED:
            _require(self.items > 0, "nothing was erased: that is `absent` or `unable`")
            _require(self.claimed is not Grounding.NONE and self.claimed >= self.asked, "erased less deeply than asked is `unable`")
            _require(self.probe is not None and self.probe.clean, "erased needs a probe that found nothing")
            sampled = self.scan is not None and self.scan.mode is ScanMode.SAMPLE and self.claimed < Grounding.SCRUBBED
            settled = (ScanVerdict.GONE, ScanVerdict.CANNOT_TELL) if sampled else (ScanVerdict.GONE,)
            _require(self.scan is None or self.scan.verdict in settled, "residue or `cannot tell` is not erased")
            _require(self.claimed < Grounding.SCRUBBED or self.scan is not None, "`scrubbed` and `device` need a scan")
        if self.outcome is Result.ABSENT:
            _require(self.items == 0, "absent has no items")
            _require(self.probe is not None and self.probe.clean, "absent needs a probe that found nothing")
            _require(self.scan is None or self.scan.verdict is not ScanVerdict.PRESENT, "residue was found: that is not `absent`")

    @property
    def done(self) -> bool:
        """True when the duty to erase is discharged for this dataset."""
        return self.outcome in (Result.ERASED, Result.ABSENT)


@dataclass(frozen=True)
class KeptItems:
    """Items that stay on purpose."""

    dataset: str
    ground: str
    until: datetime | None
    """None where no date is given: then the dataset's retention period ends it."""
    items: int

    def __post_init__(self) -> None:
        _require(bool(self.dataset and self.ground) and self.items > 0, "kept needs a dataset, a ground and at least one item")


@dataclass(frozen=True)
class Mention:
    """The rows of other people that named the person in one column, and what became of that: the rows themselves are not the person's."""

    dataset: str
    column: str
    act: MentionAct
    """Set to null or replaced; or it stays, as the map says or because it is free text."""
    items: int

    def __post_init__(self) -> None:
        _require(bool(self.dataset and self.column) and self.items > 0, "a mention needs a dataset, a column and at least one row")


@dataclass(frozen=True)
class SharedValues:
    """Values in rows about nobody that the person's rows had as well: they stay, as words that others use, or that a list has."""

    dataset: str
    store: str
    items: int

    def __post_init__(self) -> None:
        _require(bool(self.dataset and self.store) and self.items > 0, "shared values need a dataset, a store and at least one value")


@dataclass(frozen=True)
class OthersText:
    """Items of other people that hold text which the person's data had as well: they stay, as the other people's own."""

    dataset: str
    store: str
    items: int
    """A power of ten: there are as many of them or more."""
    fields: tuple[str, ...]
    """Where the person's own data had it: fields of the map, or kinds of identifiers."""

    def __post_init__(self) -> None:
        _require(bool(self.dataset and self.store) and self.items > 0, "text of others needs a dataset, a store and at least one item")
        _require(bool(self.fields) and all(self.fields), "text of others that lay nowhere in the person's own data")
        _require(self.items == bucket(self.items), "the number of other people's items is not a power of ten")


@dataclass(frozen=True)
class OrphanedItems:
    """Items of a dataset whose keys lead to no known person, though the map says whose they are: no order reaches them."""

    dataset: str
    store: str
    items: int
    """A power of ten: there are as many of them or more."""

    def __post_init__(self) -> None:
        _require(bool(self.dataset and self.store) and self.items > 0, "orphaned items need a dataset, a store and at least one item")
        _require(self.items == bucket(self.items), "the number of orphaned items is not a power of ten")


@dataclass(frozen=True)
class Figure:
    """A number that a command reported of its work: ``accuracy_before`` (hundredths of a percent), ``samples``."""

    name: str
    value: int


@dataclass(frozen=True)
class ModelEntry:
    """The outcome of one artefact made from the person's data: a model, an index, an export."""

    dataset: str
    act: EraseAct
    before: tuple[str, ...]
    """What stands for the content of each of its items when the order came, sorted: from page 4 on keyed
    (:func:`~expunge.core.models.model_outcomes.keyed_contents`), before that its hex SHA-256."""
    after: tuple[str, ...]
    """Hex SHA-256 of what is there now; empty where it was destroyed and nothing was made in its place."""
    proof: ComparisonResult
    """Whether a fresh process, whose data never had the person, makes the same, bit for bit."""
    figures: tuple[Figure, ...]
    """As told by the operator's command, not verified by anybody."""
    said: tuple[str, ...]
    """Likewise: which public encoder it rests on, and what is known of that one's own data."""
    network: NetworkAccess = NetworkAccess.NOT_RUN
    """Whether the commands that had a part in it could have reached other machines."""
    membership: Membership | None = None
    """Whether an attack can still tell that they were in it: a second opinion, never the proof. None where nobody asked."""
    sight: SourceAccess = SourceAccess.NOT_ASKED
    """For ``proof``: whether the command of the comparison could have copied what is there."""
    stayed: tuple[ArtefactCleared, ...] = ()
    """Its artefacts that were left alone because their sealed manifests name none of them."""
    fresh: tuple[str, ...] = field(default=(), metadata=LATER)
    """Where ``proof`` says ``differs``, from page 4 on: what the comparison made, as ``after``."""
    again: tuple[str, ...] = field(default=(), metadata=LATER)
    """Likewise of a second run of the comparison; empty where that came to no end."""
    weights: tuple[str, ...] = field(default=(), metadata=LATER)
    """Where the comparison was by what was learnt: the digest of that for each item there; ``fresh`` and ``again`` are such."""

    @property
    def varies(self) -> bool:
        """True when the comparison's two runs made different things."""
        return bool(self.again) and self.again != self.fresh

    def __post_init__(self) -> None:
        _require(bool(self.dataset and (self.before or self.stayed)), "a model without a name, or of which nothing was there")
        still = [digest for each in self.stayed for digest in each.contents]
        _require(all(_HEX.fullmatch(each) for each in still) and all(each.contents for each in self.stayed), "a digest is malformed")
        _require(all(each.sources for each in self.stayed), "a manifest that covers nothing clears nothing")
        _require(set(still).isdisjoint((*self.before, *self.after)), "an artefact both stayed and changed")
        _require(
            all(each.proof in (ComparisonResult.NOT_ASKED, ComparisonResult.EQUAL) for each in self.stayed),
            "what is not what its manifest makes cannot stay",
        )
        _require(bool(self.before) or not (self.after or self.figures or self.said), "nothing of it went, and something was made anew")
        _require(
            all(_HEX.fullmatch(each) for each in (*self.before, *self.after, *self.fresh, *self.again, *self.weights)),
            "a digest is malformed",
        )
        _require(self.proof is ComparisonResult.DIFFERS or not (self.fresh or self.again), "only a comparison that differs made another")
        _require(bool(self.fresh) or not self.again, "a second run without a first")
        _require(not self.fresh or self.fresh != (self.weights or self.after), "what differs is the same")
        compared = self.proof in (ComparisonResult.EQUAL, ComparisonResult.DIFFERS)
        _require(compared or not self.weights, "nothing was compared, by weights or otherwise")
        _require(self.proof is not ComparisonResult.EQUAL or bool(self.after), "nothing cannot be equal to a fresh training")
        _require(self.membership is None or bool(self.after), "nothing is left that could tell who was in it")


@dataclass(frozen=True)
class IssuingCompany:
    """The company that gives the receipt, as its map says."""

    name: str
    contact: str
    """Where people get help; empty where the map does not say."""
    complaints: str
    """Where people complain about the company; likewise."""

    def __post_init__(self) -> None:
        _require(bool(self.name), "an issuer without a name")


@dataclass(frozen=True)
class CopiesOutside:
    """Copies of a store that the map names and no step reaches, with the time after which they go."""

    store: str
    says: str
    """The map's own sentence: ``nightly backups of it, overwritten after 35 days``."""

    def __post_init__(self) -> None:
        _require(bool(self.store and self.says), "copies outside a store need the store and a sentence")


@dataclass(frozen=True)
class Tool:
    """The program that made the receipt."""

    name: str
    version: str
    page: int
    """Version of the template of the page for people; released templates stay."""


@dataclass(frozen=True)
class Receipt:
    """One order for one subject. Raises ValueError when its parts contradict each other."""

    order: OrderId
    order_kind: OrderKind
    commitment: str
    """Hex; see :mod:`expunge.core.evidence.commitment`."""
    verdict: Verdict
    times: ReceiptTimes
    datasets: tuple[DatasetEntry, ...]
    kept: tuple[KeptItems, ...]
    out_of_scope: tuple[str, ...]
    """Sentences: what this receipt says nothing about (backups until when, replicas, third parties, the disk below)."""
    valid_until: datetime
    """The next re-probe."""
    tool: Tool
    signer: str
    """Fingerprint of the signer's key; see :func:`expunge.core.values.signature.key_id`."""
    log: str
    """Origin of the log that it is entered in."""
    policy_digest: str
    """Hex SHA-256 of ``trust-policy.txt``."""
    plan_digest: PlanDigest
    nonce: bytes = field(repr=False)
    """32 random bytes; without them, whoever reads the log could try out receipts they imagine."""
    models: tuple[ModelEntry, ...] = field(default=(), metadata=LATER)
    """What was made from the person's data and changed, destroyed or made anew."""
    mentions: tuple[Mention, ...] = field(default=(), metadata=LATER)
    """Rows of other people that named the person."""
    shared_values: tuple[SharedValues, ...] = field(default=(), metadata=LATER)
    """Values in rows about nobody that stay."""
    map_digest: str = field(default="", metadata=LATER)
    """Hex SHA-256 of the operator's map, as the plan took it; from page 4 on."""
    unread: tuple[UnreadPlace, ...] = field(default=(), metadata=LATER)
    """Places that nothing accounts for: opaque, ignored and undeclared ones."""
    others_text: tuple[OthersText, ...] = field(default=(), metadata=LATER)
    """Items of other people that hold text which the person's data had as well."""
    orphaned: tuple[OrphanedItems, ...] = field(default=(), metadata=LATER)
    """Orphaned items: any of them may be of the person."""
    issuer: IssuingCompany | None = field(default=None, metadata=LATER)
    """The company that gives the receipt; from page 6 on, None where the map names none."""
    outside: tuple[CopiesOutside, ...] = field(default=(), metadata=LATER)
    """Copies of the stores that the map names; from page 6 on. They stand in ``out_of_scope`` as well."""
    reach: ReceiptReach | None = field(default=None, metadata=LATER)
    """The data that the order was about; required from page 7 on, and never there before."""
    approvals: tuple[PlanApproval, ...] = field(default=(), metadata=LATER)
    """The approvals of its plan, in the order in which they were entered; from page 8 on. Whether they hold, a verifier checks."""

    def __post_init__(self) -> None:
        _require(bool(self.order and self.log and self.tool.name and self.tool.version) and self.tool.page > 0, "an empty name")
        _require(all(map(_HEX.fullmatch, (self.commitment, self.policy_digest, self.plan_digest))), "a digest is malformed")
        _require(not self.map_digest or _HEX.fullmatch(self.map_digest) is not None, "a digest is malformed")
        _require(_FINGERPRINT.fullmatch(self.signer) is not None, "the signer's fingerprint is malformed")
        _require(len(self.nonce) == NONCE_SIZE, "the nonce is not 32 bytes")
        _require(bool(self.out_of_scope) and all(self.out_of_scope), "a receipt that does not say what is out of scope is a bug")
        _require(bool(self.datasets), "a receipt about no dataset says nothing")
        names = {dataset.dataset for dataset in self.datasets}
        _require(len(names) == len(self.datasets), "a dataset is listed twice")
        _require(names.issuperset(each.dataset for each in self.kept), "something is kept in a dataset that is not listed")
        kept = {dataset.dataset for dataset in self.datasets if dataset.outcome is Result.KEPT}
        _require(kept.issubset(each.dataset for each in self.kept), "a kept dataset does not say on which ground")
        _require(self.verdict is verdict_of(self.datasets, self.kept), "the verdict contradicts the list of datasets")
        _require(
            self.times.erased is not None or not any(dataset.outcome is Result.ERASED for dataset in self.datasets), "erased, but not when"
        )
        _require(
            self.times.verified is not None or not any(dataset.outcome is Result.ERASED for dataset in self.datasets),
            "erased, but not verified",
        )
        places = [(each.dataset, each.column, each.act) for each in self.mentions]
        _require(len(set(places)) == len(places), "a mention is listed twice")
        sharing = [each.dataset for each in self.shared_values]
        _require(len(set(sharing)) == len(sharing), "shared values of a dataset are listed twice")
        quoting = [each.dataset for each in self.others_text]
        _require(len(set(quoting)) == len(quoting), "text of others is listed twice for a dataset")
        lost = [each.dataset for each in self.orphaned]
        _require(len(set(lost)) == len(lost), "orphaned items of a dataset are listed twice")
        _require(
            (self.tool.page >= _SAYS_REACH) == (self.reach is not None),
            "the reach of the order belongs to page 7 and later, and to those alone",
        )
        _require(self.tool.page >= _HAS_APPROVALS or not self.approvals, "approvals belong to page 8 and later")
        _require(all(len(set(each)) == len(self.approvals) for each in self._who_approved), "one person approved twice")
        of_a_class = self.order_kind in OF_A_CLASS
        _require(self.reach is None or (self.reach is ReceiptReach.CLASS) == of_a_class, "the reach contradicts the kind of the order")
        blocked = blocking(self.unread)
        gone = {each.store for each in self.datasets if each.scan is not None and each.scan.verdict is ScanVerdict.GONE}
        _require(not blocked & gone, "a scan says gone, and a place of its store holds what nobody could read and nobody declared")
        made = [model.dataset for model in self.models]
        _require(len(set(made)) == len(made) and names.issuperset(made), "a model is listed twice, or in no dataset")
        doubted = {model.dataset for model in self.models if model.membership is not None and model.membership.open}
        unable = {dataset.dataset for dataset in self.datasets if dataset.outcome is Result.UNABLE}
        _require(doubted <= unable, "a model from which somebody can still be told reads as done, and nobody looked at it")
        if self.tool.page >= _DIFFERENCES_COUNT:
            other = {model.dataset: model.fresh for model in self.models if model.proof is ComparisonResult.DIFFERS}
            _require(all(other.values()), "a comparison differs, and does not say what it made")
            _require(other.keys() <= unable, "a model that differs from a training without the person reads as done")
        _require(self.valid_until >= (self.times.verified or self.times.fenced), "it ends before it begins")

    @property
    def _who_approved(self) -> tuple[list[str], list[str]]:
        return [each.approver for each in self.approvals], [each.key for each in self.approvals]

    @property
    def stays_with_others(self) -> bool:
        """True when data of other people, or about nobody, that stays holds something that was the person's as well."""
        named = any(each.act is MentionAct.KEEP for each in self.mentions)
        return named or bool(self.shared_values or self.others_text)

    @property
    def sampled(self) -> tuple[str, ...]:
        """The stores of which a sample was read, and no more."""
        return tuple(sorted({each.store for each in self.datasets if each.scan is not None and each.scan.mode is ScanMode.SAMPLE}))


def verdict_of(datasets: Iterable[DatasetEntry], kept: Iterable[KeptItems]) -> Verdict:
    """The only verdict that the entries allow: partial never reads as done."""
    return Verdict.FULFILLED if all(dataset.done for dataset in datasets) and not tuple(kept) else Verdict.IN_PART


def build(receipt: Receipt) -> bytes:
    """The statement: canonical JSON, the same bytes for the same values. Raises ValueError for times that are not whole seconds."""
    predicate = to_json(receipt)
    assert isinstance(predicate, dict)
    subject: Json = [{"digest": {"sha256": predicate.pop("commitment")}, "name": predicate.pop("order")}]
    return canonical.encode({"_type": STATEMENT_TYPE, "predicate": predicate, "predicateType": PREDICATE_TYPE, "subject": subject})


def build_for_all(like: Receipt, people: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield statements that differ in commitment and nonce alone: each equals :func:`build` of ``like`` with these two put in.

    Args:
        like: the shared content; its own commitment and nonce are not used.
        people: commitment (hex) and nonce (32 bytes) each.

    Raises:
        ValueError: as :func:`build`, and for a malformed commitment or nonce.
    """
    # No text inside the JSON can look like these: a quotation mark in a string is escaped.
    nonce, digest = f'"nonce":"{b64.encode(like.nonce)}"'.encode(), f'"sha256":"{like.commitment}"'.encode()
    before, _, rest = build(like).partition(nonce)
    between, _, after = rest.partition(digest)
    for commitment, random in people:
        _require(_HEX.fullmatch(commitment) is not None, "a digest is malformed")
        _require(len(random) == NONCE_SIZE, "the nonce is not 32 bytes")
        yield b'%b"nonce":"%b"%b"sha256":"%b"%b' % (before, b64.encode(random).encode(), between, commitment.encode(), after)


def parse(statement: bytes) -> Receipt:
    """Read a statement. Raises EvidenceInvalid unless :func:`build` of its content gives the same bytes."""
    match canonical.decode(statement):
        case {
            "predicate": dict(predicate),
            "predicateType": str(kind),
            "subject": [{"digest": {"sha256": str(commitment)}, "name": str(order)}],
        } if kind == PREDICATE_TYPE:
            values: dict[str, Json] = {**predicate, "commitment": commitment, "order": order}
        case _:
            raise EvidenceInvalid("not a receipt of the form this tool issues", help="see docs/spec/receipt.md")
    receipt: Receipt = from_json(Receipt, values, "receipt")
    if build(receipt) != statement:
        raise EvidenceInvalid("the receipt has fields that do not belong there")
    return receipt


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
