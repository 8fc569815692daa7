"""What a player says it showed. It is entered as the word of a browser, beside what this side knows to have handed out."""

from __future__ import annotations

import re
from http import HTTPStatus

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_POST

from expunge.core.accounts.staff import StaffRight
from expunge.errors import DeskRefused, ExpungeError, UsageError
from expunge.web.site.desk.seat import caller, desk
from expunge.web.site.staff.entering import StaffRequest, staff_page

_NUMBER = re.compile(r"0|[1-9][0-9]{0,7}", re.ASCII)
_NAMES = ("shown", "seeks", "hidden")


@require_POST
@staff_page(StaffRight.SEE_VIEWS, polled=True)
def report(request: StaffRequest, lease: str) -> HttpResponseBase:
    """Enter milliseconds shown, seeks, and milliseconds hidden since the report before; and whether the player has ended."""
    told = [request.POST.getlist(name) for name in _NAMES]
    ended = request.POST.getlist("ended")
    if any(len(each) != 1 or not _NUMBER.fullmatch(each[0]) for each in told) or ended not in (["0"], ["1"]):
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    shown, seeks, hidden = (int(each[0]) for each in told)
    try:
        desk().report(caller(request), lease, shown, seeks, hidden, ended=ended == ["1"])
    except DeskRefused:
        return HttpResponse(status=HTTPStatus.FORBIDDEN)
    except UsageError:
        return HttpResponse(status=HTTPStatus.NOT_FOUND)
    except ExpungeError:
        return HttpResponse(status=HTTPStatus.SERVICE_UNAVAILABLE)
    return HttpResponse(status=HTTPStatus.NO_CONTENT)
