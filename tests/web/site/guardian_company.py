"""A company of families that asks guardians for consent: purposes, texts, an age, and a text gateway in a process of its own.

No time passes between two messages.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from tests.web.site.family_company import enrich
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed, free_port, site

CONSENTS = """\
purposes:
  training:
    {{description: make the recogniser understand children better, needs: consent, use: training, datasets: [recordings], text: training}}
  review:
    {{description: people listen to find out what went wrong, needs: consent, use: human review, datasets: [recordings], text: review}}
{partners}texts:
  training: [{{version: 1, file: consent/training.md}}]
  review: [{{version: 1, file: consent/review.md}}]
{texts}guardians: {{profile: 18 years}}
asking: {{answer: "https://acme.example/consent/{{request}}/{{token}}", revoke: "https://acme.example/consent", delay: 0 days{gateway}}}
"""
PARTNERS = (
    "  partners: {description: partners train models of their own, needs: consent, use: training by third parties, datasets: [recordings], "
    "recipients: [speech laboratories], text: partners}\n"
)
GATEWAY = """\
import json, pathlib, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Texts(BaseHTTPRequestHandler):
    def do_POST(self):
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        taken = not told["to"].endswith("404")
        if taken:
            with open(sys.argv[2], "a") as file:
                file.write(json.dumps(told) + "\\n")
        self.send_response(202 if taken else 400)
        self.end_headers()
    def log_message(self, *_):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Texts).serve_forever()
"""
LINK = re.compile(r"http://localhost:\d+(/consent/)#(\S+)")


@dataclass
class Texts:
    """A text gateway that keeps what it took."""

    port: int
    file: Path

    def newest(self, number: str, within: float = 20.0) -> str:
        until = time.monotonic() + within
        while True:
            told = [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []
            if found := [each["text"] for each in told if each["to"] == number]:
                return str(found[-1])
            assert time.monotonic() < until, "no text message"
            time.sleep(0.05)


@contextlib.contextmanager
def text_gateway(folder: Path) -> Iterator[Texts]:
    """A real HTTP server in a process of its own."""
    texts = Texts(free_port(), folder / "texts.jsonl")
    process = subprocess.Popen([sys.executable, "-c", GATEWAY, str(texts.port), str(texts.file)])
    try:
        until = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", texts.port), 5):
                break
            assert time.monotonic() < until
            time.sleep(0.05)
        yield texts
    finally:
        process.terminate()
        process.wait()


def asking(folder: Path, *, outward: bool = False, gateway: int = 0) -> None:
    """Let a company of families ask guardians."""
    enrich(folder)
    (folder / "consent").mkdir()
    for name in ("training", "review", "partners"):
        (folder / "consent" / f"{name}.md").write_text(f"We would like to use recordings for {name}.\n\nYou can say no.\n")
    reached = f', text_gateway: "http://127.0.0.1:{gateway}/messages", text_key: k' if gateway else ""
    text = CONSENTS.format(
        partners=PARTNERS if outward else "",
        texts="  partners: [{version: 1, file: consent/partners.md}]\n" if outward else "",
        gateway=reached,
    )
    path = folder / "expunge.yaml"
    path.write_text(path.read_text() + text)


@contextlib.contextmanager
def guardian_site(folder: Path, *, outward: bool = False, gateway: int = 0) -> Iterator[SiteServed]:
    """Serve the pages of such a company."""
    with site(folder, "--access-log", folder / "access.log", enrich=lambda at: asking(at, outward=outward, gateway=gateway)) as served:
        yield served


def link_to(served: SiteServed, address: str, subject: str) -> str:
    """The newest link in mails of a subject to an address: what stands behind its ``#``."""
    body = served.sink.about(address, subject).get_body(("plain",))
    assert body is not None
    found = LINK.search(body.get_content())
    assert found, body.get_content()
    return found[2]


def follow(person: HttpPerson, link: str) -> Shown:
    """Open a link of a message, as the page's script does."""
    person.get("/consent/")
    if person.last is not None and person.last.path != "/consent/":
        return person.post("/consent/", token=link)
    return person.send("token", token=link)


def upload(person: HttpPerson, data: bytes) -> Shown:
    """Send a scan by the form of the present page."""
    assert person.last is not None
    found = re.search(r'action="(/consent/requests/[^"]+/scan/)"', person.last.text)
    assert found, person.last.words
    held = person.last.form("scan")[1]
    mark = "----8K3W5Q"
    head = f'--{mark}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{held["csrfmiddlewaretoken"]}\r\n'
    file = f'--{mark}\r\nContent-Disposition: form-data; name="scan"; filename="s"\r\nContent-Type: application/octet-stream\r\n\r\n'
    body = head.encode() + file.encode() + data + f"\r\n--{mark}--\r\n".encode()
    parts = urllib.parse.urlsplit(person.site.origin)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    sent = {
        "Content-Type": f"multipart/form-data; boundary={mark}",
        "Origin": person.site.origin,
        "User-Agent": person.agent,
        "X-Forwarded-For": person.address,
        "Cookie": "; ".join(f"{name}={value}" for name, value in person.cookies.items()),
    }
    try:
        connection.request("POST", found[1], body, sent)
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    if answer.status in {302, 303}:
        return person.get(answer.headers["Location"])
    person.last = Shown(answer.status, f"{person.site.origin}{found[1]}", text, dict(answer.headers))
    return person.last
