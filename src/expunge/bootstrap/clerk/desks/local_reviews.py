"""A family's word about reviews, in the clerk's process."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from expunge.bootstrap.clerk.household import Household
from expunge.bootstrap.clerk.recordings import LocalRecordings
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.families.reviews import FamilyReviews
from expunge.core.values.ids import Pseudonym
from expunge.engine.review import family_side, requesting, view_receipts
from expunge.engine.review.desk import Desk
from expunge.engine.review.family_side import FamilyOfDesk
from expunge.errors import NotPermitted
from expunge.ports.families.review_door import ALLOW, END_BAR


@dataclass(frozen=True)
class LocalReviews:
    """Implements ``expunge.ports.families.review_door.FamilyReviewDoor``."""

    household: Household

    def reviews(self, account: UUID, family: str, session: bytes) -> FamilyReviews:
        """See the port."""
        whose = self._of(account, family)
        return family_side.told(self._desk, whose, LocalRecordings(self.household).named(account, family, session) or {})

    def deny(self, account: UUID, family: str, request: str) -> None:
        """See the port."""
        whose = self._of(account, family)
        requesting.answer_as_family(self._desk, whose.account, whose.family, tuple(whose.names), request, granted=False)

    def allow(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        whose, request = self._asking(ask, ALLOW)
        requesting.require_waits_for_family(self._desk, whose.family, tuple(whose.names), request)
        self.household.permits.use_permit(permit, session, ask)
        requesting.answer_as_family(self._desk, whose.account, whose.family, tuple(whose.names), request, granted=True)

    def bar(self, account: UUID, family: str, request: str = "") -> None:
        """See the port."""
        whose = self._of(account, family)
        self._bar(whose, family_side.recording_named(self._desk, whose, request) if request else ("", ""))

    def bar_recording(self, account: UUID, family: str, session: bytes, handle: str) -> None:
        """See the port."""
        whose = self._of(account, family)
        self._bar(whose, LocalRecordings(self.household).registered(account, family, session, handle))

    def end_bar(self, permit: str, session: bytes, ask: Ask) -> None:
        """See the port."""
        whose, bar = self._asking(ask, END_BAR)
        what = family_side.barred_by(self._desk, whose, bar)
        self.household.permits.use_permit(permit, session, ask)
        self._bar(whose, what, barred=False)

    def receipt(self, account: UUID, family: str, session: bytes, look: str) -> dict[str, bytes]:
        """See the port."""
        self.household.require_shown(account, family, session)
        family_side.look_of_family(self._desk, self._of(account, family), look)
        return view_receipts.files(self.household.expunge.context, look)

    @property
    def _desk(self) -> Desk:
        return self.household.words

    def _of(self, account: UUID, family: str) -> FamilyOfDesk:
        self.household.require_member(account, family)
        return FamilyOfDesk(str(account), Pseudonym(family), self.household.names_of(family))

    def _asking(self, ask: Ask, detail: str) -> tuple[FamilyOfDesk, str]:
        """Return whose ask it is and what it names. Raises NotPermitted for another ask, NeedsApproval in a dispute of guardians."""
        if ask.kind is not AskKind.REVIEW or ask.family is None or [name for name, _ in ask.details] != [detail]:
            raise NotPermitted("this takes an ask of a family about a review", help="begin again on the page")
        whose = self._of(ask.account, ask.family)
        self.household.require_no_dispute(ask.family)
        return whose, ask.detail(detail)

    def _bar(self, whose: FamilyOfDesk, what: tuple[str, str], *, barred: bool = True) -> None:
        requesting.bar(self._desk, whose.account, whose.family, *what, names=tuple(whose.names), barred=barred)
