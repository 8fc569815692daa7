"""What a view hands out over HTTP: strictly as asked, to its reviewer in its login alone, kept nowhere, and nothing once it has ended."""

from __future__ import annotations

import http.client
import time
from urllib.parse import urlsplit

import pytest

from expunge.core.journal.review_events import ViewReported
from expunge.core.journal.review_words import Clarity, Sound
from tests.adapters.rendering.recorded import decoded
from tests.web.site.desk.watching import PHOTO, SOUND, TORN, Watching
from tests.web.site.office import Employee


def fetched(person: Employee, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """What an address answers, byte by byte."""
    parts = urlsplit(person.site.origin)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    try:
        connection.request("GET", path, headers={"Cookie": cookies, "X-Forwarded-For": person.address, **headers})
        answer = connection.getresponse()
        return answer.status, dict(answer.headers), answer.read()
    finally:
        connection.close()


def test_a_piece_is_a_pixelated_and_mute_rendition_that_nothing_keeps(watched: Watching) -> None:
    view = watched.began()
    status, headers, data = fetched(watched.reviewer, f"{view}segment/?first=2000&last=4000")
    assert status == 200, (view, data[:300])
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Cache-Control"] == "no-store"
    assert "Content-Disposition" not in headers
    assert "sandbox" in headers["Content-Security-Policy"]
    shown = decoded(data)
    assert [shown.times[0], shown.end] == pytest.approx([2.0, 4.0])
    assert shown.kinds == {"video"}
    assert shown.colours <= 3
    (entered,) = (each for each in watched.views(view) if each.last_ms == 4000)
    assert (entered.first_ms, entered.clarity.value, entered.case_number) == (2000, "pixelated", "LE-88")


ODD = {
    "no numbers": "",
    "one number": "?first=0",
    "twice": "?first=0&first=0&last=2000",
    "another name": "?first=0&last=2000&name=ring-1",
    "a sign": "?first=%2B0&last=2000",
    "below nothing": "?first=-2000&last=0",
    "a fraction": "?first=0.5&last=2000",
    "an exponent": "?first=0&last=2e3",
    "digits of another script": "?first=%D9%A0&last=%D9%A2%D9%A0%D9%A0%D9%A0",
    "zeros before it": "?first=00&last=2000",
    "far too long": "?first=0&last=9999999999",
    "nothing between": "?first=2000&last=2000",
    "backwards": "?first=4000&last=2000",
    "more than a piece": "?first=0&last=5000",
}


@pytest.fixture(scope="module")
def running(watched: Watching) -> str:
    """A lease that runs, pixelated, for tests that do not end it."""
    return watched.began()


@pytest.mark.parametrize("query", ODD.values(), ids=ODD)
def test_odd_ranges_are_refused_before_anything_is_asked(watched: Watching, running: str, query: str) -> None:
    before = len(watched.views(running))
    assert fetched(watched.reviewer, f"{running}segment/{query}")[0] == 400
    assert len(watched.views(running)) == before


def test_what_lies_outside_the_request_is_refused_and_entered(watched: Watching) -> None:
    view = watched.began(seconds=10)
    status, _, body = fetched(watched.reviewer, f"{view}segment/?first=9000&last=11000")
    assert status == 403
    assert b"ftyp" not in body


def test_nobody_else_and_no_other_login_is_given_a_byte(watched: Watching, running: str) -> None:
    piece = f"{running}segment/?first=0&last=2000"
    colleague, elsewhere = watched.office["reviewer-2"].browser(), watched.office["reviewer"].browser()
    nobody = Employee(watched.site)
    nobody.get("/staff/sign-in/")
    for person in (colleague, elsewhere, nobody):
        for path in (piece, f"{running}film/?first=0", f"{running}still/"):
            status, headers, body = fetched(person, path)
            assert status != 200, path
            assert b"moof" not in body
            assert "video" not in headers.get("Content-Type", "")
    assert b"event: beat" not in fetched(colleague, f"{running}live/")[2]
    shown = elsewhere.get(running)
    assert "another login of yours" in shown.words
    assert fetched(watched.reviewer, piece)[0] == 200, "the lease goes on in its own login"


def test_once_it_is_revoked_each_way_to_a_byte_is_closed_and_the_page_says_why(watched: Watching) -> None:
    request = watched.approved()
    view = watched.begun(request)
    assert fetched(watched.reviewer, f"{view}segment/?first=0&last=2000")[0] == 200
    watched.revoke(request)
    for path in (f"{view}segment/?first=0&last=2000", f"{view}film/?first=0", f"{view}still/"):
        status, _, body = fetched(watched.reviewer, path)
        assert status == 410, path
        assert b"moof" not in body
    assert fetched(watched.reviewer, f"{view}live/")[2].startswith(b"event: over\ndata: Another person stopped this view.")
    shown = watched.reviewer.get(view)
    assert "The view has ended" in shown.words
    assert "Another person stopped this view." in shown.words
    shown = watched.reviewer.get(f"/staff/desk/view/result/{request}/")
    shown = watched.reviewer.send("note", outcome="resolved", note="The bell rang twice.")
    assert "The result is entered" in shown.words


def test_a_film_without_scripts_comes_at_playing_speed_and_is_never_gone_on_with(watched: Watching) -> None:
    view = watched.began(seconds=4)
    assert fetched(watched.reviewer, f"{view}film/?first=0", Range="bytes=4096-")[0] == 410
    began = time.monotonic()
    status, headers, data = fetched(watched.reviewer, f"{view}film/?first=0", Range="bytes=0-")
    took = time.monotonic() - began
    assert status == 200, (view, data[:300])
    assert headers["Cache-Control"] == "no-store"
    assert took >= 3.9, "it ends when it has been watched"
    shown = decoded(data)
    assert [shown.times[0], shown.end] == pytest.approx([0.0, 4.0])
    assert data.count(b"moov") == 1


def test_a_beat_comes_each_second_with_what_is_left(watched: Watching) -> None:
    request = watched.approved()
    view = watched.begun(request)
    parts = urlsplit(watched.site.origin)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    cookies = "; ".join(f"{name}={value}" for name, value in watched.reviewer.cookies.items())
    connection.request("GET", f"{view}live/", headers={"Cookie": cookies, "X-Forwarded-For": watched.reviewer.address})
    answer = connection.getresponse()
    assert answer.headers["Content-Type"] == "text/event-stream"
    beats: list[tuple[float, int]] = []
    while len(beats) < 3:
        line = answer.readline()
        if line.startswith(b"data: "):
            beats.append((time.monotonic(), int(line[6:])))
    connection.close()
    assert all(580 <= left <= 600 for _, left in beats)
    assert 0.7 <= (beats[2][0] - beats[0][0]) / 2 <= 2.0


def test_what_a_player_tells_is_entered_and_what_makes_no_sense_is_not(watched: Watching, running: str) -> None:
    tell = watched.reviewer.post
    assert tell(f"{running}report/", shown="1960", seeks="1", hidden="200", ended="1").status == 204
    for odd in ({"shown": "-1"}, {"shown": "1e3"}, {"seeks": ""}, {"ended": "yes"}, {"hidden": "999999999"}):
        assert tell(f"{running}report/", **{"shown": "0", "seeks": "0", "hidden": "0", "ended": "0", **odd}).status == 400
    told = [each for each in watched.events() if isinstance(each, ViewReported) and each.lease in running]
    assert [(each.shown_ms, each.seeks, each.hidden_ms, each.ended) for each in told] == [(1960, 1, 200, True)]


def test_steps_go_as_far_as_was_asked_and_a_refusal_says_why(watched: Watching) -> None:
    view = watched.began(clarity=Clarity.FACES_HIDDEN, sound=Sound.MASKED)
    page = watched.reviewer.get(view)
    assert "Clearer: faces hidden" in page.words
    assert "Clearer: masked sound" in page.words
    assert "Clearer: clear picture" not in page.words
    refused = watched.reviewer.post(f"{view}step/", clarity="clear", sound="mute", at="0")
    assert "Not made clearer. The request asked for less." in refused.words
    done = watched.reviewer.post(f"{view}step/", clarity="pixelated", sound="masked", at="3000")
    assert "From here on: pixelated, masked sound." in done.words
    assert done.url.endswith("?at=3000")
    assert decoded(fetched(watched.reviewer, f"{view}segment/?first=0&last=2000")[2]).kinds == {"video", "audio"}
    assert watched.reviewer.post(f"{view}step/", clarity="sharp", sound="mute").status == 200


def test_a_recording_is_given_back_in_one_form(watched: Watching) -> None:
    request = watched.approved(watched.fresh_film("given-back"))
    view = watched.begun(request)
    watched.reviewer.get(view)
    shown = watched.reviewer.post(f"/staff/desk/view/give-back/{request}/", why="this harms me")
    assert "talk to a person you trust" in shown.words
    assert fetched(watched.reviewer, f"{view}segment/?first=0&last=2000")[0] == 410
    assert "You gave this recording back." in watched.reviewer.get(view).words


def test_pictures_sounds_and_damaged_films_have_pages_of_their_own(watched: Watching) -> None:
    view = watched.began(PHOTO)
    page = watched.reviewer.get(view)
    assert f'src="{view}still/"' in page.text
    assert "Clearer: faces hidden" in page.words
    assert "masked sound" not in page.words, "a picture has none"
    status, headers, data = fetched(watched.reviewer, f"{view}still/")
    assert (status, headers["Content-Type"], data[:2]) == (200, "image/jpeg", b"\xff\xd8")
    assert headers["Cache-Control"] == "no-store"
    assert fetched(watched.reviewer, f"{view}film/?first=0")[0] == 400
    sound = watched.began(SOUND, seconds=8)
    assert "no sound is shown yet" in watched.reviewer.get(sound).words
    torn = watched.began(TORN)
    assert "cannot be shown" in watched.reviewer.last.words if watched.reviewer.last else False
    assert fetched(watched.reviewer, f"{torn}segment/?first=0&last=2000")[0] == 415
