"""The families of an account, and the first page of each."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from expunge.web.site.portal.member import Member, clerk, family_page, members


@require_safe
@login_required
def families(request: HttpRequest) -> HttpResponse:
    """Show the families of the account; where it has one, lead there."""
    found = members(request)
    if len(found) == 1:
        return redirect("portal_home", found[0].slug)
    return render(request, "portal/families.html", {"members": found})


@require_safe
@family_page
def home(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show the first page of a family."""
    until = clerk().families.open_until(member.account, member.family, member.session)
    return render(request, "portal/home.html", {"open_until": until})
