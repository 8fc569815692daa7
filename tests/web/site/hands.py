"""Two ways to use the pages in a browser: by the keys of a keyboard alone, and by a finger on a phone.

Both find things by the words that a person reads. Each page that opens is looked at, as `Looks` says.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Download, Locator, Page

from tests.web.site import catalogues
from tests.web.site.browser import PATIENCE

SHOTS = os.environ.get("EXPUNGE_SHOTS", "")
"""A folder for pictures of the pages, to look at."""
MOST_TABS = 90
"""Stops of the tab key in which a page has to lead to anything."""
_STOP = """() => {
  const here = document.activeElement
  if (!here || here === document.body) return null
  const words = here.getAttribute('aria-label') ?? (here.labels?.length ? here.labels[0].textContent : here.textContent)
  const style = getComputedStyle(here)
  const seen = box => box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
  return {
    words: words.trim().replace(/\\s+/g, ' '),
    tag: here.localName,
    // A part of a control of the browser's own, such as the calendar of a day, has a ring of its own, which no page can ask about.
    ring: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2) || !here.matches(':focus'),
    inSight: [here, ...here.labels ?? []].some(each => seen(each.getBoundingClientRect())),
    html: here.outerHTML.slice(0, 160),
  }
}"""
_SEEN = """() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  const lines = []
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    const of = node.parentElement
    if (of.closest('script, style') || of.closest('[lang]').lang !== document.documentElement.lang) continue
    const text = node.textContent.trim().replace(/\\s+/g, ' ')
    if (text) lines.push(text)
  }
  return {
    lang: document.documentElement.lang,
    title: document.title,
    wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    ordered: document.querySelectorAll('[tabindex]:not([tabindex="-1"], [tabindex="0"])').length === 0,
    lines,
  }
}"""
_ENGLISH = frozenset(
    ("the", "and", "of", "with", "your", "this", "that", "is", "are", "for", "from", "you", "it", "not", "was", "were", "they", "have")
)
"""Words that no Spanish sentence has."""


@dataclass
class Looks:
    """What is looked at on each page, and what was wrong."""

    lang: str
    name: str
    ours: tuple[str, ...] = ()
    """What the company and its customers said themselves, in whatever language."""
    further: Callable[[Page, str], list[str]] = lambda _page, _name: []
    wrong: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)

    def look(self, page: Page) -> None:
        """Look at the page that is open."""
        seen: dict[str, Any] = page.evaluate(_SEEN)
        title = seen["title"]
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"{self.name}-{len(self.titles):02}.png", full_page=True)
        fresh = title not in self.titles
        self.titles.append(title)
        self.wrong += [f"{title}: {what}" for what, bad in (("too wide", seen["wide"]), ("order of tabs", not seen["ordered"])) if bad]
        if seen["lang"] != self.lang:
            self.wrong.append(f"{title}: is in {seen['lang']}")
        if self.lang != "en":
            self.wrong += [f"{title}: {line}" for line in seen["lines"] if self.is_english(line)]
        if fresh:
            self.wrong += self.further(page, title)

    def is_english(self, line: str) -> bool:
        """Return whether a line was not translated, but for what the company and its customers said."""
        for known in self.ours:
            line = line.replace(known, " ")
        return any(text in line for text in _english()) or len(_ENGLISH & set(re.findall(r"[a-z]+", line.lower()))) > 1


def _english() -> frozenset[str]:
    """What the pages say in English and say otherwise in Spanish: pieces of three words or more."""
    if not _PIECES:
        for entry in catalogues.catalogue("es"):
            said = "\n".join([entry.msgstr, *entry.msgstr_plural.values()])
            for text in filter(None, (entry.msgid, entry.msgid_plural)):
                pieces = re.split(r"%\(\w+\)[sd]|\{\w+\}|<[^>]+>|\n", text)
                _PIECES.update(piece.strip() for piece in pieces if len(piece.split()) > 2 and piece.strip() not in said)
    return frozenset(_PIECES)


_PIECES: set[str] = set()


def translated(lang: str) -> Callable[..., str]:
    """How the pages say a text in a language: as its catalogue does, with values filled in."""
    texts = {entry.msgid: entry.msgid for entry in catalogues.catalogue("es") if entry.msgctxt is None}
    # What the libraries say is said in our words in English, too.
    texts |= {entry.msgstr: entry.msgid for entry in catalogues.catalogue("en") if entry.msgstr}
    spanish = {entry.msgid: entry.msgstr for entry in catalogues.catalogue("es") if entry.msgctxt is None}

    def say(text: str, **values: object) -> str:
        shown = spanish[texts[text]] if lang == "es" else text
        return shown % values if values else shown

    return say


@dataclass
class Hands(ABC):
    """A person at a page, who finds things by their words."""

    page: Page
    looks: Looks

    def __post_init__(self) -> None:
        """Have the browser hand over its chooser of files from now on: asked for right before it opens, it may come too late."""
        self.page.on("filechooser", lambda _: None)

    def open(self, address: str) -> None:
        """Open a link of a message."""
        self.page.goto(address)
        # Why waited for: a page of ours takes what stands behind the # along by itself.
        self.page.locator("form[data-hand-over]").wait_for(state="detached")
        self.settled()

    def settled(self) -> None:
        """Look at the page that has opened."""
        self.page.wait_for_load_state()
        self.looks.look(self.page)

    def go(self, words: str) -> None:
        """Use a link or a button that leads to another page."""
        use = self.find(words)
        with self.page.expect_navigation(timeout=PATIENCE):
            use()
        self.settled()

    def download(self, words: str, to: Path) -> Path:
        """Use a link that hands out a file."""
        use = self.find(words)
        with self.page.expect_download(timeout=PATIENCE) as caught:
            use()
        download: Download = caught.value
        path = to / download.suggested_filename
        download.save_as(path)
        return path

    def hand_in(self, label: str, path: Path) -> None:
        """Choose a file for a field."""
        use = self.find(label)
        with self.page.expect_file_chooser(timeout=PATIENCE) as caught:
            use()
        caught.value.set_files(path)

    @abstractmethod
    def find(self, words: str) -> Callable[[], None]:
        """Find the link, the button or the field of these words, and return how it is used."""

    @abstractmethod
    def follow(self, selector: str) -> None:
        """Follow the first link of a list whose words differ each time."""

    @abstractmethod
    def tick(self, label: str) -> None:
        """Tick a box, or choose one of several."""

    @abstractmethod
    def write(self, label: str, text: str) -> None:
        """Write into the empty field of a label."""

    @abstractmethod
    def write_day(self, label: str, day: str, month: str, year: str) -> None:
        """Write a day into a field of days."""

    @abstractmethod
    def play(self) -> None:
        """Have the sound of the page played."""


@dataclass
class Keys(Hands):
    """The keyboard alone: Tab, Enter, Space, arrows and what is typed."""

    hidden: list[str] = field(default_factory=list)
    """Stops at which a person cannot see where they are."""

    def _stop(self) -> dict[str, Any]:
        stop: dict[str, Any] | None = self.page.evaluate(_STOP)
        if stop is None:
            return {"words": "", "tag": ""}
        if not (stop["ring"] and stop["inSight"]):
            self.hidden.append(f"{self.page.url}: {stop['html']}")
        return stop

    def _reach(self, words: str) -> dict[str, Any]:
        """Go on from where the focus is until it is at these words: first by the way past the navigation, then through all of the page."""
        if self.page.evaluate("document.activeElement === document.body") and words not in self._navigation():
            # The first stop of a page leads past the navigation.
            self.page.keyboard.press("Tab")
            assert self._stop()["words"] == self.page.locator("a.skip").inner_text()
            self.page.keyboard.press("Enter")
        seen = []
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            stop = self._stop()
            if stop["words"] == words:
                return stop
            seen.append(stop["words"])
        raise AssertionError(f"the keyboard does not reach {words!r} at {self.page.url}: {list(dict.fromkeys(seen))}")

    def _navigation(self) -> list[str]:
        """What stands before the content and not in it."""
        before, inside = (self.page.locator(f"{part} :is(a, button)").all_inner_texts() for part in (":is(header, nav.rooms)", "main"))
        return list({" ".join(each.split()) for each in before} - {" ".join(each.split()) for each in inside})

    def find(self, words: str) -> Callable[[], None]:
        """See the base."""
        stop = self._reach(words)
        return partial(self.page.keyboard.press, "Space" if stop["tag"] in {"summary", "input"} else "Enter")

    def follow(self, selector: str) -> None:
        """See the base."""
        self.go(" ".join(self.page.locator(selector).first.text_content().split()))

    def tick(self, label: str) -> None:
        """See the base."""
        self._reach(label)
        self.page.keyboard.press("Space")

    def write(self, label: str, text: str) -> None:
        """See the base."""
        self._reach(label)
        self.page.keyboard.type(text)

    def write_day(self, label: str, day: str, month: str, year: str) -> None:
        """See the base."""
        self._reach(label)
        self.page.keyboard.type(f"{month}{day}{year}")

    def play(self) -> None:
        """See the base."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if self._stop()["tag"] == "audio":
                self.page.keyboard.press("Space")
                return
        raise AssertionError("the keyboard does not reach the sound")


@dataclass
class Finger(Hands):
    """A finger on a phone."""

    def _at(self, words: str) -> Locator:
        """What has these words: in the content, or else around it."""

        def inside(part: Locator) -> Locator:
            found = part.get_by_role("button", name=words, exact=True).or_(part.get_by_role("link", name=words, exact=True))
            return found.or_(part.get_by_label(words, exact=True)).locator("visible=true")

        content = inside(self.page.locator("main"))
        return content.first if content.count() else inside(self.page.locator("body")).first

    def find(self, words: str) -> Callable[[], None]:
        """See the base."""
        return self._at(words).tap

    def follow(self, selector: str) -> None:
        """See the base."""
        with self.page.expect_navigation(timeout=PATIENCE):
            self.page.locator(selector).first.tap()
        self.settled()

    def tick(self, label: str) -> None:
        """See the base."""
        box = self.page.get_by_label(label, exact=True)
        self.page.locator(f"label[for='{box.get_attribute('id')}']").tap()
        assert box.is_checked()

    def write(self, label: str, text: str) -> None:
        """See the base."""
        self.page.get_by_label(label, exact=True).locator("visible=true").tap()
        self.page.keyboard.type(text)

    def write_day(self, label: str, day: str, month: str, year: str) -> None:
        """See the base."""
        # Why no taps: a phone shows a calendar of its own, which is no part of the page.
        self.page.get_by_label(label, exact=True).fill(f"{year}-{month}-{day}")

    def play(self) -> None:
        """See the base."""
        player = self.page.locator("main audio")
        player.scroll_into_view_if_needed()
        box = player.bounding_box()
        assert box is not None
        self.page.touchscreen.tap(box["x"] + 28, box["y"] + box["height"] / 2)
