"""A browser for tests of the pages: Debian's Chromium, driven by Playwright, with an authenticator of software that keeps passkeys."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Page, sync_playwright

from tests.web.site.kit import client_address

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
PATIENCE = 60_000
"""Milliseconds for which a page may take to show what is waited for."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium until the block ends; skip the test where it is not installed."""
    if not CHROMIUM.exists():
        pytest.skip("Debian's package chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visitor:
    """A person at a browser of their own: cookies, passkeys and one page. What the page complains of is kept."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    """Errors of scripts, and what the browser refused by the page's policy of sources."""
    _cdp: CDPSession | None = None
    _authenticator: str = ""

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def go(self, address: str) -> Page:
        self.page.goto(address)
        return self.page

    def take_authenticator(self) -> None:
        """Put an authenticator into the browser's machine."""
        self._cdp = self.context.new_cdp_session(self.page)
        self._cdp.send("WebAuthn.enable")
        self._authenticator = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": _AUTHENTICATOR})["authenticatorId"]

    def take_security_key(self) -> None:
        """Put a second authenticator into the machine, as a key on a ring, and touch that one from here on."""
        assert self._cdp is not None
        self._cdp.send("WebAuthn.setAutomaticPresenceSimulation", {"authenticatorId": self._authenticator, "enabled": False})
        self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": {**_AUTHENTICATOR, "transport": "usb"}})

    def lose_authenticator(self) -> None:
        """Take it away, with every passkey in it."""
        assert self._cdp is not None
        self._cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self._authenticator})

    def passkeys(self) -> list[dict[str, Any]]:
        """The passkeys in the authenticator, as Chromium tells them."""
        assert self._cdp is not None
        credentials: list[dict[str, Any]] = self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self._authenticator})[
            "credentials"
        ]
        return credentials

    def put_passkey(self, passkey: dict[str, Any]) -> None:
        """Put a passkey into the authenticator, in the place of the one of the same id."""
        assert self._cdp is not None
        named = {"authenticatorId": self._authenticator, "credentialId": passkey["credentialId"]}
        if any(each["credentialId"] == passkey["credentialId"] for each in self.passkeys()):
            self._cdp.send("WebAuthn.removeCredential", named)
        self._cdp.send("WebAuthn.addCredential", {"authenticatorId": self._authenticator, "credential": passkey})


@contextlib.contextmanager
def visitor(browser: Browser, **options: Any) -> Iterator[Visitor]:
    """Lend a person a browser without any earlier cookie. Options are those of Playwright's ``new_context``."""
    context = browser.new_context(**{"extra_http_headers": {"X-Forwarded-For": client_address()}, **options})
    context.set_default_timeout(PATIENCE)
    try:
        made = Visitor(context.new_page())
        made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
        made.page.on("console", lambda told: made.complaints.append(f"{told.text} {told.location}") if _complains(told) else None)
        yield made
    finally:
        context.close()


def _complains(told: ConsoleMessage) -> bool:
    # Why not the icon: browsers ask for it by themselves.
    return told.type == "error" and not str(told.location.get("url")).endswith("/favicon.ico")
