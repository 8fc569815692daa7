"""The word of a lease while it is watched: a beat each second, and its end at once. A player that does not hear it stops."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.views.decorators.http import require_GET

from expunge.core.accounts.staff import StaffRight
from expunge.errors import ExpungeError
from expunge.ports.review.desk_door import DeskCaller
from expunge.web.ending import ENDING
from expunge.web.site.desk.seating import DeskRequest, desk, desk_part
from expunge.web.site.desk.viewing import words
from expunge.web.site.desk.viewing.watchers import WATCHERS, Place

BEAT = 1.0
"""Seconds between two beats."""


@require_GET
@desk_part(StaffRight.SEE_VIEWS)
def live(request: DeskRequest, lease: str) -> HttpResponseBase:
    """Stream the lease as server-sent events: ``beat`` with the seconds left, ``over`` with the reason in words, ``full``."""
    who, language = request.seat, translation.get_language() or "en"
    beats = _beats(who, lease, language)
    return StreamingHttpResponse(beats, content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _beats(who: DeskCaller, lease: str, language: str) -> Iterator[bytes]:
    """Yield events until the lease ends. A stream that cannot be told of the lease any more ends without a word, which stops the player."""
    with WATCHERS.watching(who.account, lease) as watcher:
        if watcher.place is Place.FULL:
            yield _event("full", "")
            return
        try:
            card = desk().lease(who, lease)
            while card.runs and not ENDING.is_set() and watcher.place is Place.HELD:
                yield _event("beat", str(card.seconds_left))
                card = desk().follow(who, lease, BEAT)
        except ExpungeError:
            return
        # Why the language again: the stream is written after the middleware has let go of it.
        with translation.override(language):
            if not card.runs:
                yield _event("over", words.why_ended(card))
            elif watcher.place is Place.TAKEN:
                yield _event("over", words.elsewhere())


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
