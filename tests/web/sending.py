"""Sends recordings to a server over real HTTP, as a camera would: whole, in parts, and with half of it missing."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from tests.vault.doorbells import ANNA, Doorbells
from tests.web.serving import Answer, Served

RECORDING = "Expunge-Recording"
OFFSET = "Upload-Offset"


def said(one: str = ANNA, name: str = "", *others: str, **changes: Any) -> str:
    """What the header says of a recording."""
    fields = {"profile_id": one, "recording_id": name or uuid4().hex}
    return json.dumps({"dataset": "doorbell", "fields": fields, "subjects": [["profile", each] for each in others], **changes})


def digest(data: bytes) -> str:
    return f"sha-256=:{b64encode(sha256(data).digest()).decode()}:"


@dataclass
class Sending:
    """One recording on its way."""

    served: Served
    data: bytes
    says: str = field(default_factory=said)
    id: str = field(default_factory=lambda: str(uuid4()))
    claims: bool = False
    """Whether its hash is claimed."""

    @property
    def name(self) -> tuple[str, str]:
        fields = json.loads(self.says)["fields"]
        return fields["profile_id"], fields["recording_id"]

    def headers(self, **more: str) -> dict[str, str]:
        sent = {
            "Authorization": f"Bearer {self.served.token}",
            RECORDING: self.says,
            **({"Repr-Digest": digest(self.data)} if self.claims else {}),
        }
        return {**sent, **{name.replace("_", "-"): value for name, value in more.items()}}

    def whole(self, **more: str) -> Answer:
        return self.send(self.data, self.headers(**more))

    def part(self, first: int, end: int, total: int | None = None, **more: str) -> Answer:
        span = f"bytes {first}-{end - 1}/{len(self.data) if total is None else total}"
        return self.send(self.data[first:end], self.headers(Content_Range=span, **more))

    def how_far(self) -> Answer:
        return self.send(b"", self.headers(Content_Range=f"bytes */{len(self.data)}"))

    def drop(self) -> Answer:
        return self.send(b"", self.headers(), "DELETE")

    def send(self, body: bytes | Iterator[bytes], headers: Mapping[str, str], method: str = "PUT") -> Answer:
        host, port = place(self.served)
        connection = http.client.HTTPConnection(host, port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, f"/api/v1/recordings/{self.id}", body, dict(headers))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())

    def half(self, size: int, first: int = 0) -> socket.socket:
        """Send the head, and so many bytes of what is announced; return the connection, which waits."""
        head = [f"PUT /api/v1/recordings/{self.id} HTTP/1.1", "Host: x", f"Content-Length: {len(self.data) - first}"]
        if first:
            head.append(f"Content-Range: bytes {first}-{len(self.data) - 1}/{len(self.data)}")
        head += [f"{name}: {value}" for name, value in self.headers().items()]
        connection = socket.create_connection(place(self.served), timeout=60)
        connection.sendall("\r\n".join([*head, "", ""]).encode() + self.data[first : first + size])
        return connection

    def reaches(self, offset: int) -> bool:
        """Whether so much is in, soon."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            answer = self.how_far()
            if answer.status == 202 and int(answer.headers[OFFSET]) >= offset:
                return True
            time.sleep(0.05)
        return False


def place(served: Served) -> tuple[str, int]:
    parts = urlsplit(served.url)
    return parts.hostname or "", parts.port or 0


def left_behind(home: Doorbells) -> list[str]:
    """Files of the vault that are no recording that is in."""
    with home.open() as opened:
        ids = {each.id for each in opened.vault.recordings("doorbell")}
    return [path.name for path in home.vault.rglob("*") if path.is_file() and path.name not in ids]


@contextlib.contextmanager
def keeping(folder: Path, *options: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    """Run a keeper of its own until the block ends."""
    command = [sys.executable, "-m", "expunge", "keeper", "run", "--json", *options]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=environ or None) as process:
        try:
            assert process.stdout is not None
            assert "keeping" in process.stdout.readline()
            yield process
        finally:
            process.terminate()
            process.wait(30)
