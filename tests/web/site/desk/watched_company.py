"""A company whose staff look at recordings on its pages: films in a folder, a reviewer and an approver, a desk that is always open."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from expunge.adapters.database.journal_django import open_journal
from expunge.core.journal.review_events import LeaseEnded, ViewServed
from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.note import Algorithm, VerifierKey
from expunge.engine.kernel.journal_streams import REVIEWS, read_register
from tests.adapters.rendering.recorded import film, man_in_a_car
from tests.cli.running import Ran
from tests.web.site import recordings_company
from tests.web.site.browser import Visitor
from tests.web.site.deciders import apart
from tests.web.site.kit import SiteServed, site
from tests.web.site.office import Employee, at_the_machine, employee

WIDTH, HEIGHT, SECONDS = 480, 270, 20
FILM, VOICE, PHOTO = "films/films/p-mia/ring-1.mp4", "recordings/voice/p-mia/rec-long.wav", "photos/photos/p-mia/photo-1.jpg"
"""Recordings, as a case names them."""
DAMAGED = "films/films/p-mia/torn.mp4"
WHY = "the customer says that the bell does not ring"
REVIEW = """\
review:
  lease: {lease}
  hours: {{days: [monday, tuesday, wednesday, thursday, friday, saturday, sunday], from: "00:00", until: "24:00"}}
  cameras: {{films: {{room: outdoor}}, photos: {{room: outdoor}}, recordings: {{room: outdoor}}}}
approvers: {{priya: '{key}'}}
"""
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def content() -> bytes:
    """The film of the case: a texture with detail everywhere, and a tone."""
    return film(float(SECONDS), WIDTH, HEIGHT, "mp4", "libx264", "aac")


def enrich(folder: Path, lease: str) -> None:
    """Put films into the company, and a desk into its map."""
    recordings_company.enrich(folder)
    films = folder / "world" / "media" / "films" / "p-mia"
    films.mkdir(parents=True)
    (films / "ring-1.mp4").write_bytes(content())
    (films / "torn.mp4").write_bytes(man_in_a_car()[:3000])
    (folder / "priya.pem").write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key = VerifierKey("priya", Algorithm.ED25519, KEY.public_key().public_bytes_raw())
    path = folder / "expunge.yaml"
    path.write_text(path.read_text() + REVIEW.format(lease=lease, key=key))


@dataclass
class WatchedOffice:
    """The running pages, with one reviewer who is trained."""

    site: SiteServed

    @cached_property
    def reviewer(self) -> Employee:
        """At one browser, logged in with a passkey."""
        person = employee(self.site, "desk-1")
        self.trained("desk-1")
        assert "to" in person.sign_in()
        return person

    def trained(self, label: str) -> None:
        """Train an account, and have it state its purpose."""
        purpose = ReviewPurpose.HARM.value
        paper = self.site.folder / "paper.txt"
        paper.write_text(self.operator("staff", "attest", label, "--for", purpose, "--text").out)
        for words in (("train", label), ("train", label, "--for", purpose), ("attest", label, "--for", purpose, "--document", str(paper))):
            self.operator("staff", *words)

    def operator(self, *words: str) -> Ran:
        ran = at_the_machine(self.site.folder, *words)
        assert ran.code == 0, ran.err
        return ran

    def approved(self, recording: str = FILM, *more: str, clarity: str = "clear", sound: str = "clear", to: int = SECONDS) -> str:
        """A request of the reviewer that an approver signed. Return its id."""
        assert self.reviewer
        ask = ("access", "request", "desk-1", recording, "--purpose", "harm", "--case", "support LE-88", "--why", WHY, "--to", str(to))
        request = str(self.operator(*ask, "--clarity", clarity, "--sound", sound, *more, "--json").json["request"])
        self.operator("access", "approve", request, "--as", "priya", "--key", "priya.pem")
        return request

    def begun(self, request: str) -> str:
        """Begin the lease of a request on its page. Return its address."""
        self.reviewer.get(f"/staff/desk/view/start/{request}/")
        shown = self.reviewer.send("csrfmiddlewaretoken")
        assert shown.status == 200, shown.words[:500]
        assert shown.path.startswith("/staff/desk/view/"), shown.words[:500]
        return shown.path

    def revoke(self, request: str) -> None:
        """End it from another process, as an operator does."""
        self.operator("access", "revoke", request)

    def sit_at(self, visitor: Visitor) -> None:
        """Have a real browser go on in the reviewer's login."""
        cookies = self.reviewer.cookies.items()
        visitor.context.add_cookies([{"name": name, "value": value, "url": self.site.origin} for name, value in cookies])

    def events(self) -> tuple[object, ...]:
        """The register of reviews as it is now."""

        def read() -> tuple[object, ...]:
            with open_journal(self.site.state) as journal:
                return tuple(read_register(journal, REVIEWS))

        return apart(read)

    def ended_at(self, address: str) -> float:
        """When a lease ended, in seconds since the epoch, as the register says."""
        lease = address.strip("/").rpartition("/")[2]
        (ended,) = (each for each in self.events() if isinstance(each, LeaseEnded) and each.lease == lease)
        return ended.at.timestamp()

    def watched(self, request: str) -> dict[str, Any]:
        """What the register says of what was handed out and shown under a request."""
        return dict(self.operator("access", "show", request, "--json").json["watched"])

    def views(self, address: str) -> list[ViewServed]:
        """The views of a lease, by the address of its page."""
        lease = address.strip("/").rpartition("/")[2]
        return [each for each in self.events() if isinstance(each, ViewServed) and each.lease == lease]


@contextlib.contextmanager
def watched_office(folder: Path, lease: str = "10 minutes") -> Iterator[WatchedOffice]:
    """Serve the pages of such a company."""
    with site(folder, enrich=lambda each: enrich(each, lease)) as served:
        yield WatchedOffice(served)
