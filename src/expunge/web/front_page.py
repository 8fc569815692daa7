"""The front page of a server without pages for people: what is on, and how the pages are set up. Programs get the API's JSON there.

It needs no other file: its style lies in it, and its policy names that style's hash and nothing else.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

_HTML, _JSON = "text/html", "application/json"
_MAP = """\
company:
  name: Acme Doorbells
  contact: help@acme.example
accounts:
  origin: https://privacy.example.com
  database: sqlite:////srv/expunge/accounts/accounts.db
  mail:
    server: smtps://post@mail.example.com
    sender: privacy@acme.example
    secret_file: /srv/expunge/smtp.password
"""
"""The sections as the guide has them."""
_MORE = """
.text h2 { margin-top: var(--s6); }
.text pre { margin: 0 0 var(--s4); padding: var(--s3) var(--s4); overflow-x: auto; border-radius: var(--round); background: var(--sunk); }
.text pre, .text code { font-family: var(--type-code); font-size: 0.875em; }
.text dl { margin: 0 0 var(--s5); }
.text dt { margin-top: var(--s4); }
.text dd { margin: 0; color: var(--soft); }
"""
_FOREIGN = re.compile(r"@font-face \{.*?\}\n", re.DOTALL)
"""The one part of the pages' style that asks for another file."""


def front_page(document: Mapping[str, Any]) -> Callable[[HttpRequest], HttpResponse]:
    """Return the view of the front page, for an API with this OpenAPI document. Clients that do not ask for HTML find no page there."""
    style = _FOREIGN.sub("", files("expunge.web.site.shell").joinpath("static/shell/shell.css").read_text()) + _MORE
    body = "".join(_page(document, style))
    policy = f"default-src 'none'; style-src 'sha256-{base64.b64encode(sha256(style.encode()).digest()).decode()}'; "
    policy += "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

    def view(request: HttpRequest) -> HttpResponse:
        if request.method not in {"GET", "HEAD"} or request.get_preferred_type([_JSON, _HTML]) != _HTML:
            raise Http404
        return HttpResponse(body, headers={"Content-Security-Policy": policy, "Vary": "Accept"})

    return view


def _page(document: Mapping[str, Any], style: str) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
    yield f"<title>Expunge is running</title>\n<style>{style}</style>\n</head>\n"
    yield '<body class="reading">\n<a class="skip" href="#main">Skip to the content</a>\n'
    yield '<header class="top"><div class="band"><a class="brand" href="/">Expunge</a></div></header>\n'
    yield '<main id="main" tabindex="-1"><div class="band"><div class="text">\n'
    yield "<h1>Expunge is running, without pages for people</h1>\n"
    yield '<p class="lead">Programs reach it. Customers and staff cannot log in yet: the data map has no section <code>accounts</code>.'
    yield "</p>\n"
    yield "<h2>What is on</h2>\n<dl>\n"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"<dt><code>{method.upper()} {escape(path)}</code></dt><dd>{escape(operation['summary'])}</dd>\n"
    yield '</dl>\n<p>Programs read the whole description at <a href="/api/openapi.json">/api/openapi.json</a>.</p>\n'
    yield "<h2>Set up the pages</h2>\n"
    yield "<p>Add the name of the company and a section <code>accounts</code> to the data map, <code>expunge.yaml</code>:</p>\n"
    yield f'<pre tabindex="0" role="region" aria-label="Section of the data map">{escape(_MAP)}</pre>\n'
    yield "<p>Look whether it can work, then start the server again:</p>\n"
    yield '<pre tabindex="0" role="region" aria-label="Commands">expunge check\nexpunge serve</pre>\n'
    yield "<p>The guide <em>Run the server with pages for people</em> has every step: <code>docs/howto/deploy.md</code> of Expunge's "
    yield "documentation. To see the pages of a made-up company first, run <code>expunge demo serve</code>.</p>\n"
    yield "</div></div></main>\n</body>\n</html>\n"
