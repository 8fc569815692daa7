"""Every page and state by axe, and what axe does not look at: titles, headings, languages, the keyboard alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, TypeAlias

import pytest
from playwright.sync_api import Browser, Page

from tests.web.site.browser import Visitor, visitor
from tests.web.site.kit import SiteServed
from tests.web.site.rendered import address_of, pages
from tests.web.site.screenshots import PAGE, PICTURES, file_of
from tests.web.site.walk import ELSEWHERE, NO_PAGE, PASSWORD, WAYS, Walk

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""What another scheme of colours can change."""
_SHAPE = """() => ({
  title: document.title,
  lang: document.documentElement.lang,
  headings: document.querySelectorAll('h1').length,
  mains: document.querySelectorAll('main').length,
  navs: [...document.querySelectorAll('nav')].map(nav => nav.getAttribute('aria-label')),
  wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  unlabelled: [...document.querySelectorAll('main input:not([type=hidden]), main select, main textarea')]
    .filter(field => !field.labels.length).map(field => field.name),
  undescribed: [...document.querySelectorAll('[aria-describedby]')]
    .flatMap(field => field.getAttribute('aria-describedby').split(' ')).filter(id => !document.getElementById(id)),
  small: [...document.querySelectorAll('a, button, input:not([type=hidden]), select, summary')]
    .filter(each => each.offsetParent && getComputedStyle(each).display !== 'inline' && !each.classList.contains('skip'))
    .filter(each => Math.max(each.offsetHeight, ['checkbox', 'radio'].includes(each.type) ? each.labels[0].offsetHeight : 0)
      < LEAST).map(each => each.outerHTML.slice(0, 120)),
})"""


Way: TypeAlias = Callable[[SiteServed, Visitor, Callable[[str, Page], None]], None]
"""Leads a visitor from page to page, and has each looked at."""


@dataclass
class Looked:
    """What was seen on a walk."""

    shapes: dict[str, dict[str, Any]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    seen: dict[str, set[str]] = field(default_factory=dict)
    """Address -> how it was looked at: of :data:`tests.web.site.walk.WAYS`."""


def axe(page: Page, name: str, rules: dict[str, Any]) -> list[str]:
    # Without what none of these rules needs and no assertion reads: the style sheets once more, and a selector for each node.
    options = {"runOnly": rules, "resultTypes": ["violations"], "preload": False, "selectors": False}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [f"{name}: {each['id']}: {node['html'][:160]}" for each in found["violations"] for node in each["nodes"]]


def look_around(
    served: SiteServed, browser: Browser, *, least: int, family: str = "ruiz", walk: Way | None = None, **options: Any
) -> Looked:
    """Look at every page of a walk: that of all pages, or another."""
    looked = Looked()
    shape = _SHAPE.replace("LEAST", str(least))
    ways = WAYS if options.get("is_mobile") else WAYS - {"phone"}

    def look(name: str, page: Page) -> None:
        looked.shapes[name] = page.evaluate(shape)
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        looked.violations += axe(page, name, {"type": "tag", "values": TAGS})
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        looked.violations += axe(page, f"{name}, dark", {"type": "rule", "values": OF_COLOURS})
        looked.seen.setdefault(address_of(page.url), set()).update(ways)

    with visitor(browser, **options) as person:
        person.page.add_init_script(AXE)
        if walk is None:
            Walk(served, person, look, family=family).everything()
        else:
            walk(served, person, look)
        looked.complaints += person.complaints
    return looked


@pytest.fixture(scope="module")
def looked(served_site: SiteServed, browser: Browser) -> Looked:
    return look_around(served_site, browser, least=24, viewport={"width": 1100, "height": 760})


def check(looked: Looked, lang: str = "en") -> None:
    assert not looked.violations
    shapes = looked.shapes
    assert {name: shape["headings"] for name, shape in shapes.items() if shape["headings"] != 1} == {}
    assert {name: shape["mains"] for name, shape in shapes.items() if shape["mains"] != 1} == {}
    assert {name: shape["lang"] for name, shape in shapes.items() if shape["lang"] != lang and not name.startswith("rendered/")} == {}
    assert {name: shape["navs"] for name, shape in shapes.items() if len(set(shape["navs"])) != len(shape["navs"])} == {}
    assert {name for name, shape in shapes.items() if shape["wide"]} == set()
    assert {name: shape["unlabelled"] for name, shape in shapes.items() if shape["unlabelled"]} == {}
    assert {name: shape["undescribed"] for name, shape in shapes.items() if shape["undescribed"]} == {}
    assert {name: shape["small"] for name, shape in shapes.items() if shape["small"]} == {}
    # What the browser itself says of the answers 400, 403 and 404 that the walk asks for.
    assert [each for each in looked.complaints if "Failed to load resource" not in each] == []


def test_no_page_violates_a_rule(looked: Looked) -> None:
    check(looked)


def test_every_address_was_visited(looked: Looked) -> None:
    """A page that is added is looked at by this walk or by another that proves it, or says why it shows nothing."""
    visited = {name.partition(".")[0] for name in looked.shapes}
    told = set(NO_PAGE) | set(ELSEWHERE)
    assert set(pages().addresses) - visited - told == set()
    assert told - set(pages().addresses) <= {"mfa_trust"}
    assert not visited & set(NO_PAGE)
    assert not set(NO_PAGE) & set(ELSEWHERE)
    assert {name for name in visited & set(pages().addresses) if not looked.seen.get(name)} <= BY_ANOTHER_NAME


BY_ANOTHER_NAME = {"account_inactive"}
"""Pages that another address shows, or that were rendered apart."""


def test_titles_are_unique(looked: Looked) -> None:
    """Each page has a title of its own, that begins with what it is; a page with problems says so first."""
    titles: dict[str, set[str]] = {}
    for name, shape in looked.shapes.items():
        titles.setdefault(name.removeprefix("rendered/").partition(".")[0], set()).add(shape["title"].removeprefix("Problem: "))
    counted = Counter(title for found in titles.values() for title in found)
    several = {title for title, count in counted.items() if count > 1}
    # One page each for people outside and inside, for one address of two kinds, and for a closed account by two ways.
    assert several <= {"This account is closed \u2013 Acme Doorbells", "Confirm your email address \u2013 Acme Doorbells"}
    # The page of a receipt is the receipt's own, which is the same in every place.
    own = titles["portal_receipt_page"]
    assert all(title.endswith(" \u2013 Acme Doorbells") for title in counted if title not in own)
    assert all(shape["title"].startswith("Problem: ") for name, shape in looked.shapes.items() if name.endswith(".problem"))


def test_sign_up_and_login_by_keyboard_alone(served_site: SiteServed, browser: Browser) -> None:
    address = "keys@example.org"
    with visitor(browser) as person:
        page = person.go(f"{served_site.origin}/")
        page.keyboard.press("Tab")
        assert _focused(page) == "Skip to the content"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", "no visible focus"
        page.keyboard.press("Enter")
        _press(page, "Create an account")
        _type(page, "Email address", address)
        _type(page, "Password", PASSWORD)
        page.keyboard.press("Tab")
        assert _focused(page) == "Show: Password"
        page.keyboard.press("Space")
        assert page.locator("[name=password1]").get_attribute("type") == "text"
        assert _focused(page) == "Hide: Password"
        _press(page, "Create an account")
        _type(page, "Code", served_site.sink.code(address))
        page.keyboard.press("Enter")
        page.wait_for_url("**/protect/")
        _press(page, "Log out", back=True)
        page.wait_for_url(f"{served_site.origin}/")
        _press(page, "Log in")
        _type(page, "Email address", address)
        _type(page, "Password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{served_site.origin}/")
        assert page.locator("h1").inner_text() == "Your account"
        _press(page, "Log out", back=True)
        page.wait_for_url(f"{served_site.origin}/")
        assert not person.complaints


def _focused(page: Page) -> str:
    return str(page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim()"))


def _reach(page: Page, label: str, key: str) -> None:
    for _ in range(40):
        if _focused(page) == label:
            return
        page.keyboard.press(key)
    raise AssertionError(f"the keyboard does not reach {label} at {page.url}")


def _press(page: Page, label: str, *, back: bool = False) -> None:
    _reach(page, label, "Shift+Tab" if back else "Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")


def _type(page: Page, label: str, text: str) -> None:
    _reach(page, label, "Tab")
    page.keyboard.type(text)


def test_no_script_is_needed(served_site: SiteServed, browser: Browser) -> None:
    """Language and appearance change, and a password logs in, without JavaScript."""
    with visitor(browser, java_script_enabled=False, color_scheme="light") as person:
        page = person.go(f"{served_site.origin}/account/login/")
        page.get_by_role("button", name="Español").click()
        assert page.url == f"{served_site.origin}/account/login/"
        assert page.locator("html").get_attribute("lang") == "es"
        assert page.locator("h1").inner_text() == "Iniciar sesión"
        page.get_by_role("button", name="Oscuro").click()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        page.get_by_role("button", name="Como en este dispositivo").click()
        assert page.locator("html").get_attribute("data-theme") is None
        page.get_by_label("Dirección de correo").fill("nobody@example.org")
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("form:has([name=password]) [type=submit]").click()
        assert "La dirección y la contraseña no se corresponden." in page.locator("main").inner_text()


def test_what_is_wrong_is_found(served_site: SiteServed, person: Visitor) -> None:
    """The rules do look: a page without a label, with pale words, is not taken."""
    page = person.go(f"{served_site.origin}/account/login/")
    page.evaluate(AXE)
    page.evaluate("document.querySelector('main label').remove(); document.querySelector('h1').style.color = '#eee'")
    found = " ".join(axe(page, "login", {"type": "tag", "values": TAGS}))
    assert "color-contrast" in found
    assert "label" in found


def test_every_state_is_shown_in_the_documentation(looked: Looked) -> None:
    """``python -m tests.web.site.screenshots`` was run since a page was added; its pictures stay small."""
    sizes = {path.name: path.stat().st_size for path in PICTURES.iterdir()}
    shown = PAGE.read_text()
    assert {name for name in looked.shapes if file_of(name) not in sizes or f"`{name}`" not in shown} == set()
    assert {name for name, size in sizes.items() if size > 60 * 1024 or name not in shown} == set()
    assert sum(sizes.values()) < 20 * 1024 * len(sizes)
