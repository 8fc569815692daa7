"""A reviewer who looks at recordings on the pages of a company, and what the register says of it."""

from __future__ import annotations

import io
import shutil
import wave
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image

from expunge.adapters.database.journal_django import open_journal
from expunge.core.journal.review_events import LeaseEnded, ViewServed
from expunge.core.journal.review_words import Clarity, Sound
from expunge.core.review.watched import WatchedLease
from expunge.engine.kernel.journal_streams import REVIEWS, read_register
from tests.adapters.rendering.recorded import film, man_in_a_car, tone
from tests.web.site.browser import Visitor
from tests.web.site.deciders import apart
from tests.web.site.desk.desk_company import MIA, settle
from tests.web.site.desk.kit import Desk
from tests.web.site.kit import SiteServed
from tests.web.site.office import Employee, at_the_machine

WIDTH, HEIGHT, SECONDS = 480, 270, 20
FILM, SOUND, PHOTO, TORN = (f"rings/{MIA}/{name}.mp4" for name in ("long", "sound", "photo", "torn"))
"""What each is, its content tells: all are named alike."""
T = TypeVar("T")


def content() -> bytes:
    """The film of the case: a texture with detail everywhere, and a tone."""
    return film(float(SECONDS), WIDTH, HEIGHT, "mp4", "libx264", "aac")


def put_recordings(served: SiteServed) -> None:
    """Put recordings of every sort into the company's folder."""
    picture, sound = io.BytesIO(), io.BytesIO()
    Image.linear_gradient("L").resize((640, 400)).save(picture, "JPEG")
    with wave.open(sound, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes((tone(8.0)[0] * 20_000).astype("<i2").tobytes())
    kept = {FILM: content(), SOUND: sound.getvalue(), PHOTO: picture.getvalue(), TORN: man_in_a_car()[:3000]}
    for name, data in kept.items():
        path = served.folder / "world" / "media" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        settle(path)


@dataclass
class Watching:
    """One reviewer at one browser, at the desk of a company."""

    office: Desk
    reviewer: Employee

    @classmethod
    def at(cls, office: Desk) -> Watching:
        put_recordings(office.served)
        office["officer"].caller = apart(office["officer"].sign_in)
        return cls(office, office["reviewer"].browser())

    @property
    def site(self) -> SiteServed:
        return self.office.served

    def approved(self, name: str = FILM, clarity: Clarity = Clarity.CLEAR, sound: Sound = Sound.CLEAR, seconds: int = SECONDS) -> str:
        """A request of the reviewer that an officer approved. Return its id."""
        # Why a thread: a driven browser keeps an event loop in this one.
        return apart(lambda: self.office.approved(name=name, clarity=clarity, sound=sound, last_ms=seconds * 1000))

    def fresh_film(self, name: str) -> str:
        """The same film as another recording: what is given back is never shown to its reviewer again."""
        media = self.site.folder / "world" / "media"
        shutil.copy(media / FILM, media / FILM.replace("long", name))
        settle(media / FILM.replace("long", name))
        return FILM.replace("long", name)

    def begun(self, request: str) -> str:
        """Begin the lease of a request on its page. Return the address of the view."""
        self.reviewer.get(f"/staff/desk/view/start/{request}/")
        shown = self.reviewer.send("csrfmiddlewaretoken")
        assert shown.status == 200, shown.words[:500]
        assert shown.path.startswith("/staff/desk/view/"), shown.words[:500]
        assert "/start/" not in shown.path, shown.words[:500]
        return shown.path

    def began(self, name: str = FILM, clarity: Clarity = Clarity.CLEAR, sound: Sound = Sound.CLEAR, seconds: int = SECONDS) -> str:
        """A view that runs, by its address."""
        return self.begun(self.approved(name, clarity, sound, seconds))

    def revoke(self, request: str) -> None:
        """End a view as an officer does at the desk."""
        apart(lambda: self.office.door.revoke(self.office["officer"].caller, request))

    def revoke_at_machine(self, request: str) -> None:
        """End it as the operator does, in a process beside the clerk."""
        ran = at_the_machine(self.site.folder, "access", "revoke", request)
        assert ran.code == 0, ran.err

    def sit_at(self, visitor: Visitor) -> None:
        """Have a real browser go on in the reviewer's login."""
        cookies = self.reviewer.cookies.items()
        visitor.context.add_cookies([{"name": name, "value": value, "url": self.site.origin} for name, value in cookies])

    def events(self) -> tuple[object, ...]:
        """The register of reviews as it is now."""

        def read() -> tuple[object, ...]:
            with open_journal(self.site.state) as journal:
                return tuple(read_register(journal, REVIEWS))

        with ThreadPoolExecutor(1) as threads:
            return threads.submit(read).result()

    def views(self, address: str) -> list[ViewServed]:
        """The views of a lease, by the address of its page."""
        return [each for each in self.events() if isinstance(each, ViewServed) and each.lease == lease_of(address)]

    def ended_at(self, address: str) -> float:
        """When a lease ended, in seconds since the epoch, as the register says."""
        (ended,) = (each for each in self.events() if isinstance(each, LeaseEnded) and each.lease == lease_of(address))
        return ended.at.timestamp()

    def watched(self, address: str) -> WatchedLease:
        """What was handed out under a lease, and what its player says."""
        return WatchedLease.of(lease_of(address), self.events())


def lease_of(address: str) -> str:
    return address.strip("/").rpartition("/")[2]
