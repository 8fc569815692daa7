"""The account guard in the process of a test, over real tables and real signatures, with clocks that the test sets."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from expunge.adapters.credentials.hand_over_jwt import JwtHandOverTokens
from expunge.adapters.credentials.passkeys_fido2 import Fido2Passkeys
from expunge.adapters.credentials.totp_codes import TotpCodes
from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.keys.field_seals import FieldSeals
from expunge.adapters.outbound.mail_smtp import MailServer, SmtpLetters
from expunge.bootstrap.accounts.family_names import family_names
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.engine.accounts.family_memberships import FamilyMemberships
from expunge.engine.accounts.family_register import FamilyRegister
from expunge.engine.accounts.guard import GuardParts, LocalGuard
from expunge.engine.accounts.hand_overs import LocalHandOvers
from expunge.engine.accounts.owners import Owners
from expunge.ports.accounts.account_guard import PasskeyProof
from expunge.ports.accounts.memberships import Invitations, Memberships
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.adapters.sinks import Sink, mail_sink
from tests.core.maps import voice_company
from tests.engine.accounts.company import Company

ORIGIN, SITE = "https://owl.example", "owl.example"
SESSION = b"s" * 32
BEGUN = datetime(2026, 11, 29, 12, tzinfo=UTC)


@dataclass
class Hands:
    """The clocks of a test: the wall's, and seconds from anywhere."""

    seconds: float = 0.0

    def now(self) -> datetime:
        return BEGUN + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class Local:
    """A guard, what it stands on, and one guardian."""

    guard: LocalGuard
    register: DjangoAccountRegister
    sink: Sink
    hands: Hands
    company: Company
    hand_overs: LocalHandOvers
    families: FamilyRegister
    authenticator: SoftAuthenticator = field(default_factory=lambda: SoftAuthenticator(ORIGIN, SITE))

    def newcomer(self) -> UUID:
        account = uuid4()
        self.guard.open_account(account, f"{account.hex[:8]}@home.example", "en")
        return account

    def sent_code(self, account: UUID, kind: AskKind = AskKind.ENROL_CREDENTIAL) -> str:
        before = len(self._codes(account))
        self.guard.send_code(account, SESSION, kind)
        until = time.monotonic() + 20
        while len(codes := self._codes(account)) <= before:
            assert time.monotonic() < until, "no code came by mail"
            time.sleep(0.002)
        return codes[-1]

    def _codes(self, account: UUID) -> list[str]:
        texts = [text for to, text in list(self.sink.messages) if to.startswith(account.hex[:8])]
        return [found[0] for found in map(re.compile(r"\b\d{8}\b").search, texts) if found]

    def enrol(self, account: UUID, permit: str) -> None:
        begun = self.guard.begin_enrolment(account, SESSION, permit)
        self.guard.finish_enrolment(begun.token, account, SESSION, self.authenticator.create(begun.options or {}), "key")

    def confirm(self, ask: Ask, session: bytes = SESSION) -> str:
        """A permit, by the passkey of this test's authenticator."""
        begun = self.guard.begin_ask(session, ask)
        return self.guard.finish_ask(begun.token, session, ask, PasskeyProof(self.authenticator.sign(begun.options or {})))

    def letters(self, account: UUID, about: str, count: int = 1, within: float = 20.0) -> list[str]:
        """The letters to an account with some words in them, once there are so many."""
        until = time.monotonic() + within
        while True:
            found = [text for to, text in list(self.sink.messages) if to.startswith(account.hex[:8]) and about in text]
            if len(found) >= count:
                return found
            assert time.monotonic() < until, [text[:80] for to, text in self.sink.messages if to.startswith(account.hex[:8])]
            time.sleep(0.002)

    def address(self, account: UUID) -> str:
        return f"{account.hex[:8]}@home.example"

    def guardian(self, family: str = "f-owl") -> UUID:
        account = self.newcomer()
        self.enrol(account, self.guard.prove_by_code(account, SESSION, self.sent_code(account)))
        self.register.set_membership(Membership(account, family, MembershipRole.GUARDIAN, BEGUN))
        return account


@contextmanager
def local_guard(folder: Path, invitations: Invitations | None = None, memberships: Memberships | None = None) -> Iterator[Local]:
    """A guard for the length of a block. ``memberships``: who may ask what; the families of its own tables where it is None."""
    hands = Hands()
    with mail_sink() as sink, open_journal(f"sqlite:///{folder}/state.db") as journal:
        letters = SmtpLetters(MailServer.at(f"smtp://127.0.0.1:{sink.port}"), "privacy@owl.example")
        register = DjangoAccountRegister(journal.alias)
        owners = Owners(register, FieldSeals(bytes(32)), letters, company="Owl", site=ORIGIN)
        parts = GuardParts(
            register,
            owners,
            Fido2Passkeys(ORIGIN, SITE, "Owl"),
            TotpCodes("Owl"),
            memberships or FamilyMemberships(register, hands),
            hands,
            invitations,
        )
        guard, company, families = LocalGuard(parts, hands.monotonic), Company(ORIGIN), FamilyRegister(journal, register, hands)
        tokens, names = JwtHandOverTokens(company.spec(), ORIGIN), family_names(voice_company, lambda: bytes(32))
        hand_overs = LocalHandOvers(tokens, names, register, families, owners, guard, hands, address_required=True)
        yield Local(guard, register, sink, hands, company, hand_overs, families)
        letters.close()
        register.close()
