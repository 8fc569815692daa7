"""Walk through the review desk of a running company over HTTP alone, and say of each step whether it held.

::

    scripts/desk-walk http://localhost:8000 demo-out

The second argument is a file ``desk.json``, or the folder that has it, as ``expunge demo serve`` writes it:

=============== =============================================================================================================
``recording``   ``DATASET/NAME`` of a film that the walk may ask to see
``film``        the file of the same film in the clear, against which the rendition is measured
``family``      ``address``, ``password``, ``seed`` (of a code app, Base32) of a member, and ``name`` of the person filmed
``map``         the data map: the command line is asked for ``expunge views`` with it, and for links where none are given
``environment`` variables that the map reads
``people``      ``reviewer`` and ``approver``: ``label`` and ``link`` of an account each; the approver is trained. A link works once
=============== =============================================================================================================

Without ``family`` or ``map`` what they are for is left out, and said to be. Only what the page of a step answers decides about it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from expunge import clock
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from expunge.testing.desk.browser import Answer, Browser, UnexpectedPage, send_code
from expunge.testing.desk.detail import measure

FILE = "desk.json"
PURPOSE = "harm or financial loss"
LAST_MS = 2000
MOST_DETAIL = 0.15
"""Of the detail in the worst region: the most that a default rendition may have."""
_CONFIRMED_WITHIN = 60.0
"""Seconds in which the operator confirms the passkeys of those who enrolled."""
_BY_ITSELF = 8.0
"""Of these, seconds in which no command is given for it: a demonstration confirms by itself."""
_DESK = "/staff/desk"
_REQUEST = re.compile(r"/staff/desk/requests/([0-9a-f]{16})/")
_LEASE = re.compile(r"/staff/desk/view/([0-9a-f]{16})/")
_LETTERS = re.compile(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){3}\b")
_OPTION = re.compile(r'<option value="([^"]+)"[^>]*>([^<]+)</option>')
_CHILD = re.compile(r'href="(/child/[^"/]+/)"[^>]*>(.*?)</a>', re.DOTALL)


class StepFailed(Exception):
    """A step did not hold."""


@dataclass
class Employee:
    """One person of the company at one browser, with a passkey in memory."""

    label: str
    browser: Browser
    device: SoftAuthenticator

    @property
    def is_in(self) -> bool:
        """Whether the desk lets this account in now."""
        return self.browser.get(f"{_DESK}/").status == HTTPStatus.OK


@dataclass
class Walk:
    """One walk, and what it learned so far."""

    origin: str
    told: dict[str, Any]
    say: Callable[[str], None]
    case: str = field(default_factory=lambda: f"WALK-{secrets.randbelow(900_000) + 100_000}")
    people: dict[str, Employee] = field(default_factory=dict)
    request: str = ""
    lease: str = ""
    received: bytes = b""
    failed: list[str] = field(default_factory=list)

    def go(self) -> bool:
        """Take every step until one fails. Return whether all held."""
        for step in (
            self.enrol, self.refuse_untrained, self.train, self.ask, self.refuse_unapproved, self.refuse_own_approval,
            self.refuse_without_right, self.approve, self.activate, self.fetch, self.measure, self.refuse_another, self.revoke,
            self.refuse_after, self.read_as_family, self.compare_views,
        ):  # fmt: skip
            try:
                step()
            except (StepFailed, UnexpectedPage, OSError) as error:
                self._tell("failed", f"{step.__name__.replace('_', ' ')}: {error}")
                self.failed.append(step.__name__)
                return False
        return True

    # --- steps ----------------------------------------------------------------------------------

    def enrol(self) -> None:
        """Have staff come in by their links, each with a passkey."""
        host = urlsplit(self.origin).hostname or ""
        for role, told in self._invited().items():
            person = Employee(told["label"], Browser(self.origin), SoftAuthenticator(self.origin, host))
            person.browser.get("/staff/enrol/")
            person.browser.perform("/staff/enrol/prove/", person.device, secret=told["link"].rpartition("#")[2])
            self.people[role] = person
        self._ok(f"enrol: {', '.join(self.people)} came in by a link each, and made a passkey")
        for role, person in self.people.items():
            self._confirmed(role, person)
        self._ok("confirm: the operator confirmed their passkeys, and the desk lets them in")

    def refuse_untrained(self) -> None:
        """Refuse a reviewer without a training."""
        page = self._asked(self.people["reviewer"])
        self._require("training" in page.main and not _REQUEST.search(page.url), "a request was taken without a training", page)
        self._ok(f"refusal: no request without a training ({_sentence(page.main, 'training')})")

    def train(self) -> None:
        """Enter the trainings of the reviewer as another person, and have the reviewer make the statement with the passkey."""
        approver, reviewer = self.people["approver"], self.people["reviewer"]
        page = approver.browser.get(f"{_DESK}/people/training/")
        account = next((value for value, label in _OPTION.findall(page.text) if label.strip() == reviewer.label), "")
        self._require(bool(account), f"{reviewer.label} is not offered", page)
        for role in ("access to recordings", f"review {PURPOSE}"):
            page = approver.browser.post(
                f"{_DESK}/people/training/", account=account, role=role, on=clock.today().isoformat(), certificate=""
            )
            self._require(page.path == f"{_DESK}/people/", "the training was not entered", page)
        reviewer.browser.get(f"{_DESK}/my-training/harm/")
        reviewer.browser.perform(f"{_DESK}/my-training/harm/begin/", reviewer.device)
        self._ok("training entered by another person, and the statement of purpose signed with the reviewer's passkey")

    def ask(self) -> None:
        """Ask in order."""
        page = self._asked(self.people["reviewer"])
        found = _REQUEST.search(page.url)
        if found is None:
            raise StepFailed(_at(page))
        self.request = found[1]
        self._ok(f"request {self.request}: two seconds of one recording, case {self.case}; nothing is shown by it")

    def refuse_unapproved(self) -> None:
        """Refuse to begin before another person approved."""
        page = self.people["reviewer"].browser.post(f"{_DESK}/view/start/{self.request}/")
        self._require(page.status == HTTPStatus.FORBIDDEN and not _LEASE.search(page.url), "a lease began without an approval", page)
        self._ok("refusal: it does not begin before another person approved it")

    def refuse_own_approval(self) -> None:
        """Refuse the approval of its own reviewer."""
        page = self._decided(self.people["reviewer"])
        self._require(page.status == HTTPStatus.FORBIDDEN, "a reviewer approved", page)
        self._ok("refusal: its own reviewer does not approve it")

    def refuse_without_right(self) -> None:
        """Refuse a request by who may approve."""
        page = self._asked(self.people["approver"])
        self._require(page.status == HTTPStatus.FORBIDDEN, "an approver asked", page)
        self._ok("refusal: who approves may not ask")

    def approve(self) -> None:
        """Approve it as another person."""
        page = self._decided(self.people["approver"])
        self._require(page.path == f"{_DESK}/approvals/", "it was not approved", page)
        self._ok("approval by another person")

    def activate(self) -> None:
        """Begin the lease."""
        page = self.people["reviewer"].browser.post(f"{_DESK}/view/start/{self.request}/")
        found = _LEASE.search(page.url)
        if found is None or page.status != HTTPStatus.OK:
            raise StepFailed(_at(page))
        self.lease = found[1]
        self._ok(f"activation: lease {self.lease}")

    def fetch(self) -> None:
        """Fetch the first range."""
        answer = self._fetched(self.people["reviewer"])
        self._require((answer.status, answer.kind) == (HTTPStatus.OK, "video/mp4"), "no film came", answer)
        self.received = answer.content
        self._ok(f"first range: {len(self.received):,} bytes of video/mp4")

    def measure(self) -> None:
        """Decode what came, and measure what is left of the film."""
        try:
            found, clear = measure(self.received, self._film()), measure(self._film(), self._film(), until=LAST_MS / 1000)
        except (ImportError, ValueError) as error:
            raise StepFailed(str(error)) from error
        if not (found.detail <= MOST_DETAIL < clear.detail) or found.colours or found.sound:
            msg = f"{found} of a film with {clear.detail:.2f}: more than {MOST_DETAIL} of the detail, colour, or sound"
            raise StepFailed(msg)
        piece = max(1, len(self._film()) // 200)
        if any(self._film()[at : at + 48] in self.received for at in range(2000, len(self._film()) - 48, piece)):
            raise StepFailed("a piece of the film itself was sent")
        self._ok(
            f"decoded: {found.frames} grey pictures, no sound, {found.detail:.3f} of the detail left (the film itself: {clear.detail:.2f})"
        )

    def refuse_another(self) -> None:
        """Refuse the lease to another person."""
        answer = self._fetched(self.people["approver"])
        self._require(answer.status == HTTPStatus.FORBIDDEN and answer.kind != "video/mp4", "another person was shown it", answer)
        self._ok("refusal: the lease shows nothing to another person")

    def revoke(self) -> None:
        """End the lease as another person."""
        page = self.people["approver"].browser.post(f"{_DESK}/requests/{self.request}/stop/")
        self._require(page.status == HTTPStatus.OK, "it was not revoked", page)
        self._ok("revoked by another person")

    def refuse_after(self) -> None:
        """Refuse the next range."""
        answer = self._fetched(self.people["reviewer"])
        self._require(answer.status in {HTTPStatus.GONE, HTTPStatus.FORBIDDEN} and answer.kind != "video/mp4", "it is shown still", answer)
        self._ok(f"refused range: status {answer.status}, no picture")

    def read_as_family(self) -> None:
        """Read the look on the page of the person who was filmed."""
        family = self.told.get("family")
        if not family:
            self._left_out("the customer's record: no login of a family was given")
            return
        browser = Browser(self.origin)
        browser.get("/account/login/")
        page = browser.send("login", login=family["address"], password=family["password"])
        if page.path == "/account/2fa/authenticate/":
            send_code(browser, family["seed"])
        page = browser.get("/child/")
        links = {" ".join(re.sub(r"<[^>]+>", " ", words).split()): link for link, words in _CHILD.findall(page.text)}
        base = page.path if page.path != "/child/" else next((link for words, link in links.items() if family.get("name", "") in words), "")
        if not base:
            msg = f"no page of that person: {_at(page)}"
            raise StepFailed(msg)
        page = browser.get(f"{base}looked/?each=1")
        if page.path == "/account/confirm/":
            page = send_code(browser, family["seed"])
        entries = [" ".join(re.sub(r"<[^>]+>", " ", each).split()) for each in page.text.split("<li>") if self.case in each]
        seen = [each for each in entries if "Refused" not in each]
        if not (len(seen) == 1 and "second" in seen[0] and "pprove" in seen[0] and len(entries) > 1):
            msg = f"the page tells of {len(seen)} looks and {len(entries) - len(seen)} refusals: {_at(page)}"
            raise StepFailed(msg)
        self._ok(f"the customer reads: {seen[0]}")
        self._ok(f"and of {len(entries) - 1} refusals of the same case")

    def compare_views(self) -> None:
        """Hold ``expunge views`` against what was done here."""
        if not self.told.get("map"):
            self._left_out("expunge views: no map was given")
            return
        lines = [json.loads(line) for line in self._expunge("views", "--recording", self.told["recording"], "--json").splitlines()]
        own = [each for each in lines[:-1] if each["request"] == self.request]
        seen = [each for each in own if each["outcome"] == "seen"]
        refused = [each for each in own if each["outcome"] == "refused"]
        ranges, last = {(each["first_ms"], each["last_ms"], each["bytes"]) for each in seen}, lines[-1]
        faults = [
            what
            for what, holds in (
                ("views of another lease", {each["lease"] for each in seen} == {self.lease}),
                ("numbers with a gap", [each["sequence"] for each in seen] == list(range(len(seen)))),
                ("other bytes than came", sum(each["bytes"] or 0 for each in seen) == len(self.received)),
                ("another range", (0, LAST_MS, len(self.received)) in ranges),
                ("another clarity", {(each["clarity"], each["sound"]) for each in seen} == {("pixelated", "mute")}),
                ("another case or approver", all(each["case_number"] == self.case and len(each["approvers"]) == 1 for each in seen)),
                ("no refusal before the approval", any(each["act"] == "activate" for each in refused)),
                ("no refusal after the end", any(each["act"] == "view" for each in refused)),
                ("what is missing", not last["faults"]),
            )
            if not holds
        ]  # fmt: skip
        if faults:
            msg = f"{', '.join(faults)}: {own}, {last}"
            raise StepFailed(msg)
        self._ok(f"expunge views: the same {len(seen)} entries of the lease and {len(refused)} refusals, and nothing is missing")

    # --- help -----------------------------------------------------------------------------------

    def _invited(self) -> dict[str, dict[str, str]]:
        if self.told.get("people"):
            return dict(self.told["people"])
        if not self.told.get("map"):
            raise StepFailed("neither links nor a map that the command line could make some with")
        people, mark = {}, self.case.rpartition("-")[2]
        for role, function in (("reviewer", "reviewer"), ("approver", "officer")):
            label = f"walk-{role}-{mark}"
            made = json.loads(self._expunge("staff", "invite", label, "--function", function, "--json"))
            people[role] = {"label": label, "link": made["link"]}
        self._expunge("staff", "train", people["approver"]["label"])
        self._ok("invite: the command line made two accounts, and entered the training of the one that approves")
        return people

    def _confirmed(self, role: str, person: Employee) -> None:
        began = time.monotonic()
        asked = False
        while not person.is_in:
            waited = time.monotonic() - began
            if waited > _CONFIRMED_WITHIN:
                msg = f"the passkey of {role} is not confirmed: expunge staff confirm-key LABEL CHECK-LETTERS"
                raise StepFailed(msg)
            if waited > _BY_ITSELF and not asked and self.told.get("map"):
                asked = True
                with suppress(StepFailed):
                    letters = _LETTERS.findall(person.browser.get("/staff/security/").main)
                    self._expunge("staff", "confirm-key", person.label, *letters)
            time.sleep(0.3)

    def _asked(self, person: Employee) -> Answer:
        return person.browser.post(
            f"{_DESK}/requests/new/",
            purpose=PURPOSE,
            case_kind="support",
            case_number=self.case,
            recording=self.told["recording"],
            first="0:00",
            last=f"0:{LAST_MS // 1000:02}",
            clarity="pixelated",
            sound="mute",
            why="The customer says that the bell does not ring.",
        )

    def _decided(self, person: Employee) -> Answer:
        path = f"{_DESK}/approvals/{self.request}/"
        shown = person.browser.post(path, decision="approve")
        return person.browser.post(path, decision="approve", confirmed="1") if shown.status == HTTPStatus.OK else shown

    def _fetched(self, person: Employee) -> Answer:
        return person.browser.get(f"{_DESK}/view/{self.lease}/segment/?first=0&last={LAST_MS}")

    def _film(self) -> bytes:
        return Path(self.told["film"]).read_bytes()

    def _expunge(self, *words: str) -> str:
        ran = subprocess.run(
            (sys.executable, "-m", "expunge", *words, "--map", self.told["map"]),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=os.environ | self.told.get("environment", {}),
        )
        if ran.returncode:
            msg = f"expunge {' '.join(words[:2])}: exit code {ran.returncode}: {(ran.stderr or ran.stdout).strip()[:500]}"
            raise StepFailed(msg)
        return ran.stdout

    def _require(self, holds: bool, otherwise: str, page: Answer) -> None:
        if not holds:
            msg = f"{otherwise}: {_at(page)}"
            raise StepFailed(msg)

    def _ok(self, text: str) -> None:
        self._tell("ok", text)

    def _left_out(self, text: str) -> None:
        self._tell("left out", text)

    def _tell(self, mark: str, text: str) -> None:
        self.say(f"{mark:<9}{text}")


def read_told(path: Path) -> dict[str, Any]:
    """Return what a walk is told by a file, or by the one in a folder. Raises OSError, ValueError."""
    told: dict[str, Any] = json.loads((path / FILE if path.is_dir() else path).read_text("utf-8"))
    return told


def _at(page: Answer) -> str:
    return f"{page.path} (status {page.status}): {(page.main or page.words)[:300]}"


def _sentence(text: str, having: str) -> str:
    return next((each.strip() for each in re.split(r"(?<=[.!?]) ", text) if having in each), "")
