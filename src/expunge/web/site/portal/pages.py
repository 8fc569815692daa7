"""The families of an account."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from expunge.web.site.portal.member import members


@require_safe
@login_required
def families(request: HttpRequest) -> HttpResponse:
    """Show the families of the account; where it has one, lead there."""
    found = members(request)
    if len(found) == 1:
        return redirect("portal_home", found[0].slug)
    return render(request, "portal/families.html", {"members": found})
