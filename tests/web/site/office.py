"""Employees at the pages of a small company: links, passkeys and sign-ins over HTTP, with an authenticator in memory."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.cli.running import Ran, expunge
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed


@dataclass
class Employee(HttpPerson):
    """One employee at one browser."""

    device: SoftAuthenticator = field(init=False)

    def __post_init__(self) -> None:
        self.device = SoftAuthenticator(self.site.origin, "localhost")

    def told(self, path: str, **values: str) -> Any:
        """What a page's script is told."""
        shown = self.post(path, **values)
        assert shown.headers["Content-Type"].startswith("application/json"), (shown.status, shown.words[:400])
        return json.loads(shown.text)

    def perform(self, path: str, **values: str) -> Any:
        """A ceremony, as the page's script performs it: what it ends with."""
        answer = self.told(path, **values)
        while "options" in answer:
            make = self.device.create if "user" in answer["options"] else self.device.sign
            answer = self.told(answer["finish"], response=make(answer["options"]).decode(), **values)
        return answer

    def enrol(self, link: str) -> Any:
        self.get("/staff/enrol/")
        return self.perform("/staff/enrol/prove/", secret=link.rpartition("#")[2])

    def sign_in(self) -> Any:
        self.get("/staff/sign-in/")
        return self.perform("/staff/sign-in/begin/")

    def sign_out(self) -> Shown:
        return self.post("/staff/sign-out/")

    @property
    def in_office(self) -> bool:
        """Whether this browser is in a session of staff."""
        return self.get("/staff/security/").path == "/staff/security/"


def at_the_machine(folder: Path, *words: str) -> Ran:
    """Run a command of the company's operator."""
    # Why a thread: a driven browser keeps an event loop in this one, where the state is not opened.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(expunge, *words, cwd=folder).result()


def link_of(folder: Path, *words: str) -> str:
    """A new link, from the command line of the company."""
    ran = at_the_machine(folder, "staff", *words, "--json")
    assert ran.code == 0, ran.err
    return str(ran.json["link"])


def staff_of(folder: Path) -> dict[str, Any]:
    """Label -> account, as the command line lists it."""
    ran = at_the_machine(folder, "staff", "list", "--json")
    assert ran.code == 0, ran.err
    return {each["label"]: each for each in ran.json["accounts"]}


def confirm(folder: Path, label: str) -> None:
    """Confirm the passkeys of an account, as if their fingerprints had been read out."""
    ran = at_the_machine(folder, "staff", "confirm-key", label, *staff_of(folder)[label]["keys"])
    assert ran.code == 0, ran.err


def employee(site: SiteServed, label: str, function: str = "reviewer") -> Employee:
    """An employee who was invited, came, and whose passkey is confirmed."""
    person = Employee(site)
    assert "to" in person.enrol(link_of(site.folder, "invite", label, "--function", function))
    confirm(site.folder, label)
    return person
