"""The timeline of a child, one recording with its player, and the buttons for those that were chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from expunge.core.datamap.artefact import DataKind
from expunge.core.families.timeline import TimelineItem, TimelinePage
from expunge.errors import ItemGone, Refused, Unplayable, UsageError
from expunge.web.site.portal.member import Member, clerk, family_page
from expunge.web.site.portal.recordings import choosing, filters
from expunge.web.site.portal.recordings.filters import Asked

ON_A_PAGE = 30
_TAGS = {DataKind.VOICE: "audio", DataKind.VIDEO: "video", DataKind.PICTURE: "img"}


@dataclass(frozen=True)
class Shown:
    """A recording, as a page shows it."""

    item: TimelineItem
    name: str
    tag: str

    @property
    def length(self) -> str:
        """How long it is, as minutes and seconds; empty where that is not known."""
        return "" if self.item.seconds is None else f"{int(self.item.seconds) // 60}:{int(self.item.seconds) % 60:02}"


@require_http_methods(["GET", "HEAD", "POST"])
@family_page
def timeline(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show a page of the timeline. A filter with words comes as a form, any other by the address."""
    asked = filters.asked(request)
    if request.method == "POST" and not asked.text:
        query = asked.query(asked.after)
        return redirect(reverse("portal_timeline", args=[member.slug]) + (f"?{query}" if query else ""))
    page = clerk().recordings.timeline(member.account, member.family, member.session, asked.wanted, asked.after, ON_A_PAGE)
    return render(request, "portal/timeline.html", _values(member, asked, page))


@require_safe
@family_page
def recording(request: HttpRequest, member: Member, handle: str) -> HttpResponseBase:
    """Show one recording with its player. It is opened by this: the player begins at once."""
    door = clerk().recordings
    try:
        card = door.recording(member.account, member.family, member.session, handle)
    except ItemGone:
        return _gone(request)
    values: dict[str, Any] = {"shown": shown(card.item), "newer": card.newer, "older": card.older, "refused": "", "broken": False}
    values["words_closed"] = card.words_closed
    try:
        part = door.part(member.account, member.family, member.session, handle, 0, 1)
        values["media"] = part.media.value
    except Unplayable:
        values["broken"] = True
    except Refused as refusal:
        values["refused"] = refusal.message
    except ItemGone:
        return _gone(request)
    return render(request, "portal/recording.html", values)


@require_POST
@family_page
def choose(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Hand the recordings that were chosen to the page of the button that was pressed."""
    act = choosing.ACTS.get(request.POST.get("act", ""))
    if act is None:
        return redirect("portal_timeline", member.slug)
    asked = filters.asked(request)
    every = request.POST.get("all") == "all"
    try:
        chosen = clerk().recordings.choose(
            member.account, member.family, member.session, request.POST.getlist("item"), asked.wanted if every else None
        )
    except (ItemGone, UsageError):
        page = clerk().recordings.timeline(member.account, member.family, member.session, asked.wanted, asked.after, ON_A_PAGE)
        return render(request, "portal/timeline.html", _values(member, asked, page) | {"nothing_chosen": True})
    return act.act(request, member, chosen)


def shown(item: TimelineItem) -> Shown:
    """Return a recording with its words."""
    name = {
        DataKind.VOICE: _("Voice recording"),
        DataKind.VIDEO: _("Video"),
        DataKind.PICTURE: _("Picture"),
    }.get(item.kind, _("Recording"))
    return Shown(item, name, _TAGS.get(item.kind, "audio"))


def kinds_told() -> dict[str, str]:
    """Return the name of each kind in forms, with its words."""
    return {"voice": _("Voice recordings"), "video": _("Videos"), "picture": _("Pictures")}


def _values(member: Member, asked: Asked, page: TimelinePage) -> dict[str, Any]:
    here = reverse("portal_timeline", args=[member.slug])

    def link(after: str) -> str:
        query = asked.query(after)
        return f"{here}?{query}" if query else here

    first = page.first - ON_A_PAGE
    return {
        "page": page,
        "rows": [shown(each) for each in page.items],
        "asked": asked,
        "kinds": [(name, words, name in asked.kinds) for name, words in kinds_told().items()],
        "last": page.first + len(page.items) - 1,
        "newer": link(page.previous) if first > 0 else "",
        "newer_after": page.previous,
        "has_newer": first > 0,
        "older": link(page.following) if page.following else "",
        "acts": list(choosing.ACTS.values()),
    }


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/recording_gone.html", status=404)
