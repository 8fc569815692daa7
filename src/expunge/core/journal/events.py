"""The events of an order, as values. Events hold pseudonyms, commitments and counts: no identifier, no content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, get_args

from expunge.core.accounts.family_events import FamilyEvent
from expunge.core.accounts.staff_events import StaffEvent
from expunge.core.consent.consent_events import ConsentEvent
from expunge.core.consent.consent_request_events import AskingEvent
from expunge.core.consent.use_records import UseRecordEvent
from expunge.core.discovery.discovery import PlacesSearched
from expunge.core.disgorgement.disgorgement_events import DisgorgementEvent
from expunge.core.journal.access_tokens import TokenEvent
from expunge.core.journal.epoch_events import EpochEvent
from expunge.core.journal.export_events import ExportEvent
from expunge.core.journal.finding_events import FindingEvent
from expunge.core.journal.incident_events import IncidentEvent
from expunge.core.journal.ledger_events import LedgerEvent
from expunge.core.journal.notice_events import NoticeEvent
from expunge.core.journal.opening_events import OpeningEvent
from expunge.core.journal.policy_events import PolicyEvent
from expunge.core.journal.posting_events import PostingEvent
from expunge.core.journal.recipient_ledger import RecipientEvent
from expunge.core.journal.reminder_events import ReminderEvent
from expunge.core.journal.review_events import ReviewEvent
from expunge.core.journal.thread_events import ThreadEvent
from expunge.core.lineage.observations import LineageEvent
from expunge.core.models.model_outcomes import ArtefactRemade, RemadeEvent
from expunge.core.retention.inactivity import IdleEvent
from expunge.core.retention.own_periods import OwnPeriodEvent
from expunge.core.retention.public_claims import ClaimEvent
from expunge.core.values import canonical, codec, tags
from expunge.core.values.cause import Cause, cause_from_words
from expunge.core.values.hold import Hold
from expunge.core.values.ids import IdempotencyKey, OrderId, PlanDigest, Pseudonym, StepId
from expunge.core.values.order import OrderKind, OrderState
from expunge.core.values.outcome import Outcome
from expunge.core.values.scope import Reach
from expunge.core.values.tags import tagged
from expunge.errors import StateCorrupt


@tagged("Received", upgrade=cause_from_words)
@dataclass(frozen=True)
class Received:
    """Commit point of intake: from here on we owe these people."""

    at: datetime
    order: OrderId
    kind: OrderKind
    subjects: tuple[Pseudonym, ...]
    commitments: tuple[str, ...]
    """One per subject, base64: opens with the 32 bytes that the person was given."""
    channel: str
    """How it came in: ``cli``, ``library``, ``sweep``."""
    cause: Cause
    """Why the order exists."""
    requester: str
    """Name of the operator who entered it (a name under ``approvers:``, where they are one); empty when nobody said."""
    earliest: datetime
    """End of the cooling-off time: no erase before it."""
    follows: OrderId | None
    """The order that this one takes up again because data came back."""
    scope: Reach | None = None
    """How far it reaches; None means everything of its people, who are then suppressed as well."""


@tagged("Fenced")
@dataclass(frozen=True)
class Fenced:
    """The subjects are suppressed, unless the order has a scope, and the published snapshot contains them."""

    at: datetime


@tagged("Planned")
@dataclass(frozen=True)
class Planned:
    """A plan was made; it replaces any earlier one and voids its approvals."""

    at: datetime
    digest: PlanDigest
    plan: str
    """The plan's canonical bytes, as text."""
    expected: Mapping[str, int]
    """Dataset -> items that were located when the plan was made (not part of the digest)."""


@tagged("Approved")
@dataclass(frozen=True)
class Approved:
    """An approver signed the digest."""

    at: datetime
    digest: PlanDigest
    approver: str
    signature: str
    """Base64 of an Ed25519 signature over ``expunge approval/1 <order> <digest>``, or a passkey's answer about the same; empty where the
    map named no approver."""
    key: str = ""
    """The text of the key that it holds by, as the map had it; empty in journals from before passkeys approved."""


@tagged("RoundStarted")
@dataclass(frozen=True)
class RoundStarted:
    """``apply`` began, or began again after the order had ended in part."""

    at: datetime
    round: int
    cohort: tuple[OrderId, ...] = ()
    """The orders that share this round's steps, the one that leads first; empty for an order that goes alone."""


@tagged("Queued")
@dataclass(frozen=True)
class Queued:
    """The order may wait for others, to share the rewriting of tables and files with them."""

    at: datetime
    latest: datetime
    """When it is carried out at the latest; now, for one in a hurry."""


@tagged("Unqueued")
@dataclass(frozen=True)
class Unqueued:
    """It could not be started when it was due. An operator has to look and queue it again."""

    at: datetime
    why: str


@tagged("StepIntended")
@dataclass(frozen=True)
class StepIntended:
    """Written before the act. Crash after this: the outcome is unknown until it is looked at."""

    at: datetime
    step: StepId
    attempt: int
    key: IdempotencyKey
    token: int = 0
    """Fencing token of the lease under which it is taken; 0 where one process runs orders."""


@tagged("Located")
@dataclass(frozen=True)
class Located:
    """The number of items of each dataset for each subject, found at the beginning of a round."""

    at: datetime
    items: Mapping[str, Mapping[str, int]]
    """Dataset -> subject -> items to be erased."""
    kept: Mapping[str, Mapping[str, int]]
    """Dataset -> subject -> items that stay on purpose."""


@tagged("StepEnded")
@dataclass(frozen=True)
class StepEnded:
    """Written after the act."""

    at: datetime
    step: StepId
    attempt: int
    outcomes: Mapping[str, Mapping[str, Outcome]]
    """Dataset -> subject -> outcome; for ``purge`` the one entry ``*`` -> ``*``."""
    counts: Mapping[str, int]
    """Step-specific figures: files and bytes scanned, traces taken, usable, found, controls."""


@tagged("Judged")
@dataclass(frozen=True)
class Judged:
    """The verdict of probe and scan on one store; written together with the end of its verify step."""

    at: datetime
    store: str
    entries: str
    """Canonical JSON: subject -> entries for the receipt, as text."""


@tagged("ReceiptStated")
@dataclass(frozen=True)
class ReceiptStated:
    """The statement's bytes are fixed before they are signed, so that a crash cannot lead to two different receipts."""

    at: datetime
    subject: Pseudonym
    statement: str
    leaf: str
    """Hex SHA-256 leaf hash in the log."""
    log_size: int
    """Size of the log before: where to look for the leaf after a crash."""


@tagged("ReceiptLogged")
@dataclass(frozen=True)
class ReceiptLogged:
    """The leaf is in the log under a published checkpoint."""

    at: datetime
    subject: Pseudonym
    index: int
    size: int
    root: str


@tagged("Ended")
@dataclass(frozen=True)
class Ended:
    """The order reached an end state, with the reasons where it is not a full one."""

    at: datetime
    state: OrderState
    reasons: tuple[str, ...]
    final: bool
    """Nothing is left that this order could still erase: its key dies now."""


@tagged("KeyDestroyed")
@dataclass(frozen=True)
class OrderKeyDestroyed:
    """The order's key is gone. Identifiers sealed under it can never be read again."""

    at: datetime


@tagged("TracesEnded")
@dataclass(frozen=True)
class TracesEnded:
    """The traces' end date came: trace key and contact key are gone."""

    at: datetime


@tagged("Reverified")
@dataclass(frozen=True)
class Reverified:
    """A later look with the kept traces."""

    at: datetime
    found: int
    usable: int


@tagged("Cancelled")
@dataclass(frozen=True)
class Cancelled:
    """Cancelled before anything was erased; the fence is lifted."""

    at: datetime
    reason: str


@tagged("Extended")
@dataclass(frozen=True)
class Extended:
    """The person was told that the order takes longer, and why: clocks that allow an extension run on."""

    at: datetime
    reason: str


@tagged("Reopened")
@dataclass(frozen=True)
class Reopened:
    """Data came back; the follow-up order erases it again."""

    at: datetime
    by: OrderId | None


@tagged("HoldPlaced")
@dataclass(frozen=True)
class HoldPlaced:
    """A hold was placed. Register ``holds``."""

    at: datetime
    hold: Hold


@tagged("HoldEnded")
@dataclass(frozen=True)
class HoldEnded:
    """A hold was lifted before its date. Register ``holds``."""

    at: datetime
    hold_id: str
    reason: str


@tagged("HoldStated")
@dataclass(frozen=True)
class HoldStated:
    """The outcome of the held items was stated, after the hold had ended. Register ``holds``."""

    at: datetime
    hold_id: str
    by: str
    """Who signed the statement."""
    digest: str
    """Hex SHA-256 of its file."""


@tagged("Suppressed")
@dataclass(frozen=True)
class Suppressed:
    """Identities were suppressed: no pipeline may use them. Register ``suppressions``."""

    at: datetime
    order: OrderId
    pseudonyms: tuple[str, ...]
    gate_entries: tuple[str, ...]
    """Hex, of ``gate_entry``."""
    gate_format: int = 1
    """1: entries of ``former_entry``, as they were made before format 2 of the snapshot."""


@tagged("Unsuppressed")
@dataclass(frozen=True)
class Unsuppressed:
    """Identities are no longer suppressed: an order was cancelled. Register ``suppressions``."""

    at: datetime
    order: OrderId


@tagged("Linked")
@dataclass(frozen=True)
class Linked:
    """The links to rows of the order's people were marked, so that such a row is known again without its link. Register ``suppressions``.

    Keyed fingerprints of 8 bytes (:func:`expunge.core.values.ids.link_mark`), in base64, sorted.
    """

    at: datetime
    order: OrderId
    marks: Mapping[str, str]
    """Subject -> marks."""


@tagged("Restored")
@dataclass(frozen=True)
class Restored:
    """A store was put back from a backup and cleaned again. Register ``restorals``."""

    at: datetime
    store: str
    orders: tuple[OrderId, ...]
    """Those that erased again whoever came back."""
    clean: bool


@tagged("RollbackAccepted")
@dataclass(frozen=True)
class RollbackAccepted:
    """A person decided to go on with a journal that had been put back from an older copy. Register ``rollbacks``."""

    at: datetime
    by: str
    reason: str
    orders: tuple[str, ...]
    """Ids of orders, or of orders with later rounds, that the copy had forgotten."""
    gate_entries: tuple[str, ...]
    """Hex, of the gate's snapshot: whom it refused, and the copy had forgotten. They stay refused."""
    log_size: int
    """Entries of the log."""


OrderEvent: TypeAlias = (
    Received
    | Fenced
    | Planned
    | Approved
    | Queued
    | Unqueued
    | RoundStarted
    | StepIntended
    | Located
    | StepEnded
    | Judged
    | ReceiptStated
    | ReceiptLogged
    | Ended
    | ArtefactRemade
    | OrderKeyDestroyed
    | TracesEnded
    | Reverified
    | Cancelled
    | Extended
    | Reopened
)
RegisterEvent: TypeAlias = (
    HoldPlaced
    | HoldEnded
    | HoldStated
    | Suppressed
    | Unsuppressed
    | Linked
    | Restored
    | RollbackAccepted
    | ConsentEvent
    | AskingEvent
    | LineageEvent
    | TokenEvent
    | DisgorgementEvent
    | RecipientEvent
    | IdleEvent
    | RemadeEvent
    | ClaimEvent
    | PlacesSearched
    | LedgerEvent
    | UseRecordEvent
    | OpeningEvent
    | ExportEvent
    | EpochEvent
    | StaffEvent
    | FamilyEvent
    | PostingEvent
    | ReminderEvent
    | OwnPeriodEvent
    | ThreadEvent
    | NoticeEvent
    | ReviewEvent
    | PolicyEvent
    | FindingEvent
    | IncidentEvent
)
Event: TypeAlias = OrderEvent | RegisterEvent

_KINDS: dict[str, type] = {tags.tag_of(arg): arg for arg in get_args(Event)}


def encode(event: Event) -> bytes:
    """Canonical bytes of one event, as journalled."""
    return canonical.encode(codec.to_json(event))


def decode(data: bytes) -> Event:
    """Read one journalled event. Raises StateCorrupt for anything that :func:`encode` did not write."""
    value = canonical.decode(data)
    name = value.get(tags.IS) if isinstance(value, dict) else None
    kind = _KINDS.get(str(name))
    if kind is None:
        message = "unknown event in the journal"
        raise StateCorrupt(message, help="it was written by a newer version; use that version")
    event: Event = codec.from_json(kind, value)
    return event
