"""Employees who decide about others on the pages, and the register behind them."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any, TypeVar
from uuid import uuid4

from expunge import clock
from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.host.clocks import SystemClock
from expunge.bootstrap.accounts import staff_desks
from expunge.core.accounts.fingerprints import fingerprint
from expunge.core.accounts.staff import RIGHTS, JobFunction
from expunge.core.accounts.staff_acts import ConfirmKeys, InviteStaff, StaffAct
from expunge.core.accounts.staff_events import ByMachineUser, RightUsed, StaffEnrolled, StaffInvited, StaffSeen
from expunge.core.accounts.staff_state import Staff
from expunge.engine.accounts import staff_register
from expunge.engine.accounts.staff_register import StaffStream
from expunge.ports.accounts.staff_directory import StaffActed
from tests.web.site.http_person import Shown
from tests.web.site.kit import SiteServed
from tests.web.site.office import Employee

T = TypeVar("T")


@contextlib.contextmanager
def stream_of(site: SiteServed) -> Iterator[StaffStream]:
    """The register in the journal of the installation."""
    with open_journal(site.state) as journal:
        yield StaffStream(journal)


def apart(call: Callable[[], T]) -> T:
    """Call in a thread of its own: a browser's driver has an event loop in this one, beside which Django asks no database."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(call).result()


def fingerprints_of(site: SiteServed, account: str) -> frozenset[str]:
    """The fingerprints of an account's passkeys, from the keeper's tables."""

    def look() -> frozenset[str]:
        with open_journal(site.state) as journal:
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


def register_of(site: SiteServed) -> Staff:
    """The register as it is now."""

    def look() -> Staff:
        with stream_of(site) as stream:
            return stream.known()

    return apart(look)


def confirm_keys(site: SiteServed, account: str) -> None:
    """Confirm the passkeys of an account as the machine's own user does."""
    keys = fingerprints_of(site, account)
    decided(site, ConfirmKeys(account, tuple(sorted(keys))), keys)


def was_there(served: SiteServed, label: str, function: JobFunction, days: int, seen: int = 3) -> str:
    """An account that was enrolled so many days ago, and last seen some days ago."""
    began, name = clock.now() - timedelta(days=days), str(uuid4())
    until, digest = began + timedelta(hours=72), sha256(name.encode()).hexdigest()
    day = (clock.now() - timedelta(days=seen)).replace(hour=0, minute=0, second=0, microsecond=0)
    events = (
        StaffInvited(began, name, label, function, tuple(sorted(RIGHTS[function])), ByMachineUser("omar"), digest, until, "", first=False),
        StaffEnrolled(began, name, digest),
        StaffSeen(day, name),
        RightUsed(day, name, min(RIGHTS[function])),
    )

    def enter() -> None:
        with stream_of(served) as stream:
            stream.enter(lambda _: events)

    apart(enter)
    return name


@dataclass
class Decider(Employee):
    """An employee who decides."""

    label: str = ""
    account: str = ""
    sent: tuple[str, dict[str, str]] = ("", {})

    @classmethod
    def joins(cls, site: SiteServed, label: str, function: JobFunction) -> Decider:
        """Come as a person whom the machine invited, and whose passkey it confirmed."""
        person = cls.comes(site, label, decided(site, InviteStaff(label, function)).secret)
        confirm_keys(site, person.account)
        return person

    @classmethod
    def comes(cls, site: SiteServed, label: str, secret: str) -> Decider:
        """Come with a link."""
        person = cls(site, label=label)
        assert person.enrol(secret) == {"to": "/staff/security/"}
        person.account = next(name for name, each in register_of(site).accounts.items() if each.label == label)
        return person

    @property
    def fingerprint(self) -> str:
        """What the person reads out."""
        return fingerprint(next(iter(self.device.made)))

    def told(self, path: str, **values: str) -> Any:
        """What a page's script is told."""
        self.sent = path, values
        return super().told(path, **values)

    def confirm(self) -> dict[str, Any]:
        """Confirm the decision that is shown, with the passkey; returns the last answer."""
        assert self.last is not None
        page = self.last
        answer = self.perform("/staff/decide/begin/", decision=page.form("decision")[1]["decision"])
        self.last = page
        return dict(answer)

    def again(self) -> dict[str, Any]:
        """Send the last form of a ceremony once more."""
        path, values = self.sent
        return dict(self.told(path, **values))

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
        return self.confirm()
