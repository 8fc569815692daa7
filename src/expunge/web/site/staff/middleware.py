"""What stands before every page: the networks of staff, and the border between pages of customers and those of staff."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string

from expunge.core.attempts.client_networks import within
from expunge.web.site.staff import record
from expunge.web.site.staff.entering import is_staff
from expunge.web.site.staff.record import Outcome

PAGES = "/staff/"
"""The address that all pages of staff lie below."""
_OF_ALL = frozenset({"language", "appearance", "account_logout"})
"""Names of pages beside those of staff that a session of staff may use."""


class StaffNetworks:
    """Refuses pages of staff to other networks than those of the map (``accounts.networks``; RNG-16), before any other part looks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response
        self._networks = tuple(ipaddress.ip_network(each) for each in settings.EXPUNGE_SITE.networks)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        if not self._networks or not _of_staff(request) or within(request.META.get("REMOTE_ADDR", ""), self._networks):
            return self._get_response(request)
        record.note(Outcome.OTHER_NETWORK)
        status = HTTPStatus.FORBIDDEN.value
        return HttpResponse(render_to_string("staff/other_network.html", {"problem": status}, request), status=status)


class Apart:
    """Keeps sessions of staff to the pages of staff."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        return self._get_response(request)

    def process_view(self, request: HttpRequest, _: object, __: object, ___: object) -> HttpResponseBase | None:
        """Answer in the place of a page of customers."""
        name = request.resolver_match.url_name if request.resolver_match else None
        if _of_staff(request) or name in _OF_ALL or not is_staff(request):
            return None
        return redirect("staff_home")


def _of_staff(request: HttpRequest) -> bool:
    # Why not the path: a client may have written what stands before the part by which a page is found.
    return request.path_info.startswith(PAGES)
