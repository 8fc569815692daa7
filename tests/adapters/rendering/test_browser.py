"""Segments in real Chromium: they play in a row with exact times, a seek is another segment, and only pixelated bytes ever reach it."""

from __future__ import annotations

import base64
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from expunge.adapters.rendering.renderer import ClosedRenderer
from expunge.core.journal.review_words import Clarity, Sound
from expunge.core.review import rendition
from expunge.core.review.rendition import Segment
from tests.adapters.rendering.conftest import style
from tests.adapters.rendering.measuring import detail_left, pixelated
from tests.adapters.rendering.recorded import Held, decoded, film
from tests.adapters.rendering.test_pixels import MOST_LEFT, mark_of
from tests.web.site.browser import PATIENCE, chromium

HERE = Path(__file__).parent
WIDTH, HEIGHT, SECONDS = 480, 270, 8


@dataclass
class Served:
    """A server of segments, which keeps every byte that it sends."""

    address: str
    sent: list[bytes] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    """Ends a rendition that is sent whole."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def served(renderer: ClosedRenderer) -> Iterator[Served]:
    content = film(float(SECONDS), WIDTH, HEIGHT, "mp4", "libx264", "aac")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            if asked.path == "/segment":
                first = int(parse_qs(asked.query)["first"][0])
                segment = renderer.segment(Held(content), style(Clarity.PIXELATED, Sound.MASKED), first, first + 2000)
                there.segments.append(segment)
                self.give(segment.data, "video/mp4", segment.codecs)
            elif asked.path == "/whole":
                self.pace(renderer.whole(Held(content), style(Clarity.PIXELATED, Sound.MASKED), 0, SECONDS * 1000))
            elif asked.path == "/plain.html":
                self.give(b"<!doctype html><video src=/whole autoplay muted width=480></video>", "text/html")
            elif asked.path in {"/player.html", "/player.js"}:
                self.give((HERE / asked.path[1:]).read_bytes(), "text/html" if asked.path.endswith("html") else "text/javascript")
            else:
                self.send_error(404)

        def give(self, data: bytes, kind: str, codecs: str = "") -> None:
            there.sent.append(data)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("X-Codecs", codecs)
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(data)

        def pace(self, segments: Iterator[Segment]) -> None:
            """Send a rendition as it is made, and no more of it once it was stopped."""
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.end_headers()
            for segment in segments:
                there.segments.append(segment)
                self.wfile.write(segment.data if len(there.segments) == 1 else segment.body)
                self.wfile.flush()
                if len(there.segments) >= 2 and there.stop.wait(1.0):
                    return

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there = Served(f"http://127.0.0.1:{server.server_port}")
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield there
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def playing(browser: Browser, served: Served, begin: int = 0) -> Page:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{served.address}/player.html")
    page.evaluate("begin => start(begin)", begin)
    return page


def test_segments_play_in_a_row_and_a_seek_is_another_one(browser: Browser, served: Served) -> None:
    page = playing(browser, served)
    for first in (2000, 4000):
        page.evaluate("first => append(first)", first)
    ranges = page.evaluate("ranges()")
    assert len(ranges) == 1, ranges
    assert ranges[0] == [pytest.approx(0, abs=0.03), pytest.approx(6, abs=0.03)]
    page.wait_for_function("document.querySelector('video').currentTime > 4.6")
    seen = page.evaluate("seen")
    assert seen["errors"] == []
    assert seen["first"] is not None
    assert seen["frames"] == sorted(seen["frames"])
    assert max(after - before for before, after in zip(seen["frames"], seen["frames"][1:], strict=False)) < 1.0
    assert all(abs(at * rendition.PIXELATED_RATE - round(at * rendition.PIXELATED_RATE)) < 0.01 for at in seen["frames"])
    sought = page.evaluate("seek(6000)")
    assert sought["at"] == pytest.approx(6.0, abs=0.01)
    page.close()


def test_only_pixelated_bytes_reach_the_browser_and_it_paints_them(browser: Browser, served: Served) -> None:
    page = playing(browser, served, 2000)
    page.wait_for_function("document.querySelector('video').currentTime > 2.5")
    page.evaluate("document.querySelector('video').pause()")
    painted = page.evaluate("painted()")
    page.close()
    whole = decoded(film(float(SECONDS), WIDTH, HEIGHT, "mp4", "libx264", "aac"), until=4.0)
    across, down = 21, 12
    # What was sent: every byte of it, decoded here.
    media = [data for data in served.sent if data[4:8] == b"ftyp"]
    assert len(media) == len(served.segments) == 1
    assert sum(len(data) for data in served.sent if data not in media) < 8000, "the player, and nothing else"
    shown = decoded(media[0])
    got = np.stack(shown.frames[::6])
    clear = np.stack([whole.frames[int(np.searchsorted(whole.times, at + 1e-6)) - 1] for at in shown.times[::6]])
    expected = np.stack([pixelated(frame, down, across, HEIGHT, WIDTH) for frame in clear])
    assert detail_left(got, clear, down, across, mark_of(got, expected)) <= MOST_LEFT
    assert shown.colours <= 3
    # What was painted: the picture that a person saw.
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(painted["picture"].partition(",")[2]))).convert("L")).astype(float)
    at = int(np.searchsorted(whole.times, int(painted["at"] * 10 + 1e-6) / 10 + 1e-6)) - 1
    # Why some: the time of the player is not exactly that of the frame that it shows. Its luminance has the range of a screen.
    shades = (pixels - 128) * 0.86 + 128
    nearest = min(np.abs(shades - pixelated(frame, down, across, HEIGHT, WIDTH)).mean() for frame in whole.frames[at - 6 : at + 7])
    assert nearest < 12


def test_without_scripts_it_plays_while_it_comes_and_stops_with_the_server(browser: Browser, served: Served) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{served.address}/plain.html", wait_until="commit")
    page.wait_for_function("document.querySelector('video')?.currentTime > 0.5")
    assert len(served.segments) < SECONDS // 2, "it plays before it is made"
    served.stop.set()
    page.wait_for_function("(video => video.ended || video.error !== null)(document.querySelector('video'))")
    assert page.evaluate("document.querySelector('video').currentTime") <= served.segments[-1].last_ms / 1000 + 0.1
    assert len(served.segments) < SECONDS // 2
    page.close()
