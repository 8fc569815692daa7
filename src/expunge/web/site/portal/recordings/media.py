"""Media of a child, a range at a time (RFC 9110, section 14), and drawings for the list. Nothing keeps them, and nothing runs in them."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from expunge.errors import (
    CouldNotLook,
    ItemGone,
    NeedsApproval,
    NotPermitted,
    OpeningNeeded,
    Refused,
    StoreUnavailable,
    Unplayable,
    UsageError,
)
from expunge.ports.families.recording_door import MOST_PART, MediaPart
from expunge.web.site.portal.member import Member, clerk, family_page
from expunge.web.site.portal.recordings import outline

MOST_WHOLE = 32 << 20
"""Bytes of a picture that is given whole, where nobody asks for a range."""
_RANGE = re.compile(r"bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))", re.ASCII)
_SAFE = {
    # Why a policy of its own: opened by itself, the file is a page of this site, and shall be able to do nothing.
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'none'; sandbox",
    "Content-Disposition": "inline",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@require_safe
@family_page
def media(request: HttpRequest, member: Member, handle: str) -> HttpResponseBase:
    """Give out a range of a recording: at most 256 KiB, however much is asked for."""
    return _answered(lambda: _media(request, member, handle))


@require_safe
@family_page
def sketch(_request: HttpRequest, member: Member, handle: str) -> HttpResponseBase:
    """Give out the outline of a sound, or a small picture."""
    return _answered(lambda: _sketch(member, handle))


def asked_range(header: str) -> tuple[int | None, int | None] | None:
    """Return (first, first behind it) of a ``Range``; (None, n) for the last n bytes; None for what is no single range of bytes.

    RFC 9110, section 14.2: a header that is malformed, or asks for several ranges, may be ignored.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None:
        return None
    first, last, of_end = found.groups()
    if of_end is not None:
        return None, int(of_end)
    if last and int(last) < int(first):
        return None
    return int(first), int(last) + 1 if last else None


def _media(request: HttpRequest, member: Member, handle: str) -> HttpResponse:
    asked = asked_range(request.headers.get("Range", "")) if request.method == "GET" else (0, 1)
    if asked is None:
        return _whole(member, handle)
    first, last = asked
    part = _part(member, handle, first, last)
    if request.method == "HEAD":
        return _response(b"", HTTPStatus.OK, part, {"Content-Length": str(part.size)})
    if not part.data:
        return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=_SAFE | {"Content-Range": f"bytes */{part.size}"})
    span = f"bytes {part.first}-{part.first + len(part.data) - 1}/{part.size}"
    return _response(part.data, HTTPStatus.PARTIAL_CONTENT, part, {"Content-Range": span})


def _whole(member: Member, handle: str) -> HttpResponse:
    """Give out a picture, or what is no longer than a range. Players ask for ranges."""
    part = _part(member, handle, 0, None)
    if len(part.data) == part.size:
        return _response(part.data, HTTPStatus.OK, part, {})
    if not part.media.is_picture or part.size > MOST_WHOLE:
        return HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=_SAFE | {"Content-Range": f"bytes */{part.size}"})
    parts = [part.data]
    while (at := sum(map(len, parts))) < part.size:
        following = _part(member, handle, at, min(at + MOST_PART, part.size))
        if not following.data or following.size != part.size:
            raise ItemGone("the picture was replaced", help="look at the timeline again")
        parts.append(following.data)
    return _response(b"".join(parts), HTTPStatus.OK, part, {})


def _part(member: Member, handle: str, first: int | None, last: int | None) -> MediaPart:
    return clerk().recordings.part(member.account, member.family, member.session, handle, first, last)


def _response(data: bytes, status: HTTPStatus, part: MediaPart, more: dict[str, str]) -> HttpResponse:
    return HttpResponse(data, status=status, content_type=part.media.value, headers=_SAFE | {"Accept-Ranges": "bytes"} | more)


def _sketch(member: Member, handle: str) -> HttpResponse:
    try:
        found = clerk().recordings.sketch(member.account, member.family, member.session, handle)
    except (Unplayable, Refused):
        return _drawing(outline.silent())
    if found.picture:
        return HttpResponse(found.picture, content_type="image/jpeg", headers=_SAFE)
    return _drawing(outline.drawn(found.bars) if found.bars else outline.moving())


def _drawing(svg: str) -> HttpResponse:
    return HttpResponse(svg, content_type="image/svg+xml", headers=_SAFE)


def _answered(act: Callable[[], HttpResponse]) -> HttpResponse:
    """Answer a player by a status alone: it cannot show a page."""
    try:
        return act()
    except (OpeningNeeded, NotPermitted, NeedsApproval, Refused):
        status = HTTPStatus.FORBIDDEN
    except (ItemGone, UsageError):
        status = HTTPStatus.NOT_FOUND
    except Unplayable:
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    except (StoreUnavailable, CouldNotLook):
        status = HTTPStatus.SERVICE_UNAVAILABLE
    return HttpResponse(status=status, content_type="text/plain; charset=utf-8", headers=_SAFE)
