"""A request's body as a stream, and the part of a recording that it is: at most one piece of it is in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from gunicorn.http.errors import ParseException

from expunge.ports.vault.vault_door import MOST_AT_ONCE
from expunge.web.answers import Problem

_RANGE = re.compile(r"bytes (?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18})")
_LENGTH = re.compile(r"[0-9]{1,18}")
_WHERE = "the header Content-Range"


@dataclass(frozen=True)
class Part:
    """The part of a recording that a request brings."""

    first: int
    size: int | None
    """Bytes of the body; None where it ends when it ends."""
    total: int | None
    """Bytes of the whole recording, as its sender says."""
    whole: bool
    """Whether it is said to be the whole recording: there is no Content-Range."""


def part_of(request: HttpRequest) -> Part:
    """Return the part that a request brings. A question of how far an upload is has no bytes. Raises Problem: 400, 411, 415."""
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in {"identity", ""}:
        raise Problem(415, "a recording comes as it is", "the header Content-Encoding", "send it without an encoding")
    size = _size(request)
    said = request.headers.get("Content-Range")
    if said is None:
        return Part(0, size, size, whole=True)
    found = _RANGE.fullmatch(said.strip())
    if found is None:
        raise Problem(400, "this is no range of bytes", _WHERE, "send bytes FIRST-LAST/TOTAL, or bytes */TOTAL with an empty body to ask")
    if size is None:
        raise Problem(411, "the size of the part is not announced", "the header Transfer-Encoding", "send it with Content-Length")
    total = int(found[3])
    if found[1] is None:
        if size:
            raise Problem(400, "a question how far an upload is has no body", _WHERE, "send bytes FIRST-LAST/TOTAL with the bytes")
        return Part(0, 0, total, whole=False)
    first, last = int(found[1]), int(found[2])
    if not first <= last < total:
        raise Problem(400, "the range does not lie within the recording", _WHERE, "send bytes FIRST-LAST/TOTAL, with LAST below TOTAL")
    if last - first + 1 != size:
        raise Problem(400, "the range and the body have different sizes", _WHERE, "let Content-Length be LAST - FIRST + 1")
    return Part(first, size, total, whole=False)


def _size(request: HttpRequest) -> int | None:
    if "Transfer-Encoding" in request.headers:
        return None
    said = request.headers.get("Content-Length") or "0"
    if not _LENGTH.fullmatch(said):
        raise Problem(400, "this is no size", "the header Content-Length", "send the number of bytes")
    return int(said)


def pieces(request: HttpRequest, size: int | None) -> Iterator[bytes]:
    """Yield the body in pieces of at most 1 MiB. What came before an error is yielded first.

    Raises Problem (408) where the body stops coming, or its end does not come.
    """
    # Why past Django's stream: that and gunicorn's read a kibibyte at a time.
    body = cast("WSGIRequest", request).environ["wsgi.input"]
    if size is None:
        yield from _until_it_ends(body)
        return
    reader = body.reader
    buffer, filled = memoryview(bytearray(min(size, MOST_AT_ONCE))), 0
    early = reader.unreader.take_buffered() if size else b""
    if len(early) > size:
        # The beginning of the next request.
        reader.unreader.unread(early[size:])
        early = early[:size]
    while size:
        wanted = min(size, len(buffer)) - filled
        try:
            if early:
                buffer[filled : filled + min(len(early), wanted)] = early[:wanted]
                got, early = min(len(early), wanted), early[wanted:]
            else:
                got = reader.unreader.sock.recv_into(buffer[filled : filled + wanted])
        except OSError:
            got = 0
        filled += got
        reader.length -= got
        if not got or got == wanted:
            if filled:
                yield bytes(buffer[:filled])
            size -= filled
            filled = 0
            if size and not got:
                raise _stopped()


def _until_it_ends(body: object) -> Iterator[bytes]:
    try:
        while data := body.read(MOST_AT_ONCE):  # type: ignore[attr-defined]
            yield data
    except (OSError, ParseException):
        raise _stopped() from None


def _stopped() -> Problem:
    help_ = "ask how far it is (Content-Range: bytes */TOTAL), and send on from there"
    return Problem(408, "the body stopped coming", "the body", help_, retry_after=1)
