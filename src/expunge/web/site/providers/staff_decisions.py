"""Staff who come by the company's login: let in only where it cannot be phished, or where a written equivalence holds now (RNG-17)."""

from __future__ import annotations

from uuid import UUID

from allauth.socialaccount.models import SocialLogin
from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from expunge.core.accounts.accounts_spec import ProviderSpec
from expunge.core.accounts.credential_strength import Audience, Level
from expunge.core.accounts.provider_assurance import assurance
from expunge.core.accounts.staff_state import StaffStanding
from expunge.web.site.accounts.guarding import guard
from expunge.web.site.accounts.models import Account
from expunge.web.site.providers.pages import problem_page
from expunge.web.site.providers.protocol.problems import Problem, ProviderTrouble
from expunge.web.site.staff import entering, record
from expunge.web.site.staff.record import Outcome
from expunge.web.site.staff.strength import SignInMethod, holds

RECENT = 600.0
"""Seconds since the sign-in by a passkey within which a company's login can be connected or disconnected."""


def decide(request: HttpRequest, login: SocialLogin, spec: ProviderSpec) -> HttpResponseBase:
    """Return the answer to a login whose ID token was verified: connected, let in, or the page that says why not."""
    if login.state.get("process") == "connect":
        return _connect(request, login, spec)
    if not login.is_existing:
        return problem_page(request, spec, ProviderTrouble(Problem.NOT_CONNECTED))
    account = UUID(str(login.user.pk))
    member = entering.register().member(str(account))
    if member is None:
        return problem_page(request, spec, ProviderTrouble(Problem.NOT_CONNECTED))
    said = assurance(login.proven.acr, login.proven.amr, Audience.STAFF)
    method = SignInMethod.RESISTANT_PROVIDER if said is Level.PHISHING_RESISTANT else SignInMethod.PROVIDER
    if member.standing is not StaffStanding.ACTIVE:
        record.note(Outcome.CLOSED, method)
        return problem_page(request, spec, ProviderTrouble(Problem.CLOSED))
    # Why NONE too: a text message does not become as good as a passkey by a record (DSG-10).
    if said is Level.NONE or not holds(member, method, guard().level(account, Audience.STAFF)):
        record.note(Outcome.TOO_WEAK, method)
        return problem_page(request, spec, ProviderTrouble(Problem.TOO_WEAK))
    entering.begin(request, account, method)
    record.note(Outcome.CAME_IN, method)
    return redirect("staff_home")


def may_connect(request: HttpRequest) -> bool:
    """Return whether an employee may change the account's connected logins now: signed in by a passkey a moment ago."""
    return entering.is_staff(request) and entering.signed_in_by_passkey(request, RECENT)


def _connect(request: HttpRequest, login: SocialLogin, spec: ProviderSpec) -> HttpResponseBase:
    user = request.user
    if not may_connect(request) or not isinstance(user, Account) or login.state.get("account") != str(user.pk):
        return problem_page(request, spec, ProviderTrouble(Problem.LATE))
    if login.is_existing and login.user != user:
        return problem_page(request, spec, ProviderTrouble(Problem.ANOTHER_ACCOUNT))
    if not login.is_existing:
        login.account.user = user
        login.account.save()
    messages.success(request, _("It is connected. You can log in with it where it is as safe as a passkey."))
    return redirect("staff_company_logins")
