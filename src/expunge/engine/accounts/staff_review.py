"""Review the rights of staff: each with its use, when it is due to be confirmed, and what was decided in twelve months.

Sources: RNG III.E.4(c) and (d), AMZ VI.E.6, and the complaint about access that people did not need (FAIL-05).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from expunge.core.accounts.staff_events import ByStaff, StaffActor
from expunge.core.accounts.staff_overview import ReviewedRight, StaffReview, review_of
from expunge.core.accounts.staff_state import Equivalence, GrantStanding, StaffStanding
from expunge.core.datamap.clocks import ClockState
from expunge.core.values import codec
from expunge.core.values.canonical import Json
from expunge.core.values.copy import Finding, FindingKind
from expunge.engine.accounts.staff_register import StaffStream, read_event
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import STAFF
from expunge.engine.recipients.deadlines import Deadline


def review(context: Context) -> StaffReview:
    """Return every right of every account, and the decisions about rights of twelve months."""
    return review_of((read_event(data) for data in context.journal.read(STAFF)), context.clock.now())


_SOURCE = "Ring order III.E.4, Amazon order VI.E.6"


def owed(context: Context) -> tuple[Deadline, ...]:
    """Return when the rights of each account and job function are due to be confirmed, and those that lapsed without a decision."""
    found: dict[tuple[str, str], ReviewedRight] = {}
    for each in review(context).rights:
        key = (each.account, each.grant.function.value)
        if key not in found or each.grant.due < found[key].grant.due:
            found[key] = each
    return tuple(_deadline(each) for each in found.values())


def _deadline(each: ReviewedRight) -> Deadline:
    function = each.grant.function.value
    lapsed = each.holds is GrantStanding.LAPSED
    duty = f"`expunge staff confirm {each.label} --function {function}`"
    if lapsed:
        duty = f"`expunge staff grant` or `revoke` {each.label} --function {function}"
    why = {
        GrantStanding.LAPSED: "rights were not confirmed for twelve months and have lapsed",
        GrantStanding.AWAITED: "a second person has yet to confirm them",
        GrantStanding.HELD: "rights lapse then unless they are confirmed",
    }[each.holds]
    standing = ClockState.OVERDUE if lapsed else ClockState.RUNNING
    return Deadline(f"rights of {each.label} as {function}", duty, "staff", _SOURCE, each.grant.due, standing, why)


def findings(context: Context) -> Iterator[Finding]:
    """Yield rights that lapse within thirty days or have lapsed, idle accounts, and rights that are not used."""
    reviewed = review(context)
    by_account: dict[str, list[ReviewedRight]] = {}
    for each in reviewed.rights:
        by_account.setdefault(each.account, []).append(each)
    for rights in by_account.values():
        yield from _findings(rights)


def _findings(rights: list[ReviewedRight]) -> Iterator[Finding]:
    label, standing = rights[0].label, rights[0].standing
    lapsed = [each for each in rights if each.holds is GrantStanding.LAPSED]
    soon = [each for each in rights if each.announced]
    if lapsed:
        what = f"rights of {label} lapsed, because they were not confirmed for twelve months: {_named(lapsed)}"
        yield _finding(FindingKind.STAFF, label, what, f"expunge staff grant {label}, or expunge staff revoke {label}")
    if soon:
        day = min(each.grant.due for each in soon).date().isoformat()
        what = f"rights of {label} lapse on {day} unless they are confirmed: {_named(soon)}"
        yield _finding(FindingKind.STAFF, label, what, f"have another person decide: expunge staff confirm {label}")
    if standing is StaffStanding.IDLE:
        what = f"{label} was not seen for 90 days, and is closed"
        yield _finding(FindingKind.STAFF, label, what, f"expunge staff restore {label}, or expunge staff revoke {label}")
    unused = [each for each in rights if each.unused and each not in lapsed]
    if unused and standing is not StaffStanding.IDLE:
        what = f"rights of {label} were not used for 90 days: {_named(unused)}"
        yield _finding(FindingKind.NOTE, label, what, f"expunge staff revoke {label}, where they are not needed")


def _named(rights: list[ReviewedRight]) -> str:
    return ", ".join(sorted({each.grant.right.value for each in rights}))


def _finding(kind: FindingKind, label: str, what: str, mend: str) -> Finding:
    return Finding(kind, "staff", label, what, mend)


def statement(context: Context) -> dict[str, Json]:
    """Return the register for a pack of evidence: accounts, each right with its use, and the decisions of twelve months.

    Names of accounts of the operating system are left out.
    """
    reviewed = review(context)
    staff = StaffStream(context.journal).known()
    now = reviewed.at
    return {
        "accounts": [
            {
                "account": each.id,
                "label": each.label,
                "standing": each.standing(now).value,
                "enrolled": _at(each.enrolled),
                "seen": each.seen.isoformat() if each.seen else None,
                "equivalence": _equivalence(each.equivalent(now)),
            }
            for each in staff.accounts.values()
        ],
        "rights": [_stated(each) for each in reviewed.rights],
        "recertification": [
            {
                "at": _at(each.at),
                "account": each.account,
                "what": each.what,
                "function": each.function,
                "rights": list(each.rights),
                "by": _by(each.by),
                "reason": each.reason,
                "reference": each.reference,
            }
            for each in reviewed.decisions
        ],
        "unused": [_stated(each) for each in reviewed.rights if each.unused and each.holds is not GrantStanding.LAPSED],
    }


def _stated(each: ReviewedRight) -> dict[str, Json]:
    grant = each.grant
    return {
        "account": each.account,
        "function": grant.function.value,
        "right": grant.right.value,
        "holds": each.holds.value,
        "since": _at(grant.since),
        "by": _by(grant.by),
        "confirmed": _at(grant.confirmed),
        "confirmed_by": _by(grant.confirmed_by) if grant.confirmed_by else None,
        "due": _at(grant.due),
        "used": each.used.isoformat() if each.used else None,
        "unused": each.unused,
    }


def _equivalence(found: Equivalence | None) -> dict[str, Json] | None:
    if found is None:
        return None
    return {"method": found.method.value, "sha256": found.digest, "reference": found.reference, "until": _at(found.until)}


def _by(actor: StaffActor | None) -> str:
    return actor.account if isinstance(actor, ByStaff) else "at the machine"


def _at(at: datetime | None) -> str | None:
    return None if at is None else codec.instant(at.replace(microsecond=0))
