"""The review desk: staff are refused a film, are shown as much of it as another person approved, and nothing of it once its key died."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from expunge.bootstrap import Expunge
from expunge.bootstrap.desk.one_process import looks_at
from expunge.core.families.looks import Look
from expunge.core.journal.review_words import CaseKind, ReviewPurpose
from expunge.core.review.new_review import NewReview
from expunge.demo.company import office
from expunge.demo.company.doorbell import Ring
from expunge.demo.company.office import APPROVER, REVIEWER, Office
from expunge.demo.company.stage import Stage
from expunge.errors import DeskRefused, ExpungeError, UsageError
from expunge.ports.review.desk_door import DeskDoor
from expunge.testing.desk.detail import measure

CASE = "LE-88"
MOST_DETAIL = 0.15
"""Of a film's detail in the worst region: the most that a default rendition may have."""
_SHOWN_MS = 2000


@dataclass
class Looked:
    """The office of the story, and the view that was granted in it. Its login and its lease go on while people are erased."""

    office: Office
    ring: Ring
    new: NewReview
    lease: str


def looking(stage: Stage, staying: ExitStack) -> Looked | None:
    """Staff ask for the film at a door. Return what was granted; None where the desk's packages are not installed.

    Args:
        stage: of the story.
        staying: closes the office at the end of the story.
    """
    narrator = stage.narrator
    if not stage.rings:
        return None
    with narrator.chapter("Nobody watches unseen"), Expunge.open(stage.map) as expunge:
        if lacking := office.lacking():
            narrator.point(f"the review desk takes the package {lacking}, which is not installed here: this chapter is left out")
            return None
        ring = stage.rings[0]
        here = staying.enter_context(office.opened_office(expunge))
        narrator.say(
            f"{ring.person.name} writes to support: the bell does not ring. {REVIEWER} works there and would like to see the film. "
            f"{APPROVER} is a privacy officer. Both came in by a link, and log in with a passkey. No page lists films: a case names one."
        )
        dataset, _, name = ring.name.partition("/")
        new = NewReview(
            ReviewPurpose.HARM, CaseKind.SUPPORT, CASE, dataset, name, 0, _SHOWN_MS, why="the customer says that it does not ring"
        )
        with here.desk(expunge) as desk:
            _refused_looks(stage, expunge, here, desk, new)
            lease = _granted(stage, here, desk, new)
            _shown(stage, here, desk, lease, ring)
        _told(stage, expunge, ring)
        return Looked(here, ring, new, lease)


def _refused_looks(stage: Stage, expunge: Expunge, here: Office, desk: DeskDoor, new: NewReview) -> None:
    narrator, reviewer = stage.narrator, here.reviewer.caller
    why = _refusal(lambda: desk.ask(reviewer, replace(new, case_number="")))
    stage.expect(bool(why), f"{REVIEWER} asks without a case. Refused: {why}")
    why = _refusal(lambda: desk.ask(reviewer, new))
    stage.expect("training" in why, f"{REVIEWER} asks with case {CASE}, and without a training. Refused:")
    for reason in why.split("; "):
        narrator.quote(reason)
    office.train(expunge, REVIEWER, new.purpose)
    office.train(expunge, APPROVER)


def _granted(stage: Stage, here: Office, desk: DeskDoor, new: NewReview) -> str:
    """Ask in order, try to go past the approval, and be approved. Return the lease."""
    narrator, reviewer, approver = stage.narrator, here.reviewer.caller, here.approver.caller
    request = desk.ask(reviewer, new).request
    narrator.say(
        f"Trained, {REVIEWER} asks again: two seconds, for {new.purpose.value}, in grey blocks. The request shows nothing by itself:"
    )
    why = _refusal(lambda: desk.activate(reviewer, request))
    stage.expect("approve" in why, f"{REVIEWER} begins at once. Refused: {why}")
    why = _refusal(lambda: desk.approve(reviewer, request))
    stage.expect(bool(why), f"{REVIEWER} approves it too. Refused: {why}")
    desk.approve(approver, request)
    lease = desk.activate(reviewer, request)
    minutes = round((lease.until - lease.begun).total_seconds() / 60)
    stage.expect(lease.runs, f"{APPROVER} approves, and {REVIEWER} begins: a lease of {minutes} minutes, for this login alone")
    return lease.lease


def _shown(stage: Stage, here: Office, desk: DeskDoor, lease: str, ring: Ring) -> None:
    part = desk.segment(here.reviewer.caller, lease, 0, _SHOWN_MS)
    found, clear = measure(part.data, ring.film), measure(ring.film, ring.film, until=_SHOWN_MS / 1000)
    stage.expect(
        found.detail <= MOST_DETAIL < clear.detail and not found.colours and not found.sound,
        f"{REVIEWER} is given {len(part.data) / 1024:,.0f} KiB, made for this look: {found.frames} pictures of grey blocks, no sound. "
        f"Of the film's detail {found.detail:.0%} is left where most is; of the film itself it is {clear.detail:.0%}",
    )
    pieces = [ring.film[at : at + 32] for at in range(1024, len(ring.film) - 32, max(1, len(ring.film) // 50))]
    stage.expect(not any(piece in part.data for piece in pieces), "no piece of the film itself is in it")


def _told(stage: Stage, expunge: Expunge, ring: Ring) -> None:
    """Quote the family's page, and have the register checked against the log."""
    narrator, person = stage.narrator, expunge.resolve(f"profile:{ring.person.profile_id}").person
    by_staff = [each for each in looks_at(expunge, [person.subject]) if each.staff is not None]
    seen = [each for each in by_staff if not each.refused]
    narrator.say(f"{ring.person.name} reads on her page, while it happens:")
    for each in reversed(by_staff):
        narrator.quote(_line(each))
    told = seen[0].staff if len(seen) == 1 else None
    stage.expect(
        told is not None and (told.case_number, told.approvers, told.seconds) == (CASE, ("officer",), _SHOWN_MS // 1000),
        f"one look and {len(by_staff) - len(seen)} refusals: who, why, for how long, and how clear",
    )
    proof = expunge.access.prove()
    stage.expect(
        not proof.faults and proof.views == 1,
        f"expunge views: the log commits to {proof.proven} of {proof.events} entries, to the view before its first byte; none is missing",
    )


def _line(look: Look) -> str:
    assert look.staff is not None
    case = f"case {look.staff.case_number}, {look.purpose}"
    if look.refused:
        return f"{look.at:%H:%M:%S}  staff were refused, and saw nothing ({case})"
    told = look.staff
    approved = ", ".join(told.approvers)
    return f"{look.at:%H:%M:%S}  a {told.function} saw {told.seconds} s ({case}): {told.clarity}, {told.sound}; approved by {approved}"


def stopped(stage: Stage, looked: Looked | None, expunge: Expunge) -> None:
    """After the order: the lease shows nothing more."""
    if looked is None:
        return
    with looked.office.desk(expunge) as desk:
        why = _refusal(lambda: desk.segment(looked.office.reviewer.caller, looked.lease, 0, _SHOWN_MS))
    stage.expect("erased" in why, f"{REVIEWER} still has a lease on the film at {looked.ring.person.name}'s door. Refused: {why}")


def unseen(stage: Stage, looked: Looked | None, expunge: Expunge) -> None:
    """After the key died: neither the lease nor a new request shows anything."""
    if looked is None:
        return
    reviewer = looked.office.reviewer.caller
    with looked.office.desk(expunge) as desk:
        lease = _refusal(lambda: desk.segment(reviewer, looked.lease, 0, _SHOWN_MS))
        again = _refusal(lambda: desk.ask(reviewer, looked.new))
    stage.expect(bool(lease), f"{REVIEWER} tries the lease once more. Refused: {lease}")
    stage.expect(bool(again), f"{REVIEWER} asks anew, with case {CASE}. Refused: {again}")
    known, proof = list(expunge.access.looks(reviewer=REVIEWER)), expunge.access.prove()
    stage.expect(
        not proof.faults and sum(each.given is not None for each in known) == 1,
        f"expunge views --reviewer {REVIEWER} still tells of that one look and {len(known) - 1} refusals, and that nothing is missing",
    )


def _refusal(act: Callable[[], object]) -> str:
    """Return why an act is refused; empty where it is not."""
    try:
        act()
    except (DeskRefused, UsageError) as refused:
        return refused.message
    except ExpungeError as error:
        return error.message
    return ""
