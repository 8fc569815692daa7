"""A person of the served demonstration at a browser: signs up on the pages, and sets a code app up, as people do."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from html import unescape
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from expunge.servers.processes import ServerFailed

if TYPE_CHECKING:
    import requests

STEP = 30
"""Seconds for which an app shows a code."""
_WITHIN = 30.0
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_INPUT = re.compile(r"<(?:input|button)\b([^>]*)>")
_VALUE = re.compile(r'([\w-]+)="([^"]*)"')
_SEED = re.compile(r"\b[A-Z2-7]{32}\b")


def code_at(seed: str, at: float) -> str:
    """Return the code that an app with this seed shows at a Unix time (RFC 6238: SHA-1, six digits, half a minute)."""
    return TOTP(base64.b32decode(seed), 6, SHA1(), STEP).generate(int(at)).decode()  # noqa: S303 - what apps compute


class Visitor:
    """One browser without scripts."""

    def __init__(self, origin: str) -> None:
        """``origin``: of the pages. Raises ImportError where the package of the server's extra is not installed."""
        import requests

        self._origin = origin
        self._browser = requests.Session()
        self._page: requests.Response | None = None

    def sign_up(self, address: str, password: str, code: Callable[[], str]) -> str:
        """Make an account that logs in with a password and a code app. Return the app's seed, in Base32.

        Args:
            address: a made-up one.
            password: in the clear.
            code: returns the code of the mail that the pages send to the address.

        Raises ServerFailed where the pages answer otherwise than they should.
        """
        self._go("/account/signup/")
        self._send("password1", email=address, password1=password)
        self._send("code", code=code())
        self._go("/account/2fa/totp/activate/")
        found = _SEED.search(self._text)
        if found is None:
            raise _other()
        # Why the code before: each counts once, and the present one is for the person who logs in now.
        self._send("code", code=code_at(found[0], time.time() - STEP))
        if found[0] in self._text:
            raise _other()
        return found[0]

    def hand_over(self, token: str, seed: str) -> None:
        """Take a token of the company, and confirm it with the code app. Raises as :meth:`sign_up`."""
        self._go("/handover/")
        self._send("token", token=token)
        self._go("/handover/confirm/")
        self._send("code", code=code_at(seed, time.time()))
        assert self._page is not None
        if not self._page.url.endswith("/done/"):
            raise _other()

    @property
    def _text(self) -> str:
        assert self._page is not None
        return self._page.text

    def _go(self, path: str) -> None:
        self._page = self._browser.get(f"{self._origin}{path}", timeout=_WITHIN)

    def _send(self, having: str, **values: str) -> None:
        """Fill the form of the page that has a field, and send it."""
        assert self._page is not None
        for attributes, body in _FORM.findall(self._text.partition("<main")[2]):
            fields: list[dict[str, Any]] = [dict(_VALUE.findall(each)) for each in _INPUT.findall(body)]
            held = {each["name"]: unescape(each.get("value", "")) for each in fields if "name" in each}
            if having in held:
                action = unescape(dict(_VALUE.findall(attributes)).get("action", "")) or self._page.url.removeprefix(self._origin)
                headers = {"Origin": self._origin, "Referer": self._page.url}
                self._page = self._browser.post(f"{self._origin}{action}", held | values, headers=headers, timeout=_WITHIN)
                return
        raise _other()


def _other() -> ServerFailed:
    return ServerFailed("the pages answer otherwise than they should", help="see serve.log beside the servers' logs, and report it")
