"""What a player says it showed. It is entered as the word of a browser, beside what this side knows to have handed out."""

from __future__ import annotations

import re
from http import HTTPStatus

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST

from expunge.core.accounts.staff import StaffRight
from expunge.web.site.desk.seating import DeskRequest, desk, desk_part

_NUMBER = re.compile(r"0|[1-9][0-9]{0,7}", re.ASCII)
_NAMES = ("shown", "seeks", "hidden")


@require_POST
@desk_part(StaffRight.SEE_VIEWS)
def report(request: DeskRequest, lease: str) -> HttpResponseBase:
    """Enter milliseconds shown, seeks, and milliseconds hidden since the report before; and whether the player has ended."""
    told = [request.POST.getlist(name) for name in _NAMES]
    ended = request.POST.getlist("ended")
    if any(len(each) != 1 or not _NUMBER.fullmatch(each[0]) for each in told) or ended not in (["0"], ["1"]):
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    shown, seeks, hidden = (int(each[0]) for each in told)
    desk().report(request.seat, lease, shown, seeks, hidden, ended=ended == ["1"])
    return HttpResponse(status=HTTPStatus.NO_CONTENT)
