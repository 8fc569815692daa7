"""Pictures of every page and state: ``python -m tests.web.site.screenshots`` writes them and the page that shows them."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.web.site import walk_families, walk_recordings, walk_stopping
from tests.web.site.browser import chromium, visitor
from tests.web.site.kit import site
from tests.web.site.recordings_company import recordings_site
from tests.web.site.stopping_company import stopping_site
from tests.web.site.walk import Walk

DOCS = Path(__file__).resolve().parents[3] / "docs"
PICTURES = DOCS / "images" / "pages"
PAGE = DOCS / "reference" / "pages.md"
WIDE, PHONE = {"width": 1100, "height": 760}, {"width": 390, "height": 844}
MAIN = (
    "home",
    "account_login",
    "account_login.problem",
    "account_signup",
    "home.password",
    "home.passkey",
    "mfa_activate_totp",
    "mfa_view_recovery_codes",
    "mfa_list_webauthn.remove",
    "usersessions_list.two",
    "form",
)
"""Those that are shown in the dark too."""
ON_PAPER = ("mfa_view_recovery_codes", "home.passkey")
SECTIONS = (
    ("From outside", ("home", "account_login", "account_signup", "account_reset_password", "account_email_verification_sent")),
    ("Coming in", ("account_", "mfa_authenticate", "mfa_signup_webauthn")),
    ("Inside", ("home.", "mfa_", "usersessions_", "accounts_enrol", "accounts_close", "accounts_typed")),
    ("Getting back in", ("accounts_recovery",)),
    ("Coming from the company's app", ("families_",)),
    ("A family sees and hears recordings", ("portal_timeline", "portal_play", "portal_looked")),
    ("A family looks at what is held", ("portal_home", "portal_places", "portal_families", "what_we_keep")),
    ("A family erases, and takes a copy", ("portal_delet", "portal_export")),
    ("Requests, notices and receipts", ("portal_request", "portal_thread", "portal_receipt", "portal_notices", "receipt_")),
    ("Guardians", ("portal_guardians", "consent_")),
    ("A family stops something", ("portal_stop", "portal_use", "portal_keeping", "portal_unused")),
    ("When something is wrong", ("",)),
)
COLOURS = 32
LONGEST = 2000
"""Pixels of a picture from its top: the page of a receipt is as long as its annex."""
_LOADED = """() => Promise.all([...document.images].map(each => {
  each.loading = 'eager';
  return each.decode().catch(() => null);
}))"""


def file_of(name: str, kind: str = "") -> str:
    return f"{name.replace('/', '-').replace('_', '-').replace('.', '-')}{'-' if kind else ''}{kind}.webp"


def _save(picture: bytes, name: str) -> None:
    whole = Image.open(io.BytesIO(picture))
    shown = whole.crop((0, 0, whole.width, min(whole.height, LONGEST)))
    found = shown.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).convert("RGB")
    found.save(PICTURES / name, "WEBP", lossless=True, method=6)


def take(name: str, page: Page) -> None:
    """Take the pictures of one state."""
    page.evaluate("document.activeElement?.blur(); window.scrollTo(0, 0)")
    page.evaluate("document.fonts.ready")
    # Pictures that wait until they are scrolled to would be missing.
    page.evaluate(_LOADED)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    _save(page.screenshot(full_page=True), file_of(name))
    if name in MAIN:
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        _save(page.screenshot(full_page=True), file_of(name, "dark"))
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    if name in ON_PAPER:
        page.emulate_media(media="print", color_scheme="light")
        _save(page.screenshot(full_page=True), file_of(name, "print"))
        page.emulate_media(media="screen", color_scheme="light")
    if name in MAIN or "." not in name:
        page.set_viewport_size(PHONE)
        _save(page.screenshot(full_page=True), file_of(name, "phone"))
        page.set_viewport_size(WIDE)
    print(name, file=sys.stderr, flush=True)


def written(names: list[str], titles: dict[str, str]) -> str:
    """The page of the documentation."""
    lines = [
        "# Pages for people",
        "",
        "Every page and state that a person can meet, as `python -m tests.web.site.screenshots` sees them in Chromium: wide, on a phone,",
        "and the main ones in the dark and on paper. The company is invented. [How they are made](../adr/0088-the-look-of-the-pages.md).",
        "",
    ]
    left = list(dict.fromkeys(names))
    for heading, beginnings in SECTIONS:
        exact = [name for name in left if name.partition(".")[0] in beginnings and (name.partition(".")[0] != "home" or name == "home")]
        mine = exact or [name for name in left if name.startswith(beginnings)]
        left = [name for name in left if name not in mine]
        lines += [f"## {heading}", ""]
        for name in mine:
            lines += [f"### `{name}`", "", titles[name], ""]
            kinds = [kind for kind in ("", "dark", "print", "phone") if (PICTURES / file_of(name, kind)).exists()]
            for kind in kinds:
                about = f"{titles[name]}{', ' if kind else ''}{_KINDS[kind]}"
                width = 195 if kind == "phone" else 550
                lines.append(f'<img src="../images/pages/{file_of(name, kind)}" width="{width}" alt="{about}">')
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


_KINDS = {"": "", "dark": "in the dark", "print": "on paper", "phone": "on a phone"}


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES.glob("*.webp"):
        picture.unlink()
    titles: dict[str, str] = {}

    def look(name: str, page: Page) -> None:
        titles[name] = page.title().rpartition(" \u2013 ")[0]
        take(name, page)

    with (
        tempfile.TemporaryDirectory() as folder,
        site(Path(folder)) as served,
        chromium() as browser,
        visitor(browser, viewport=WIDE) as person,
    ):
        walk = Walk(served, person, look)
        walk.everything()
    with (
        tempfile.TemporaryDirectory() as folder,
        stopping_site(Path(folder)) as served,
        chromium() as browser,
        visitor(browser, viewport=WIDE) as person,
    ):
        walk_stopping.walk(served, person, look)
    with (
        tempfile.TemporaryDirectory() as folder,
        recordings_site(Path(folder)) as served,
        chromium() as browser,
        visitor(browser, viewport=WIDE) as person,
    ):
        walk_recordings.walk(served, person, look)
    with (
        tempfile.TemporaryDirectory() as folder,
        site(Path(folder), enrich=walk_families.slow_to_begin) as served,
        chromium() as browser,
        visitor(browser, viewport=WIDE) as person,
    ):
        walk_families.walk(served, person, look)
    # Each name once, in the order in which it was seen.
    PAGE.write_text(written(list(titles), titles))


if __name__ == "__main__":
    main()
