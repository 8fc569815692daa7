"""Pages that no honest visitor reaches, and the addresses of all others: run as a process of its own, prints one JSON object.

Each is rendered by the view or the template that serves it, with a request; only what leads there is missing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

PROBLEMS = (400, 403, 404, 429, 500, 503)
TEMPLATES = ("account/signup_closed.html", "account/account_inactive.html", "staff/other_network.html", "problems/crowded.html")


@dataclass(frozen=True)
class Pages:
    """What the process printed."""

    addresses: dict[str, str]
    """The path of each named address; with ``<pk>`` where it takes a number."""
    routes: list[tuple[str, str]]
    """Path and name of every route in the router's order, the shadowed and the unnamed among them."""
    fields: list[tuple[str, str, list[str]]]
    """Name, pattern and fields of the form of every route."""
    rendered: dict[str, str]
    """HTML by name."""
    hash: str
    """Of a password, as a map that says nothing of it has it made."""


@cache
def pages(language: str = "en") -> Pages:
    done = subprocess.run([sys.executable, "-m", __name__, language], capture_output=True, text=True, check=True)
    return Pages(**json.loads(done.stdout))


def address_of(url: str) -> str:
    """Return the name of the address that a URL leads to, as the router finds it."""
    path = re.sub(r"^\w+://[^/]+", "", url).partition("?")[0].partition("#")[0]
    return next((name for pattern, name in _patterns() if pattern.fullmatch(path)), "")


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(re.escape(path).replace("<pk>", "[^/]+")), name) for path, name in pages().routes]


def _routes(patterns: Any, before: str = "/") -> Iterator[tuple[str, str]]:
    for each in patterns:
        route = before + str(each.pattern).lstrip("^")
        if hasattr(each, "url_patterns"):
            yield from _routes(each.url_patterns, route)
        else:
            yield re.sub(r"<\w+:\w+>", "<pk>", route), each.name or ""


def _fields(patterns: Any, before: str = "/") -> Iterator[tuple[str, str, list[str]]]:
    for pattern in patterns:
        path = f"{before}{pattern.pattern}"
        if hasattr(pattern, "url_patterns"):
            yield from _fields(pattern.url_patterns, path)
            continue
        form = getattr(getattr(pattern.callback, "view_class", None), "form_class", None)
        yield pattern.name or "", path, sorted({*getattr(form, "base_fields", {}), *getattr(form, "declared_fields", {})})


def _addresses(routes: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for route, name in routes:
        found.setdefault(name, route)
    return found


def main() -> None:
    from expunge.core.accounts.accounts_spec import AccountsSpec, MailSpec
    from expunge.web.site import settings

    spec = AccountsSpec(
        "http://localhost",
        company="Acme Doorbells",
        support="help@acme.example",
        mail=MailSpec("smtp://127.0.0.1:1", "privacy@acme.example"),
    )
    settings.set_up(spec, {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"})
    from django.conf import settings as values

    values.SECRET_KEY = "for pages that sign nothing"
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import AnonymousUser
    from django.template.loader import render_to_string
    from django.test import RequestFactory
    from django.urls import get_resolver
    from django.utils import translation

    from expunge.web.site.shell import views

    translation.activate(sys.argv[1])
    request = RequestFactory().get("/rendered/")
    request.user = AnonymousUser()
    request._messages = []  # type: ignore[attr-defined]
    rendered = {str(status): views.problem(request, views.HTTPStatus(status)).content.decode() for status in PROBLEMS}
    rendered |= {name: render_to_string(name, {}, request) for name in TEMPLATES}
    routes, fields = list(_routes(get_resolver().url_patterns)), list(_fields(get_resolver().url_patterns))
    hashed = make_password("a password of four words")
    print(json.dumps({"addresses": _addresses(routes), "routes": routes, "fields": fields, "rendered": rendered, "hash": hashed}))


if __name__ == "__main__":
    main()
