"""A browser without scripts, over HTTP alone: cookies, pages, forms, and the ceremonies that a page's script performs with a passkey."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import re
import time
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from expunge import clock
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator

STEP = 30
"""Seconds for which an app shows a code."""
_WITHIN = 60.0
_MOST_REDIRECTS = 10
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_FIELD = re.compile(r"<(?:input|button|textarea|select)\b([^>]*)>")
_VALUE = re.compile(r'([\w-]+)="([^"]*)"')
_TEMPLATE = re.compile(r"(?s)<template\b.*?</template>")
_UNSEEN = re.compile(r"(?s)<(head|script|style|template)\b.*?</\1>|<[^>]+>")


class UnexpectedPage(ValueError):
    """The pages answered otherwise than they should. The text says where, and what a person would have read."""


@dataclass(frozen=True)
class Answer:
    """What came."""

    status: int
    url: str
    kind: str
    """The media type."""
    content: bytes = field(repr=False)

    @property
    def path(self) -> str:
        """The path of the page that was reached."""
        return urlsplit(self.url).path

    @property
    def text(self) -> str:
        """The page, as it was sent."""
        return self.content.decode(errors="replace")

    @property
    def words(self) -> str:
        """What a person reads."""
        return " ".join(unescape(_UNSEEN.sub(" ", self.text)).split())

    @property
    def main(self) -> str:
        """What a person reads of the page itself, without its frame."""
        return " ".join(unescape(_UNSEEN.sub(" ", self._body.partition("</main")[0].partition(">")[2])).split())

    @property
    def _body(self) -> str:
        # Why without templates: they are pages of their own, which a script may show later.
        return _TEMPLATE.sub("", self.text).partition("<main")[2]

    def form(self, having: str) -> tuple[str, dict[str, str]]:
        """Return where the first form with a field of this name goes, and what it holds. Raises UnexpectedPage."""
        # Why not the frame: each page has forms for the language and to log out.
        for attributes, body in _FORM.findall(self._body):
            fields = [dict(_VALUE.findall(each)) for each in _FIELD.findall(body)]
            held = {each["name"]: unescape(each.get("value", "")) for each in fields if "name" in each}
            if having in held:
                return urljoin(self.url, unescape(dict(_VALUE.findall(attributes)).get("action", ""))), held
        message = f"{self.path} (status {self.status}) has no form with the field {having}: {self.main[:300]}"
        raise UnexpectedPage(message)


class Browser:
    """One browser."""

    def __init__(self, origin: str) -> None:
        """``origin``: of the pages, such as ``https://privacy.example.com``."""
        self.origin = origin.rstrip("/")
        self.page: Answer | None = None
        self._cookies: dict[str, str] = {}

    def ask(self, method: str, url: str, fields: dict[str, str] | None = None) -> Answer:
        """Send a request, and follow where it leads. Raises OSError, UnexpectedPage where it is led round in circles."""
        for _ in range(_MOST_REDIRECTS):
            parts = urlsplit(urljoin(f"{self.origin}/", url))
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            connection = kind(parts.hostname or "", parts.port, timeout=_WITHIN)
            sent = {"User-Agent": _AGENT, "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
            body = None
            if fields is not None:
                body = urlencode(fields)
                sent |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
                sent |= {"Referer": self.page.url if self.page is not None else f"{self.origin}/"}
            try:
                connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, sent)
                came = connection.getresponse()
                content = came.read()
            finally:
                connection.close()
            self._keep(came.headers.get_all("Set-Cookie", []))
            answer = Answer(came.status, parts.geturl(), came.headers.get_content_type(), content)
            if answer.status not in {301, 302, 303}:
                if answer.kind == "text/html":
                    self.page = answer
                return answer
            method, url, fields = "GET", urljoin(parts.geturl(), came.headers["Location"]), None
        message = f"the pages lead round in circles: {url}"
        raise UnexpectedPage(message)

    def _keep(self, lines: list[str]) -> None:
        for line in lines:
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.value
                if morsel["max-age"] == "0":
                    del self._cookies[name]

    def get(self, path: str) -> Answer:
        """Open a page."""
        return self.ask("GET", path)

    def send(self, having: str, **values: str) -> Answer:
        """Fill the form of the present page that has a field, and send it. Raises UnexpectedPage where there is none."""
        if self.page is None:
            raise UnexpectedPage("no page is open")
        action, held = self.page.form(having)
        return self.ask("POST", action, held | values)

    def post(self, path: str, **values: str) -> Answer:
        """Send a form without having looked at its page before."""
        return self.ask("POST", path, {"csrfmiddlewaretoken": self._cookies.get("csrf", ""), **values})

    def perform(self, path: str, device: SoftAuthenticator, **values: str) -> dict[str, Any]:
        """Perform a ceremony as the page's script does. Return what it ends with; raise UnexpectedPage where it is refused."""
        told = self._told(path, **values)
        while "options" in told:
            make = device.create if "user" in told["options"] else device.sign
            told = self._told(told["finish"], response=make(told["options"]).decode(), **values)
        if "to" not in told:
            message = f"{path}: {told.get('trouble') or told}"
            raise UnexpectedPage(message)
        return told

    def _told(self, path: str, **values: str) -> dict[str, Any]:
        answer = self.post(path, **values)
        if answer.kind != "application/json":
            message = f"{path} (status {answer.status}) answers no script: {answer.words[:300]}"
            raise UnexpectedPage(message)
        told: dict[str, Any] = json.loads(answer.content)
        return told


def code_at(seed: str, at: float) -> str:
    """Return the code that an app with this seed, in Base32, shows at a Unix time (RFC 6238: SHA-1, six digits, half a minute)."""
    digest = hmac.digest(base64.b32decode(seed), (int(at) // STEP).to_bytes(8, "big"), "sha1")
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place : place + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def send_code(browser: Browser, seed: str) -> Answer:
    """Send the code of an app on the present page, which asks for one. A code counts once: wait for the next one.

    Raises UnexpectedPage where none is taken within two steps.
    """
    page = browser.page
    asked, until, tried = page.path if page is not None else "", time.monotonic() + 2 * STEP + 1, set[str]()
    while True:
        # Why the code before too: it counts still, and two pages in one half minute take one each.
        for code in (code_at(seed, clock.timestamp() - STEP), code_at(seed, clock.timestamp())):
            if code in tried:
                continue
            tried.add(code)
            answer = browser.send("code", code=code)
            if answer.path != asked:
                return answer
        if time.monotonic() > until:
            message = f"no code of the app is taken at {asked}: {answer.main[:300]}"
            raise UnexpectedPage(message)
        time.sleep(0.5)
