"""A company with recordings in a vault and in files, staff of every function, and a review desk over it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.bootstrap.desk.recordings import DeskRecordings
from expunge.core.accounts.credential_strength import Level, Method
from expunge.core.accounts.staff import RIGHTS, JobFunction
from expunge.core.accounts.staff_events import (
    ByMachineUser,
    StaffEnrolled,
    StaffEvent,
    StaffInvited,
    StaffReason,
    StaffSeen,
    StaffSuspended,
)
from expunge.core.journal.review_events import ReviewEvent, ViewServed
from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Sound
from expunge.core.review.new_review import NewReview
from expunge.core.review.question import PolicyAnswer, PolicyReason, ViewQuestion
from expunge.core.review.request import Reviews
from expunge.core.values.ids import Pseudonym
from expunge.engine.consent.consent_decisions import Agreement
from expunge.engine.kernel.journal_streams import REVIEWS, STAFF, read_register, register
from expunge.engine.review.desk import Desk
from expunge.engine.review.viewing import Viewing
from expunge.ports.review.recordings import ReviewSource
from expunge.ports.review.seats import NO_LOGIN, ReviewerRecord, Seat, SeatLogin
from tests.engine.families.recorded_company import ANNA, BELA, FILM, Company, build
from tests.engine.household import wav

PURPOSES = """\
purposes:
  review: {description: people listen to find out what went wrong, needs: consent, use: human review, datasets: [voice, bell], text: review}
texts:
  review:
    - {version: 1, file: review.md}
guardians: {profile: 13 years}
"""
VOICE = f"voice/{ANNA}/2026-03-04/porch/rec-1.wav"
BELL = f"bell/{ANNA}/ring-1.mp4"
WHY = "the customer says that the zwölf bells do not ring"


def _account(number: int) -> str:
    return str(UUID(int=number, version=4))


REVIEWER, SECOND_REVIEWER, OFFICER, SECOND_OFFICER, OPERATOR, ADMINISTRATOR = map(_account, range(1, 7))
FUNCTIONS = {
    REVIEWER: JobFunction.REVIEWER,
    SECOND_REVIEWER: JobFunction.REVIEWER,
    OFFICER: JobFunction.OFFICER,
    SECOND_OFFICER: JobFunction.OFFICER,
    OPERATOR: JobFunction.OPERATOR,
    ADMINISTRATOR: JobFunction.ADMINISTRATOR,
}
PARENT = _account(9)


class Moved:
    """The real clock, moved on by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return clock.now() + self.ahead


@dataclass
class OpenPolicy:
    """A policy that permits everything until it is told otherwise: what is refused then is refused by the code."""

    refuses: set[str] = field(default_factory=set)
    """Acts, by name, that it refuses."""
    asked: list[ViewQuestion] = field(default_factory=list)
    digest: str = "5a" * 32

    def decide(self, question: ViewQuestion) -> PolicyAnswer:
        self.asked.append(question)
        if question.action.value in self.refuses:
            return PolicyAnswer(allowed=False, reasons=(PolicyReason("policy", "a policy refuses it"),), policy_digest=self.digest)
        return PolicyAnswer(allowed=True, reasons=(PolicyReason("permitted", "a policy permits it"),), policy_digest=self.digest)


@dataclass
class OpenLogins:
    """Logins that go on until they are ended."""

    ended: set[bytes] = field(default_factory=set)

    def login(self, seat: Seat) -> SeatLogin:
        if seat.session in self.ended:
            return NO_LOGIN
        return SeatLogin(live=True, methods=frozenset({Method.SECURITY_KEY}), level=Level.PHISHING_RESISTANT, seconds=60)


class FullRecords:
    """Everyone is trained and has attested."""

    def record(self, account: str, purpose: ReviewPurpose) -> ReviewerRecord:
        return ReviewerRecord(10, 10, 10) if account and purpose else ReviewerRecord()


@dataclass
class DeskCompany:
    """One installation with a desk."""

    expunge: Expunge
    company: Company
    desk: Desk
    viewing: Viewing
    policy: OpenPolicy
    logins: OpenLogins
    clock: Moved
    rendered: list[ViewServed] = field(default_factory=list)

    def seat(self, account: str = REVIEWER, session: bytes = b"s" * 32) -> Seat:
        return Seat(account, session, "office")

    def new(self, **changes: object) -> NewReview:
        first = NewReview(ReviewPurpose.HARM, CaseKind.SUPPORT, "LE-88", "bell", BELL, 0, 40_000, Clarity.CLEAR, Sound.CLEAR, WHY)
        return replace(first, **changes)  # type: ignore[arg-type]

    def render(self, source: ReviewSource, view: ViewServed) -> bytes:
        """Hand out the bytes as they lie, marked by what was granted: the rendition itself is another room's."""
        self.rendered.append(view)
        return f"{view.clarity.value}|{view.sound.value}|".encode() + source.read(0, min(source.size, 64))

    def fetch(self, lease: str, first_ms: int = 0, last_ms: int = 2000, seat: Seat | None = None) -> bytes:
        return self.viewing.fetch(seat or self.seat(), lease, first_ms, last_ms, self.render)

    def events(self) -> tuple[object, ...]:
        return tuple(read_register(self.expunge.context.journal, REVIEWS))

    def reviews(self) -> Reviews:
        return Reviews(self.events())

    def subject(self, profile: str = ANNA) -> Pseudonym:
        return self.expunge.resolve(f"profile:{profile}").person.subject

    def suspend(self, account: str) -> None:
        register(
            self.expunge.context.journal, STAFF, StaffSuspended(self.clock.now(), account, ByMachineUser("omar"), StaffReason.INCIDENT, "")
        )

    def consent(self, profile: str = ANNA) -> None:
        self.expunge.consents.give(self.expunge.resolve(f"profile:{profile}"), "review", Agreement("app 4.2, settings", "pressed"))

    def withdraw(self, profile: str = ANNA) -> None:
        self.expunge.consents.withdraw(self.expunge.resolve(f"profile:{profile}"), "review")

    def erase(self, profile: str = ANNA) -> None:
        self.expunge.order_erase([self.expunge.resolve(f"profile:{profile}")], cooling_off=timedelta(days=3))


def staff(now: datetime) -> Iterator[StaffEvent]:
    """Yield the events by which each account is enrolled with the rights of its function."""
    began = now - timedelta(days=3)
    day = datetime.combine(now.date(), time(), UTC)
    for number, (account, function) in enumerate(FUNCTIONS.items()):
        digest = sha256(account.encode()).hexdigest()
        rights, by, until = tuple(sorted(RIGHTS[function])), ByMachineUser("omar"), began + timedelta(hours=72)
        yield StaffInvited(began, account, f"desk-{number}", function, rights, by, digest, until, f"user{number}", first=False)
        yield StaffEnrolled(began, account, digest)
        yield StaffSeen(day, account)


def made(folder: Path) -> Company:
    """Build the company once: a bell and a voice of ANNA, one bell of BELA, and the staff."""
    company = build(folder)
    (folder / "review.md").write_text("# People of ours may look at your recordings\n\nYou can say no.\n")
    company.write_map(PURPOSES)
    company.speak(ANNA, "2026-03-04", "rec-1", device="porch", data=wav("rec-1"))
    with company.open() as opened:
        company.ring(opened, ANNA, "ring-1", FILM)
        company.ring(opened, BELA, "ring-2", FILM)
        register(opened.context.journal, STAFF, *staff(clock.now()))
    return company


def copied(template: Company, folder: Path) -> Company:
    """Copy it for one story."""
    shutil.copytree(template.folder, folder, symlinks=True)
    return Company(folder)


@contextmanager
def at_desk(company: Company) -> Iterator[DeskCompany]:
    """Open the desk of a company."""
    with company.open() as opened:
        clock, policy, logins = Moved(), OpenPolicy(), OpenLogins()
        context = replace(opened.context, clock=clock)
        desk = Desk.of(context, policy, logins, FullRecords(), DeskRecordings(context, opened.vault))
        yield DeskCompany(opened, company, desk, Viewing(desk), policy, logins, clock)


def entered(events: Sequence[object], kind: type[ReviewEvent]) -> tuple[ReviewEvent, ...]:
    """Return the events of a kind."""
    return tuple(each for each in events if isinstance(each, kind))


Act = Callable[[DeskCompany], object]
