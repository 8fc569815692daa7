"""Pages beside allauth's: the code of a sign-up, sessions and browsers, a form that the login interrupted."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.internal.stagekit import clear_login
from allauth.account.views import LogoutView, email_verification_sent, password_change
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from expunge.core.journal.incident_events import TakeoverSign
from expunge.web.site.accounts import interrupted, known_devices, sessions
from expunge.web.site.accounts.guarding import account_of, guard
from expunge.web.site.accounts.models import Account, KnownDevice
from expunge.web.site.accounts.session_store import IDLE, latest_end
from expunge.web.site.shell.devices import device_name
from expunge.web.site.shell.typed import row_number


def prove_address(request: HttpRequest) -> HttpResponseBase:
    """Take the code that proves an address; begin anew where none is waited for.

    allauth's view then leads to the login, which leads back to it for as long as the login is under way.
    """
    response: HttpResponseBase = email_verification_sent(request)
    if isinstance(response, HttpResponseRedirect) and response.url == reverse("account_login") and not request.user.is_authenticated:
        clear_login(request)
    return response


class SessionsView(ListUserSessionsView):  # type: ignore[misc]
    """Sessions and remembered browsers, each of which can be ended or forgotten."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the browsers, and the names of what is listed."""
        values: dict[str, Any] = super().get_context_data(**kwargs)
        for session in values["sessions"]:
            session.name = device_name(session.user_agent)
            session.latest = latest_end(session.session_key)
        devices = [{"device": device, "name": device_name(device.browser), "here": here} for device, here in _devices(self.request)]
        return {**values, "devices": devices, "idle_days": IDLE.days}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """End one session, or forget one browser, or do it with all others."""
        account, act = account_of(request), request.POST.get("act", "others")
        number = row_number(request.POST.get("number", ""))
        if act == "forget-all":
            known_devices.forget(account)
        elif act == "forget" and number is not None:
            KnownDevice.objects.filter(account=account, pk=number).delete()
        elif act == "end" and number is not None:
            return _end(request, account, number)
        elif act == "stranger":
            return _stranger(request, account)
        elif act == "others":
            sessions.end_all(account, but=request)
            answer: HttpResponse = super().post(request, *args, **kwargs)
            return answer
        return redirect("usersessions_list")


class LeaveView(LogoutView):  # type: ignore[misc]
    """The end of a session, and on request of what we know the browser by."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Log out; forget the browser where it is one that others use too."""
        if "forget" in request.POST and isinstance(request.user, Account):
            known_devices.forget_here(request, request.user)
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer


@login_required
def change_password(request: HttpRequest) -> HttpResponseBase:
    """Change the password, as allauth does; where there is a second factor, that is asked for first."""
    if is_mfa_enabled(account_of(request), ["webauthn", "totp"]):
        raise_if_reauthentication_required(request, app="allauth.account")
    response: HttpResponseBase = password_change(request)
    return response


@login_required
def typed_before(request: HttpRequest) -> HttpResponse:
    """Show a form that was sent when the session had ended, so that it can be sent again."""
    kept = interrupted.kept(request)
    if kept is None:
        return redirect("home")
    return render(request, "accounts/typed_before.html", {"path": kept["path"], "typed": kept["typed"]})


def not_there(_: HttpRequest) -> HttpResponse:
    """Refuse allauth's addresses that hold the number of a passkey: no address of a page holds an identifier."""
    raise Http404


def _stranger(request: HttpRequest, account: Account) -> HttpResponse:
    """End every other session, forget every browser, and have it looked into."""
    sessions.end_all(account, but=request)
    known_devices.forget(account)
    guard().report_takeover(account.pk, TakeoverSign.SAID)
    messages.success(request, _("All other devices are logged out, and we look into it. Change your password now."))
    return redirect("account_change_password")


def _end(request: HttpRequest, account: Account, number: int) -> HttpResponse:
    here = any(each.is_current() for each in UserSession.objects.filter(user=account, pk=number))
    sessions.end_one(account, number)
    if here:
        logout(request)
        return redirect("account_login")
    messages.success(request, _("That device is logged out."))
    return redirect("usersessions_list")


def _devices(request: HttpRequest) -> list[tuple[KnownDevice, bool]]:
    return known_devices.listed(request, account_of(request))
