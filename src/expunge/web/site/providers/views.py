"""Pages of logins at companies: the way there and back, proving it once more, and the logins that an account has."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.utils import get_next_redirect_url
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.signals import social_account_removed
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from expunge.core.accounts.accounts_spec import ProviderAudience
from expunge.ports.accounts.sealed_fields import FieldKind
from expunge.web.site.accounts import notices
from expunge.web.site.accounts.guarding import account_of
from expunge.web.site.accounts.models import Account
from expunge.web.site.providers.adapters import AGAIN
from expunge.web.site.providers.pages import problem_page
from expunge.web.site.providers.protocol.discovery import DIRECTORY
from expunge.web.site.providers.protocol.problems import Problem, ProviderTrouble
from expunge.web.site.providers.provider import CompanyLogin, CompanyProvider, spec_of
from expunge.web.site.shell.typed import row_number

_PROCESSES = {"login", "connect", AGAIN}


@require_http_methods(["GET", "POST"])
def begin(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Lead to a company's login. Only a form of ours begins one: an address that is followed never does."""
    provider = provider_of(request, provider_id, ProviderAudience.CUSTOMERS)
    if request.method != "POST":
        return redirect("account_login")
    process = request.POST.get("process", "login")
    if process not in _PROCESSES:
        raise Http404
    if process == "login" and request.user.is_authenticated:
        return redirect("home")
    if process != "login" and not request.user.is_authenticated:
        return redirect("account_login")
    if process == "connect":
        raise_if_reauthentication_required(request, app="allauth.socialaccount")
    return leave(request, provider, process, get_next_redirect_url(request))


def leave(request: HttpRequest, provider: CompanyProvider, process: str, back: str | None = None) -> HttpResponse:
    """Keep a login in the session, and lead to the company."""
    try:
        answer = provider.begin(request, process, back)
    except ProviderTrouble as trouble:
        return problem_page(request, provider.spec, trouble)
    # Why a page: a form may lead to these pages alone by their policy, so that a redirect to the company would be refused.
    return render(request, "providers/leaving.html", {"provider": provider.spec, "there": answer["Location"]})


class _Callback(OAuth2CallbackView):  # type: ignore[misc]
    """The answer of a provider. What was kept of the login is used up before anything else."""

    adapter: CompanyLogin

    def _get_state(self, request: HttpRequest, provider: CompanyProvider) -> tuple[dict[str, Any] | None, Any]:
        state, response = super()._get_state(request, provider)
        if state is not None:
            self.adapter.state = state
            _check_issuer(request, provider)
        return state, response


@require_safe
def callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Take the answer of a provider, which has to belong to a login that this browser began."""
    return answered(request, provider_of(request, provider_id, ProviderAudience.CUSTOMERS))


def answered(request: HttpRequest, provider: CompanyProvider) -> HttpResponseBase:
    """Return what becomes of the answer of a provider."""
    try:
        answer: HttpResponseBase = _Callback.adapter_view(CompanyLogin(request, provider.spec.id))(request)
    except ProviderTrouble as trouble:
        return problem_page(request, provider.spec, trouble)
    return answer


@require_safe
@login_required
def again(request: HttpRequest) -> HttpResponse:
    """Show the companies by whose logins the account proves once more whose it is."""
    accounts = SocialAccount.objects.filter(user=account_of(request)).values_list("provider", flat=True)
    companies = [spec for spec in settings.EXPUNGE_SITE.providers if spec.id in set(accounts)]
    return render(request, "providers/again.html", {"companies": companies, "back": get_next_redirect_url(request) or "/"})


@dataclass(frozen=True)
class ConnectedLogin:
    """A connected login as its owner sees it."""

    number: int
    name: str
    alias: str
    since: datetime
    used: datetime


@require_http_methods(["GET", "POST"])
@login_required
def connected(request: HttpRequest) -> HttpResponse:
    """List the connected logins of an account, and disconnect one."""
    account = account_of(request)
    logins = SocialAccount.objects.filter(user=account).order_by("pk")
    if request.method == "POST":
        raise_if_reauthentication_required(request, app="allauth.socialaccount")
        number = row_number(request.POST.get("number", ""))
        login = logins.filter(pk=number).first() if number is not None else None
        if login is None:
            raise Http404
        return _disconnect(request, account, login)
    held = {login.provider for login in logins}
    more = [spec for spec in settings.EXPUNGE_SITE.providers_for(ProviderAudience.CUSTOMERS) if spec.id not in held]
    values = {"logins": [shown(login) for login in logins], "more": more}
    return render(request, "socialaccount/connections.html", values)


def _disconnect(request: HttpRequest, account: Account, login: SocialAccount) -> HttpResponse:
    others = SocialAccount.objects.filter(user=account).exclude(pk=login.pk)
    passkeys = Authenticator.objects.filter(user=account, type=Authenticator.Type.WEBAUTHN)
    left = account.has_usable_password() or passkeys.exists() or any(spec_of(other.provider) for other in others)
    if not left:
        messages.error(request, _("This is your only way in. Add a passkey, or set a password, and then disconnect it."))
        return redirect("socialaccount_connections")
    name = shown(login).name
    login.delete()
    social_account_removed.send(sender=SocialAccount, request=request, socialaccount=login)
    notices.tell(request, account, "socialaccount/email/account_disconnected", company_name=name)
    messages.success(request, _("It is disconnected. That login opens your account no more."))
    return redirect("socialaccount_connections")


def shown(login: SocialAccount) -> ConnectedLogin:
    """Return a connected login as its owner sees it."""
    spec = spec_of(login.provider)
    sealed = login.extra_data.get("alias")
    alias = settings.EXPUNGE_FIELDS.open_fields(FieldKind.PROVIDER, [urlsafe_b64decode(sealed)])[0] if sealed else ""
    name = spec.name if spec is not None else _("A company that is no longer used here")
    return ConnectedLogin(login.pk, name, alias, login.date_joined, login.last_login)


def _check_issuer(request: HttpRequest, provider: CompanyProvider) -> None:
    """Refuse an answer that another provider gave, as far as it says who gave it (RFC 9207). Raises ProviderTrouble."""
    said = request.GET.get("iss")
    if said is None and not DIRECTORY.provider(provider.spec).names_itself:
        return
    if not hmac.compare_digest((said or "").encode(), provider.spec.issuer.encode()):
        raise ProviderTrouble(Problem.UNTRUSTED, "iss")


def provider_of(request: HttpRequest, provider_id: str, audience: ProviderAudience) -> CompanyProvider:
    """Return a provider of these people. Raises Http404 where the map names none."""
    spec = spec_of(provider_id)
    if spec is None or spec.audience is not audience:
        raise Http404
    provider: CompanyProvider = get_adapter(request).get_provider(request, provider_id)
    return provider
