"""The review desk as the operator has it at the command line: requests, approvals that an approver signed, and who looked.

No verb shows a recording. The operator can open every key, and acts by no right of staff: what is entered names the account of the
operating system, or the approver of the map who signed.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from expunge.bootstrap.accounts.approver_passkeys import holders_of
from expunge.bootstrap.desk.recordings import DeskRecordings
from expunge.bootstrap.service import DomainService
from expunge.bootstrap.vault.service import VaultService
from expunge.core.journal.review_words import NoteAbout, ReviewPurpose
from expunge.core.review import approval
from expunge.core.review.new_review import NewReview
from expunge.core.review.question import PolicyAnswer, PolicyReason, ViewQuestion
from expunge.core.review.request import Lease, ReviewRequest
from expunge.core.review.watched import WatchedLease
from expunge.core.values.ids import Pseudonym
from expunge.engine.accounts import staff_register
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.consent import approving
from expunge.engine.kernel import spelt_names
from expunge.engine.review import notes, requesting, who_looked
from expunge.engine.review.desk import Desk
from expunge.engine.review.viewing import Viewing
from expunge.engine.review.who_looked import FoundLook, ViewProof, WantedLooks
from expunge.errors import UsageError
from expunge.ports.review.seats import NO_LOGIN, ReviewerRecord, Seat, SeatLogin

__all__ = ["AccessService", "NewReview"]


class NoPolicy:
    """The policy of a process that shows no recording: it refuses. Implements :class:`expunge.ports.review.policy.ReviewPolicy`."""

    digest = ""

    def decide(self, question: ViewQuestion) -> PolicyAnswer:
        """See the port."""
        reason = PolicyReason("no-policy", f"no {question.action.value} is decided at the command line")
        return PolicyAnswer(allowed=False, reasons=(reason,), policy_digest="")


class NoLogins:
    """The command line knows no login of staff. Implements :class:`expunge.ports.review.seats.SeatLogins`."""

    def login(self, _: Seat) -> SeatLogin:
        """See the port."""
        return NO_LOGIN


class NoRecords:
    """The command line decides by no record of training. Implements :class:`expunge.ports.review.seats.ReviewerRecords`."""

    def record(self, account: str, purpose: ReviewPurpose) -> ReviewerRecord:
        """See the port."""
        del account, purpose
        return ReviewerRecord()


@dataclass(frozen=True)
class AccessService(DomainService):
    """Requests and views of staff, for the operator."""

    vault: VaultService

    def requests(self) -> tuple[ReviewRequest, ...]:
        """Return every request, oldest first."""
        return self._desk.stream.read(lambda reviews: tuple(reviews.requests.values()))

    def request(self, request: str) -> ReviewRequest:
        """Return a request. Raises UsageError for an id that is not known."""
        return requesting.found(self._desk, request)

    def watched(self, request: ReviewRequest) -> WatchedLease | None:
        """Return what was handed out under the lease of a request, and what its player says it showed; None where it had none."""
        return who_looked.watched(self.context, request.lease.begun.lease) if request.lease is not None else None

    def need(self, request: ReviewRequest) -> str | None:
        """Return why less would not do, in the reviewer's words; None where that died with a subject."""
        return notes.of(self.context, request, NoteAbout.NEED)

    def ask(self, reviewer: str, new: NewReview) -> ReviewRequest:
        """Enter a request for an account of staff, by its id, the beginning of it, or its label.

        The rules in the code decide; the policies decide once the reviewer comes to see. Raises as
        :func:`expunge.engine.review.requesting.ask`.
        """
        return requesting.ask(self._desk, Seat(self.named(reviewer), b""), new, at_machine=True)

    def message(self, request: str) -> bytes:
        """Return what an approver of the map signs to approve a request. Raises UsageError."""
        return approval.message(self.request(request).asked)

    def approve(self, request: str, approver: str, signed: str) -> ReviewRequest:
        """Enter an approval that an approver of the map signed.

        Args:
            request: its id.
            approver: the approver's name in the map.
            signed: base64 of the Ed25519 signature over :meth:`message`.

        Raises UsageError for an approver whom the map does not name, EvidenceInvalid for a wrong signature, and ReviewRefused.
        """
        what = ("request", "sign what `expunge access approve --message` prints for the same request")
        approving.check_signature(self.context, approver, signed, self.message(request), what)
        return requesting.approve_signed(self._desk, request, approver, signed, holders_of(self.context, approver))

    def activate(self, request: str) -> Lease:
        """Begin the lease of an approved request for its reviewer, whose first web session takes it. Raises ReviewRefused, UsageError."""
        desk = self._desk
        return Viewing(desk).activate(Seat(requesting.found(desk, request).asked.reviewer, b""), request, at_machine=True)

    def revoke(self, request: str) -> ReviewRequest:
        """End the lease of a request at once. Raises UsageError."""
        return requesting.revoke(self._desk, request, getpass.getuser())

    def named(self, which: str) -> str:
        """Return the id of an account of staff. Raises UsageError for none or several."""
        return staff_register.named(StaffStream(self.context.journal).known(), which, self.context.clock.now())

    def labels(self) -> dict[str, str]:
        """Return id -> label of every account of staff."""
        return {name: each.label for name, each in StaffStream(self.context.journal).known().accounts.items()}

    # --- who looked -----------------------------------------------------------------------------

    def looks(
        self, *, recording: str = "", person: str = "", reviewer: str = "", since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[FoundLook]:
        """Return who looked, the oldest first: staff, programs, and families at recordings of their own.

        Args:
            recording: ``DATASET/NAME`` of a recording that is there, or the id or tag that the journal has for any.
            person: ``KIND:IDENTIFIER``, whose pseudonym is looked for, also after an erasure.
            reviewer: an account of staff by id or label; or an account of the operating system.
            since: the time of the first.
            until: the time before which the last was.

        Raises UsageError.
        """
        subjects = frozenset({self._pseudonym(person)}) if person else frozenset()
        return who_looked.looks(self.context, WantedLooks(self._recording(recording), subjects, self._reviewer(reviewer), since, until))

    def prove(self) -> ViewProof:
        """Check that no view of staff is missing; see :func:`expunge.engine.review.who_looked.prove`."""
        return who_looked.prove(self.context)

    def _reviewer(self, which: str) -> str:
        accounts = StaffStream(self.context.journal).known().accounts
        known = which and any(which in (each.id, each.label) for each in accounts.values())
        return self.named(which) if known else which

    def _pseudonym(self, person: str) -> Pseudonym:
        kind, colon, value = person.partition(":")
        data_map = self.context.data_map
        if not colon or not value or kind not in data_map.kinds:
            raise UsageError("a person is named with a kind", help=f"KIND:IDENTIFIER, with one of {', '.join(sorted(data_map.identities))}")
        return spelt_names.name_of(data_map, self.context.keys.pseudonym_key(), kind, value)

    def _recording(self, recording: str) -> str:
        if not recording or "/" not in recording:
            return recording
        dataset, _, name = recording.partition("/")
        return DeskRecordings(self.context, self.vault).find(dataset, name).recording

    @property
    def _desk(self) -> Desk:
        recordings = DeskRecordings(self.context, self.vault)
        return Desk.of(self.context, NoPolicy(), NoLogins(), NoRecords(), recordings)
