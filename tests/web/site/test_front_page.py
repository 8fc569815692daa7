"""A server without pages for people: a browser is told what is on and how the pages are set up, and programs get JSON as before."""

from __future__ import annotations

import base64
import re
import urllib.request
from collections.abc import Callable, Iterator
from hashlib import sha256
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, Page

from expunge.bootstrap.open_state import read_installed
from expunge.web.answers import HEADERS
from tests.web.serving import Answer, Served, ask, company, serving
from tests.web.site.browser import Visitor
from tests.web.site.test_accessibility import check, look_around

GUIDE = Path(__file__).parents[3] / "docs" / "howto" / "deploy.md"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("alone")
    with serving(folder, company(folder)) as running:
        yield running


def get(served: Served, path: str, accept: str = "", method: str = "GET") -> Answer:
    return ask(urllib.request.Request(f"{served.url}{path}", headers={"Accept": accept} if accept else {}, method=method))


@pytest.fixture(scope="module")
def page(served: Served) -> str:
    answer = get(served, "", BROWSER)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return answer.body.decode()


def test_the_page_says_what_is_served_and_nothing_else(served: Served, page: str) -> None:
    document = get(served, "api/openapi.json").json
    there = {f"{method.upper()} {path}": each["summary"] for path, of in document["paths"].items() for method, each in of.items()}
    assert {"POST /api/v1/lineage", "GET /healthz", "GET /readyz"} <= there.keys()
    assert {unescape(name): unescape(words) for name, words in re.findall(r"<dt><code>(.*?)</code></dt><dd>(.*?)</dd>", page)} == there


def test_the_section_that_the_page_shows_is_the_guides_and_can_be_read(page: str, tmp_path: Path) -> None:
    shown = yaml.safe_load(unescape(re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)[0]))
    of_guide = yaml.safe_load(next(each for each in re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "accounts:" in each))
    assert shown == {name: of_guide[name] for name in ("company", "accounts")}
    company(tmp_path)
    path = tmp_path / "expunge.yaml"
    (tmp_path / "smtp.password").write_text("secret")
    shown["accounts"]["mail"]["secret_file"] = str(tmp_path / "smtp.password")
    path.write_text(path.read_text() + yaml.safe_dump(shown))
    assert read_installed(path).accounts is not None
    assert GUIDE.read_text().startswith("# Run the server with pages for people")
    assert "Run the server with pages for people" in page


def test_the_page_needs_nothing_else_and_its_policy_lets_nothing_else_in(served: Served, page: str) -> None:
    answer = get(served, "", BROWSER)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    hashed = base64.b64encode(sha256(style.encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.split("; ") == ["default-src 'none'", f"style-src 'sha256-{hashed}'", *HEADERS["Content-Security-Policy"].split("; ")[1:]]
    assert {name: answer.headers[name] for name in HEADERS if name != "Content-Security-Policy"} == {
        name: value for name, value in HEADERS.items() if name != "Content-Security-Policy"
    }
    assert not re.search(r"url\(|@import|@font-face|src=|<link|<script|style=", page)
    assert answer.headers["Vary"] == "Accept"


@pytest.mark.parametrize("accept", ["", "*/*", "application/json", "application/json, text/html;q=0.5", "image/png", "text/html;q=0"])
def test_a_program_gets_json(served: Served, accept: str) -> None:
    answer = get(served, "", accept)
    assert answer.status == 404
    assert answer.json["error"] == "there is nothing at this address"
    assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize(("path", "method"), [("", "POST"), ("login/", "GET"), ("index.html", "GET")])
def test_the_page_is_at_one_address_and_is_only_read(served: Served, path: str, method: str) -> None:
    answer = get(served, path, BROWSER, method)
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("width", [360, 1440])
def test_the_page_violates_no_rule(served: Served, browser: Browser, width: int) -> None:
    def walk(_: Any, person: Visitor, look: Callable[[str, Page], None]) -> None:
        person.page.goto(served.url)
        look("front_page", person.page)

    looked: Any = look_around(served, browser, least=24, walk=walk, viewport={"width": width, "height": 760})  # type: ignore[arg-type]
    assert looked.shapes["front_page"]["title"] == "Expunge is running"
    check(looked)
