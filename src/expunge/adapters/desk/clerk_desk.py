"""The review desk at the clerk, behind the same port as in its process, over a socket."""

from __future__ import annotations

from datetime import date
from typing import Any

from expunge.adapters.desk import desk_requests as wire
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import Request
from expunge.core.accounts.staff import StaffRight
from expunge.core.journal.finding_events import FindingReason
from expunge.core.journal.review_words import Clarity, RecusalReason, ReviewOutcome, ReviewPurpose, Sound
from expunge.core.noticing.judging import Compared
from expunge.core.review.new_review import NewReview
from expunge.core.review.rendition import MediaForm, Segment, Still
from expunge.errors import UsageError
from expunge.ports.review.desk_door import (
    DeskCaller,
    DeskToday,
    FindingCard,
    LeaseCard,
    LooksPage,
    OwnRecords,
    PeopleAtDesk,
    RequestCard,
    RequestPage,
    Transcript,
)

MOST_MS = 7 * 24 * 3_600_000
"""Milliseconds of any recording: more is no range, and no number of a frame either."""


class ClerkDesk:
    """Implements ``expunge.ports.review.desk_door.DeskDoor``. Threads may share it, and a fork may go on using it."""

    def __init__(self, connections: Connections) -> None:
        """Take the connections, which the doors of a clerk share."""
        self._connections = connections

    def __repr__(self) -> str:
        return "ClerkDesk(…)"

    # --- requests -------------------------------------------------------------------------------

    def today(self, caller: DeskCaller) -> DeskToday:
        """See the port."""
        found: DeskToday = self._asked(DeskToday, wire.Today(*_by(caller)))
        return found

    def mine(self, caller: DeskCaller, most: int = 100) -> tuple[RequestCard, ...]:
        """See the port."""
        found: tuple[RequestCard, ...] = self._asked(tuple[RequestCard, ...], wire.OwnRequests(*_by(caller), most))
        return found

    def request(self, caller: DeskCaller, request: str) -> RequestPage:
        """See the port."""
        found: RequestPage = self._asked(RequestPage, wire.OneRequest(*_by(caller), request))
        return found

    def ask(self, caller: DeskCaller, new: NewReview) -> RequestCard:
        """See the port."""
        return self._card(wire.AskReview(*_by(caller)), wire.written_new(new))

    def approve(self, caller: DeskCaller, request: str) -> RequestCard:
        """See the port."""
        return self._card(wire.Approve(*_by(caller), request))

    def deny(self, caller: DeskCaller, request: str) -> RequestCard:
        """See the port."""
        return self._card(wire.Deny(*_by(caller), request))

    def withdraw(self, caller: DeskCaller, request: str) -> RequestCard:
        """See the port."""
        return self._card(wire.Withdraw(*_by(caller), request))

    def judge(self, caller: DeskCaller, request: str, note: str, *, justified: bool) -> RequestCard:
        """See the port."""
        return self._card(wire.JudgeEmergency(*_by(caller), request, justified), note.encode())

    # --- leases and views -----------------------------------------------------------------------

    def activate(self, caller: DeskCaller, request: str) -> LeaseCard:
        """See the port."""
        return self._lease(wire.Activate(*_by(caller), request))

    def step(self, caller: DeskCaller, lease: str, clarity: Clarity, sound: Sound) -> LeaseCard:
        """See the port."""
        return self._lease(wire.Step(*_by(caller), lease, clarity.value, sound.value))

    def lease(self, caller: DeskCaller, lease: str) -> LeaseCard:
        """See the port."""
        return self._lease(wire.LeaseNow(*_by(caller), lease))

    def follow(self, caller: DeskCaller, lease: str, seconds: float) -> LeaseCard:
        """See the port."""
        return self._lease(wire.FollowLease(*_by(caller), lease, max(0, int(seconds * 1000))))

    def describe(self, caller: DeskCaller, lease: str) -> MediaForm:
        """See the port."""
        found: MediaForm = self._asked(MediaForm, wire.Describe(*_by(caller), lease))
        return found

    def segment(self, caller: DeskCaller, lease: str, first_ms: int, last_ms: int) -> Segment:
        """See the port."""
        if not 0 <= first_ms < last_ms <= MOST_MS:
            raise UsageError("a range goes from a millisecond to a later one", help="ask for a part of the request's range")
        return wire.read_segment(self._connections.ask(wire.FetchSegment(*_by(caller), lease, first_ms, last_ms)))

    def still(self, caller: DeskCaller, lease: str) -> Still:
        """See the port."""
        return wire.read_still(self._connections.ask(wire.FetchStill(*_by(caller), lease)))

    def transcript(self, caller: DeskCaller, lease: str) -> Transcript:
        """See the port."""
        found: Transcript = self._asked(Transcript, wire.FetchTranscript(*_by(caller), lease))
        return found

    def report(self, caller: DeskCaller, lease: str, shown_ms: int, seeks: int, hidden_ms: int, *, ended: bool) -> None:
        """See the port."""
        self._connections.ask(wire.ReportView(*_by(caller), lease, shown_ms, seeks, hidden_ms, ended))

    def revoke(self, caller: DeskCaller, request: str) -> RequestCard:
        """See the port."""
        return self._card(wire.Revoke(*_by(caller), request))

    def recuse(self, caller: DeskCaller, request: str, why: RecusalReason) -> RequestCard:
        """See the port."""
        return self._card(wire.Recuse(*_by(caller), request, why.value))

    def outcome(self, caller: DeskCaller, request: str, outcome: ReviewOutcome, note: str = "") -> RequestCard:
        """See the port."""
        return self._card(wire.EnterOutcome(*_by(caller), request, outcome.value), note.encode())

    # --- who looked, findings, people -----------------------------------------------------------

    def looks(
        self,
        caller: DeskCaller,
        *,
        recording: str = "",
        person: str = "",
        reviewer: str = "",
        first: date | None = None,
        last: date | None = None,
        most: int = 100,
    ) -> LooksPage:
        """See the port."""
        sought = wire.written_sought(recording, person, reviewer, first, last)
        found: LooksPage = self._asked(LooksPage, wire.DeskLooks(*_by(caller), most), sought)
        return found

    def findings(self, caller: DeskCaller) -> tuple[FindingCard, ...]:
        """See the port."""
        found: tuple[FindingCard, ...] = self._asked(tuple[FindingCard, ...], wire.AllFindings(*_by(caller)))
        return found

    def finding(self, caller: DeskCaller, finding: str) -> FindingCard:
        """See the port."""
        found: FindingCard = self._asked(FindingCard, wire.OneFinding(*_by(caller), finding))
        return found

    def compared(self, caller: DeskCaller, finding: str) -> tuple[Compared, ...]:
        """See the port."""
        found: tuple[Compared, ...] = self._asked(tuple[Compared, ...], wire.CompareFinding(*_by(caller), finding))
        return found

    def decide_finding(self, caller: DeskCaller, finding: str, reason: FindingReason, reference: str, seen: int) -> FindingCard:
        """See the port."""
        request = wire.DecideFinding(*_by(caller), finding, reason.value, reference, seen)
        found: FindingCard = self._asked(FindingCard, request)
        return found

    def records(self, caller: DeskCaller) -> OwnRecords:
        """See the port."""
        return self._own_records(wire.Records(*_by(caller)))

    def attest(self, caller: DeskCaller, purpose: ReviewPurpose, permit: str) -> OwnRecords:
        """See the port."""
        return self._own_records(wire.Attest(*_by(caller), purpose.value, permit))

    def train(self, caller: DeskCaller, account: str, role: str, on: date, document: str = "") -> PeopleAtDesk:
        """See the port."""
        found: PeopleAtDesk = self._asked(PeopleAtDesk, wire.Train(*_by(caller), account, role, on.isoformat(), document))
        return found

    def people(self, caller: DeskCaller) -> PeopleAtDesk:
        """See the port."""
        found: PeopleAtDesk = self._asked(PeopleAtDesk, wire.PeopleOfDesk(*_by(caller)))
        return found

    def rights(self, caller: DeskCaller) -> frozenset[StaffRight]:
        """See the port."""
        return frozenset(self._asked(tuple[StaffRight, ...], wire.RightsAtDesk(*_by(caller))))

    # --- private --------------------------------------------------------------------------------

    def _asked(self, kind: Any, request: Request, body: bytes = b"") -> Any:
        return wire.read_told(kind, self._connections.ask(request, body))

    def _card(self, request: Request, body: bytes = b"") -> RequestCard:
        found: RequestCard = self._asked(RequestCard, request, body)
        return found

    def _lease(self, request: Request) -> LeaseCard:
        found: LeaseCard = self._asked(LeaseCard, request)
        return found

    def _own_records(self, request: Request) -> OwnRecords:
        found: OwnRecords = self._asked(OwnRecords, request)
        return found


def _by(caller: DeskCaller) -> wire.Caller:
    return caller.account, caller.session.hex(), caller.address
