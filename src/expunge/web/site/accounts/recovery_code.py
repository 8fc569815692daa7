"""The code by which a person asks for a recovery. The keeper sends it and checks it; the session knows for which account it was asked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.signup import send_unknown_account_mail
from allauth.account.models import EmailAddress
from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy

from expunge import clock
from expunge.errors import AlreadyThere, Busy, ChallengeEnded, NotPermitted, ProofRefused, Undelivered
from expunge.ports.accounts.recoveries import Recovering
from expunge.web.site.accounts import recovery
from expunge.web.site.accounts.guarding import guard, guard_session
from expunge.web.site.accounts.models import Account
from expunge.web.site.accounts.sessions import RECOVERY_CODE as KEY

LASTS = 15 * 60
"""Seconds for which a code is taken."""
_ATTEMPTS = 3


class CodeForm(forms.Form):
    """The code of a letter."""

    code = forms.CharField(label=gettext_lazy("Code"), max_length=16, widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}))


@dataclass
class RecoveryCode:
    """A code that was asked for. An address without an account gets a mail that says so, and its browser the same page."""

    email: str
    account: str
    """The account's id; empty where none can be recovered by this address."""
    until: float
    failed: int = 0

    @classmethod
    def ask(cls, request: HttpRequest, email: str) -> None:
        """Have a code sent for the account that has an address, and remember it."""
        found = EmailAddress.objects.select_related("user").filter(email=email.lower(), verified=True).first()
        account = "" if found is None else _sent(request, found.user, found.email)
        if found is None:
            send_unknown_account_mail(request, email)
        cls(email, account, clock.timestamp() + LASTS).keep(request)

    @classmethod
    def asked(cls, request: HttpRequest) -> RecoveryCode | None:
        """Return the code that this browser waits for; None without, or where it is too old."""
        state: dict[str, Any] | None = request.session.get(KEY)
        found = cls(**state) if state else None
        return found if found is not None and found.until > clock.timestamp() else None

    def keep(self, request: HttpRequest) -> None:
        """Keep it in the session."""
        request.session[KEY] = asdict(self)

    def recovering(self, request: HttpRequest, code: str) -> Recovering | None:
        """Return how far the keeper went for a right code; None for a wrong one. One that is over, or was wrong too often, is forgotten."""
        ended = False
        try:
            if not self.account:
                raise ProofRefused("no account was asked for")
            told = recovery.keeper().recover(UUID(self.account), guard_session(request), code)
        except ProofRefused as refusal:
            ended = isinstance(refusal, ChallengeEnded)
        else:
            del request.session[KEY]
            return told
        self.failed += 1
        if ended or self.failed >= _ATTEMPTS:
            del request.session[KEY]
        else:
            self.keep(request)
        return None


def _sent(request: HttpRequest, account: Account, email: str) -> str:
    """Have the keeper send a code; return the account's id, or nothing where there is no factor that could be lost."""
    if not is_mfa_enabled(account) and not account.must_enrol:
        adapter = get_adapter(request)
        link = f"{settings.EXPUNGE_SITE.origin}{reverse('account_reset_password')}"
        adapter.send_mail("accounts/mail/recovery_not_needed", email, {"link": link})
        return ""
    # Why nothing is said: an answer of its own would tell that there is such an account.
    with suppress(NotPermitted, Busy, Undelivered):
        with suppress(AlreadyThere):
            guard().open_account(account.pk, email, account.language)
        recovery.keeper().send_recovery_code(account.pk, guard_session(request))
    return str(account.pk)


def wrong() -> str:
    """Return what a form says of a wrong code."""
    return gettext("This is not the code that we sent. Look at the newest mail.")
