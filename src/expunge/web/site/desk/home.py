"""The first page of the desk: what waits for the employee who looks at it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from expunge.core.accounts.staff import StaffRight
from expunge.web.site.desk.navigation import items_of
from expunge.web.site.desk.seating import DeskRequest, desk, desk_page


@require_safe
@desk_page()
def home(request: DeskRequest) -> HttpResponse:
    """Show what waits, each as a link."""
    today, rights = desk().today(request.seat), request.staff.rights
    waiting = any((today.mine, today.owed, today.approvals, today.judgements, today.findings))
    values = {
        "today": today,
        "waiting": waiting,
        "items": [each for each in items_of(rights) if each.view != "desk_home"],
        "asks": StaffRight.REQUEST_VIEWS in rights,
        "approves": StaffRight.APPROVE_VIEWS in rights,
    }
    return render(request, "desk/home.html", values)
