"""What the clerk keeps of the review desk: its leases, the logins of its reviewers, and what makes renditions."""

from __future__ import annotations

import getpass
import threading
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from expunge.bootstrap import Expunge
from expunge.bootstrap.desk import transcripts
from expunge.bootstrap.desk.composing import desk_of
from expunge.bootstrap.desk.renditions import DeskRenditions
from expunge.core.accounts.review_spec import ReviewSpec
from expunge.core.accounts.staff import StaffRight
from expunge.core.review.masking import Masked
from expunge.engine.accounts.staff_directory import JournalStaffDirectory
from expunge.engine.families.labels import FamilyLabels
from expunge.engine.review.desk import Desk
from expunge.engine.review.viewing import Viewing
from expunge.errors import DeskRefused, ExpungeError, Misconfigured, StoreUnavailable
from expunge.ports.accounts.account_guard import AccountGuard, AskPermits
from expunge.ports.review.desk_door import DeskCaller
from expunge.ports.review.recordings import ReviewedRecording
from expunge.ports.review.rendering import Renderer
from expunge.ports.review.seats import NO_LOGIN, Seat, SeatLogin


class KeeperSeats:
    """Implements :class:`expunge.ports.review.seats.SeatLogins` by the sign-ins that the keeper verified. It is asked each time.

    A company's own login counts for nothing here: the web process alone saw its token, and the desk believes no page.
    """

    def __init__(self, guard: AccountGuard) -> None:
        """Take the keeper's guard."""
        self._guard = guard

    def login(self, seat: Seat) -> SeatLogin:
        """See the port. Raises KeeperAway too."""
        found = self._guard.sign_in_of(UUID(seat.account), seat.session)
        return NO_LOGIN if found is None else SeatLogin(live=True, methods=found.methods, level=found.level, seconds=found.seconds)


class ReviewRoom:
    """The desk of one opened installation: composed at its first use. Safe between threads."""

    def __init__(
        self, expunge: Expunge, guard: AccountGuard, permits: AskPermits, labels: FamilyLabels, holders_of: Callable[[str], frozenset[str]]
    ) -> None:
        """Compose nothing yet.

        Args:
            expunge: the installation.
            guard: the keeper's, which knows logins.
            permits: the keeper, which ends a permit right before its act.
            labels: first names of subjects, which are masked in transcripts.
            holders_of: returns the accounts of staff with a passkey that the map names under an approver.
        """
        self.holders_of = holders_of
        self.expunge, self._labels = expunge, labels
        self.permits = permits
        self._logins = KeeperSeats(guard)
        self._guard = threading.Lock()
        self._viewing: Viewing | None = None
        self._renderer: Renderer | None = None
        self._staff = JournalStaffDirectory(expunge.context.journal, expunge.context.clock, expunge.context.random, getpass.getuser())

    @property
    def spec(self) -> ReviewSpec | None:
        """The map's section; None where the company has no review desk."""
        return self.expunge.map.review

    @property
    def viewing(self) -> Viewing:
        """The leases. Policies that differ from those in force are entered first.

        Raises Misconfigured for a map without a desk, or without Cedar; as the state does.
        """
        with self._guard:
            if self._viewing is None:
                if self.spec is None:
                    raise Misconfigured("this company has no review desk", help="the map says `review: {}` where it has one")
                self._viewing = Viewing(desk_of(self.expunge.context, self.expunge.policies, self.expunge.vault, self._logins))
            return self._viewing

    @property
    def desk(self) -> Desk:
        """The desk. Raises as :attr:`viewing`."""
        return self.viewing.desk

    @property
    def renditions(self) -> DeskRenditions:
        """What makes renditions. Raises StoreUnavailable where the packages that decode are not installed."""
        with self._guard:
            if self._renderer is None:
                try:
                    # Why late: decoding is an extra, and a clerk without a desk needs none of it.
                    from expunge.adapters.rendering.renderer import ClosedRenderer
                except ModuleNotFoundError as error:
                    message = f"nothing can be shown: the package {error.name} is not installed"
                    raise StoreUnavailable(message, help="pip install 'expunge[desk]'") from error
                self._renderer = ClosedRenderer()
            return DeskRenditions(self._renderer)

    def spoken(self, recording: ReviewedRecording, ask: Callable[[], None]) -> Masked:
        """Return what was said in a recording, with names masked; see :func:`expunge.bootstrap.desk.transcripts.masked`."""
        return transcripts.masked(self.expunge.context, self.expunge.vault, recording, self._labels.of, ask)

    def warm(self) -> None:
        """Have what decodes started beside, so that the first view of a lease finds it ready."""
        threading.Thread(target=self._warm, name="expunge-warm", daemon=True).start()

    def rights_in_login(self, caller: DeskCaller) -> frozenset[StaffRight]:
        """Return what the account of a login may do now, with a review desk in the map or without. Raises DeskRefused once it has ended."""
        if not self._logins.login(Seat(caller.account, caller.session)).live:
            raise DeskRefused("the login has ended", help="log in again with a passkey", reason="no-session")
        return self._staff.rights(caller.account)

    def note_use(self, account: str, right: StaffRight) -> None:
        """Note that an account uses a right today. Raises Refused where it may not."""
        self._staff.note_use(account, right)

    def close(self) -> None:
        """Enter how much was handed out since the last round, and end what decodes."""
        with self._guard:
            renderer, self._renderer = self._renderer, None
            viewing = self._viewing
        if viewing is not None:
            # Why suppressed: a view without that entry is known for one, and what closes here has to go on.
            with suppress(ExpungeError, OSError):
                viewing.desk.views.flush()
        if renderer is not None:
            renderer.close()

    def _warm(self) -> None:
        # Why suppressed: the view itself says what is wrong.
        with suppress(ExpungeError):
            self.renditions.renderer.warm()
