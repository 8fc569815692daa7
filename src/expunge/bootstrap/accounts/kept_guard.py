"""The account guard inside the keeper: composed from ports at the first request, over the state database of the installation."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import DjangoJournal
from expunge.adapters.host.clocks import MonotonicClock, SystemClock
from expunge.adapters.outbound.mail_smtp import SmtpDelivery, SmtpLetters
from expunge.bootstrap.accounts.guard_settings import GuardSettings
from expunge.bootstrap.accounts.staff_desks import StaffInvitations, StaffMemberships, directory
from expunge.bootstrap.open_state import latest
from expunge.core.accounts.hand_over import HandOverFault, refusal
from expunge.core.journal.incident_events import TakeoverSign
from expunge.core.journal.notice_events import LetterResult
from expunge.engine.accounts.family_letters import LocalFamilyLetters
from expunge.engine.accounts.family_memberships import FamilyMemberships
from expunge.engine.accounts.family_register import FamilyRegister
from expunge.engine.accounts.guard import GuardParts, LocalGuard
from expunge.engine.accounts.hand_overs import LocalHandOvers
from expunge.engine.accounts.owners import Owners
from expunge.engine.accounts.recoveries import LocalRecoveries
from expunge.engine.incidents import finding
from expunge.engine.reports.deletion_training import DeletionTraining
from expunge.errors import ExpungeError, Misconfigured, Undelivered
from expunge.ports.accounts.family_letters import LetterDelivery
from expunge.ports.accounts.letters import Letter, Letters
from expunge.ports.accounts.sealed_fields import SealedFields
from expunge.ports.accounts.staff_directory import StaffDirectory
from expunge.ports.clock import Clock

if TYPE_CHECKING:
    from uuid import UUID

    from expunge.ports.accounts.account_register import AccountRegister

_END_WITHIN = 5.0


class NoLetters:
    """Stands for the sender of letters where no mail server is named. Implements ``expunge.ports.accounts.letters.Letters``."""

    def post(self, letter: Letter) -> None:  # noqa: ARG002 - the port's own shape
        """Raise Undelivered."""
        message = "no letter goes out: the keeper knows no mail server, or cannot read its password"
        raise Undelivered(
            message, help="name one in the map, under accounts: mail; let the keeper's user read its secret_file, and restart it"
        )

    def close(self) -> None:
        """Do nothing."""


class NoDelivery:
    """Stands for the mail server where none is named: each letter waits. Implements ``LetterDelivery``."""

    def deliver(self, letter: Letter) -> LetterResult:  # noqa: ARG002 - the port's own shape
        """Return that it cannot be handed over now."""
        return LetterResult.LATER


def delivery_of(settings: GuardSettings) -> LetterDelivery:
    """Return what hands letters over by the settings of a site."""
    return SmtpDelivery(settings.mail, settings.sender) if settings.mail else NoDelivery()


def no_guard() -> NoReturn:
    """Raise Misconfigured: this keeper guards no accounts."""
    message = "this keeper guards no accounts"
    raise Misconfigured(message, help="restart it with a map that has accounts: expunge keeper stop, then expunge keeper run --map FILE")


@dataclass
class _Opened:
    journal: DjangoJournal
    register: AccountRegister
    staff: StaffDirectory
    guard: LocalGuard
    hand_overs: LocalHandOvers
    letters: LocalFamilyLetters


class KeptGuard:
    """Gives the account guard of an installation. It opens nothing before the first request."""

    def __init__(
        self,
        open_journal: Callable[[], DjangoJournal],
        fields: SealedFields,
        settings: GuardSettings,
        family_of: Callable[[str], str] | None = None,
        training: Callable[[DjangoJournal], DeletionTraining] | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            open_journal: opens the state database, which the tables of accounts lie in.
            fields: seals under the keeper's key.
            settings: the site and its mail server.
            family_of: turns the company's KIND:VALUE into a pseudonym; None where no hand-over token is taken.
            training: gives that of those who carry out orders, over the journal; without it no right is held against it.
        """
        self._family_of, self._training = family_of or _no_family, training
        self._ending = threading.Event()
        self._watching: threading.Thread | None = None
        self._open_journal, self._fields, self._settings = open_journal, fields, settings
        self._letters: Letters = SmtpLetters(settings.mail, settings.sender) if settings.mail else NoLetters()
        self._guard = threading.Lock()
        self._opened: _Opened | None = None

    def __call__(self) -> LocalGuard:
        """Return the guard, with a connection that the calling thread keeps. Raises as the journal is opened."""
        with self._guard:
            if self._opened is None:
                self._opened = self._open()
            opened = self._opened
        opened.register.stay()
        return opened.guard

    def staff(self) -> StaffDirectory:
        """Return the directory of staff. Raises as the journal is opened."""
        self()
        assert self._opened is not None
        return self._opened.staff

    def recoveries(self) -> LocalRecoveries:
        """Return the ways back into accounts. Raises as the journal is opened."""
        return self().recoveries

    def hand_overs(self) -> LocalHandOvers:
        """Return what takes hand-over tokens. Raises as the journal is opened."""
        self()
        assert self._opened is not None
        return self._opened.hand_overs

    def family_letters(self) -> LocalFamilyLetters:
        """Return what writes to members of families. Raises as the journal is opened."""
        self()
        assert self._opened is not None
        return self._opened.letters

    def delivery(self) -> LetterDelivery:
        """Return what hands letters over."""
        return delivery_of(self._settings)

    def watch(self, first: float = 30.0, every: float = 300.0) -> None:
        """Write letters about recoveries and holds when they are due, in a thread beside, until :meth:`close`.

        Args:
            first: seconds until the first look.
            every: seconds between two.
        """
        self._watching = threading.Thread(target=self._write_due_letters, args=(first, every), name="expunge-recoveries", daemon=True)
        self._watching.start()

    def _write_due_letters(self, pause: float, every: float) -> None:
        while not self._ending.wait(pause):
            pause = every
            # Why suppressed: the state may be away for now, and the next look is soon enough.
            with suppress(ExpungeError):
                self().write_due_letters()

    @property
    def register(self) -> AccountRegister:
        """The tables of accounts, for acts of the same process. Raises as the journal is opened."""
        self()
        assert self._opened is not None
        return self._opened.register

    def close(self) -> None:
        """Send what waits, and let go of the database."""
        self._ending.set()
        if self._watching is not None:
            self._watching.join(_END_WITHIN)
        self._letters.close()
        with self._guard:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.register.close()
            opened.journal.close()

    def _open(self) -> _Opened:
        # Why late: the libraries of passkeys and tokens are an extra, and a keeper without accounts needs none of it.
        try:
            from expunge.adapters.credentials.hand_over_jwt import JwtHandOverTokens
            from expunge.adapters.credentials.passkeys_fido2 import Fido2Passkeys
        except ImportError as error:
            message = f"accounts need a package that is not installed: {error.name}"
            raise Misconfigured(message, help="pip install 'expunge[serve]'") from error
        from expunge.adapters.credentials.totp_codes import TotpCodes

        settings = self._settings
        journal = self._open_journal()
        register = DjangoAccountRegister(journal.alias)
        owners = Owners(register, self._fields, self._letters, company=settings.company, site=settings.origin)
        held = MonotonicClock(SystemClock(), latest(journal), _unsaid)
        training = self._training(journal) if self._training else None
        staff = directory(journal, held, secrets.token_bytes, lambda: register, training)
        passkeys = Fido2Passkeys(settings.origin, settings.relying_party, settings.company)
        families = FamilyRegister(journal, register, held)
        parts = GuardParts(
            register,
            owners,
            passkeys,
            TotpCodes(settings.company),
            StaffMemberships(staff, FamilyMemberships(register, held)),
            SystemClock(),
            StaffInvitations(staff),
            held,
            families.end_all,
            partial(_taken_over, journal, held),
        )
        guard = LocalGuard(parts)
        hand_overs = LocalHandOvers(
            JwtHandOverTokens(settings.handover, settings.origin),
            self._family_of,
            register,
            families,
            owners,
            guard,
            held,
            address_required=settings.handover is None or settings.handover.address_required,
        )
        return _Opened(journal, register, staff, guard, hand_overs, LocalFamilyLetters(register, owners, delivery_of(settings)))


def _no_family(_: str) -> NoReturn:
    raise refusal(HandOverFault.NOT_TAKEN, "the keeper takes no hand-over tokens")


def _taken_over(journal: DjangoJournal, clock: Clock, account: UUID, sign: TakeoverSign, since: datetime | None) -> None:
    finding.taken_over(journal, clock, str(account), sign, since)


def _unsaid(_: timedelta) -> None:
    """The clock is held; commands that open the installation with its keys tell their operator."""
