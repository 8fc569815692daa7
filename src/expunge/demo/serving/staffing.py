"""The staff of the served demonstration: their links, what each may do, and the operator who confirms their passkeys."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_acts import ConfirmKeys, InviteStaff
from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.review.statements import DELETION_ROLE
from expunge.demo.company import office
from expunge.demo.company.doorbell import Ring, film_files
from expunge.demo.company.narration import Narrator
from expunge.demo.company.office import APPROVER, REVIEWER
from expunge.demo.company.stage import Stage
from expunge.demo.story.chapters import DESK, SERVERS
from expunge.errors import DecisionRefused

_VARIABLES = "environment"
"""Of a shell, for commands at another terminal."""
_PEOPLE = (
    (REVIEWER, JobFunction.REVIEWER, True, "asks to see a film, and sees what was approved"),
    ("night-desk-3", JobFunction.REVIEWER, False, "the same, and was never trained: the desk refuses, and says why"),
    (APPROVER, JobFunction.OFFICER, True, "approves requests of others, judges findings, reads who looked"),
    ("omar", JobFunction.OFFICER, True, "the same: a child in the clear takes two approvals"),
    ("ole", JobFunction.OPERATOR, False, "follows orders and carries them out, and sees no film"),
    ("assessor-1", JobFunction.ASSESSOR, False, "reads the evidence, and sees no film"),
    ("ada", JobFunction.ADMINISTRATOR, False, "invites people and ends their rights, and sees no film"),
)


@dataclass(frozen=True)
class StaffLink:
    """The way in of one employee."""

    label: str
    what: str
    link: str


def invited(expunge: Expunge) -> tuple[StaffLink, ...]:
    """Invite the staff, and enter who was trained, for every purpose of a review."""
    links = []
    for label, function, trained, what in _PEOPLE:
        link = expunge.staff.link(expunge.staff.decide(InviteStaff(label, function)).secret)
        if trained:
            office.train(expunge, label, *(ReviewPurpose if function is JobFunction.REVIEWER else ()))
        if function is JobFunction.OPERATOR:
            expunge.reviewers.train(label, DELETION_ROLE, clock.today())
        links.append(StaffLink(label, what, link))
    return tuple(links)


def confirm_keys(expunge: Expunge, told: Callable[[str], None]) -> None:
    """Confirm the passkeys of those who enrolled since, as the operator does who has heard their check letters."""
    for account in expunge.staff.accounts():
        if account.enrolled is None or not account.awaits_key:
            continue
        keys = tuple(sorted(expunge.staff.fingerprints(account.id)))
        try:
            expunge.staff.decide(ConfirmKeys(account.id, keys))
        except DecisionRefused:
            # Why: the person is about to make it, or another operator was quicker.
            continue
        told(account.label)


def write_walk(stage: Stage, family: dict[str, Any]) -> None:
    """Write what a walk through the desk has to know, and the variables of the map for a shell.

    Args:
        stage: of the story.
        family: the login of a person who may act for the one in the first film.
    """
    told = {
        "recording": stage.rings[0].name,
        "film": str(film_files()[0]),
        "family": family,
        "map": str(stage.map),
        "environment": stage.world.services.environment,
    }
    _write(stage.folder / DESK, json.dumps(told, ensure_ascii=False, indent=1))
    lines = (f"export {name}={quote(value)}\n" for name, value in stage.world.services.environment.items())
    _write(stage.folder / SERVERS / _VARIABLES, "".join(lines))


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")


def tell(narrator: Narrator, folder: Path, origin: str, links: Sequence[StaffLink], rings: Sequence[Ring]) -> None:
    """Say how staff come in, and what there is to try."""
    with narrator.chapter("At the review desk"):
        narrator.say(
            "The company's staff see a film at its desk alone. Open a link in a browser profile of its own for each person, and make a "
            "passkey there. This terminal is the operator, who confirms it at once; a real one has the person read its check letters."
        )
        for each in links:
            narrator.point(f"{each.label}: {each.what}")
            narrator.address(each.link)
        narrator.say("No page lists films. These are the cases; ask at `Ask to see a recording`, from 0:00 to 0:02:")
        cases = []
        for number, ring in enumerate(rings):
            cases.append((f"LE-{88 + number}", ring.person.name + (", a child" if ring.person.child else ""), ring.name))
        narrator.table("Cases", ["case", "at the door of", "recording"], cases, numbers=3)
        narrator.say(
            f"{REVIEWER} asks, {APPROVER} approves, {REVIEWER} begins the view. Then log in as {rings[0].person.name}, and read "
            "who looked. Stop it as another person, or delete the data, while it plays. "
            "A script walks through all of it, as people of its own:"
        )
        narrator.command(f"scripts/desk-walk {origin} {folder}")
        narrator.say("The operator asks at another terminal who looked, for all time:")
        narrator.command(f". {folder / SERVERS / _VARIABLES}; expunge views --map {folder / 'expunge.yaml'} --reviewer {REVIEWER}")
