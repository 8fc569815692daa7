"""What looks at a page on a walk beside the great one: by axe, in dark, and on a phone; and the proof that each address was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from playwright.sync_api import Page

from tests.web.site.rendered import address_of
from tests.web.site.test_accessibility import AXE, OF_COLOURS, TAGS, axe
from tests.web.site.walk import ELSEWHERE, WAYS

WIDE, PHONE = (1100, 760), (390, 844)


@dataclass
class Look:
    """Looks at pages, on a screen and on a phone, in light and in dark. What was seen is kept by address."""

    found: list[str] = field(default_factory=list)
    """What is wrong."""
    seen: dict[str, set[str]] = field(default_factory=dict)

    def at(self, page: Page, name: str) -> None:
        """Look at the page that is open, in every way."""
        page.evaluate(AXE)
        for width, height in (WIDE, PHONE):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme="light", reduced_motion="reduce")
            self.found += axe(page, f"{name}, {width}", {"type": "tag", "values": TAGS})
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                self.found.append(f"{name} is wider than {width}")
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        self.found += axe(page, f"{name}, dark", {"type": "rule", "values": OF_COLOURS})
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        self.seen.setdefault(address_of(page.url), set()).update(WAYS)


def prove(module: str, seen: Mapping[str, set[str]]) -> None:
    """Fail where the walk of a module of tests did not look at each of its addresses in every way."""
    own = {address for address, walk in ELSEWHERE.items() if walk.rpartition(".")[2] == module.rpartition(".")[2]}
    assert own, f"{module} is no walk of its own"
    missing = {address: sorted(WAYS - seen.get(address, set())) for address in own if not seen.get(address, set()) >= WAYS}
    assert not missing, missing
