"""allauth's adapters where companies' logins meet accounts: who is let in, who has to prove more, and who is told what went wrong."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.account.internal.flows.reauthentication import resume_request
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.utils import is_mfa_enabled
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError
from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext

from expunge import clock
from expunge.core.accounts.accounts_spec import ProviderAudience, ProviderSpec
from expunge.core.accounts.credential_strength import Level
from expunge.core.accounts.provider_assurance import assurance
from expunge.web.site.accounts import known_devices
from expunge.web.site.accounts.adapters import AccountAdapter
from expunge.web.site.providers import staff_decisions
from expunge.web.site.providers.pages import problem_page, taken_page
from expunge.web.site.providers.protocol.problems import Problem, ProviderTrouble
from expunge.web.site.providers.protocol.reach import PATIENCE, ProviderSession

AGAIN = "again"
"""The process of a login that proves once more who is logged in, beside allauth's *login* and *connect*."""
_PROVEN = "expunge_provider_level"
_UNTIL = "expunge_providers_until"
_BY_COMPANY = "socialaccount"
_DENIED = {"access_denied", "consent_required", "interaction_required", "login_required", "account_selection_required"}
_AWAY = {"server_error", "temporarily_unavailable"}
"""Errors of a provider (RFC 6749, 4.1.2.1; OpenID Connect Core 1.0, 3.1.2.6)."""


class CompanyAccounts(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Logins at companies. The map alone says which there are."""

    def list_apps(self, request: HttpRequest, provider: str | None = None, client_id: str | None = None) -> list[SocialApp]:  # noqa: ARG002 - allauth's shape
        """Return the providers of the map as allauth sees them. Its table of them is never read."""
        specs = [spec for spec in settings.EXPUNGE_SITE.providers if provider in {None, "openid_connect", spec.id}]
        return [
            SocialApp(provider="openid_connect", provider_id=spec.id, name=spec.name, client_id=spec.client_id)
            for spec in specs
            if client_id in {None, spec.client_id}
        ]

    def get_requests_session(self) -> ProviderSession:
        """Return a session within limits; all sessions of one request of a person together."""
        request = self.request or context.request
        if request is None:
            return ProviderSession()
        until: float = getattr(request, _UNTIL, time.monotonic() + PATIENCE)
        setattr(request, _UNTIL, until)
        return ProviderSession(until)

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:  # noqa: ARG002 - allauth's shape
        """Return False: an address finds no account."""
        return False

    def is_email_verified(self, provider: Any, email: str) -> bool:  # noqa: ARG002 - allauth's shape
        """Return False: what the company says of an address stands in its claims."""
        return False

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Return whether a new person may come in so; never to staff."""
        spec: ProviderSpec = sociallogin.provider.spec
        return spec.audience is ProviderAudience.CUSTOMERS and super().is_open_for_signup(request, sociallogin)

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> Any:
        """Save a new account, with the address that was typed where the company proved none."""
        # Why here: allauth looks for it in a column of the account, and accounts have none.
        if form is not None and form.cleaned_data.get("email"):
            sociallogin.email_addresses = [EmailAddress(email=form.cleaned_data["email"], verified=False, primary=True)]
        return super().save_user(request, sociallogin, form)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Decide about a login whose ID token was verified. Raises ImmediateHttpResponse with the page of a decision of ours."""
        spec: ProviderSpec = sociallogin.provider.spec
        process = sociallogin.state.get("process")
        if spec.audience is ProviderAudience.STAFF:
            raise ImmediateHttpResponse(staff_decisions.decide(request, sociallogin, spec))
        request.session[_PROVEN] = int(assurance(sociallogin.proven.acr, sociallogin.proven.amr))
        if process == "connect" and sociallogin.state.get("account") != str(request.user.pk):
            raise ImmediateHttpResponse(problem_page(request, spec, ProviderTrouble(Problem.LATE)))
        if process == AGAIN:
            raise ImmediateHttpResponse(_again(request, sociallogin, spec))
        if process != "connect" and not sociallogin.is_existing:
            taken = EmailAddress.objects.filter(email__in=[each.email for each in sociallogin.email_addresses], verified=True)
            if taken.exists():
                raise ImmediateHttpResponse(taken_page(request, spec))

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Exception | None = None, extra_context: Any = None
    ) -> None:
        """Answer with the page that says what went wrong. Raises ImmediateHttpResponse."""
        trouble = _trouble(request, error, exception, extra_context or {})
        raise ImmediateHttpResponse(problem_page(request, provider.spec, trouble))


class ConnectedAccounts(AccountAdapter):
    """Accounts that may be entered by a company's login: it is one factor, unless its ID token says more."""

    def is_login_by_code_required(self, login: Any) -> bool:
        """Return whether a login has to be confirmed by mail: by one factor, on a browser that the person did not use before."""
        user = login.user
        records = get_authentication_records(self.request, user) if user is not None else []
        if not records or records[-1]["method"] != _BY_COMPANY:
            return super().is_login_by_code_required(login)
        if login.signup or is_mfa_enabled(user, ["webauthn", "totp"]):
            return False
        strong = self.request.session.get(_PROVEN, 0) >= Level.TWO_FACTORS
        return user.must_enrol or not (strong or known_devices.is_known(self.request, user))

    def record_sign_up(self, request: HttpRequest, user: Any) -> None:
        """Record what a sign-up proved: by a company, nothing more than its login does."""
        records = get_authentication_records(request, user)
        if not any(record["method"] == _BY_COMPANY for record in records):
            super().record_sign_up(request, user)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return the ways to prove it once more. The company is one of them where the account has neither password nor second factor."""
        methods = super().get_reauthentication_methods(user)
        if methods or not user.is_authenticated or not SocialAccount.objects.filter(user=user).exists():
            return methods
        return [{"id": "provider", "description": gettext("Log in at the company again"), "url": reverse("providers_again")}]

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return whether an act asks again; not where the company's login was the only way, and was used a moment ago."""
        if not super().is_reauthentication_required(app=app, **kwargs):
            return False
        user = self.request.user
        if not user.is_authenticated or super().get_reauthentication_methods(user):
            return True
        by_company = [record["at"] for record in get_authentication_records(self.request, user) if record["method"] == _BY_COMPANY]
        return not by_company or clock.timestamp() - by_company[-1] > settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def _again(request: HttpRequest, login: SocialLogin, spec: ProviderSpec) -> Any:
    """Go on with what asked for it, where the login is of the account that is logged in."""
    if not request.user.is_authenticated or not login.is_existing or login.user != request.user:
        return problem_page(request, spec, ProviderTrouble(Problem.ANOTHER_ACCOUNT))
    record_authentication(request, request.user, _BY_COMPANY, provider=spec.id, reauthenticated=True)
    back = login.state.get("next") or "/"
    # Why put back: allauth looks for it in the address of the page.
    request.GET = QueryDict(urlencode({"next": back}))
    return resume_request(request) or redirect(back)


def _trouble(request: HttpRequest, error: Any, exception: Exception | None, further: dict[str, Any]) -> ProviderTrouble:
    if exception is not None:
        kind = type(exception).__name__
        if kind == "OAuth2Error":
            return ProviderTrouble(Problem.UNTRUSTED, "it refuses the code")
        return ProviderTrouble(Problem.AWAY, kind)
    if "state_id" in further and "state" not in further:
        return ProviderTrouble(Problem.LATE)
    said = request.GET.get("error", "")
    if error == AuthError.CANCELLED or said in _DENIED:
        return ProviderTrouble(Problem.DENIED)
    return ProviderTrouble(Problem.AWAY if said in _AWAY else Problem.UNTRUSTED, "it answers with an error")
