"""Decisions about staff, as values, and the rules by which each is taken or refused.

A decision has a canonical form. An employee's device signs it before the keeper takes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

from expunge.core.accounts import staff_events as ev
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.staff import CONFLICTS, RIGHTS, JobFunction, StaffRight
from expunge.core.accounts.staff_events import ByStaff, StaffActor, StaffReason
from expunge.core.accounts.staff_state import Staff, StaffAccount, StaffStanding
from expunge.core.values import canonical, codec
from expunge.core.values.tags import tagged
from expunge.errors import AlreadyThere, DecisionRefused, EvidenceInvalid, Refused, StateCorrupt, UsageError

if TYPE_CHECKING:
    from uuid import UUID

LINK_LASTS = timedelta(hours=72)
DECISION = "decision"
"""The detail of an ask that holds the hex SHA-256 of the decision about staff that it is for."""
LONGEST_LABEL = 40
"""Characters."""
_LABEL = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_REFERENCE = re.compile(r"[A-Z][A-Z0-9]{1,9}-[0-9]{1,9}")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


class StaffRule(StrEnum):
    """The rules by which a decision is refused."""

    NO_RIGHT = "no-right"
    """Who decides does not have the right that it takes."""
    OWN_RIGHTS = "own-rights"
    NOT_ENROLLED = "not-enrolled"
    NOT_OF_FUNCTION = "not-of-function"
    """The job function does not need the right."""
    HAS_IT = "has-it"
    LACKS_IT = "lacks-it"
    NO_LINK = "no-link"
    NOT_IN_USE = "not-in-use"
    """Only what is enrolled and not suspended can be suspended."""
    IN_USE = "in-use"
    """Only what is suspended or idle can be restored."""
    NO_EQUIVALENCE = "no-equivalence"
    NOTHING_HELD = "nothing-held"
    """There is no right that could be confirmed."""
    SECOND_PERSON = "second-person"
    CONFLICT = "conflict"
    LAST_ADMINISTRATOR = "last-administrator"
    NO_KEY_WAITS = "no-key-waits"
    """No passkey of the account waits to be confirmed."""
    NO_KEY = "no-key"
    KEYS_DIFFER = "keys-differ"
    CHANGED = "changed"
    """Another decision about the account came between."""


@tagged("InviteStaff")
@dataclass(frozen=True)
class InviteStaff:
    """Make an account for a person."""

    label: str
    function: JobFunction
    user: str = ""


@tagged("WithdrawInvitation")
@dataclass(frozen=True)
class WithdrawInvitation:
    """Have a link open nothing any more."""

    account: str


@tagged("GrantRights")
@dataclass(frozen=True)
class GrantRights:
    """Grant rights for a job function."""

    account: str
    function: JobFunction
    rights: tuple[StaffRight, ...]
    reason: StaffReason
    reference: str = ""


@tagged("RevokeRights")
@dataclass(frozen=True)
class RevokeRights:
    """Revoke rights of a job function."""

    account: str
    function: JobFunction
    rights: tuple[StaffRight, ...]
    reason: StaffReason
    reference: str = ""


@tagged("SuspendStaff")
@dataclass(frozen=True)
class SuspendStaff:
    """Have an account do nothing until it is restored."""

    account: str
    reason: StaffReason
    reference: str = ""


@tagged("RestoreStaff")
@dataclass(frozen=True)
class RestoreStaff:
    """Restore an account that is suspended or idle."""

    account: str
    reason: StaffReason
    reference: str = ""


@tagged("ConfirmRights")
@dataclass(frozen=True)
class ConfirmRights:
    """Decide of each right of a job function whether it is kept or revoked."""

    account: str
    function: JobFunction
    kept: tuple[StaffRight, ...]
    revoked: tuple[StaffRight, ...]
    reason: StaffReason
    reference: str = ""


@tagged("EndEquivalence")
@dataclass(frozen=True)
class EndEquivalence:
    """End an equivalence before its date."""

    account: str


@tagged("ConfirmKeys")
@dataclass(frozen=True)
class ConfirmKeys:
    """Say that the passkeys of an account are those whose fingerprints its holder read out."""

    account: str
    fingerprints: tuple[str, ...]
    """Each in its one form; see :func:`expunge.core.accounts.fingerprints.read_fingerprint`."""


StaffAct: TypeAlias = (
    InviteStaff
    | WithdrawInvitation
    | GrantRights
    | RevokeRights
    | SuspendStaff
    | RestoreStaff
    | ConfirmRights
    | EndEquivalence
    | ConfirmKeys
)


@dataclass(frozen=True)
class NewLink:
    """The random parts of an invitation."""

    account: str
    digest: str


def encode(act: StaffAct) -> bytes:
    """Return the canonical bytes of a decision."""
    return canonical.encode(codec.to_json(act))


def ask_for(decision: bytes, account: UUID) -> Ask:
    """Return the ask by which an account of staff confirms a decision, given what :func:`encode` returned."""
    return Ask(AskKind.CHANGE_OF_RIGHTS, account, details=((DECISION, sha256(decision).hexdigest()),))


def decode(data: bytes) -> StaffAct:
    """Read what :func:`encode` wrote. Raises UsageError for anything else."""
    try:
        act: StaffAct = codec.from_json(StaffAct, canonical.decode(data))
    except (EvidenceInvalid, StateCorrupt) as error:
        raise UsageError("this is no decision about staff", help="ask with the same version of Expunge as the keeper runs") from error
    return act


def decide(
    staff: Staff,
    act: StaffAct,
    by: StaffActor,
    now: datetime,
    link: NewLink | None = None,
    keys: frozenset[str] = frozenset(),
) -> ev.StaffEvent:
    """Return the event of a decision that the rules allow.

    Args:
        staff: the register as it is.
        act: the decision.
        by: who decides.
        now: the time.
        link: the random parts, for an invitation.
        keys: the fingerprints of the account's passkeys that count, for a decision about them.

    Raises:
        UsageError: it names an account, a right, a label or a reference that is none.
        Refused: who decides may not, or the rules forbid it.
    """
    _require_right(staff, act, by, now)
    if isinstance(act, InviteStaff):
        return _invite(staff, act, by, now, link)
    account = _account(staff, act.account)
    if not isinstance(act, WithdrawInvitation) and staff.same_person(by, account):
        raise _refused(StaffRule.OWN_RIGHTS, "an account does not decide about its own rights", "another person has to decide this")
    _require_reference(getattr(act, "reference", ""))
    event: ev.StaffEvent
    match act:
        case WithdrawInvitation():
            event = _withdraw(account, by, now)
        case GrantRights():
            event = _grant(staff, account, act, by, now)
        case RevokeRights():
            event = _revoke(staff, account, act, by, now)
        case SuspendStaff():
            event = _suspend(staff, account, act, by, now)
        case RestoreStaff():
            event = _restore(account, act, by, now)
        case ConfirmRights():
            event = _confirm(staff, account, act, by, now)
        case EndEquivalence():
            event = _end_equivalence(account, by, now)
        case ConfirmKeys():
            event = _confirm_keys(account, act, by, now, keys)
    return event


def first_link(staff: Staff, by: StaffActor, now: datetime, link: NewLink) -> ev.StaffInvited:
    """Return the invitation of the first administrator, which takes the place of an earlier one.

    Raises Refused once a person is enrolled.
    """
    if staff.begun:
        message = "the first administrator is enrolled, so that there is no first link any more"
        raise Refused(message, help="an administrator invites others, and so does `expunge staff invite` on this machine")
    function = JobFunction.ADMINISTRATOR
    rights = tuple(sorted(RIGHTS[function]))
    return ev.StaffInvited(now, link.account, "first-administrator", function, rights, by, link.digest, now + LINK_LASTS, "", first=True)


def enrol(staff: Staff, digest: str, claim: str, now: datetime, *, keyed: bool = False) -> tuple[str, ev.StaffEnrolled | None]:
    """Return the account of a link, and the event of its use; no event where this use is in the register already.

    Args:
        staff: the register.
        digest: hex SHA-256 of the link's secret.
        claim: hex SHA-256 of what the caller calls this use.
        now: the time.
        keyed: whether a passkey is enrolled with it.

    Raises Refused for a link that is not known, was used, was withdrawn or has ended.
    """
    account = staff.accounts.get(staff.by_digest.get(digest, ""))
    if account is None:
        raise Refused(LINK_UNKNOWN, help=_ASK)
    if account.enrolled is not None and account.claim == claim:
        return account.id, None
    if account.invited.first and staff.begun:
        raise Refused(FIRST_ENROLLED, help="ask that administrator for a link of your own")
    if account.enrolled is not None:
        raise Refused(LINK_USED, help=f"{_ASK}; if it was not you who used it, say so at once")
    if account.withdrawn:
        raise Refused(LINK_WITHDRAWN, help=_ASK)
    if account.standing(now) is not StaffStanding.INVITED:
        raise Refused(LINK_ENDED, help=_ASK)
    inviter = account.invited.by
    if isinstance(inviter, ByStaff) and not staff.may(inviter.account, StaffRight.MANAGE_STAFF, now):
        raise Refused(INVITER_GONE, help=_ASK)
    return account.id, ev.StaffEnrolled(now, account.id, claim, keyed)


_ASK = "ask for a new link"
LINK_UNKNOWN = "the link is not known"
FIRST_ENROLLED = "the first administrator is enrolled already"
LINK_USED = "the link was used already"
LINK_WITHDRAWN = "the link was withdrawn, or gave way to a newer one"
LINK_ENDED = "the link has ended: it works for 72 hours"
INVITER_GONE = "the account that sent the link may invite no more"


def needed(act: StaffAct) -> StaffRight:
    """Return the right that a decision takes."""
    return StaffRight.CONFIRM_RIGHTS if isinstance(act, ConfirmRights) else StaffRight.MANAGE_STAFF


def _require_right(staff: Staff, act: StaffAct, by: StaffActor, now: datetime) -> None:
    """Raise Refused for an account without the right. The command line of the installation needs none: its user has the keys."""
    right = needed(act)
    if isinstance(by, ByStaff) and not staff.may(by.account, right, now):
        message = f"this takes the right {right.value}, and the account does not have it now"
        raise _refused(StaffRule.NO_RIGHT, message, "an administrator grants rights; `expunge staff list` shows who has which", right)


def _account(staff: Staff, name: str) -> StaffAccount:
    account = staff.accounts.get(name)
    if account is None:
        raise UsageError("there is no account of that id", help="`expunge staff list` shows them")
    return account


def _invite(staff: Staff, act: InviteStaff, by: StaffActor, now: datetime, link: NewLink | None) -> ev.StaffInvited:
    if not is_label(act.label):
        message = f"a label is up to {LONGEST_LABEL} lower-case letters, digits and single hyphens"
        raise UsageError(message, help="name the desk or the duty, never the person: night-desk-2")
    if act.user and not _USER.fullmatch(act.user):
        raise UsageError("that is no name of an account of the operating system", help="`id -un` prints one's own")
    if any(each.label == act.label and _lives(each, now) for each in staff.accounts.values()):
        raise AlreadyThere("an account with that label has rights, or is invited", help="choose another label")
    if link is None:
        raise ValueError("an invitation needs the random parts of a link")
    rights = tuple(sorted(RIGHTS[act.function]))
    event = ev.StaffInvited(now, link.account, act.label, act.function, rights, by, link.digest, now + LINK_LASTS, act.user, first=False)
    _require_no_conflict(staff, StaffAccount(link.account, act.label, act.user, event), frozenset(rights), now)
    return event


def _lives(account: StaffAccount, now: datetime) -> bool:
    return account.standing(now) is StaffStanding.INVITED or bool(account.grants)


def _grant(staff: Staff, account: StaffAccount, act: GrantRights, by: StaffActor, now: datetime) -> ev.RightsChanged:
    if account.enrolled is None:
        raise _refused(
            StaffRule.NOT_ENROLLED, "the account is not enrolled", "withdraw the link and invite again, with the right job function"
        )
    _require_some(act.rights)
    alien = frozenset(act.rights) - RIGHTS[act.function]
    if alien:
        message = f"the job function {act.function.value} does not need {', '.join(sorted(alien))}"
        raise _refused(StaffRule.NOT_OF_FUNCTION, message, f"it needs {', '.join(sorted(RIGHTS[act.function]))}", *alien)
    known = account.held_against(act.function, now).intersection(act.rights)
    if known:
        message = f"the account has {', '.join(sorted(known))} already"
        raise _refused(StaffRule.HAS_IT, message, "`expunge staff confirm` says that a right is still needed", *known)
    _require_no_conflict(staff, account, frozenset(act.rights), now)
    return ev.RightsChanged(now, account.id, act.function, tuple(sorted(act.rights)), True, by, act.reason, act.reference)  # noqa: FBT003


def _revoke(staff: Staff, account: StaffAccount, act: RevokeRights, by: StaffActor, now: datetime) -> ev.RightsChanged:
    _require_some(act.rights)
    lacks = sorted(right for right in act.rights if (act.function, right) not in account.grants)
    if lacks:
        message = f"the account does not have {', '.join(lacks)} as {act.function.value}"
        raise _refused(StaffRule.LACKS_IT, message, "`expunge staff list` shows what it has", *lacks)
    _require_administrator_left(staff, account, act.rights, now)
    return ev.RightsChanged(now, account.id, act.function, tuple(sorted(act.rights)), False, by, act.reason, act.reference)  # noqa: FBT003


def _suspend(staff: Staff, account: StaffAccount, act: SuspendStaff, by: StaffActor, now: datetime) -> ev.StaffSuspended:
    if account.standing(now) not in (StaffStanding.ACTIVE, StaffStanding.IDLE):
        message = "the account cannot be suspended: it is not enrolled, or is suspended"
        raise _refused(StaffRule.NOT_IN_USE, message, "`expunge staff list` shows how it stands")
    _require_administrator_left(staff, account, (StaffRight.MANAGE_STAFF,), now)
    return ev.StaffSuspended(now, account.id, by, act.reason, act.reference)


def _withdraw(account: StaffAccount, by: StaffActor, now: datetime) -> ev.InvitationWithdrawn:
    if account.standing(now) is not StaffStanding.INVITED:
        raise _refused(StaffRule.NO_LINK, "the account has no link that still works", "`expunge staff list` shows what it has")
    return ev.InvitationWithdrawn(now, account.id, by)


def _restore(account: StaffAccount, act: RestoreStaff, by: StaffActor, now: datetime) -> ev.StaffRestored:
    if account.standing(now) not in (StaffStanding.SUSPENDED, StaffStanding.IDLE):
        raise _refused(StaffRule.IN_USE, "the account is neither suspended nor idle", "`expunge staff list` shows how it stands")
    return ev.StaffRestored(now, account.id, by, act.reason, act.reference)


def _end_equivalence(account: StaffAccount, by: StaffActor, now: datetime) -> ev.EquivalenceEnded:
    if account.equivalent(now) is None:
        raise _refused(StaffRule.NO_EQUIVALENCE, "no equivalence holds for the account", "`expunge staff list` shows which do")
    return ev.EquivalenceEnded(now, account.id, by)


def _confirm_keys(account: StaffAccount, act: ConfirmKeys, by: StaffActor, now: datetime, keys: frozenset[str]) -> ev.StaffKeysConfirmed:
    if account.enrolled is None or not (account.awaits_key or keys - account.keys):
        message = "no passkey of the account awaits to be confirmed"
        raise _refused(StaffRule.NO_KEY_WAITS, message, "`expunge staff list` shows which accounts wait")
    if not keys:
        help_ = "the person opens the link and enrols one, and reads its fingerprint to you"
        raise _refused(StaffRule.NO_KEY, "the account has no passkey yet", help_)
    if not act.fingerprints or frozenset(act.fingerprints) != keys:
        message = f"these are not the fingerprints of the account's passkeys, of which it has {len(keys)}"
        help_ = "compare all of them with the person once more; where they differ, suspend the account and invite the person again"
        raise _refused(StaffRule.KEYS_DIFFER, message, help_)
    return ev.StaffKeysConfirmed(now, account.id, tuple(sorted(keys)), by)


def _confirm(staff: Staff, account: StaffAccount, act: ConfirmRights, by: StaffActor, now: datetime) -> ev.RightsConfirmed:
    held = account.held_against(act.function, now)
    kept, revoked = frozenset(act.kept), frozenset(act.revoked)
    if not held:
        message = f"the account has no right as {act.function.value} that could be confirmed"
        raise _refused(StaffRule.NOTHING_HELD, message, "a right that has lapsed is granted anew: `expunge staff grant`")
    if kept | revoked != held or kept & revoked:
        message = f"each right has to be kept or revoked, and these are {', '.join(sorted(held))}"
        raise UsageError(message, help="name each one once: --keep RIGHT or --revoke RIGHT; --keep all keeps every one")
    awaited = [each for each in account.grants.values() if each.function is act.function and each.right in kept and each.awaited]
    if any(isinstance(each.by, ByStaff) and staff.same_person(by, staff.accounts[each.by.account]) for each in awaited):
        message = "a second person confirms what the first one granted"
        raise _refused(StaffRule.SECOND_PERSON, message, "another person who may confirm rights has to decide this")
    _require_administrator_left(staff, account, act.revoked, now)
    return ev.RightsConfirmed(
        now, account.id, act.function, tuple(sorted(kept)), tuple(sorted(revoked)), by, act.reason, act.reference
    )  # fmt: skip


def _require_no_conflict(staff: Staff, account: StaffAccount, more: frozenset[StaffRight], now: datetime) -> None:
    """Raise Refused where one person would hold two rights that are to be held by two."""
    has = more.union(
        account.promised(now) if account.id in staff.accounts else (), *(each.promised(now) for each in staff.of_person(account))
    )
    for pair in sorted(map(sorted, CONFLICTS)):
        if has.issuperset(pair) and more.intersection(pair):
            message = f"one person may not have both {pair[0]} and {pair[1]}"
            raise _refused(StaffRule.CONFLICT, message, "revoke the other one first, or choose another person", *pair)


def _require_administrator_left(staff: Staff, account: StaffAccount, rights: tuple[StaffRight, ...], now: datetime) -> None:
    if StaffRight.MANAGE_STAFF in rights and staff.administrators(now) == {account.id}:
        message = "this is the last account that may manage staff"
        raise _refused(StaffRule.LAST_ADMINISTRATOR, message, "enrol another administrator first")


def _require_some(rights: tuple[StaffRight, ...]) -> None:
    if not rights or len(set(rights)) != len(rights):
        raise UsageError("name each right once, and at least one", help="`expunge staff functions` shows the rights of each job function")


def _refused(rule: StaffRule, message: str, help_: str, *rights: StaffRight) -> DecisionRefused:
    return DecisionRefused(message, help=help_, reason=" ".join((rule.value, *sorted(rights))))


def is_label(label: str) -> bool:
    """Return whether a text can be the label of an account."""
    return bool(_LABEL.fullmatch(label)) and len(label) <= LONGEST_LABEL


def is_reference(reference: str) -> bool:
    """Return whether a text is the key of a ticket or a document."""
    return bool(_REFERENCE.fullmatch(reference))


def require_unchanged(staff: Staff, act: StaffAct, changes: int) -> None:
    """Raise DecisionRefused where more was decided about the account of a decision than who decides has seen.

    Args:
        staff: the register as it is.
        act: the decision.
        changes: :attr:`expunge.core.accounts.staff_state.StaffAccount.changes` as it was seen; 0 where it does not matter.
    """
    account = staff.accounts.get(getattr(act, "account", ""))
    if changes and account is not None and account.changes != changes:
        message = "another decision about this account was taken meanwhile"
        raise _refused(StaffRule.CHANGED, message, "look at how it stands now, and decide again")


def _require_reference(reference: str) -> None:
    if reference and not is_reference(reference):
        raise UsageError("a reference is the key of a ticket or a document, and no text", help="write it as HR-1042, or leave it out")


def check_reference(reference: str) -> None:
    """Raise UsageError for a reference that is none, or is missing."""
    if not reference:
        raise UsageError("this needs a reference to the document", help="write its key: --reference SEC-17")
    _require_reference(reference)
