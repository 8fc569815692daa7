"""Openings: the account confirms that it is at the keys, and pages then show content of the family for a while."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from expunge.core.accounts.asks import Ask, AskKind
from expunge.web.site.accounts.guarding import guard_session
from expunge.web.site.factors import asking
from expunge.web.site.portal.member import Member, clerk, family_page


@require_POST
@family_page
def end(request: HttpRequest, member: Member) -> HttpResponseBase:  # noqa: ARG001 - the shape of a family's page
    """End the opening: nothing of the family is shown any more, until the account confirms again."""
    clerk().families.end(member.account, member.family, member.session)
    return redirect("portal_home", member.slug)


def offer_asks() -> None:
    """Show asks for an opening."""
    asking.offer(
        AskKind.PLAYBACK,
        asking.AskPage(
            title=lambda _request, _ask, given: _("See recordings: %(label)s") % {"label": given["label"]},
            text=lambda _request, _ask, _given: _(
                "Recordings, words and places are private. Confirm that it is you. It counts for 15 minutes on this device."
            ),
            act=_open,
            back="portal_families",
        ),
    )


def _open(request: HttpRequest, ask: Ask, permit: str, given: asking.Given) -> HttpResponse:
    clerk().families.open(permit, guard_session(request), ask)
    return redirect(given["after"]) if given["after"] else redirect("portal_home", given["slug"])
