"""What all pages of this room do: say that nothing is held any more, and find pages of other rooms by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from expunge.errors import NeedsApproval, NotResolved, UsageError
from expunge.web.site.portal.member import Member, family_page

_P = ParamSpec("_P")


def stopping_page(
    back: str,
) -> Callable[[Callable[Concatenate[HttpRequest, Member, _P], HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Stand before a view of a family's page as :func:`family_page` does.

    Where nothing is held of the person, the page says so; what cannot be done is said on the page ``back``.
    """

    def before(view: Callable[Concatenate[HttpRequest, Member, _P], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def page(request: HttpRequest, member: Member, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
            try:
                return view(request, member, *args, **kwargs)
            except NotResolved:
                return render(request, "portal/stopping/nothing.html")
            except NeedsApproval:
                messages.error(request, _("Guardians are in dispute. Until that is settled, this cannot be changed. Nothing was changed."))
            except UsageError:
                messages.error(request, _("This cannot be done as things are now. Nothing was changed."))
            return redirect(back, member.slug)

        return family_page(page)

    return before


def address_of(member: Member, *names: str, further: tuple[str, ...] = ()) -> str:
    """Return the address of the first page of these names that there is; empty where there is none.

    Args:
        member: whose family the page is about.
        names: of pages that other rooms have, the best first.
        further: what the address says beside the family.
    """
    for name in names:
        try:
            return reverse(name, args=(member.slug, *further))
        except NoReverseMatch:
            continue
    return ""
