"""Sessions of staff: how one begins, what each request of it has to pass, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from expunge import clock
from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_state import StaffStanding
from expunge.errors import Refused
from expunge.ports.accounts.staff_directory import StaffDoor, StaffMember
from expunge.web.site.accounts.models import Account
from expunge.web.site.staff.right_words import right_words
from expunge.web.site.staff.strength import SignInMethod, counts

LONGEST = 12 * 3600
"""Seconds after a sign-in at which a session of staff ends, whatever happens in it (NIST SP 800-63B-4, AAL2 and AAL3)."""
UNUSED = 30 * 60
"""Seconds without a request of the person after which it ends (SP 800-63B: AAL2)."""
_WRITE_EVERY = 60
"""Seconds between two notes of use in the session: each is a row written."""
_STAFF = "expunge_staff"
"""The key of a session under which its sign-in lies; only sessions of staff have it."""
_BACKEND = "expunge.web.site.staff.backend.StaffBackend"
_P = ParamSpec("_P")


class StaffRequest(HttpRequest):
    """A request of an employee who may see the page."""

    staff: StaffMember
    """The account, as the keeper told it for this request."""
    needs: str
    """What the open page takes, as the question whether it may stay open has it: ``any``, or rights."""


StaffView = Callable[Concatenate[StaffRequest, _P], HttpResponseBase]


def staff_page(
    right: StaffRight | None = None, *, polled: bool = False
) -> Callable[[StaffView[_P]], Callable[Concatenate[HttpRequest, _P], HttpResponseBase]]:
    """Return a decorator for a page of staff. The keeper is asked at each request.

    Args:
        right: what the page takes; any employee may see it without.
        polled: whether the browser asks by itself. Such a request does not keep an unused session alive.
    """

    def decorated(view: StaffView[_P]) -> Callable[Concatenate[HttpRequest, _P], HttpResponseBase]:
        @wraps(view)
        def page(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
            refusal = _admit(request, right, polled=polled)
            return view(cast("StaffRequest", request), *args, **kwargs) if refusal is None else refusal

        return page

    return decorated


def is_staff(request: HttpRequest) -> bool:
    """Return whether a request belongs to a session of staff."""
    return request.user.is_authenticated and _STAFF in request.session


def begin(request: HttpRequest, account: UUID, method: SignInMethod) -> None:
    """Begin a session of staff, under a new key, for an account that the keeper's answer named."""
    row, made = Account.objects.get_or_create(pk=account)
    if made or row.has_usable_password():
        row.set_unusable_password()
        row.save(update_fields=["password"])
    login(request, row, backend=_BACKEND)
    request.session.set_expiry(LONGEST)
    now = int(clock.timestamp())
    request.session[_STAFF] = {"since": now, "seen": now, "method": method.value}
    UserSession.objects.create_from_request(request)


def method_of(request: HttpRequest) -> SignInMethod:
    """Return the method of the sign-in that a session of staff began with. Raises KeyError for any other session."""
    return SignInMethod(request.session[_STAFF]["method"])


def signed_in_by_passkey(request: HttpRequest, within: float) -> bool:
    """Return whether a session of staff began with a passkey, so many seconds ago at most."""
    held = request.session.get(_STAFF)
    return held is not None and held["method"] == SignInMethod.PASSKEY.value and clock.timestamp() - held["since"] <= within


def register() -> StaffDoor:
    """Return the keeper's register of staff."""
    found: StaffDoor = settings.EXPUNGE_STAFF
    return found


def _admit(request: HttpRequest, right: StaffRight | None, *, polled: bool) -> HttpResponseBase | None:
    """Return the answer to a request that may not see the page; None where it may."""
    if not is_staff(request):
        return to_sign_in(request)
    if ended := _over(request):
        return _end(request, ended)
    member = register().member(str(request.user.pk))
    if member is None or member.standing is not StaffStanding.ACTIVE:
        return _end(request, _("This account is closed now. An administrator can open it again."))
    method = method_of(request)
    if not counts(member, method):
        return _end(request, _("This way to log in does not count any more. Log in with a passkey."))
    try:
        _SEEN.note(member.account)
    except Refused:
        return _end(request, _("This account is closed now. An administrator can open it again."))
    cast("StaffRequest", request).staff = member
    cast("StaffRequest", request).needs = right.value if right is not None and right in member.rights else "any"
    if not polled:
        _used(request)
    if right is not None and right not in member.rights:
        return render(request, "staff/no_right.html", {"right": right_words(right)}, status=403)
    return None


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """Lead to the sign-in: by htmx's own header where htmx asked, as it would put the page into a part of the present one else."""
    there = reverse("staff_sign_in")
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(headers={"HX-Redirect": there})
    return HttpResponseRedirect(there)


def _over(request: HttpRequest) -> str:
    """Return why a session is over; empty where it is not."""
    held, now = request.session[_STAFF], clock.timestamp()
    if not held["since"] <= now < held["since"] + LONGEST:
        return _("You were logged in for twelve hours. Log in again to go on.")
    if now >= held["seen"] + UNUSED:
        return _("Nothing was done here for half an hour. Log in again to go on.")
    return ""


def _end(request: HttpRequest, why: str) -> HttpResponse:
    logout(request)
    messages.error(request, why)
    return to_sign_in(request)


def _used(request: HttpRequest) -> None:
    held, now = request.session[_STAFF], int(clock.timestamp())
    if now - held["seen"] >= _WRITE_EVERY:
        request.session[_STAFF] = {**held, "seen": now}


class _Seen:
    """Days on which accounts were seen, so that the keeper is told once a day by each process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._days: dict[str, date] = {}

    def note(self, account: str) -> None:
        """Tell the keeper, once a day. Raises Refused where the account is closed by now."""
        today = clock.today()
        with self._guard:
            known = self._days.get(account) == today
        if not known:
            register().note_seen(account)
            with self._guard:
                self._days[account] = today


_SEEN = _Seen()
