"""What a player is given: a piece of about two seconds at a time, each let by every question of that moment. Nothing keeps it.

Without scripts the pieces come as one film, which this process paces: what is not sent yet is never sent once the lease has ended, and the
connection breaks off. A browser that finds it broken asks for the rest, is refused, and shows nothing more.
"""

from __future__ import annotations

import errno
import re
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from expunge.core.accounts.staff import StaffRight
from expunge.core.review.rendition import FormKind, Segment, segments
from expunge.errors import DeskRefused, ExpungeError
from expunge.ports.review.desk_door import DeskCaller, LeaseCard
from expunge.web.ending import ENDING
from expunge.web.site.desk.seating import DeskRequest, desk, desk_part, status_of, told
from expunge.web.site.desk.viewing import forms, words
from expunge.web.site.desk.viewing.watchers import WATCHERS, Place, Watcher

MOST_PIECE = 4_000
"""Milliseconds of one piece, at most."""
AHEAD = 1.2
"""Seconds before its time at which a piece of a paced film is made."""
LOOK = 1.0
"""Seconds after which a paced film looks whether it is watched in another window by now."""
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_SAFE = {
    # Why a policy of its own: opened by itself, the file is a page of this site, and shall be able to do nothing.
    "Content-Security-Policy": "default-src 'none'; media-src 'self'; sandbox",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class OddNumbers(ValueError):
    """An address does not have the numbers that it takes, each once."""


@require_GET
@desk_part(StaffRight.SEE_VIEWS)
def segment(request: DeskRequest, lease: str) -> HttpResponseBase:
    """Give out a piece of a film or a sound: from ``first`` to before ``last``, in milliseconds of the recording."""
    return _answered(lambda: _segment(request, lease))


@require_GET
@desk_part(StaffRight.SEE_VIEWS)
def still(request: DeskRequest, lease: str) -> HttpResponseBase:
    """Give out a picture."""
    return _answered(lambda: HttpResponse(desk().still(request.seat, lease).data, content_type="image/jpeg", headers=_SAFE))


@require_GET
@desk_part(StaffRight.SEE_VIEWS)
def film(request: DeskRequest, lease: str) -> HttpResponseBase:
    """Give out the rest of a range as one film at playing speed, for a browser that runs no script."""
    return _answered(lambda: _film(request, lease))


def numbers(request: HttpRequest, *names: str) -> tuple[int, ...]:
    """Return the numbers of an address: each named once, in digits alone, and no other name beside. Raises OddNumbers."""
    given = dict(request.GET.lists())
    if given.keys() != set(names) or any(len(values) != 1 or not _NUMBER.fullmatch(values[0]) for values in given.values()):
        raise OddNumbers
    return tuple(int(given[name][0]) for name in names)


def _segment(request: DeskRequest, lease: str) -> HttpResponse:
    first, last = numbers(request, "first", "last")
    if not first < last <= first + MOST_PIECE:
        raise OddNumbers
    made = desk().segment(request.seat, lease, first, last)
    return HttpResponse(made.data, content_type="video/mp4", headers=_SAFE)


def _film(request: DeskRequest, lease: str) -> HttpResponseBase:
    (first,) = numbers(request, "first")
    if request.headers.get("Range", "bytes=0-") != "bytes=0-":
        # Why no part: a film that broke off is begun anew from the page. A browser takes this answer for the end, and stops.
        return told(HTTPStatus.GONE, words=words.begin_anew())
    who = request.seat
    card = desk().lease(who, lease)
    begin, end = forms.shown_range(who, card, desk().request(who, card.request).card)
    if forms.form_of(who, lease).kind is FormKind.PICTURE or not begin <= first < end:
        raise OddNumbers
    pieces = segments(first, end)
    made = desk().segment(who, lease, *next(pieces))
    return StreamingHttpResponse(
        _paced(who, card, made, pieces), content_type="video/mp4", headers=_SAFE | {"X-Accel-Buffering": "no", "Accept-Ranges": "none"}
    )


def _paced(who: DeskCaller, card: LeaseCard, made: Segment, pieces: Iterator[tuple[int, int]]) -> Iterator[bytes]:
    """Yield a film at playing speed, and end it with the time that it takes to watch. Raises OSError where the lease ends before."""
    with WATCHERS.watching(who.account, card.lease) as watcher:
        if watcher.place is not Place.HELD:
            _break_off()
        first, began = made.first_ms, time.monotonic()
        yield made.data
        for begin, end in pieces:
            _wait(who, card.lease, watcher, began + (begin - first) / 1000 - AHEAD)
            try:
                made = desk().segment(who, card.lease, begin, end)
            except ExpungeError:
                _break_off()
            yield made.body
        # Why wait: what was sent and not watched yet is taken back as well, where the lease ends meanwhile.
        _wait(who, card.lease, watcher, began + (made.last_ms - first) / 1000)


def _wait(who: DeskCaller, lease: str, watcher: Watcher, until: float) -> None:
    while (left := until - time.monotonic()) > 0:
        try:
            runs = desk().follow(who, lease, min(left, LOOK)).runs and watcher.place is Place.HELD
        except ExpungeError:
            runs = False
        if not runs or ENDING.is_set():
            _break_off()


def _break_off() -> None:
    """End an answer in the middle: a whole one would be watched to its end."""
    raise BrokenPipeError(errno.EPIPE, "the lease has ended")


def _answered(act: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Answer a player by a status and a sentence: it cannot show a page."""
    try:
        return act()
    except OddNumbers:
        return told(HTTPStatus.BAD_REQUEST, words=_("This part of the view does not exist."))
    except ExpungeError as error:
        said = words.trouble(error)
        rules = error.rules if isinstance(error, DeskRefused) else ()
        status = HTTPStatus.GONE if words.ENDED & set(rules) else status_of(error)
        return told(status, *rules, words=said)
