"""Judge a finding. Neither its subject nor one person alone closes it, and nobody judges views that the same person approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_acts import check_reference
from expunge.core.accounts.staff_state import Staff
from expunge.core.approver_keys import share_a_key
from expunge.core.datamap.clocks import ClockState
from expunge.core.journal.finding_events import FindingDecided, FindingReason
from expunge.core.journal.peek import peek, read_flat
from expunge.core.journal.review_events import ViewServed
from expunge.core.noticing.findings import Finding, Findings, FindingStanding, message
from expunge.core.review.colleagues import SIGNED, same_person
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.consent import approving
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import FINDINGS, REVIEWS, read_register, register_behind
from expunge.engine.kernel.register_ranges import read_between
from expunge.engine.recipients.deadlines import Deadline
from expunge.errors import Conflict, DecisionRefused, UsageError

SUBJECT, APPROVED, SAME_PERSON, NO_RIGHT, CLOSED = "own-finding", "approved-these-views", "same-person", "no-right", "closed"
JUDGED_WITHIN = timedelta(days=7)
"""So long a finding may wait for two people: records are reviewed each week (SP 800-53, AU-6)."""
_ANOTHER = "another person judges it: an officer, an assessor, or an approver of the map who had no part in it"


@dataclass(frozen=True)
class Judgement:
    """What a person says of a finding."""

    reason: FindingReason
    reference: str
    """The key of the ticket or document that says more."""
    seen: int = 0
    """The changes of the finding as the person saw it; 0 where that does not matter."""


def findings(context: Context) -> Findings:
    """Return the register of findings as it is now."""
    return Findings(read_register(context.journal, FINDINGS))


def found(known: Findings, which: str) -> Finding:
    """Return a finding by its id, or the beginning of it. Raises UsageError for none or several."""
    names = [name for name in known.findings if which and name.startswith(which)]
    if len(names) != 1:
        text = "several findings begin so" if names else "there is no finding of that id"
        raise UsageError(text, help="`expunge findings list` shows them")
    return known.findings[names[0]]


def owed(context: Context) -> tuple[Deadline, ...]:
    """Return until when each open finding is to be judged: a week after it was opened, or after it grew."""
    now, found = context.clock.now(), list[Deadline]()
    for name, each in findings(context).findings.items():
        if not each.standing.closed:
            at = each.last_at + JUDGED_WITHIN
            standing = ClockState.OVERDUE if now >= at else ClockState.RUNNING
            why = {FindingStanding.OPEN: "nobody has judged it", FindingStanding.DISPUTED: "people judge differently"}
            said = why.get(each.standing, "a second person has to judge it")
            found.append(Deadline(f"finding {name}", "two people judge it", "findings", "SP 800-53, AU-6", at, standing, said))
    return tuple(found)


def decide(context: Context, which: str, account: str, judgement: Judgement) -> Finding:
    """Enter the judgement of a member of staff, whom the caller knows by a login.

    Raises:
        DecisionRefused: the account may read no evidence, is the subject's, approved these views, or belongs to a person who has judged.
        UsageError: no such finding, or a reference that is none.
        Conflict: it has changed since the person saw it.
    """
    return _enter(context, which, account, judgement, "")


def decide_signed(context: Context, which: str, approver: str, judgement: Judgement, signed: str) -> Finding:
    """Enter the judgement of an approver of the map, who signed :func:`expunge.core.noticing.findings.message`.

    Raises as :func:`decide`, UsageError for no such approver, and EvidenceInvalid for a wrong signature.
    """
    said = message(found(findings(context), which), judgement.reason.value, judgement.reference)
    approving.check_signature(context, approver, signed, said, ("finding", "sign what `expunge findings decide --message` prints now"))
    return _enter(context, which, SIGNED + approver, judgement, signed)


def _enter(context: Context, which: str, account: str, judgement: Judgement, signed: str) -> Finding:
    check_reference(judgement.reference)
    staff = StaffStream(context.journal).known()
    finding = found(findings(context), which)
    name, approvers = finding.opened.finding, _approvers(context, finding)

    def conclude(events: Sequence[object]) -> list[FindingDecided]:
        now_known = found(Findings(events), name)
        if (judgement.seen and judgement.seen != now_known.changes) or (signed and _judged(now_known) != _judged(finding)):
            raise Conflict("the finding has changed since you saw it", help="look at it again, and judge it then")
        _require_eligible(context, staff, now_known, account, approvers)
        event = FindingDecided(context.clock.now(), name, account, judgement.reason, judgement.reference, signed)
        return [event]

    register_behind(context.journal, FINDINGS, conclude)
    return found(findings(context), name)


def _judged(finding: Finding) -> tuple[object, str]:
    return dict(finding.met), finding.rules


def _require_eligible(context: Context, staff: Staff, finding: Finding, account: str, approvers: frozenset[str]) -> None:
    """Raise DecisionRefused for an account that may not judge a finding."""

    def are_same(first: str, second: str) -> bool:
        return same_person(staff, first, second) or same_person(staff, second, first) or _same_key(context, first, second)

    if finding.standing.closed:
        closed = f"the finding is closed as {finding.standing.value}"
        raise DecisionRefused(closed, help="nothing is left to judge", reason=CLOSED)
    if not account.startswith(SIGNED) and not staff.may(account, StaffRight.READ_EVIDENCE, context.clock.now()):
        raise DecisionRefused("this account may judge no finding", help=f"it takes the right {StaffRight.READ_EVIDENCE}", reason=NO_RIGHT)
    if are_same(account, finding.opened.reviewer):
        raise DecisionRefused("no person judges a finding about the same person", help=_ANOTHER, reason=SUBJECT)
    if any(are_same(account, each) for each in approvers):
        raise DecisionRefused("this person approved views that the finding is about", help=_ANOTHER, reason=APPROVED)
    if any(each != account and are_same(account, each) for each in finding.decisions):
        raise DecisionRefused("this person has judged it with another account", help=_ANOTHER, reason=SAME_PERSON)


def _same_key(context: Context, first: str, second: str) -> bool:
    """Return whether two approvers of the map have a key in common."""
    named = context.data_map.approvers
    keys = [named[name] for each in (first, second) if each.startswith(SIGNED) and (name := each.removeprefix(SIGNED)) in named]
    return len(keys) == 2 and share_a_key(*keys)


def _approvers(context: Context, finding: Finding) -> frozenset[str]:
    """Return the accounts that approved what the reviewer saw on the day of a finding."""
    opened, reviewer = finding.opened, finding.opened.reviewer.encode()
    review = context.data_map.review
    zone, day = ZoneInfo(review.limits.hours.zone if review else "UTC"), date.fromisoformat(finding.opened.day)
    since, until = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
    seen: set[str] = set()
    for data in read_between(context.journal, REVIEWS, since, until):
        # Why the bytes first: the views of one reviewer are few of a day's.
        if reviewer in data and peek(data, ViewServed) is not None:
            view = read_flat(data, ViewServed)
            if view.reviewer == opened.reviewer and view.at.astimezone(zone).date() == day:
                seen.update(view.approvers)
    return frozenset(seen)
