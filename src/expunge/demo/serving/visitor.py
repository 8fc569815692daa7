"""A person of the served demonstration at a browser: signs up on the pages, and sets a code app up, as people do."""

from __future__ import annotations

import re
from collections.abc import Callable

from expunge import clock
from expunge.servers.processes import ServerFailed
from expunge.testing.desk.browser import STEP, Browser, UnexpectedPage, code_at

_SEED = re.compile(r"\b[A-Z2-7]{32}\b")


class Visitor:
    """One browser without scripts."""

    def __init__(self, origin: str) -> None:
        """``origin``: of the pages."""
        self._browser = Browser(origin)

    def sign_up(self, address: str, password: str, code: Callable[[], str]) -> str:
        """Make an account that logs in with a password and a code app. Return the app's seed, in Base32.

        Args:
            address: a made-up one.
            password: in the clear.
            code: returns the code of the mail that the pages send to the address.

        Raises ServerFailed where the pages answer otherwise than they should.
        """
        browser = self._browser
        browser.get("/account/signup/")
        self._send("password1", email=address, password1=password)
        self._send("code", code=code())
        found = _SEED.search(browser.get("/account/2fa/totp/activate/").text)
        if found is None:
            raise _other()
        # Why the code before: each counts once, and the present one is for the person who logs in now.
        self._send("code", code=code_at(found[0], clock.timestamp() - STEP))
        if browser.page is None or found[0] in browser.page.text:
            raise _other()
        return found[0]

    def hand_over(self, token: str, seed: str) -> None:
        """Take a token of the company, and confirm it with the code app. Raises as :meth:`sign_up`."""
        self._browser.get("/handover/")
        self._send("token", token=token)
        self._browser.get("/handover/confirm/")
        self._send("code", code=code_at(seed, clock.timestamp()))
        if self._browser.page is None or not self._browser.page.path.endswith("/done/"):
            raise _other()

    def _send(self, having: str, **values: str) -> None:
        """Fill the form of the page that has a field, and send it."""
        try:
            self._browser.send(having, **values)
        except UnexpectedPage as error:
            raise _other() from error


def _other() -> ServerFailed:
    return ServerFailed("the pages answer otherwise than they should", help="see serve.log beside the servers' logs, and report it")
