"""A keeper that guards accounts, in a process of its own, with a real mail server beside it; and people with authenticators."""

from __future__ import annotations

import contextlib
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from expunge import clock
from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.keeper.account_requests import AccountDesk
from expunge.adapters.keeper.families.family_requests import HandOverDesk, RecoveryDesk, hand_over_ask
from expunge.adapters.keeper.families.keeper_families import KeeperHandOvers, KeeperRecoveries
from expunge.adapters.keeper.guard_requests import GuardDesk
from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.requests import Request
from expunge.adapters.keys.field_seals import FieldSeals
from expunge.adapters.keys.local_keystore import LocalKeys
from expunge.adapters.outbound.mail_smtp import MailServer
from expunge.bootstrap.accounts.family_names import family_names
from expunge.bootstrap.accounts.guard_settings import GuardSettings
from expunge.bootstrap.accounts.kept_guard import KeptGuard
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.hand_over import digest_of
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.incidents.incidents import Incidents
from expunge.engine.incidents import counting
from expunge.ports.accounts.account_guard import PasskeyProof
from expunge.ports.accounts.account_register import AccountRegister
from expunge.ports.accounts.hand_overs import HandOverCard
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.adapters.keeper.kept import PATIENCE, Kept
from tests.adapters.sinks import Sink
from tests.core.maps import voice_company
from tests.engine.accounts.company import Company
from tests.moment import stored

ORIGIN, SITE = "https://owl.example", "owl.example"
SINCE = datetime(2026, 11, 1, tzinfo=UTC)
_CODE = re.compile(r"\b\d{8}\b")


@dataclass
class Person:
    """A person at the keys: an account, an authenticator, and the web session that is open."""

    account: UUID
    address: str
    authenticator: SoftAuthenticator
    session: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def ask(self, kind: AskKind = AskKind.EXPORT, family: str | None = "f-owl", **details: str) -> Ask:
        return Ask(kind, self.account, family if kind.of_family else None, tuple(sorted(details.items())))


@dataclass
class Guarded:
    """A state folder, its keeper, and a client of it."""

    kept: Kept
    sink: Sink
    guard: KeeperGuard
    hand_overs: KeeperHandOvers
    recoveries: KeeperRecoveries
    company: Company = field(default_factory=lambda: Company(ORIGIN))
    armed: tuple[str, str, int] | None = None

    @classmethod
    def make(cls, state: Path, sink: Sink) -> Guarded:
        state.mkdir(parents=True)
        kept = Kept.make(state)
        with open_journal(f"sqlite:///{state}/state.db"):
            pass
        place = kept.place
        return cls(kept, sink, KeeperGuard(place, PATIENCE), KeeperHandOvers(place, PATIENCE), KeeperRecoveries(place, PATIENCE))

    def start(self, fault: tuple[str, str, int] | None = None, *, recorded: bool = False) -> Guarded:
        self.kept.start(more=self._more, fault=fault, recorded=recorded)
        return self

    def end(self) -> None:
        for client in (self.guard, self.hand_overs, self.recoveries):
            client.close()
        self.kept.end()

    @contextlib.contextmanager
    def _more(self, keys: LocalKeys) -> Iterator[Mapping[type[Request], Handler]]:
        fields = FieldSeals(keys.account_key())
        mail = MailServer.at(f"smtp://127.0.0.1:{self.sink.port}")
        settings = GuardSettings(ORIGIN, "Owl", mail, "Owl <privacy@owl.example>", self.company.spec())
        names = family_names(voice_company, keys.pseudonym_key)
        guard = KeptGuard(lambda: open_journal(f"sqlite:///{self.kept.state}/state.db"), fields, settings, names)
        try:
            desks = AccountDesk(fields), GuardDesk(guard), HandOverDesk(guard.hand_overs), RecoveryDesk(guard.recoveries)
            yield {kind: handler for desk in desks for kind, handler in desk.handlers().items()}
        finally:
            guard.close()

    @contextlib.contextmanager
    def tables(self) -> Iterator[AccountRegister]:
        """The keeper's tables, as the operator's own processes see them."""
        with open_journal(f"sqlite:///{self.kept.state}/state.db") as journal:
            register = DjangoAccountRegister(journal.alias)
            yield register
            register.close()

    def incidents(self) -> Incidents:
        """Return the incidents that the keeper entered, as the operator's own processes see them."""
        with open_journal(f"sqlite:///{self.kept.state}/state.db") as journal:
            return counting.known(journal)

    # ---- people ------------------------------------------------------------------------------------------------

    def newcomer(self, *, synced: bool = False, language: str = "en") -> Person:
        """A person whose account was just opened."""
        person = Person(uuid4(), f"{secrets.token_hex(6)}@home.example", SoftAuthenticator(ORIGIN, SITE, synced))
        self.guard.open_account(person.account, person.address, language)
        return person

    def letters_to(self, person: Person, count: int) -> list[int]:
        """Where the letters to a person lie in the sink, once there are so many."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = [number for number, (to, _) in enumerate(list(self.sink.messages)) if to == person.address]
            if len(found) >= count:
                return found
            time.sleep(0.005)
        raise AssertionError("the letter did not come")

    def sent_code(self, person: Person) -> str:
        """Have a code sent; it, as it came by mail."""
        before = len(self.letters_to(person, 0))
        self.guard.send_code(person.account, person.session)
        found = _CODE.search(self.sink.messages[self.letters_to(person, before + 1)[-1]][1])
        assert found
        return found[0]

    def first_permit(self, person: Person) -> str:
        return self.guard.prove_by_code(person.account, person.session, self.sent_code(person))

    def enrol(self, person: Person, permit: str, authenticator: SoftAuthenticator | None = None) -> None:
        begun = self.guard.begin_enrolment(person.account, person.session, permit)
        assert begun.options
        response = (authenticator or person.authenticator).create(begun.options)
        self.guard.finish_enrolment(begun.token, person.account, person.session, response, "my telephone")

    def member(self, *, family: str = "f-owl", role: MembershipRole = MembershipRole.GUARDIAN, synced: bool = False) -> Person:
        """A person with a passkey, in a family."""
        person = self.newcomer(synced=synced)
        self.enrol(person, self.first_permit(person))
        self.join(person, family, role)
        return person

    def join(self, person: Person, family: str = "f-owl", role: MembershipRole = MembershipRole.GUARDIAN) -> None:
        with self.tables() as tables:
            tables.set_membership(Membership(person.account, family, role, SINCE))

    def redeem(self, person: Person, token: str) -> HandOverCard:
        """Confirm a token by the person's passkey, and use it."""
        ask = hand_over_ask(person.account, digest_of(token))
        return self.hand_overs.redeem(self.confirm(person, ask), person.session, ask, token)

    def token(self, person: Person, subject: str = "profile:p-17", role: str = "guardian") -> str:
        """A token of the company for a person."""
        return self.company.token(clock.timestamp(), (subject, role), address=person.address)

    def recovery_code(self, person: Person) -> str:
        """Have a code for a recovery sent; it, as it came by mail."""
        before = len(self.letters_about(person, "This code gets you back", 0))
        self.recoveries.send_recovery_code(person.account, person.session)
        found = _CODE.search(self.letters_about(person, "This code gets you back", before + 1)[-1])
        assert found
        return found[0]

    def letters_about(self, person: Person, words: str, count: int) -> list[str]:
        """The letters to a person with some words in them, once there are so many."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = [text for to, text in list(self.sink.messages) if to == person.address and words in text]
            if len(found) >= count:
                return found
            time.sleep(0.005)
        raise AssertionError("the letter did not come")

    def let_the_wait_pass(self) -> None:
        """Put the times of recoveries back in the keeper's own table, as no client can."""
        with contextlib.closing(sqlite3.connect(self.kept.state / "state.db", timeout=10)) as connection, connection:
            connection.execute(f"UPDATE expunge_account_recovery SET ready_at = '{stored(minutes=-1)}'")

    def let_the_day_pass(self) -> None:
        """Put the waits of new ways to confirm back in the keeper's own tables, as no client can."""
        with contextlib.closing(sqlite3.connect(self.kept.state / "state.db", timeout=10)) as connection, connection:
            for table in ("expunge_credential", "expunge_code_device"):
                connection.execute(f"UPDATE {table} SET waits_until = '{stored(minutes=-1)}' WHERE stop IS NOT NULL")

    def confirm(self, person: Person, ask: Ask) -> str:
        """A permit, by the person's passkey."""
        begun = self.guard.begin_ask(person.session, ask)
        assert begun.options
        return self.guard.finish_ask(begun.token, person.session, ask, PasskeyProof(person.authenticator.sign(begun.options)))

    def with_code_device(self, person: Person, permit: str, at: float | None = None) -> str:
        """Enrol a code device; its seed."""
        offer = self.guard.begin_code_device(person.account, person.session, permit)
        self.guard.finish_code_device(offer.token, person.account, person.session, code_of(offer.seed, at))
        return offer.seed


def moment() -> float:
    """The time, when the half minute of codes lasts for some seconds more."""
    left = 30 - clock.timestamp() % 30
    if left < 4:
        time.sleep(left + 0.1)
    return clock.timestamp()


def code_of(seed: str, at: float | None = None, steps: int = 0) -> str:
    """The code of a seed by a device of its own: RFC 4226 and 6238 by hand, so that it shares nothing with the keeper."""
    import base64
    import hmac

    counter = int(at if at is not None else clock.timestamp()) // 30 + steps
    digest = hmac.digest(base64.b32decode(seed), counter.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"
