"""A company whose recordings are of every sort: voices, a picture, a page that passes for a voice, a file that is torn off."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

from tests.vault.doorbells import speech
from tests.web.site import family_company
from tests.web.site.family_company import Guardian, guardian
from tests.web.site.kit import SiteServed, site

PAGE = b"<!doctype html><title>hers</title><script>alert(document.domain)</script>"
PHOTOS = """\
  photos:
    store: media
    path: "photos/{profile_id}/{photo_id}.jpg"
    subject: {profile: profile_id}
    categories: [user.content.photo]
    retention: voice
  films:
    store: media
    path: "films/{profile_id}/{film_id}.mp4"
    subject: {profile: profile_id}
    categories: [user.content.video]
    retention: voice
"""


def voice() -> bytes:
    """A real voice as WAV, long enough to come in several ranges."""
    try:
        samples, rate = soundfile.read(io.BytesIO(speech(0)), dtype="int16")
    except soundfile.LibsndfileError:
        rate = 16_000
        samples = (8000 * np.sin(np.arange(20 * rate) / 20)).astype(np.int16)
    out = io.BytesIO()
    soundfile.write(out, samples[: 20 * rate], rate, format="WAV")
    return out.getvalue()


def enrich(folder: Path) -> None:
    """A company whose recordings are of every sort: a long voice, a page, a damaged one, a picture. Films can be put into it."""
    family_company.enrich(folder)
    media = folder / "world" / "media"
    for name, data in (("rec-long", voice()), ("rec-page", PAGE), ("rec-torn", b"RIFF\xff\xff\xff\xffWAVEfmt torn off here")):
        (media / "voice" / "p-mia" / f"{name}.wav").write_bytes(data)
    picture = io.BytesIO()
    Image.linear_gradient("L").resize((640, 400)).save(picture, "JPEG")
    photo = media / "photos" / "p-mia" / "photo-1.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_bytes(picture.getvalue())
    path = folder / "expunge.yaml"
    path.write_text(path.read_text().replace("datasets:\n", f"datasets:\n{PHOTOS}", 1))


@contextlib.contextmanager
def recordings_site(folder: Path) -> Iterator[SiteServed]:
    """Serve the pages of such a company."""
    with site(folder, enrich=enrich) as served:
        yield served


def confirmed(served: SiteServed, address: str) -> tuple[Guardian, str]:
    """A guardian who confirmed that it is the guardian, with the address of the pages of the child."""
    one = guardian(served, address, "p-mia")
    base = one.go()
    one.person.get(f"{base}timeline/")
    one.confirm()
    return one, base
