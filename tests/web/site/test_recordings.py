"""A guardian sees a child's recordings, plays them in ranges, and finds who looked; nothing of it without confirming, and nobody else's."""

from __future__ import annotations

import http.client
import re
from urllib.parse import urlsplit

import pytest

from expunge.bootstrap import Expunge
from expunge.core.accounts.staff import JobFunction
from expunge.core.journal.review_events import LeaseBegun, ReviewRequested, ViewServed
from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Room, Sound
from expunge.engine.kernel.journal_streams import REVIEWS, register
from tests.cli import world
from tests.web.site.deciders import apart
from tests.web.site.family_company import Guardian, guardian
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed

MIA = ("rec-m1-71835", "rec-m2-90417")


def opened(served: SiteServed, address: str, *children: str) -> tuple[Guardian, str]:
    """A guardian who confirmed an opening, with the address of the first child's pages."""
    one = guardian(served, address, *children)
    base = one.go()
    asked = one.person.get(f"{base}timeline/")
    assert asked.path == "/account/confirm/"
    one.confirm()
    return one, base


def raw(person: HttpPerson, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(person.site.origin)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    try:
        connection.request(
            method, path, headers={"Cookie": cookies, "User-Agent": person.agent, "X-Forwarded-For": person.address, **headers}
        )
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def media_of(page: str) -> list[str]:
    return re.findall(r'data-media="([^"]+)"', page)


def content(served: SiteServed, profile: str, recording: str) -> bytes:
    return (served.folder / "world" / "media" / "voice" / profile / f"{recording}.wav").read_bytes()


def test_the_list_is_shown_once_the_guardian_confirmed(served_family: SiteServed) -> None:
    one, base = opened(served_family, "lists@home.example", "p-mia")
    page = one.person.last
    assert page is not None
    assert page.path == f"{base}timeline/"
    assert "1 to 2 of 2" in page.words
    for recording in MIA:
        assert world.SAID[recording] in page.words
        assert recording not in page.text, "no name of an item stands on a page"
    assert "p-mia" not in page.text
    assert not any(said in page.words for name, said in world.SAID.items() if name not in MIA)
    assert page.headers["Cache-Control"] == "no-store"


def test_it_is_filtered_and_words_stand_in_no_address(served_family: SiteServed) -> None:
    one, base = opened(served_family, "filters@home.example", "p-mia")
    found = one.person.send("text", text="PURPLE walrus", kind="")
    assert "1 to 1 of 1" in found.words
    assert "2 recordings are held" in found.words
    assert "walrus" not in found.url
    assert "No recording fits" in one.person.send("text", text="nobody ever said so", kind="").words
    assert "No recording fits" in one.person.get(f"{base}timeline/?kind=video").words
    assert "No recording fits" in one.person.get(f"{base}timeline/?until=2001-01-01").words
    assert "1 to 2 of 2" in one.person.get(f"{base}timeline/?kind=nonsense&since=never&until=&after=%3Cx%3E").words
    log = (served_family.folder / "access.log").read_text()
    assert "walrus" not in log


def test_a_recording_is_played_in_ranges_and_nothing_else_is_given_out(served_family: SiteServed) -> None:
    one, base = opened(served_family, "plays@home.example", "p-mia")
    page = one.person.get(f"{base}timeline/")
    whole = {content(served_family, "p-mia", each) for each in MIA}
    got = set()
    for path in media_of(page.text):
        status, headers, data = raw(one.person, path, Range="bytes=0-")
        assert status == 206
        assert headers["Content-Type"] == "audio/wav"
        assert headers["Content-Range"] == f"bytes 0-{len(data) - 1}/{len(data)}"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Disposition"] == "inline"
        assert "sandbox" in headers["Content-Security-Policy"]
        got.add(data)
        assert raw(one.person, path, Range="bytes=10-19")[2] == data[10:20]
        assert raw(one.person, path, Range="bytes=-1")[2] == data[-1:]
        assert raw(one.person, path, Range=f"bytes=-{10**14}")[2] == data
        assert raw(one.person, path)[0] == 200
        for beyond in (f"bytes={len(data)}-", f"bytes={10**14}-"):
            status, headers, body = raw(one.person, path, Range=beyond)
            assert (status, headers["Content-Range"], body) == (416, f"bytes */{len(data)}", b"")
        for strange in (
            "bytes=5-2",
            "bytes=0-1,3-4",
            "bytes=" + ",".join(["0-1"] * 500),
            "items=0-1",
            "bytes=a-b",
            "bytes=-",
            "bytes=٣-٤",
            "bytes=1" * 30,
        ):
            status, _, body = raw(one.person, path, Range=strange.encode().decode("latin-1"))
            assert (status, body) == (200, data), strange
        status, headers, body = raw(one.person, path, "HEAD")
        assert (status, headers["Content-Length"], body) == (200, str(len(data)), b"")
    assert got == whole
    shown = one.person.get(media_of(page.text)[0].replace("/media/", "/play/"))
    assert "<audio" in shown.text
    assert "That you opened this is written down" in shown.words


def test_each_opening_is_found_under_who_looked(served_family: SiteServed) -> None:
    one, base = opened(served_family, "looks@home.example", "p-tom")
    page = one.person.get(f"{base}timeline/")
    (path,) = media_of(page.text)
    assert raw(one.person, path, Range="bytes=0-99")[0] == 206
    told = one.person.get(f"{base}looked/")
    assert "You : your own recordings" in told.words
    assert "all of it" in told.words
    one.person.get(base)
    one.person.send("csrfmiddlewaretoken")
    closed = one.person.get(f"{base}looked/")
    assert "Show each look" in closed.words
    assert "all of it" not in closed.words
    assert "your own recordings" in closed.words, "counts need no opening"
    assert one.person.get(f"{base}looked/?each=1").path == "/account/confirm/"


def test_what_staff_saw_is_told_with_case_approval_seconds_and_clarity(served_family: SiteServed) -> None:
    one, base = opened(served_family, "staff.looks@home.example", "p-tom")
    staff_saw(served_family, "profile:p-tom")
    told = one.person.get(f"{base}looked/")
    assert "A person of the company (a reviewer) : to keep harm or a loss away" in told.words
    assert "4 seconds , in colour, faces hidden, no sound" in told.words.replace("seconds,", "seconds ,")
    assert "Case LE-88: a question to the help desk. Approved by a person who signed." in told.words
    assert "approver:priya" not in told.text


def staff_saw(served: SiteServed, person: str) -> None:
    """Enter two views of a person's recording under one lease, as the desk does."""

    def enter() -> None:
        with Expunge.open(served.folder / "expunge.yaml") as opened:
            context, subject = opened.context, opened.resolve(person).person.subject
            now, request, lease, reviewer = context.clock.now(), "0a" * 8, "1b" * 8, "10000000-0000-4000-8000-000000000000"
            asked = ReviewRequested(
                now,
                request,
                reviewer,
                JobFunction.REVIEWER,
                ReviewPurpose.HARM,
                CaseKind.SUPPORT,
                "LE-88",
                "recordings",
                "ab" * 16,
                False,
                (subject,),
                0,
                9000,
                Clarity.CLEAR,
                Sound.MUTE,
                now,
                "",
                False,
                "",
            )
            begun = LeaseBegun(now, lease, request, now, Clarity.PIXELATED, Sound.MUTE, False, "", "")
            views = (
                ViewServed(
                    now,
                    number,
                    lease,
                    request,
                    reviewer,
                    JobFunction.REVIEWER,
                    ReviewPurpose.HARM,
                    CaseKind.SUPPORT,
                    "LE-88",
                    ("approver:priya",),
                    "recordings",
                    "ab" * 16,
                    (subject,),
                    number * 2000,
                    number * 2000 + 2000,
                    clarity,
                    Sound.MUTE,
                    Room.INDOOR,
                    False,
                    "",
                )
                for number, clarity in enumerate((Clarity.PIXELATED, Clarity.FACES_HIDDEN))
            )
            register(context.journal, REVIEWS, asked, begun, *views)

    apart(enter)


def test_a_handle_opens_nothing_for_another_account_session_or_without_an_opening(served_family: SiteServed) -> None:
    one, base = opened(served_family, "handles.one@home.example", "p-mia")
    paths = media_of(one.person.get(f"{base}timeline/").text)
    other, others = opened(served_family, "handles.two@home.example", "p-mia")
    stranger, strange = opened(served_family, "handles.ada@home.example", "p-ada")
    for path in paths:
        handle = path.rstrip("/").rpartition("/")[2]
        for person, at in ((other.person, others), (stranger.person, strange)):
            assert raw(person, f"{at}media/{handle}/", Range="bytes=0-")[0] == 404
            assert raw(person, f"{at}sketch/{handle}/")[0] == 404
            assert person.get(f"{at}play/{handle}/").status == 404
            assert raw(person, path, Range="bytes=0-")[0] in {302, 404}, "a slug is of another session"
        assert raw(HttpPerson(served_family), path, Range="bytes=0-")[0] == 302
    one.person.get(base)
    one.person.send("csrfmiddlewaretoken")
    for path in paths:
        assert raw(one.person, path, Range="bytes=0-")[0] == 403, "the opening was ended"
        assert one.person.get(path.replace("/media/", "/play/")).path == "/account/confirm/"
    assert raw(one.person, f"{base}sketch/{'0' * 32}/")[0] == 403


def test_a_membership_that_ends_stops_the_next_range(served_family: SiteServed) -> None:
    one, base = opened(served_family, "ends@home.example", "p-mia")
    (path, _) = media_of(one.person.get(f"{base}timeline/").text)
    assert raw(one.person, path, Range="bytes=0-9")[0] == 206
    served_family.kept("UPDATE expunge_membership SET role = 'former'")
    status, _, body = raw(one.person, path, Range="bytes=10-19")
    assert status in {302, 403}
    assert not body or b"RIFF" not in body


@pytest.mark.parametrize("kind", ["svg"], ids=str)
def test_sounds_have_an_outline_drawn_of_numbers_alone(served_family: SiteServed, kind: str) -> None:
    one, base = opened(served_family, "outline@home.example", "p-mia")
    page = one.person.get(f"{base}timeline/")
    for path in re.findall(r'<img src="([^"]+/sketch/[^"]+)"', page.text):
        status, headers, data = raw(one.person, path)
        assert (status, headers["Content-Type"]) == (200, f"image/{kind}+xml")
        assert data.count(b"v") >= 96
        assert b"script" not in data


def test_no_page_reads_a_recording_to_list_it(served_family: SiteServed) -> None:
    one, base = opened(served_family, "unread@home.example", "p-mia")
    told = one.person.get(f"{base}looked/").words
    before = told.count("You : your own recordings")
    one.person.get(f"{base}timeline/")
    assert one.person.get(f"{base}looked/").words.count("You : your own recordings") == before


def test_chosen_recordings_are_led_to_the_preview_of_erasing_them(served_family: SiteServed) -> None:
    one, base = opened(served_family, "chooses@home.example", "p-mia")
    page = one.person.get(f"{base}timeline/")
    handle = media_of(page.text)[0].rstrip("/").rpartition("/")[2]
    chosen = one.person.post(f"{base}timeline/choose/", act="erase", item=handle)
    assert chosen.path == f"{base}delete/preview/"
    assert "1 " in chosen.words
    assert handle not in chosen.url
    by_words = one.person.post(f"{base}timeline/choose/", act="erase", all="all", text="walrus")
    assert by_words.path == f"{base}delete/preview/"
    for nothing in ({}, {"item": "0" * 32}, {"all": "all", "text": "no such words"}, {"item": f"voice/p-mia/{MIA[0]}.wav"}):
        answer = one.person.post(f"{base}timeline/choose/", act="erase", **nothing)
        assert "Nothing was chosen" in answer.words
    assert one.person.post(f"{base}timeline/choose/", act="nonsense", item=handle).path == f"{base}timeline/"
    assert all((served_family.folder / "world" / "media" / "voice" / "p-mia" / f"{each}.wav").exists() for each in MIA)
