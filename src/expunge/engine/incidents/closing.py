"""Close an incident: two different people who judge alike, and neither of them a person whom it is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_acts import check_reference
from expunge.core.accounts.staff_state import Staff
from expunge.core.approver_keys import share_a_key
from expunge.core.incidents.incidents import Incident, Incidents, message
from expunge.core.incidents.owed import CLOCK, coverage, lacks
from expunge.core.journal.incident_events import IncidentDecided, IncidentVerdict, IncidentWord
from expunge.core.review.colleagues import SIGNED, same_person
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.consent import approving
from expunge.engine.incidents import committing, counting
from expunge.engine.incidents.entering import found, require_open
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import INCIDENTS, register_behind
from expunge.errors import Conflict, DecisionRefused, IllegalTransition

SUBJECT, SAME_PERSON, NO_RIGHT = "own-incident", "same-person", "no-right"
_ANOTHER = "another person judges it: an officer, an assessor, or an approver of the map whom it is not about"


@dataclass(frozen=True)
class Closing:
    """How a person wants an incident closed."""

    verdict: IncidentVerdict
    reference: str
    seen: int = 0
    """The changes of the incident as the person saw it; 0 where that does not matter."""


def decide(context: Context, which: str, account: str, closing: Closing) -> Incident:
    """Enter the judgement of a member of staff, whom the caller knows by a login.

    Raises:
        DecisionRefused: the account may read no evidence, is one that the incident is about, or belongs to a person who has judged.
        IllegalTransition: the incident is over, or something is owed for it.
        UsageError: no such incident, or a reference that is none.
        Conflict: it has changed since the person saw it.
    """
    return _enter(context, which, account, closing, "")


def decide_signed(context: Context, which: str, approver: str, closing: Closing, signed: str) -> Incident:
    """Enter the judgement of an approver of the map, who signed :func:`expunge.core.incidents.incidents.message`.

    Raises as :func:`decide`, UsageError for no such approver, and EvidenceInvalid for a wrong signature.
    """
    said = message(found(counting.known(context.journal), which), closing.verdict, closing.reference)
    approving.check_signature(context, approver, signed, said, ("incident", "sign what `expunge incidents close --message` prints now"))
    return _enter(context, which, SIGNED + approver, closing, signed)


def _enter(context: Context, which: str, account: str, closing: Closing, signed: str) -> Incident:
    check_reference(closing.reference)
    staff = StaffStream(context.journal).known()
    before = found(counting.known(context.journal), which)
    name, said = before.opened.incident, message(before, closing.verdict, closing.reference)

    def conclude(events: Sequence[object]) -> list[IncidentDecided]:
        known = Incidents(events)
        incident = known.incidents[name]
        require_open(incident)
        changed = closing.seen and closing.seen != incident.changes
        if changed or (signed and message(incident, closing.verdict, closing.reference) != said):
            raise Conflict("the incident has changed since you saw it", help="look at it again, and judge it then")
        _require_eligible(context, staff, known, name, account)
        _require_closable(context, known, name, closing.verdict)
        return [IncidentDecided(context.clock.now(), name, account, closing.verdict, closing.reference, signed)]

    register_behind(context.journal, INCIDENTS, conclude)
    committing.commit(context)
    return counting.known(context.journal).incidents[name]


def _require_eligible(context: Context, staff: Staff, known: Incidents, name: str, account: str) -> None:
    """Raise DecisionRefused for an account that may not judge an incident."""

    def are_same(first: str, second: str) -> bool:
        return same_person(staff, first, second) or same_person(staff, second, first) or _same_key(context, first, second)

    if not account.startswith(SIGNED) and not staff.may(account, StaffRight.READ_EVIDENCE, context.clock.now()):
        raise DecisionRefused("this account may judge no incident", help=f"it takes the right {StaffRight.READ_EVIDENCE}", reason=NO_RIGHT)
    if any(are_same(account, each.who) for each in known.scopes_of(name) if each.who):
        raise DecisionRefused("no person judges an incident about the same person", help=_ANOTHER, reason=SUBJECT)
    if any(each != account and are_same(account, each) for each in known.incidents[name].decisions):
        raise DecisionRefused("this person has judged it with another account", help=_ANOTHER, reason=SAME_PERSON)


def _same_key(context: Context, first: str, second: str) -> bool:
    """Return whether two approvers of the map have a key in common."""
    named = context.data_map.approvers
    keys = [named[name] for each in (first, second) if each.startswith(SIGNED) and (name := each.removeprefix(SIGNED)) in named]
    return len(keys) == 2 and share_a_key(*keys)


def _require_closable(context: Context, known: Incidents, name: str, verdict: IncidentVerdict) -> None:
    """Raise IllegalTransition where something is owed for an incident, or where the verdict contradicts what was entered."""
    if verdict is IncidentVerdict.KEYS_SAFE and known.words(name) != (IncidentWord.SEALED,):
        raise IllegalTransition("more than sealed data was reached, by what was entered", help="close it as settled, or as no incident")
    if verdict is not IncidentVerdict.SETTLED:
        return
    clocks = {law.name for law in context.data_map.laws.values() if CLOCK in law.applies}
    covers = coverage(known, name, counting.affected(context.journal, known, name))
    missing = lacks(known, name, covers, clocks)
    if missing:
        text = f"before it is closed as settled, enter: {'; '.join(each.value for each in missing)}"
        raise IllegalTransition(text, help="`expunge incidents update ID --fact ...`")
