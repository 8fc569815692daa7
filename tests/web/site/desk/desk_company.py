"""A company with a review desk: films of a doorbell in plain files and sealed ones, a family, and staff at the pages.

The films are drawn (``tests/adapters/rendering/recorded.py``), so that what a reviewer is given can be decoded and compared.
"""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Sound
from expunge.core.review.new_review import NewReview
from expunge.core.review.statements import ACCESS_ROLE, purpose_role
from tests.adapters.rendering.recorded import film
from tests.web.site import family_company
from tests.web.site.kit import SiteServed, site

MIA, ADA = "p-mia", "p-ada"
RING, SEALED = f"rings/{MIA}/ring-1.mp4", f"sealed/{MIA}/night-1.mp4"
OTHER_RING = f"rings/{ADA}/ring-2.mp4"
SECONDS = 8.0
"""Of each film."""
STORES = "  sealed: {kind: vault, url: ./world/vault}\n"
DATASETS = """\
  rings:
    store: media
    path: "rings/{profile_id}/{ring_id}.mp4"
    subject: {profile: profile_id}
    categories: [user.content.video]
    retention: voice
  nights:
    store: sealed
    path: "sealed/{profile_id}/{night_id}.mp4"
    subject: {profile: profile_id}
    categories: [user.content.video]
    retention: filmed
"""
REVIEW = """\
review:
  hours: {days: [monday, tuesday, wednesday, thursday, friday, saturday, sunday], from: "00:00", until: "24:00"}
  networks: {office: [10.0.0.0/8, 127.0.0.0/8]}
  cameras: {rings: {room: outdoor}}
purposes:
  review: {description: people look to find out what went wrong, needs: consent, use: human review, datasets: [rings, nights], text: review}
texts:
  review:
    - {version: 1, file: review.md}
"""


def picture() -> bytes:
    """The film that each recording is."""
    return film(SECONDS, 320, 240, "mp4", "libx264", "aac")


def enrich(folder: Path) -> None:
    """Give a company of ``tests/cli/world`` films and a review desk, and what its families look at."""
    family_company.enrich(folder)
    media = folder / "world" / "media"
    for name in (RING, OTHER_RING):
        path = media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture())
    for path in media.rglob("*.*"):
        settle(path)
    (folder / "review.md").write_text("# People of ours may look at your recordings\n\nYou can say no.\n")
    path = folder / "expunge.yaml"
    text = path.read_text()
    for before, after in (
        ("stores:\n", f"stores:\n{STORES}"),
        ("retention:\n", "retention:\n  filmed: {period: 90 days, from: ingested, purpose: show who rang, need: the service itself}\n"),
        ("datasets:\n", f"datasets:\n{DATASETS}"),
    ):
        assert before in text
        text = text.replace(before, after, 1)
    path.write_text(text + REVIEW)
    with Expunge.open(path) as opened:
        opened.vault.ingest("nights", SEALED, io.BytesIO(picture()))


def settle(path: Path) -> None:
    """Make a recording an hour old: what was written a moment ago may still be recorded, and a camera is not watched live."""
    then = clock.timestamp() - 3600
    os.utime(path, (then, then))


def say(folder: Path, recording: str, text: str) -> None:
    """Add what was said in a recording of the dataset ``recordings``."""
    with closing(sqlite3.connect(folder / "world" / "app.db")) as database, database:
        database.execute("insert into transcripts (recording_id, said, recorded_at) values (?, ?, '2026-02-03')", (recording, text))


def new(name: str = RING, dataset: str = "rings", last_ms: int = 6000, **changes: object) -> NewReview:
    """A request as a reviewer puts it."""
    values: dict[str, object] = {
        "purpose": ReviewPurpose.HARM,
        "case_kind": CaseKind.SUPPORT,
        "case_number": "LE-88",
        "dataset": dataset,
        "name": name,
        "first_ms": 0,
        "last_ms": last_ms,
        "clarity": Clarity.FACES_HIDDEN,
        "sound": Sound.MUTE,
        "why": "the customer says that the bell does not ring",
    }
    return NewReview(**(values | changes))  # type: ignore[arg-type]


def prepared(folder: Path, *labels: str) -> None:
    """Enter that accounts were trained and made their statements, as the operator does: for every purpose."""
    today = clock.today()
    with Expunge.open(folder / "expunge.yaml") as opened:
        for label in labels:
            opened.reviewers.train(label, ACCESS_ROLE, today)
            for purpose in ReviewPurpose:
                opened.reviewers.train(label, purpose_role(purpose), today)
                opened.reviewers.attest(label, purpose, today)


@contextlib.contextmanager
def desk_site(folder: Path, further: str = "") -> Iterator[SiteServed]:
    """Serve the pages of such a company, with its keeper and its clerk."""
    with site(folder, "--access-log", folder / "access.log", enrich=enrich, further=further) as served:
        yield served
