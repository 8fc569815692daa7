"""The page on which a family watches a deletion: by reload, and live where the browser runs our script.

The live part is a stream of server-sent events. Each stream holds a thread of the server, so that there are few of them: beyond the bound,
and after two minutes, an answer has one event, and says when the browser shall ask again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.families.deletion import DeletionStatus, Stage
from expunge.core.values.ids import OrderId
from expunge.errors import ExpungeError, IllegalTransition, NotPermitted
from expunge.ports.families.deletion_door import ORDER
from expunge.web.ending import ENDING
from expunge.web.site.accounts.guarding import guard_session
from expunge.web.site.factors import asking
from expunge.web.site.portal import deletion_words as words
from expunge.web.site.portal.live_streams import Streams
from expunge.web.site.portal.member import Member, clerk, family_page

LONGEST = 120.0
"""Seconds after which a stream ends; the browser asks again."""
EVERY = 0.5
"""Seconds between two looks of a stream."""
HEARTBEAT = 15.0
"""Seconds after which a stream says that it is there, where nothing happens."""
AGAIN = 3_000
"""Milliseconds after which a browser asks again that got no stream."""


_streams = Streams()


@require_safe
@family_page
def status(request: HttpRequest, member: Member, order: str) -> HttpResponseBase:
    """Show how far a deletion has come."""
    try:
        found = clerk().deletions.status(member.account, member.family, OrderId(order))
    except NotPermitted:
        messages.info(request, _("There is no such request of this family."))
        return redirect("portal_delete", member.slug)
    return render(request, "portal/deleting/status.html", _shown(found, member))


@require_POST
@family_page
def call_off(request: HttpRequest, member: Member, order: str) -> HttpResponseBase:
    """Lead to the page that confirms that a deletion is called off."""
    ask = Ask(AskKind.CALL_OFF, member.account, member.family, ((ORDER, order),))
    return asking.begin(request, ask, label=member.label, slug=member.slug)


def offer_asks() -> None:
    """Show asks to call a deletion off."""
    asking.offer(
        AskKind.CALL_OFF,
        asking.AskPage(
            title=lambda _request, _ask, given: _("Call the request off: %(label)s?") % {"label": given["label"]},
            text=lambda _request, _ask, _given: _("What was to be erased stays. Every guardian gets a letter. Confirm that it is you."),
            act=_call_off,
            back="portal_families",
        ),
    )


def _call_off(request: HttpRequest, ask: Ask, permit: str, given: asking.Given) -> HttpResponse:
    try:
        clerk().deletions.call_off(permit, guard_session(request), ask)
    except IllegalTransition:
        messages.error(request, _("It has begun to erase, and cannot be called off any more."))
    return redirect("portal_deletion", given["slug"], ask.detail(ORDER))


@require_safe
@family_page
def live(request: HttpRequest, member: Member, order: str) -> HttpResponseBase:
    """Stream how far a deletion has come, as server-sent events; each holds the part of the page that changed."""
    try:
        found = clerk().deletions.status(member.account, member.family, OrderId(order))
    except NotPermitted:
        # A browser does not ask again after this answer.
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    if request.method == "HEAD":
        return HttpResponse(content_type="text/event-stream")
    return StreamingHttpResponse(_events(request, member, found), content_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _events(request: HttpRequest, member: Member, found: DeletionStatus) -> Iterator[bytes]:
    """Yield events until the deletion is over, the time of the stream is, or the member may not see it any more."""
    language = translation.get_language() or "en"
    with _streams.place(member.account) as room:
        yield f"retry: {AGAIN}\n\n".encode()
        yield _event(request, member, found, language)
        ends, spoke = time.monotonic() + LONGEST, time.monotonic()
        while room and not found.over and time.monotonic() < ends:
            if ENDING.wait(EVERY):
                return
            try:
                now = clerk().deletions.status(member.account, member.family, found.order)
            except (ExpungeError, NotPermitted):
                return
            if (now.version, now.stage) != (found.version, found.stage):
                found, spoke = now, time.monotonic()
                yield _event(request, member, found, language)
            elif time.monotonic() - spoke > HEARTBEAT:
                spoke = time.monotonic()
                yield b": still here\n\n"


def _event(request: HttpRequest, member: Member, found: DeletionStatus, language: str) -> bytes:
    # Why the language again: the stream is written after the middleware has let go of it.
    with translation.override(language):
        html = render_to_string("portal/deleting/progress.html", _shown(found, member), request)
    lines = "".join(f"data: {line}\n" for line in html.splitlines())
    return f"event: {'over' if found.over else 'step'}\nid: {found.version}\n{lines}\n".encode()


def _shown(found: DeletionStatus, member: Member) -> dict[str, Any]:
    title, following = words.stage(found.stage, final=found.final)
    places = [(words.shown(number, each), each) for number, each in enumerate(found.places, 1)]
    return {
        "status": found,
        "member": member,
        "title": title,
        "next": following,
        "places": places,
        "begins": found.begins if found.stage is Stage.COOLING else None,
        "receipt": found.over and found.stage is not Stage.CANCELLED,
        "done": found.done,
        "total": len(found.places),
    }
