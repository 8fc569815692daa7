"""Employees at browsers without JavaScript, with an authenticator in memory: they enrol, sign in, and decide as the pages' script does."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.host.clocks import SystemClock
from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.state.url import sqlite_url
from expunge.bootstrap import keeping
from expunge.bootstrap.accounts import staff_desks
from expunge.bootstrap.open_state import DATABASE, read_installed
from expunge.core.accounts.fingerprints import fingerprint
from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_acts import ConfirmKeys, InviteStaff, StaffAct
from expunge.core.accounts.staff_events import ByMachineUser
from expunge.engine.accounts import staff_register
from expunge.engine.accounts.staff_register import StaffStream
from expunge.ports.accounts.staff_directory import StaffActed
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed

T = TypeVar("T")


@contextlib.contextmanager
def stream_of(site: SiteServed) -> Iterator[StaffStream]:
    """The register in the journal of the installation."""
    with open_journal(sqlite_url(site.folder / "state" / DATABASE)) as journal:
        yield StaffStream(journal)


def apart(call: Callable[[], T]) -> T:
    """Call in a thread of its own: a browser's driver has an event loop in this one, beside which Django asks no database."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(call).result()


def fingerprints_of(site: SiteServed, account: str) -> frozenset[str]:
    """The fingerprints of an account's passkeys, from the keeper's tables."""

    def look() -> frozenset[str]:
        with open_journal(sqlite_url(site.folder / "state" / DATABASE)) as journal:
            register = DjangoAccountRegister(journal.alias)
            try:
                return staff_desks.fingerprints(register, account)
            finally:
                register.close()

    return apart(look)


def decided(site: SiteServed, act: StaffAct, keys: frozenset[str] = frozenset()) -> StaffActed:
    """Decide as the machine's own user does."""

    def decide() -> StaffActed:
        with stream_of(site) as stream:
            return staff_register.decide(stream, SystemClock(), secrets.token_bytes, act, ByMachineUser("root"), lambda _: keys)

    return apart(decide)


def confirm_keys(site: SiteServed, account: str) -> None:
    """Confirm the passkeys of an account as the machine's own user does."""
    keys = fingerprints_of(site, account)
    decided(site, ConfirmKeys(account, tuple(sorted(keys))), keys)


@dataclass
class Employee(HttpPerson):
    """One employee."""

    label: str = ""
    account: str = ""
    authenticator: SoftAuthenticator = field(default_factory=lambda: SoftAuthenticator("", ""))

    @classmethod
    def joins(cls, site: SiteServed, label: str, function: JobFunction) -> Employee:
        """Come as a person whom the machine invited, and whose passkey it confirmed; signed in."""
        employee = cls.enrols(site, label, decided(site, InviteStaff(label, function)).secret)
        confirm_keys(site, employee.account)
        return employee.signed_in()

    @classmethod
    def enrols(cls, site: SiteServed, label: str, secret: str) -> Employee:
        """Use a link, and enrol a passkey."""
        employee = cls(site, label=label, authenticator=SoftAuthenticator(site.origin, urlsplit(site.origin).hostname or ""))
        guard = KeeperGuard(keeping.place_of_map(read_installed(site.folder / "expunge.yaml")))
        session = secrets.token_bytes(32)
        try:
            account, permit = guard.prove_by_invitation(session, secret)
            begun = guard.begin_enrolment(account, session, permit)
            guard.finish_enrolment(begun.token, account, session, employee.authenticator.create(begun.options or {}), "desk")
        finally:
            guard.close()
        employee.account = str(account)
        return employee

    @property
    def fingerprint(self) -> str:
        """What the person reads out."""
        return fingerprint(next(iter(self.authenticator.made)))

    def signed_in(self) -> Employee:
        """Sign in on the page, as at a browser that was never here."""
        self.cookies.clear()
        self.get("/staff/sign-in/")
        assert "to" in self.perform("csrfmiddlewaretoken"), self.last
        return self

    def perform(self, having: str) -> dict[str, Any]:
        """Do with a form of a ceremony what the script of the pages does; returns its last answer."""
        assert self.last is not None
        page = self.last
        action, held = page.form(having)
        answer = json.loads(self.ask("POST", action, held).text)
        while "options" in answer:
            signed = self.authenticator.sign(answer["options"]).decode()
            self.sent = (answer["finish"], held | {"response": signed})
            answer = json.loads(self.ask("POST", *self.sent).text)
        self.last = page
        return dict(answer)

    def again(self) -> dict[str, Any]:
        """Send the last form of a ceremony once more."""
        return dict(json.loads(self.ask("POST", *self.sent).text))

    def step(self, path: str, **typed: str | list[str]) -> Shown:
        """Open the form of a decision, fill it, and go on to what it means."""
        page = self.get(path)
        assert page.status == 200, page.words
        return self.fill(**typed)

    def fill(self, **typed: str | list[str]) -> Shown:
        """Fill the form that is open, and go on."""
        assert self.last is not None
        action, held = self.last.form("step")
        fields = [(name, value) for name, value in held.items() if name not in {*typed, "rights"}]
        for name, value in typed.items():
            fields += [(name, each) for each in ([value] if isinstance(value, str) else value)]
        return self.ask("POST", action, fields)  # type: ignore[arg-type]

    def decides(self, path: str, **typed: str | list[str]) -> dict[str, Any]:
        """Decide, with the passkey; returns the last answer."""
        page = self.step(path, **typed)
        assert "This is what you decide" in page.words, page.words
        return self.perform("decision")
