"""Pages of a recovery: ask, prove the mailbox, wait, be stopped, enrol a new factor."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.forms import RequestLoginCodeForm
from allauth.account.internal.flows.login import clear_authentication_records, record_authentication
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from expunge.core.accounts.recovery import RecoveryStanding, RecoveryState
from expunge.ports.accounts.recoveries import Recovering
from expunge.web.site.accounts import guarding, notices, recovery
from expunge.web.site.accounts.guarding import account_of
from expunge.web.site.accounts.models import Account
from expunge.web.site.accounts.recovery_code import CodeForm, RecoveryCode, wrong

_WAITS = "expunge_recovery_waits"
_MOST_SECRET = 200


@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Take an address and have a code sent to it. The answer is the same whether it has an account."""
    if request.user.is_authenticated:
        return redirect("mfa_index")
    form = RequestLoginCodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        RecoveryCode.ask(request, form.cleaned_data["email"])
        return redirect("accounts_recovery_code")
    return render(request, "accounts/recovery_ask.html", {"form": form})


@require_http_methods(["GET", "POST"])
def prove(request: HttpRequest) -> HttpResponse:
    """Take the code. Begin the recovery, show how long it still waits, or let the person in to enrol a new factor."""
    asked = RecoveryCode.asked(request)
    if asked is None:
        messages.error(request, _("The code is too old, or was wrong too often. Ask for a new one."))
        return redirect("accounts_recovery")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        told = asked.recovering(request, form.cleaned_data["code"])
        if told is not None:
            return _proven(request, Account.objects.get(pk=asked.account), told)
        if RecoveryCode.asked(request) is None:
            messages.error(request, _("The code was wrong too often. Ask for a new one."))
            return redirect("accounts_recovery")
        form.add_error("code", wrong())
    return render(request, "accounts/recovery_code.html", {"form": form, "email": asked.email})


def waiting(request: HttpRequest) -> HttpResponse:
    """Show from when on a new factor can be enrolled."""
    account = request.session.get(_WAITS)
    standing = recovery.keeper().recovery(UUID(account)) if account else None
    if standing is None:
        return redirect("accounts_recovery")
    return render(request, "accounts/recovery_waits.html", {"recovery": standing})


@require_http_methods(["GET", "POST"])
def stop_by_mail(request: HttpRequest, token: str) -> HttpResponse:
    """Stop a recovery from a letter. A look at the page stops nothing: programs that read mail look at every page."""
    found = len(token) <= _MOST_SECRET and recovery.keeper().recovery_by_secret(token) is not None
    stopped = found and request.method == "POST" and recovery.keeper().stop_recovery_by_secret(token)
    status = HTTPStatus.OK if found else HTTPStatus.NOT_FOUND
    return render(request, "accounts/recovery_stop.html", {"found": found, "stopped": stopped}, status=status.value)


@require_POST
@login_required
def stop(request: HttpRequest) -> HttpResponse:
    """Stop the recovery of the account that is logged in, from any page of it."""
    if recovery.stop(account_of(request)):
        messages.success(request, _("The recovery was stopped. If you did not ask for it, change the password of your mailbox."))
    return redirect("usersessions_list")


@login_required
def enrol(request: HttpRequest) -> HttpResponse:
    """Offer the ways to enrol a second factor: after a sign-up, and after a recovery, when nothing else is open."""
    account = account_of(request)
    return render(request, "accounts/enrol.html", {"must": account.must_enrol, "has_factor": is_mfa_enabled(account)})


def _proven(request: HttpRequest, account: Account, told: Recovering) -> HttpResponse:
    standing = told.standing
    if standing.state is RecoveryState.FINISHED:
        recovery.settle(account)
        guarding.keep_permit(request, account, told.permit)
        return _let_in(request, account)
    if standing.state is RecoveryState.WAITING and not request.session.get(_WAITS):
        _tell_elsewhere(request, account, standing)
    request.session[_WAITS] = str(account.pk)
    return redirect("accounts_recovery_waits")


def _tell_elsewhere(request: HttpRequest, account: Account, standing: RecoveryStanding) -> None:
    """Tell the account's further addresses: the keeper writes to one."""
    first, *further = notices.addresses_of(account) or [""]
    link = f"{settings.EXPUNGE_SITE.origin}{reverse('usersessions_list')}"
    notices.tell_at(request, account, further if first else (), "accounts/mail/recovery_begun", link=link, ready=standing.ready_at)


def _let_in(request: HttpRequest, account: Account) -> HttpResponse:
    adapter = get_adapter(request)
    clear_authentication_records(request)
    adapter.login(request, account)
    record_authentication(request, account, method="recovery")
    into: HttpResponse = adapter.post_login(
        request, account, email_verification="", signal_kwargs=None, email=None, signup=False, redirect_url=reverse("accounts_enrol")
    )
    return into
