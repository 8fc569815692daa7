"""A parent asks for a copy on the pages, downloads it in ranges, and nobody else gets a byte of it."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.web.site.family_company import Guardian, family_site, guardian
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed

PART = re.compile(r'href="(/child/[0-9a-f]+/export/(exp-[a-z2-7]{20})/part-1\.zip)"')
END = re.compile(r'action="(/child/[0-9a-f]+/export/exp-[a-z2-7]{20}/end/)"')


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    with family_site(tmp_path_factory.mktemp("exporting")) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(served: SiteServed) -> None:
    served.sql("DELETE FROM expunge_counter")


def raw(person: HttpPerson, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One answer, as bytes, without going where it leads."""
    parts = urlsplit(person.site.origin)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    connection.request(method, path, headers={"User-Agent": person.agent, "Cookie": cookies, "X-Forwarded-For": person.address, **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.headers), body


def ask_for(one: Guardian, *kinds: str, size: str = "2000000000") -> Shown:
    """Ask for a copy and confirm it; the page that follows."""
    page = one.go("export/")
    fields = [("csrfmiddlewaretoken", one.person.cookies.get("csrf", "")), ("size", size), *(("kinds", kind) for kind in kinds)]
    one.person.ask("POST", page, fields)
    one.confirm()
    assert one.person.last is not None
    return one.person.last


def ready(one: Guardian) -> str:
    """The address of the first part of the newest copy, once it is made."""
    for _ in range(200):
        one.go("export/")
        assert one.person.last is not None
        found = PART.search(one.person.last.text)
        if found is not None and "It is being made." not in one.person.last.words:
            return found[1]
        time.sleep(0.05)
    raise AssertionError(one.person.last.words)


def open_up(one: Guardian, part: str) -> None:
    """Have the account confirm that it is at the keys, where it has to."""
    status, headers, _ = raw(one.person, part, "HEAD")
    if status == 302 and headers["Location"] == "/account/confirm/":
        one.person.get(part)
    status, headers, _ = raw(one.person, part, "GET", Range="bytes=0-0")
    if status == 302:
        one.person.get(headers["Location"])
        one.person.ask("GET", "/account/confirm/")
        action, held = one.person.last.form("credential")  # type: ignore[union-attr]
        assert action
        assert held


def whole(one: Guardian, part: str) -> bytes:
    status, _, data = raw(one.person, part)
    assert status == 200
    return data


def test_try(served: SiteServed) -> None:
    one = guardian(served, "copies@home.example", "p-mia")
    page = one.go("export/")
    print(one.person.last.words)
    told = ask_for(one, "voice recordings", "transcripts")
    print(told.words)
    part = ready(one)
    print(part, raw(one.person, part)[:2])
