"""The walk through the pages of guardians, and of the requests of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tests.web.site.walk import Walk


def guard(walk: Walk) -> None:
    """Look at each page, from that of a family."""
    home = urlsplit(walk.page.url).path
    walk.go(f"{home}guardians/")
    walk.see("portal_guardians")
    walk.go(f"{home}guardians/ask/")
    walk.see("portal_guardians_ask")
    walk.page.locator("[name=method]:not([disabled])").first.check()
    walk.fill(born="1990-01-01")
    walk.page.locator("form [name=method]").first.evaluate("field => field.form.submit()")
    walk.page.locator("main .note.bad").wait_for()
    walk.see("portal_guardians_ask", "problem")
    walk.go(f"{home}guardians/invite/")
    walk.see("portal_guardians_invite")
    walk.go(f"{home}guardians/leave/")
    walk.see("portal_guardians_leave")
    walk.go(f"{home}guardians/dispute/")
    walk.see("portal_guardians_dispute")
    walk.visit("consent_requests")
    walk.visit("consent_arrive")
    walk.fill(token="x")
    walk.page.locator("main [name=token]").evaluate("field => field.form.submit()")
    walk.page.locator("main h1").wait_for()
    walk.see("consent_arrive", "fault")
    walk.go(home)
