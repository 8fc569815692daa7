"""What stands before each page of the review desk: a member of staff with a passkey login, named to the clerk with its session."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Concatenate, ParamSpec, cast

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from expunge.core.accounts.staff import StaffRight
from expunge.errors import (
    CouldNotLook,
    DeskRefused,
    IllegalTransition,
    ItemGone,
    Misconfigured,
    NotWitnessed,
    StateUnavailable,
    StoreUnavailable,
    Unplayable,
    UsageError,
)
from expunge.ports.families.doors import FamilyDoors
from expunge.ports.review.desk_door import DeskCaller, DeskDoor
from expunge.web.site.accounts.guarding import guard_session
from expunge.web.site.desk import again
from expunge.web.site.staff.entering import StaffRequest, method_of, staff_page
from expunge.web.site.staff.right_words import right_words
from expunge.web.site.staff.strength import SignInMethod

_P = ParamSpec("_P")
AT_DESK = (
    StaffRight.REQUEST_VIEWS,
    StaffRight.SEE_VIEWS,
    StaffRight.APPROVE_VIEWS,
    StaffRight.READ_EVIDENCE,
    StaffRight.READ_STAFF,
)
"""Rights of which each has business at the desk."""
LOGIN_RULES = frozenset({"no-session", "login-session-ended", "login-weak", "login-old", "login-not-fresh"})
"""Rules that a passkey shown now satisfies."""
PROBLEMS = (
    DeskRefused, IllegalTransition, UsageError, ItemGone, Unplayable, Misconfigured, NotWitnessed, StoreUnavailable, CouldNotLook,
)  # fmt: skip
"""What a verb of the desk ends with and a page shows in words. That the clerk or the keeper is away is told by the site's own page."""


class DeskRequest(StaffRequest):
    """A request of an employee at the desk."""

    seat: DeskCaller
    """The account and its session, as each verb of the desk takes them."""


DeskView = Callable[Concatenate[DeskRequest, _P], HttpResponseBase]


def desk() -> DeskDoor:
    """Return the clerk's review desk."""
    doors: FamilyDoors = settings.EXPUNGE_CLERK
    return doors.desk


def seat(request: StaffRequest) -> DeskCaller:
    """Return the account and the session of a request, as the clerk is asked with them. It believes neither."""
    return DeskCaller(request.staff.account, guard_session(request), request.META.get("REMOTE_ADDR", ""))


def desk_page(
    *rights: StaffRight, polled: bool = False
) -> Callable[[DeskView[_P]], Callable[Concatenate[HttpRequest, _P], HttpResponseBase]]:
    """Return a decorator for a page of the desk.

    It admits an employee who logged in with a passkey and has one of the rights, gives ``request.seat``, and shows what the desk refuses in
    words: with the page on which a passkey is shown again, where that is what is lacking.

    Args:
        rights: each opens the page; any right that has business at the desk where none is named.
        polled: whether the browser asks by itself. Such a request does not keep an unused session alive.
    """
    needed = rights or AT_DESK

    def decorated(view: DeskView[_P]) -> Callable[Concatenate[HttpRequest, _P], HttpResponseBase]:
        @wraps(view)
        @staff_page(polled=polled)
        def page(request: StaffRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
            if not request.staff.rights.intersection(needed):
                return render(request, "staff/no_right.html", {"right": right_words(needed[0])}, status=HTTPStatus.FORBIDDEN)
            asked = _seated(request, needed)
            if method_of(request) is not SignInMethod.PASSKEY:
                return again.lead(request, _("This takes a passkey. Show it, and you come back to this page."))
            try:
                return view(asked, *args, **kwargs)
            except PROBLEMS as problem:
                return shown(asked, problem)

        return page

    return decorated


def desk_part(*rights: StaffRight) -> Callable[[DeskView[_P]], Callable[Concatenate[HttpRequest, _P], HttpResponseBase]]:
    """Return a decorator for what a script asks for, such as a segment: it shows no page, and is answered by a status and JSON.

    401 where the login has to be shown anew, 403 where a rule refuses (``{"refused": [rules], "words": …}``), 404, 409, 410, 415, and 503
    where something is away; never a byte of a recording with any of them.
    """
    needed = rights or AT_DESK

    def decorated(view: DeskView[_P]) -> Callable[Concatenate[HttpRequest, _P], HttpResponseBase]:
        @wraps(view)
        @staff_page(polled=True)
        def part(request: StaffRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
            if not request.staff.rights.intersection(needed):
                return told(HTTPStatus.FORBIDDEN, "no-right", words=_("Your account may not open this page"))
            asked = _seated(request, needed)
            if method_of(request) is not SignInMethod.PASSKEY:
                return told(HTTPStatus.UNAUTHORIZED, "no-session", words=_("This takes a passkey."))
            try:
                return view(asked, *args, **kwargs)
            except (*PROBLEMS, StateUnavailable) as problem:
                rules = problem.rules if isinstance(problem, DeskRefused) else ()
                return told(status_of(problem), *rules, words=str(problem.message))

        return part

    return decorated


def told(status: HTTPStatus, *rules: str, words: str = "") -> JsonResponse:
    """Answer a script that is given nothing."""
    return JsonResponse({"refused": list(rules), "words": words}, status=status)


def status_of(problem: Exception) -> HTTPStatus:
    """Return the status of an answer that tells of a problem."""
    match problem:
        case DeskRefused():
            return HTTPStatus.UNAUTHORIZED if LOGIN_RULES.intersection(problem.rules) else HTTPStatus.FORBIDDEN
        case UsageError() | Misconfigured():
            return HTTPStatus.NOT_FOUND
        case IllegalTransition():
            return HTTPStatus.CONFLICT
        case ItemGone():
            return HTTPStatus.GONE
        case Unplayable():
            return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
        case _:
            return HTTPStatus.SERVICE_UNAVAILABLE


def shown(request: DeskRequest, problem: Exception) -> HttpResponseBase:
    """Show a problem of the desk as a page."""
    status = status_of(problem)
    if status is HTTPStatus.UNAUTHORIZED:
        return again.lead(request, _("For this the desk asks you to show your passkey again. Then you come back to this page."))
    if isinstance(problem, UsageError) and request.method in {"GET", "HEAD"}:
        raise Http404 from problem
    if request.method == "POST" and isinstance(problem, UsageError):
        status = HTTPStatus.BAD_REQUEST
    words = getattr(problem, "message", ""), getattr(problem, "help", "")
    messages.get_messages(request)
    return render(
        request,
        "desk/trouble.html",
        {"reasons": words[0].split("; "), "help": words[1], "refused": isinstance(problem, DeskRefused)},
        status=status,
    )


def _seated(request: StaffRequest, needed: tuple[StaffRight, ...]) -> DeskRequest:
    asked = cast("DeskRequest", request)
    asked.seat = seat(request)
    asked.needs = "+".join(each.value for each in needed)
    return asked


def refused_by_login(answer: HttpResponse) -> bool:
    """Return whether an answer of :func:`desk_part` says that a passkey has to be shown."""
    return answer.status_code == HTTPStatus.UNAUTHORIZED
