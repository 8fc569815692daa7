"""The notices of a family: each step of its requests, and which of them are new to the account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.views.decorators.http import require_http_methods

from expunge.ports.families.order_door import NoticeLine
from expunge.web.site.portal import request_words as words
from expunge.web.site.portal.member import Member, clerk, family_page


@dataclass(frozen=True)
class ShownNotice:
    """One notice with its words."""

    line: NoticeLine

    @property
    def words(self) -> str | Promise:
        """What happened."""
        return words.NOTICES[self.line.kind]

    @property
    def icon(self) -> str:
        """Its drawing."""
        return words.NOTICE_ICONS[self.line.kind]


@require_http_methods(["GET", "HEAD", "POST"])
@family_page
def notices(request: HttpRequest, member: Member) -> HttpResponseBase:
    """List the notices, and mark those that were shown as read where the person says so."""
    if request.method == "POST":
        clerk().orders.see_notices(member.account, member.family, _moment(request.POST.get("until", "")))
        return redirect("portal_notices", member.slug)
    found = clerk().orders.notices(member.account, member.family)
    until = found[0].at.isoformat() if found else ""
    return render(
        request,
        "portal/notices.html",
        {"notices": [ShownNotice(each) for each in found], "until": until, "unread": sum(each.new for each in found)},
    )


def _moment(text: str) -> datetime:
    """Return the time of a form; the beginning of time for what is none, so that nothing is marked."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
