"""The page *What we keep*: how long whereabouts and voices are kept, and the notices of orders. It needs no login."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from expunge.core.datamap.protected_kinds import ProtectedKind
from expunge.core.retention.disclosure import SHORT, DisclosedData, RetentionDisclosure
from expunge.web.site.portal.home import posted
from expunge.web.site.portal.kind_words import NAMED, period_words
from expunge.web.site.portal.member import clerk

ANCHORS = {ProtectedKind.LOCATION: "places", ProtectedKind.VOICE: "voice"}
"""Kind -> the part of the page, which an app's prompt links to."""


@require_safe
def what_we_keep(request: HttpRequest) -> HttpResponse:
    """Show what the schedule of the map enforces, and for how long."""
    values = {"disclosures": [_told(each) for each in clerk().held.disclosures()], "notices": posted()}
    return render(request, "portal/what_we_keep.html", values)


def _told(found: RetentionDisclosure) -> dict[str, object]:
    return {
        "anchor": ANCHORS[found.of],
        "rows": [_row(each) for each in found.data],
        "recipients": found.recipients,
        "version": found.digest[:SHORT],
    }


def _row(data: DisclosedData) -> dict[str, object]:
    return {
        "kind": NAMED[data.kind],
        "period": period_words(data.period) if data.period is not None else "",
        "counted": data.counted,
        "purposes": (data.purpose, *data.uses),
        "need": data.need,
        "kept": data.kept,
    }
