"""Employees at browsers without JavaScript, with an authenticator in memory: they enrol, sign in, and decide as the pages' script does."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.keeper.keeper_staff import KeeperStaff
from expunge.bootstrap import keeping
from expunge.bootstrap.open_state import read_installed
from expunge.core.accounts.fingerprints import fingerprint
from expunge.core.accounts.staff import JobFunction
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.cli.running import expunge
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed


def staff_of(site: SiteServed) -> KeeperStaff:
    """The register, as the web process asks for it."""
    return KeeperStaff(keeping.place_of_map(read_installed(site.folder / "expunge.yaml")))


@dataclass
class Employee(HttpPerson):
    """One employee."""

    label: str = ""
    account: str = ""
    authenticator: SoftAuthenticator = field(default_factory=lambda: SoftAuthenticator("", ""))

    @classmethod
    def joins(cls, site: SiteServed, label: str, function: JobFunction) -> Employee:
        """Come as a person whom the command line invited, and whose passkey it confirmed; signed in."""
        made = expunge("staff", "invite", label, "--function", function.value, "--json", cwd=site.folder)
        assert made.code == 0, made.err
        return cls.enrols(site, label, made.json["secret"]).confirmed().signed_in()

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

    def confirmed(self) -> Employee:
        """Have the command line confirm the passkey."""
        done = expunge("staff", "confirm-key", self.label, self.fingerprint, cwd=self.site.folder)
        assert done.code == 0, done.err
        return self

    def signed_in(self) -> Employee:
        """Sign in on the page."""
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
