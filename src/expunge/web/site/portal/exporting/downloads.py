"""Give out parts of copies: whole, or a range of one, so that a browser goes on where it stopped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from expunge.core.export.export_manifest import part_name
from expunge.errors import NeedsApproval, NotPermitted, Refused, StateUnavailable
from expunge.ports.families.export_door import ExportedPart
from expunge.web.site.portal.exporting.pages import CHECKS
from expunge.web.site.portal.live_streams import DOWNLOADS
from expunge.web.site.portal.member import Member, clerk, family_page

WINDOW = 64 * 1024 * 1024
"""Bytes that are entered in the journal at a time, before they are given out: a download that stops counts as far as it came."""
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


@require_safe
@family_page
def part(request: HttpRequest, member: Member, export: str, part: int) -> HttpResponseBase:
    """Give out a part, or a range of it (RFC 9110, section 14)."""
    found = _part_of(member, export, part)
    if found is None:
        return _gone(request, member)
    tag = f'"{found.sha256}"'
    asked = request.headers.get("Range", "") if request.headers.get("If-Range", tag) == tag else ""
    first, last = _range(asked, found.bytes)
    if first >= last:
        response = HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        response.headers["Content-Range"] = f"bytes */{found.bytes}"
        return response
    if request.method == "HEAD":
        return _described(HttpResponse(content_type="application/zip"), found, tag, first, last)
    turn = ExitStack()
    if not turn.enter_context(DOWNLOADS.place(member.account)):
        turn.close()
        messages.error(request, _("Other copies are being downloaded at the moment. Try again in a few minutes."))
        answer = redirect("portal_export", member.slug)
        answer.headers["Retry-After"] = "300"
        return answer
    sending = _Sending(member, export, part, first, last, turn)
    try:
        # Why here: what is refused is said by a page, and not by a download that breaks off.
        sending.enter(first)
    except (Refused, NeedsApproval):
        sending.close()
        return _gone(request, member)
    except BaseException:
        sending.close()
        raise
    return _described(StreamingHttpResponse(sending, content_type="application/zip"), found, tag, first, last)


@require_safe
@family_page
def beside(request: HttpRequest, member: Member, export: str, name: str) -> HttpResponseBase:
    """Give out a file of hashes or signatures."""
    try:
        data = clerk().exports.beside(member.account, member.family, member.session, export, name) if name in CHECKS else b""
    except (Refused, NeedsApproval):
        data = b""
    if not data:
        return _gone(request, member)
    response = HttpResponse(data, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class _Sending:
    """The bytes of a range, entered window by window, read from the clerk a megabyte at a time. Gives its turn back when it is closed."""

    def __init__(self, member: Member, export: str, part: int, first: int, last: int, turn: ExitStack) -> None:
        self._member, self._export, self._part = member, export, part
        self._at, self._last = first, last
        self._ticket, self._until = "", first
        self._turn = turn

    def enter(self, first: int) -> None:
        """Have the next window entered. Raises OpeningNeeded, Refused."""
        member = self._member
        self._until = min(first + WINDOW, self._last)
        doors = clerk().exports
        self._ticket = doors.fetch(member.account, member.family, member.session, self._export, self._part, first, self._until)

    def __iter__(self) -> Iterator[bytes]:
        member = self._member
        try:
            while self._at < self._last:
                if self._at >= self._until:
                    self.enter(self._at)
                data = clerk().exports.read(member.account, member.family, member.session, self._ticket, self._at)
                if not data:
                    # Why cut: the length that was promised tells the browser that something is missing, and it goes on later.
                    return
                self._at += len(data)
                yield data
        except (Refused, NotPermitted, NeedsApproval, StateUnavailable):
            # As above: the head is sent, so that no page can say it.
            return
        finally:
            self.close()

    def close(self) -> None:
        """Give the turn back. Safe to repeat."""
        self._turn.close()


def _part_of(member: Member, export: str, part: int) -> ExportedPart | None:
    cards = clerk().exports.exports(member.account, member.family)
    return next((each for card in cards if card.export == export for each in card.parts if each.number == part), None)


def _described(response: HttpResponse | StreamingHttpResponse, found: ExportedPart, tag: str, first: int, last: int) -> HttpResponseBase:
    if (first, last) != (0, found.bytes):
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response.headers["Content-Range"] = f"bytes {first}-{last - 1}/{found.bytes}"
    response.headers["Content-Length"] = str(last - first)
    response.headers["Content-Disposition"] = f'attachment; filename="{part_name(found.number)}"'
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = tag
    return response


def _range(asked: str, size: int) -> tuple[int, int]:
    """Return the first byte of a range and the first behind it: all where none is asked for, or several are. Empty where none is there."""
    found = _RANGE.fullmatch(asked.strip())
    if found is None or not (found[1] or found[2]):
        return 0, size
    if not found[1]:
        return max(0, size - int(found[2])), size
    return int(found[1]), min(size, int(found[2]) + 1 if found[2] else size)


def _gone(request: HttpRequest, member: Member) -> HttpResponseBase:
    messages.error(request, _("This copy cannot be downloaded any more. Ask for another one."))
    return redirect("portal_export", member.slug)
