"""A person at a browser without JavaScript: cookies, pages, forms. Faster than a real browser, and able to send what no browser would."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import re
from dataclasses import dataclass, field
from html import unescape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from expunge import clock
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator, packed
from tests.web.site.kit import SiteServed, client_address

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PASSWORD = "correct horse battery staple"
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_INPUT = re.compile(r"<(?:input|button|textarea)\b([^>]*)>")
_VALUE = re.compile(r'([\w-]+)="([^"]*)"')


@dataclass(frozen=True)
class Shown:
    """A page as it came."""

    status: int
    url: str
    text: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    def form(self, having: str) -> tuple[str, dict[str, str]]:
        """The first form with a field of this name: where it goes, and what it holds."""
        # Why not the frame: each page has forms for the language and to log out.
        for attributes, body in _FORM.findall(self.text.partition("<main")[2]):
            fields = [dict(_VALUE.findall(each)) for each in _INPUT.findall(body)]
            held = {each["name"]: unescape(each.get("value", "")) for each in fields if "name" in each}
            if having in held:
                action = dict(_VALUE.findall(attributes)).get("action", "")
                return urljoin(self.url, unescape(action)), held
        raise AssertionError(f"no form with {having} at {self.path}: {self.words[:500]}")

    @property
    def words(self) -> str:
        """What a person reads."""
        return " ".join(unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(head|script|style).*?</\1>", " ", self.text))).split())


@dataclass
class HttpPerson:
    """One browser."""

    site: SiteServed
    agent: str = FIREFOX
    cookies: dict[str, str] = field(default_factory=dict)
    last: Shown | None = None
    address: str = field(default_factory=client_address)

    def ask(
        self, method: str, url: str, fields: dict[str, str] | list[tuple[str, str]] | None = None, *, follow: bool = True, **headers: str
    ) -> Shown:
        """Send a request, and follow where it leads."""
        for _ in range(10):
            parts = urlsplit(urljoin(f"{self.site.origin}/", url))
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
            sent = {"User-Agent": self.agent, "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
            sent |= {"X-Forwarded-For": self.address, **headers}
            body = None
            if fields is not None:
                body = urlencode(fields)
                sent |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.site.origin, **headers}
            try:
                connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, sent)
                answer = connection.getresponse()
                text = answer.read().decode(errors="replace")
            finally:
                connection.close()
            for line in answer.headers.get_all("Set-Cookie", []):
                for name, morsel in SimpleCookie(line).items():
                    if morsel["max-age"] == "0":
                        self.cookies.pop(name, None)
                    else:
                        self.cookies[name] = morsel.value
            self.last = Shown(answer.status, parts.geturl(), text, dict(answer.headers))
            if not follow or answer.status not in {301, 302, 303}:
                return self.last
            method, url, fields = "GET", urljoin(parts.geturl(), answer.headers["Location"]), None
        raise AssertionError(f"led round in circles: {url}")

    def get(self, path: str) -> Shown:
        return self.ask("GET", path)

    def send(self, having: str, **values: str) -> Shown:
        """Fill the form of the present page that has a field, and send it."""
        assert self.last is not None
        action, held = self.last.form(having)
        return self.ask("POST", action, held | values)

    def post(self, path: str, **values: str) -> Shown:
        """Send a form of ours without having looked at its page before."""
        return self.ask("POST", path, {"csrfmiddlewaretoken": self.cookies.get("csrf", ""), **values})

    # Journeys.

    def sign_up(self, address: str, password: str = PASSWORD) -> Shown:
        """Sign up with a password, and prove the address."""
        mails = self.site.sink.count(address)
        self.get("/account/signup/")
        self.send("password1", email=address, password1=password)
        return self.send("code", code=self.site.sink.code(address.lower(), mails + 1))

    def log_in(self, address: str, password: str = PASSWORD) -> Shown:
        """Send address and password."""
        self.get("/account/login/")
        return self.send("login", login=address, password=password)

    def log_out(self) -> Shown:
        self.get("/account/logout/")
        return self.send("csrfmiddlewaretoken")

    def enrol_app(self) -> str:
        """Set an app up that shows codes; returns its seed."""
        page = self.get("/account/2fa/totp/activate/")
        seed = seed_of(page)
        self.send("code", code=code_of(seed))
        return seed

    def authenticator(self) -> SoftAuthenticator:
        """An authenticator at this browser's machine."""
        return SoftAuthenticator(self.site.origin, "localhost")

    def enrol_passkey(self, authenticator: SoftAuthenticator, name: str = "My telephone") -> Shown:
        """Add a passkey on the page that makes one, which is open or is gone to."""
        if self.last is None or "creation_options" not in self.last.text:
            self.get("/account/2fa/webauthn/add/")
        assert self.last is not None
        made = authenticator.create(options_of(self.last))
        return self.send("credential", credential=made.decode(), name=name)

    def confirm(self, authenticator: SoftAuthenticator | None = None, code: str = "") -> Shown:
        """Confirm what the present page asks."""
        assert self.last is not None
        assert self.last.path == "/account/confirm/", self.last.words
        if authenticator is None:
            return self.send("code", code=code)
        return self.send("credential", credential=authenticator.sign(options_of(self.last)).decode())

    def log_in_by_passkey(self, authenticator: SoftAuthenticator, account: bytes, credential: bytes | None = None) -> Shown:
        """Log in with a passkey alone, as a browser does that finds it by itself."""
        self.get("/account/login/")
        begun = json.loads(self.ask("GET", "/account/2fa/webauthn/login/", Accept="application/json").text)
        options = begun["request_options"]["publicKey"]
        chosen = credential or next(iter(authenticator.made))
        told = json.loads(authenticator.sign({**options, "allowCredentials": []}, credential=chosen))
        told["response"]["userHandle"] = packed(account)
        return self.post("/account/2fa/webauthn/login/", credential=json.dumps(told))

    @property
    def inside(self) -> bool:
        """Whether this browser is logged in."""
        return self.get("/account/sessions/").path == "/account/sessions/"


def options_of(page: Shown) -> dict[str, Any]:
    """The options that a page hands to the browser's authenticator."""
    found = re.search(r'(?s)<script id="js_data"[^>]*>(.*?)</script>', page.text)
    assert found is not None, page.words
    (told,) = json.loads(found[1]).values()
    options: dict[str, Any] = told["publicKey"]
    return options


def seed_of(page: Shown) -> str:
    """The seed that a page of enrolment shows."""
    found = re.search(r"\b([A-Z2-7]{32})\b", page.text)
    assert found is not None, page.words
    return found[1]


def code_of(seed: str, steps: int = 0) -> str:
    """The code that an app shows, some steps of 30 seconds from now (RFC 6238)."""
    counter = (int(clock.timestamp()) // 30 + steps).to_bytes(8, "big")
    digest = hmac.digest(base64.b32decode(seed), counter, "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


def recovery_codes_of(page: Shown) -> list[str]:
    """The recovery codes that a page shows."""
    return re.findall(r"\b(\d{8})\b", page.text)


def query_of(page: Shown) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(page.url).query))
