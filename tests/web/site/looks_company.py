"""Staff of a company of `family_company` who ask to look, and look: the real desk over its stores, at a policy that permits everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.bootstrap.desk.recordings import DeskRecordings
from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Sound
from expunge.core.review.new_review import NewReview
from expunge.engine.kernel.journal_streams import STAFF, register
from expunge.engine.review import requesting
from expunge.engine.review.desk import Desk
from expunge.engine.review.viewing import Viewing
from expunge.ports.review.seats import Seat
from tests.engine.review.desk_company import OFFICER, REVIEWER, FullRecords, OpenLogins, OpenPolicy, staff
from tests.web.site.deciders import apart

T = TypeVar("T")
SEAT, OFFICER_SEAT = Seat(REVIEWER, b"s" * 32, "office"), Seat(OFFICER, b"t" * 32, "office")


@contextmanager
def at_desk(folder: Path) -> Iterator[Desk]:
    """Open the desk of a company."""
    with Expunge.open(folder / "expunge.yaml") as opened:
        yield Desk.of(opened.context, OpenPolicy(), OpenLogins(), FullRecords(), DeskRecordings(opened.context, opened.vault))


def at(folder: Path, act: Callable[[Desk], T]) -> T:
    """Act at the desk, in a thread of its own."""

    def do() -> T:
        with at_desk(folder) as desk:
            if not desk.staff(lambda known: known.accounts.get(REVIEWER)):
                register(desk.context.journal, STAFF, *staff(clock.now()))
            return act(desk)

    return apart(do)


def ask(folder: Path, profile: str, recording: str, purpose: ReviewPurpose = ReviewPurpose.AUTHORISED, number: int = 88) -> str:
    """Ask to see a recording. Return the id of the request; for another purpose than the family's word, an officer approves it."""
    name = f"voice/{profile}/{recording}.wav"
    new = NewReview(
        purpose, CaseKind.SUPPORT, f"LE-{number}", "recordings", name, 0, 9000, Clarity.PIXELATED, Sound.MASKED, "the bell does not ring"
    )

    def act(desk: Desk) -> str:
        request = requesting.ask(desk, SEAT, new).id
        if purpose is not ReviewPurpose.AUTHORISED:
            requesting.approve(desk, OFFICER_SEAT, request)
        return request

    return at(folder, act)


def look(folder: Path, request: str) -> str:
    """Look at some seconds, twice. Return the id of the lease. Raises ReviewRefused where it may not be seen."""

    def act(desk: Desk) -> str:
        viewing, known = Viewing(desk), requesting.found(desk, request)
        lease = (known.lease or viewing.activate(SEAT, request)).begun.lease
        for first in (0, 2000):
            viewing.fetch(SEAT, lease, first, first + 2000, lambda source, _: source.read(0, 64))
        desk.views.flush()
        return lease

    return at(folder, act)


def goes_on(folder: Path, lease: str) -> bool:
    """Return whether a lease runs."""
    return at(folder, lambda desk: Viewing(desk).goes_on(lease))
