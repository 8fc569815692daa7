"""The whole way of a parent in a real browser, from an invitation to a receipt that a stranger can check.

A parent goes it by the keyboard alone, and another one in Spanish on a phone. The company is the same; each erases a child of their own.
"""

from __future__ import annotations

import re
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from expunge.cli.terminal.export_files import check as check_export
from expunge.core.verification import receipt_verify
from expunge.gate import Gate, GateReason, Subject
from expunge.gate.settings import read
from tests.cli import world
from tests.web.site import journey_company
from tests.web.site.browser import PATIENCE, Visitor, visitor
from tests.web.site.canaries import Canaries, of_child
from tests.web.site.guardian_company import link_to
from tests.web.site.hands import Finger, Hands, Keys, Looks, translated
from tests.web.site.http_person import PASSWORD
from tests.web.site.journey_company import journey_site
from tests.web.site.kit import SiteServed
from tests.web.site.office import at_the_machine
from tests.web.site.test_accessibility import AXE, TAGS, axe
from tests.web.site.test_recordings_browser import until

pytestmark = pytest.mark.browser
QUESTION = {"en": "A question about your child's data", "es": "Una pregunta sobre los datos de su menor"}
AGAIN = {"en": "Please confirm once more, about your child's data", "es": "Confirme otra vez, sobre los datos de su menor"}
SPANISH = {
    "voice recordings": "grabaciones de voz",
    "transcripts": "transcripciones",
    "voiceprints": "huellas de voz",
    "model learnt from this data.": "modelo aprendió de estos datos.",
}
FRESH = re.compile("/consent/|/protect/|/delete/|/recovery-codes/|/receipt/")
WITHIN = 1.0
"""Seconds in which programs are refused once a parent said stop."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    with journey_site(tmp_path_factory.mktemp("journey")) as running:
        yield running


@dataclass
class Journey:
    """One parent of one child."""

    served: SiteServed
    hands: Hands
    say: Callable[..., str]
    child: str
    address: str
    folder: Path
    """For what is downloaded."""
    canaries: Canaries
    parent: Canaries
    """The address and the password of the parent, whose account stays."""
    order: str = ""

    @property
    def page(self) -> Page:
        return self.hands.page

    def words(self) -> str:
        return " ".join(self.page.locator("main").inner_text().split())

    def says(self, text: str) -> None:
        """Expect a text on the page, with whatever values it has."""
        words = self.words()
        assert all(piece in words for piece in re.split(r"%\(\w+\)[sd]", self.say(text))), (text, self.page.url, words)

    def confirm(self) -> None:
        """Confirm with the passkey that it is the parent."""
        self.hands.go(self.say("Confirm with your passkey"))

    def whole(self) -> None:
        """Go the whole way."""
        self.comes()
        self.shows_to_be_guardian()
        self.sees()
        self.plays()
        self.takes_a_copy()
        self.is_found_where_it_lies_and_nowhere_else()
        self.stops_training()
        self.deletes_and_watches()
        self.checks_the_receipt()
        self.is_found_nowhere()

    def comes(self) -> None:
        """Come by the company's invitation, sign up, and make a passkey."""
        say, hands = self.say, self.hands
        ran = at_the_machine(self.served.folder, "guardian", "invite", f"profile:{self.child}", "--contact", self.address)
        hands.open(ran.out.strip())
        hands.go(say("Sign up"))
        hands.write(say("Email address"), self.address)
        hands.write(say("Password"), PASSWORD)
        hands.go(say("Create an account"))
        hands.write(say("Code"), self.served.sink.code(self.address))
        hands.go(say("Go on"))
        self.says("Add a passkey or a code app first. One that you add after you are guardian opens recordings only a day later.")
        hands.go(say("Add a passkey"))
        hands.go(say("Make the passkey"))
        self.says("Recovery codes")
        hands.go(say("I have kept them. Go on"))
        self.says("Are you guardian of a child?")

    def shows_to_be_guardian(self) -> None:
        """Choose, then answer two mails; log out and in between, as on another day."""
        say, hands = self.say, self.hands
        hands.tick("teach our speech recogniser")
        hands.write_day(say("The child's birthday"), "15", "06", "2020")
        hands.tick(say("By mail, twice"))
        hands.go(say("I have read it. Go on"))
        self.says("Open the link in our message")
        hands.go(say("Log out"))
        hands.open(self.link(QUESTION))
        hands.go(say("Log in"))
        hands.write(say("Email address"), self.address)
        hands.write(say("Password"), PASSWORD)
        hands.go(say("Log in"))
        hands.go(say("Use your passkey"))
        self.says("Is that what you want?")
        hands.go(say("Yes, I agree"))
        self.says("Your first answer is here; open the link in our second message")
        hands.open(self.link(AGAIN))
        hands.go(say("Yes, I agree"))
        self.says("You are guardian now. If the child has other guardians, they got a letter.")

    def link(self, subjects: dict[str, str]) -> str:
        """The address in the newest message of a subject."""
        return f"{self.served.origin}/consent/#{link_to(self.served, self.address, subjects[self.hands.looks.lang])}"

    def sees(self) -> None:
        """See what is held, in numbers."""
        self.hands.go(self.say("Your family"))
        # It counts by itself until the numbers are there.
        self.page.locator("#held .rows").wait_for()
        for held in ("3 voice recordings", "2 transcripts", "2 voiceprints", "1 model learnt from this data."):
            assert self.counted(held) in self.words(), (held, self.words())

    def counted(self, text: str) -> str:
        """How the page says a number of things."""
        number, _, things = text.partition(" ")
        return f"{number} {things}" if self.hands.looks.lang == "en" else f"{number} {SPANISH[things]}"

    def plays(self) -> None:
        """Open the recordings, which takes the passkey, and listen."""
        say, hands = self.say, self.hands
        hands.go(say("Recordings"))
        self.confirm()
        assert self.page.locator("[data-recording]").count() == 3
        assert world.SAID[world.PEOPLE[self.child][2][0]] in self.words()
        hands.follow("main [data-play]")
        hands.play()
        until(self.page, "document.querySelector('audio').currentTime > 0.2")
        hands.go(say("Who looked"))
        self.says("You")

    def takes_a_copy(self) -> None:
        """Have a copy made, download it, and check it with keys that the company publishes."""
        say, hands = self.say, self.hands
        hands.go(say("A copy of the data"))
        hands.go(say("Make the copy"))
        self.confirm()
        while self.say("It is being made.") in self.words():
            hands.go(say("Look again"))
        (part,) = self.page.locator("main a[download][href$='.zip']").all_inner_texts()
        path = hands.download(" ".join(part.split()), self.folder)
        found = check_export(path, self.published())
        assert found.files > 5
        with zipfile.ZipFile(path) as archive:
            held = b"".join(archive.read(name) for name in archive.namelist())
        for said in (world.SAID[each] for each in world.PEOPLE[self.child][2]):
            assert said.encode() in held

    def published(self) -> bytes:
        """The keys that the company publishes."""
        ran = at_the_machine(self.served.folder, "log", "policy")
        assert ran.code == 0, ran.err
        return ran.out.encode()

    def is_found_where_it_lies_and_nowhere_else(self) -> None:
        """Find each canary in the stores or in the copy that the parent took: so the search would find it in what Expunge wrote, too."""
        stores = self.served.folder / "world"
        assert self.canaries.found(stores, self.folder).keys() == self.canaries.all
        assert self.canaries.found(self.served.folder, but=[stores]) == {}
        assert self.parent.found(self.served.folder) == {}

    def is_found_nowhere(self) -> None:
        """Find no canary any more, in what Expunge wrote and in the stores, and find there what is known to be there."""
        assert self.canaries.found(self.served.folder) == {}
        assert self.parent.found(self.served.folder) == {}
        known = {"state.db": self.order, "access.log": "portal_deletion", "accounts.db": "expunge_account"}
        there = Canaries(frozenset(known.values()), frozenset(), frozenset()).found(self.served.folder)
        for name, text in known.items():
            assert any(f"/{name}" in where for where in there[text]), name

    def stops_training(self) -> None:
        """Stop training; a pipeline with a key of its own is refused within a second."""
        say, hands = self.say, self.hands
        gate = self.gate()
        subject = Subject("profile", self.child)
        assert gate.may_use(subject, "training")
        hands.go(say("What is allowed"))
        stop = hands.find(say("Stop: %(what)s", what="teach our speech recogniser"))
        with self.page.expect_navigation(timeout=PATIENCE):
            began = time.monotonic()
            stop()
            while (answer := gate.may_use(subject, "training")).allowed:
                assert time.monotonic() < began + 20
                time.sleep(0.002)
            took = time.monotonic() - began
        hands.settled()
        assert answer.reason is GateReason.WITHDRAWN
        assert took < WITHIN, f"{took:.2f} s from the key to the refusal"
        self.says("We read this from the list that programs ask, as it was written on %(day)s at %(time)s.")

    def gate(self) -> Gate:
        """The gate of a pipeline on this machine."""
        folder = self.folder / "pipeline"
        ran = at_the_machine(self.served.folder, "gate", "key", f"train-{self.hands.looks.name}", "--to", str(folder))
        assert ran.code == 0, ran.err
        return read({"EXPUNGE_GATE": str(folder / "gate.toml")}, folder).gate()

    def deletes_and_watches(self) -> None:
        """Erase everything, and watch until it is erased and verified, without loading the page again."""
        say, hands = self.say, self.hands
        hands.go(say("Erase"))
        hands.go(say("Show all that would go"))
        hands.write(say("To go on, type “%(word)s”", word=say("erase")), say("erase"))
        hands.go(say("Erase everything"))
        self.confirm()
        self.page.evaluate("document.body.dataset.same = 'page'")
        done = say("Erased and verified")
        self.page.locator("h1", has_text=done).wait_for()
        assert self.page.evaluate("document.body.dataset.same") == "page"
        assert self.page.title().startswith(done)
        hands.looks.look(self.page)
        self.order = self.page.url.rstrip("/").rpartition("/")[2]

    def checks_the_receipt(self) -> None:
        """Take the receipt, have it checked by the page, and check it again without the company."""
        say, hands = self.say, self.hands
        hands.go(say("See the receipt"))
        path = hands.download(say("Download the receipt"), self.folder)
        hands.go(say("Check a receipt"))
        hands.hand_in(say("The receipt"), path)
        hands.go(say("Check it"))
        self.says("The receipt holds")
        self.says("The code that you typed is the same.")
        with zipfile.ZipFile(path) as archive:
            archive.extractall(self.folder)
        (folder,) = (each.parent for each in self.folder.glob("receipt-*/*.dsse.json"))
        files = {each.name: each.read_bytes() for each in folder.iterdir()}
        verified = receipt_verify.verify(files, self.published(), at=None)
        assert verified.trusted
        assert {each.outcome.value for each in verified.receipt.datasets} <= {"erased", "absent"}


def journey(served: SiteServed, person: Visitor, kind: type[Hands], lang: str, child: str, folder: Path) -> Journey:
    name = "keys" if kind is Keys else "finger"
    ours = (*world.SAID.values(), *journey_company.WORDS)
    looks = Looks(lang, name, ours)
    person.take_authenticator()
    media = sorted((served.folder / "world" / "media" / "voice" / child).glob("*.wav"))
    sounds = [*(each.read_bytes() for each in media), journey_company.heard(child)]
    further = journey_company.EMAILS[child], journey_company.SEALED[child], *journey_company.learnt(child)
    canaries = of_child(child, sounds, further)
    address = f"{name}.parent@home.example"
    parent = Canaries(frozenset({address, PASSWORD}), frozenset(), frozenset())
    return Journey(served, kind(person.page, looks), translated(lang), child, address, folder, canaries, parent)


def by_the_rules(page: Page, name: str) -> list[str]:
    """Look by axe at pages that no walk visits on a phone in Spanish."""
    return axe(page, name, {"type": "tag", "values": TAGS}) if FRESH.search(page.url) else []


def test_by_the_keyboard_alone(served: SiteServed, browser: Browser, tmp_path: Path) -> None:
    with visitor(browser, viewport={"width": 1100, "height": 760}) as person:
        one = journey(served, person, Keys, "en", "p-mia", tmp_path)
        one.whole()
        assert isinstance(one.hands, Keys)
        assert one.hands.hidden == []
        assert one.hands.looks.wrong == []
        assert person.complaints == []


@pytest.mark.soak
def test_in_spanish_on_a_phone(served: SiteServed, browser: Browser, tmp_path: Path) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "locale": "es"}
    with visitor(browser, **phone) as person:
        person.page.add_init_script(AXE)
        one = journey(served, person, Finger, "es", "p-ada", tmp_path)
        one.hands.looks.further = by_the_rules
        one.whole()
        assert one.hands.looks.wrong == []
        assert person.complaints == []


@pytest.mark.parametrize(
    ("line", "english"),
    [
        ("Nothing has been erased yet.", True),
        ("You can call it off for 2 hours, and this is new.", True),
        ("Todavía no se ha borrado nada.", False),
        (world.SAID["rec-a1-55129"], False),
    ],
)
def test_a_sentence_that_stayed_english_is_found(line: str, english: bool) -> None:
    looks = Looks("es", "", tuple(world.SAID.values()))
    assert looks.is_english(line) is english


def test_a_stop_that_is_not_seen_is_found(person: Visitor) -> None:
    """A page that hides where the keyboard is, and one that nothing leads to."""
    page = person.page
    page.set_content(
        "<style>a { outline: none }</style><a class='skip' href='#main'>Skip</a><main id='main' tabindex='-1'><a href='#there'>There</a>"
    )
    keys = Keys(page, Looks("en", ""))
    keys.find("There")
    assert [each.partition(": ")[2] for each in keys.hidden] == ['<a class="skip" href="#main">Skip</a>', '<a href="#there">There</a>']
    with pytest.raises(AssertionError, match="does not reach"):
        keys.find("Elsewhere")
