"""A profile that nobody uses: the notice, *keep*, and the way to *delete now*."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from expunge.core.retention.inactivity import IdleState
from expunge.web.site.portal.member import Member, clerk
from expunge.web.site.portal.stopping.reaching import address_of, stopping_page

UNUSED = "portal_unused"
_DELETE = ("portal_delete",)
"""The page of another room, on which everything is deleted."""


@require_http_methods(["GET", "HEAD", "POST"])
@stopping_page(back="portal_home")
def unused(request: HttpRequest, member: Member) -> HttpResponseBase:
    """Show the notice about the profile; or keep it."""
    doors = clerk().stopping
    if request.method == "POST":
        doors.keep(member.account, member.family)
        messages.success(request, _("Saved. The profile is kept, and the time without use begins anew."))
        return redirect(UNUSED, member.slug)
    notice = doors.idle(member.account, member.family)
    values = {"notice": notice, "given_up": notice is not None and notice.state is not IdleState.FLAGGED and notice.waits}
    return render(request, "portal/stopping/unused.html", {**values, "delete": address_of(member, *_DELETE)})
