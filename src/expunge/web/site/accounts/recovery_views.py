"""Pages of a recovery: ask, prove the mailbox, wait, be stopped, enrol a new factor."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ConfirmLoginCodeForm, RequestLoginCodeForm
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

from expunge.web.site.accounts import notices, recovery
from expunge.web.site.accounts.models import Account
from expunge.web.site.accounts.recovery_code import RecoveryCode

_WAITS = "expunge_recovery_waits"


@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Take an address and send a code to it. The answer is the same whether it has an account."""
    if request.user.is_authenticated:
        return redirect("mfa_index")
    form = RequestLoginCodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        RecoveryCode.initiate(request, form._user, form.cleaned_data["email"])  # noqa: SLF001 - as allauth's own view reads it
        return redirect("accounts_recovery_code")
    return render(request, "accounts/recovery_ask.html", {"form": form, "wait": settings.EXPUNGE_RECOVERY_WAIT})


@require_http_methods(["GET", "POST"])
def prove(request: HttpRequest) -> HttpResponse:
    """Take the code. Begin the recovery, show how long it still waits, or let the person in to enrol a new factor."""
    process = RecoveryCode.resume(request)
    if process is None:
        messages.error(request, _("The code is too old, or was wrong too often. Ask for a new one."))
        return redirect("accounts_recovery")
    form = ConfirmLoginCodeForm(request.POST or None, code=process.code)
    if request.method == "POST":
        if form.is_valid() and process.user is not None:
            process.abort()
            return _proven(request, process.user)
        if not process.record_invalid_attempt():
            messages.error(request, _("The code was wrong too often. Ask for a new one."))
            return redirect("accounts_recovery")
    return render(request, "accounts/recovery_code.html", {"form": form, "email": process.state["email"]})


def waiting(request: HttpRequest) -> HttpResponse:
    """Show from when on a new factor can be enrolled."""
    found = Account.objects.filter(pk=request.session.get(_WAITS)).first()
    under_way = recovery.under_way(found) if found else None
    if under_way is None:
        return redirect("accounts_recovery")
    return render(request, "accounts/recovery_waits.html", {"recovery": under_way})


@require_http_methods(["GET", "POST"])
def stop_by_mail(request: HttpRequest, token: str) -> HttpResponse:
    """Stop a recovery from a mail. A look at the page stops nothing: programs that read mail look at every page."""
    account = recovery.of_token(token)
    stopped = request.method == "POST" and account is not None and recovery.stop(account)
    if account is not None and stopped:
        notices.tell(request, account, "accounts/mail/recovery_stopped")
    values = {"found": account is not None, "stopped": stopped}
    status = HTTPStatus.OK if account is not None else HTTPStatus.NOT_FOUND
    return render(request, "accounts/recovery_stop.html", values, status=status.value)


@require_POST
@login_required
def stop(request: HttpRequest) -> HttpResponse:
    """Stop the recovery of the account that is logged in, from any page of it."""
    account = _account(request)
    if recovery.stop(account):
        notices.tell(request, account, "accounts/mail/recovery_stopped")
        messages.success(request, _("The recovery was stopped. If you did not ask for it, change the password of your mailbox."))
    return redirect("usersessions_list")


@login_required
def enrol(request: HttpRequest) -> HttpResponse:
    """Offer the ways to enrol a second factor: after a sign-up, and after a recovery, when nothing else is open."""
    account = _account(request)
    return render(request, "accounts/enrol.html", {"must": account.must_enrol, "has_factor": is_mfa_enabled(account)})


def _proven(request: HttpRequest, account: Any) -> HttpResponse:
    if not is_mfa_enabled(account) and not account.must_enrol:
        messages.info(request, _("This account has no passkey or code app that could be lost. Choose a new password instead."))
        return redirect("account_reset_password")
    if account.must_enrol:
        return _let_in(request, account)
    found, token = recovery.begin(account)
    if not token and recovery.is_ready(found) and recovery.use(account):
        notices.tell(request, account, "accounts/mail/recovery_used")
        return _let_in(request, account)
    if token:
        link = f"{settings.EXPUNGE_SITE.origin}{reverse('accounts_recovery_stop_by_mail', args=[token])}"
        notices.tell(request, account, "accounts/mail/recovery_begun", link=link, ready=found.ready)
    request.session[_WAITS] = str(account.pk)
    return redirect("accounts_recovery_waits")


def _let_in(request: HttpRequest, account: Account) -> HttpResponse:
    adapter = get_adapter(request)
    clear_authentication_records(request)
    adapter.login(request, account)
    record_authentication(request, account, method="recovery")
    into: HttpResponse = adapter.post_login(
        request, account, email_verification="", signal_kwargs=None, email=None, signup=False, redirect_url=reverse("accounts_enrol")
    )
    return into


def _account(request: HttpRequest) -> Account:
    account = request.user
    assert isinstance(account, Account)
    return account
