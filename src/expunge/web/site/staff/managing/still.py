"""What an open page of staff asks every few seconds: whether the employee may still see it."""

from __future__ import annotations

from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from expunge.core.accounts.staff import StaffRight
from expunge.web.site.staff.entering import StaffRequest, staff_page

ANY = "any"
"""In the place of a right, for a page that takes none."""


@require_safe
def still(request: HttpRequest, right: str) -> HttpResponseBase:
    """Answer with nothing where the page may stay open, and otherwise with what takes its place.

    ``right``: ``any`` for a page that takes none; the rights that it takes, with commas between; of those with a plus between, one.

    It is no use by the person: it keeps no session alive and no right in use.
    """
    answer = _looked(request, right)
    if answer.status_code == HTTP_NOTHING or "HX-Retarget" in answer.headers:
        return answer
    # The session is over: the reason lies where the sign-in would have shown it.
    reasons = [str(each) for each in get_messages(request)]
    return _stopped(request, reasons or [_("You are logged out.")], over=True)


HTTP_NOTHING = 204


@staff_page(polled=True)
def _looked(request: StaffRequest, right: str) -> HttpResponse:
    if right == ANY or all(request.staff.rights.intersection(_rights(part)) for part in right.split(",")):
        return HttpResponse(status=HTTP_NOTHING)
    return _stopped(request, [_("The right for this page was taken away from your account.")], over=False)


def _rights(part: str) -> set[StaffRight]:
    return {each for each in StaffRight if each.value in part.split("+")}


def _stopped(request: HttpRequest, reasons: list[str], *, over: bool) -> HttpResponse:
    """Return the plain page that takes the place of the whole open one."""
    answer = render(request, "staff/stopped.html", {"reasons": reasons, "over": over})
    answer["HX-Retarget"], answer["HX-Reswap"] = "body", "innerHTML"
    return answer
