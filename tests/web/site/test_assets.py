"""How pages and their files travel: small, kept by their content, compressed where that tells nothing, from nowhere else."""

from __future__ import annotations

import gzip
import hashlib
import re
import urllib.request
from email.message import Message
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Browser

from tests.web.site.browser import visitor
from tests.web.site.kit import SiteServed

LOGIN_BYTES = 60 * 1024
STATIC = Path(__file__).resolve().parents[3] / "src/expunge/web/site/shell/static/shell"
PINNED = {
    "htmx-4.0.1.min.js": "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130",
    "atkinson-hyperlegible-next.18b2a1a39a2f.woff2": "18b2a1a39a2fa298b0ba5390aca68462669826c90925656f1c1f6796e0e1bbaf",
}
"""SHA-256 of what was vendored; the release that each came in is in NOTICE.md beside it."""


def fetch(url: str, **headers: str) -> tuple[int, Message, bytes]:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def assets(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="(/static/[^"]+)"', page)


def test_login_page_is_small(served_site: SiteServed) -> None:
    """At most 60 KB come over the wire, headers of the files and all, on a first visit."""
    url = f"{served_site.origin}/account/login/"
    _, _, page = fetch(url, Accept_Encoding="gzip")
    sizes = {"page": len(page)}
    for path in dict.fromkeys(assets(page.decode())):
        _, headers, body = fetch(urljoin(url, path), Accept_Encoding="gzip")
        sizes[path] = len(body) + len(str(headers))
    assert sum(sizes.values()) <= LOGIN_BYTES, sizes
    assert len(sizes) > 6


def test_browser_asks_for_what_the_page_names_and_for_nothing_else(served_site: SiteServed, browser: Browser) -> None:
    asked: list[str] = []
    with visitor(browser) as person:
        person.page.on("request", lambda request: asked.append(request.url))
        page = person.go(f"{served_site.origin}/account/login/")
        page.wait_for_load_state("networkidle")
        named = set(assets(page.content()))
    paths = {urlsplit(url).path for url in asked} - {"/favicon.ico"}
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(served_site.origin).netloc}
    assert paths - {"/account/login/"} == named
    assert len(asked) == len(set(asked)), "the type was loaded twice"


def test_an_address_with_a_digest_is_kept_for_ever(served_site: SiteServed) -> None:
    _, _, page = fetch(f"{served_site.origin}/account/login/")
    for path in assets(page.decode()):
        status, headers, body = fetch(f"{served_site.origin}{path}")
        assert status == 200
        assert "immutable" in headers["Cache-Control"], path
        assert f".{hashlib.sha256(body).hexdigest()[:12]}." in path
    status, headers, _ = fetch(f"{served_site.origin}/static/shell/shell.css")
    assert status == 200
    assert headers["Cache-Control"] == "max-age=86400, public"
    assert fetch(f"{served_site.origin}/static/shell/shell.000000000000.css")[0] == 404


def test_files_are_compressed_and_pages_are_not(served_site: SiteServed) -> None:
    """A page holds secrets beside what a request chose: its size must tell nothing (BREACH)."""
    _, headers, body = fetch(f"{served_site.origin}/static/shell/shell.css", Accept_Encoding="gzip")
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == (STATIC / "shell.css").read_bytes()
    assert "Access-Control-Allow-Origin" not in headers
    status, _, _ = fetch(f"{served_site.origin}/static/shell/shell.css", If_None_Match=headers["ETag"])
    assert status == 304
    for path in ("/", "/account/login/", "/account/signup/"):
        _, headers, _ = fetch(f"{served_site.origin}{path}", Accept_Encoding="gzip")
        assert "Content-Encoding" not in headers
        assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", PINNED)
def test_vendored_files_are_those_of_their_release(name: str) -> None:
    assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == PINNED[name]
    assert PINNED[name] in (STATIC / "NOTICE.md").read_text()


def test_both_ways_into_the_dark_are_the_same() -> None:
    """The tokens of the dark stand twice, for a choice and for the device's: old phones know no ``light-dark()``."""
    style = (STATIC / "shell.css").read_text()
    chosen = re.search(r':root\[data-theme="dark"\] \{(.*?)\}', style, re.DOTALL)
    device = re.search(r':root:not\(\[data-theme="light"\]\) \{(.*?)\n  \}', style, re.DOTALL)
    assert chosen is not None
    assert device is not None
    assert chosen[1].split() == device[1].split()


def test_style_and_script_name_nothing_elsewhere() -> None:
    for path in STATIC.glob("*"):
        if path.suffix in {".css", ".js", ".svg"}:
            text = path.read_text().replace("http://www.w3.org/", "")
            assert not re.search(r"url\(\s*[\"']?(?:https?:)?//|@import|fetch\([\"']http|src=[\"']http", text), path.name
