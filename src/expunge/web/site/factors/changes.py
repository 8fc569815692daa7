"""Pages that change the account itself by a sensitive ask: another mail address, and its end."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.account.views import EmailView
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from expunge.core.accounts.asks import Ask, AskKind
from expunge.web.site.accounts import closing
from expunge.web.site.accounts.guarding import account_of, guard, guard_session
from expunge.web.site.factors import asking

_ADDRESS = "address"


class AddressView(EmailView):  # type: ignore[misc]
    """The mail address of an account. Another one is confirmed by a credential, or by a code to the old one, and proven by a code."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Ask for the confirmation."""
        account, address = account_of(self.request), form.cleaned_data["email"].lower()
        ask = Ask(AskKind.CHANGE_OF_ADDRESS, account.pk, details=((_ADDRESS, sha256(address.encode()).hexdigest()),))
        return asking.begin(self.request, ask, address=address)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take another address. No other act of allauth's page is open: they would change it past the keeper."""
        if "action_add" not in request.POST:
            return redirect("account_email")
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer


@require_http_methods(["GET", "POST"])
@login_required
def close(request: HttpRequest) -> HttpResponse:
    """Say what closing an account means; the ask for it follows."""
    if request.method != "POST":
        return render(request, "accounts/close.html")
    return asking.begin(request, Ask(AskKind.CLOSE_ACCOUNT, account_of(request).pk))


def offer_asks() -> None:
    """Show asks to change the address and to close the account."""
    asking.offer(
        AskKind.CHANGE_OF_ADDRESS,
        asking.AskPage(
            title=lambda _request, _ask, given: _("Change your address to %(address)s?") % {"address": given[_ADDRESS]},
            text=lambda _request, _ask, _given: _(
                "From then on we write to the new address. We send a code there next, and tell the old one."
            ),
            act=_change,
            back="account_email",
        ),
    )
    asking.offer(
        AskKind.CLOSE_ACCOUNT,
        asking.AskPage(
            title=lambda _request, _ask, _given: _("Close your account?"),
            text=lambda _request, _ask, _given: _(
                "Your address, your passkeys and your codes are gone at once. You cannot take this back."
            ),
            act=_close,
            back="accounts_close",
            danger=True,
        ),
    )


def _change(request: HttpRequest, ask: Ask, permit: str, given: asking.Given) -> HttpResponse:
    """Change the address in the keeper, and have a code sent there; the login takes it once the code came back."""
    address = given[_ADDRESS]
    guard().change_address(permit, guard_session(request), ask, address)
    send_verification_email_to_address(request, EmailAddress(user=account_of(request), email=address))
    return redirect("account_email_verification_sent")


def _close(request: HttpRequest, ask: Ask, permit: str, _given: asking.Given) -> HttpResponse:
    """Close the account in the keeper, which tells its address, and remove what the pages hold."""
    # Why the keeper first: an account that is left here can be closed again, and one that is left there could not.
    guard().close_account(permit, guard_session(request), ask)
    closing.close(request, account_of(request))
    logout(request)
    messages.success(request, _("Your account is closed."))
    return redirect("home")
