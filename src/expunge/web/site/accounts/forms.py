"""allauth's forms of second factors, with the checks that allauth leaves open."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import UUID, uuid4

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.forms import BaseConfirmCodeForm
from allauth.account.internal.flows.email_verification_by_code import EmailVerificationProcess
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django import forms
from django.utils.translation import gettext_lazy as _

from expunge.errors import Busy, ChallengeEnded, ProofRefused, UsageError
from expunge.web.site.accounts import passkeys
from expunge.web.site.accounts.guarding import guard, guard_session, keep_permit
from expunge.web.site.accounts.models import Account


class ProveAddressForm(BaseConfirmCodeForm):  # type: ignore[misc]
    """The code that proves an address. Of several who typed it, the first to prove it has it; allauth's form would let none of them."""

    def __init__(self, *args: Any, user: Any = None, email: str | None = None, **kwargs: Any) -> None:
        """Take whose address is proven."""
        super().__init__(*args, **kwargs)
        self._user, self._email = user, email

    def clean_code(self) -> str:
        """Take the code that the keeper sent, unless another account has proven the address."""
        code: str = self.cleaned_data["code"]
        request = context.request
        process = EmailVerificationProcess.resume(request)
        # Why asked for a code of an account that is none: the answer takes as long where the address has an account already.
        real = process is not None and process.user is not None and not process.state.get("account_already_exists")
        try:
            permit = guard().prove_by_code(self._user.pk if real else uuid4(), guard_session(request), code)
        except (ProofRefused, ChallengeEnded, UsageError):
            raise get_adapter().validation_error("incorrect_code") from None
        if permit:
            keep_permit(request, self._user, permit)
        if EmailAddress.objects.filter(email=self._email, verified=True).exclude(user=self._user).exists():
            raise get_account_adapter().validation_error("email_taken")
        return code


_HANDLE_BYTES = 16
_SIX_DIGITS = re.compile(r"\s*(\d\s*){6}")


def _is_of_now(account: Any, code: str) -> bool:
    """Return whether a code is the one that the account's app shows now: the keeper says so, and each counts once."""
    try:
        guard().check_login_code(account.pk, code)
    except ProofRefused:
        return False
    except Busy:
        text = _("There were too many wrong codes. Wait an hour, or use a passkey or a recovery code.")
        raise forms.ValidationError(text) from None
    return True


class _TakesCode:
    user: Any
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        """Take a code of the app, or a recovery code."""
        clear_rate = check_rate_limit(self.user)
        code: str = self.cleaned_data["code"]
        ways = {way.type: way for way in Authenticator.objects.filter(user=self.user).exclude(type=Authenticator.Type.WEBAUTHN)}
        app, written = ways.get(Authenticator.Type.TOTP), ways.get(Authenticator.Type.RECOVERY_CODES)
        if app is not None and _SIX_DIGITS.fullmatch(code) and _is_of_now(self.user, code):
            self.authenticator = app
        elif written is not None and written.wrap().validate_code(code):
            self.authenticator = written
        else:
            if app or written:
                self._emit_authentication_failed(app or written)  # type: ignore[attr-defined]
            raise get_adapter().validation_error("incorrect_code")
        self.authenticator.user = self.user
        clear_rate()
        return code


class CodeForm(_TakesCode, AuthenticateForm):  # type: ignore[misc]
    """A code at login."""


class CodeAgainForm(_TakesCode, ReauthenticateForm):  # type: ignore[misc]
    """A code before something that matters."""


class PasskeyAnswer(forms.JSONField):
    """What a browser answered for a passkey. Lists within lists without end are no JSON here, as everything else that is none."""

    def __init__(self, *, required: bool = True) -> None:
        """``required``: whether the form needs one."""
        super().__init__(required=required, widget=forms.HiddenInput)

    def to_python(self, value: Any) -> Any:
        """Return the answer. Raises ValidationError."""
        try:
            return super().to_python(value)
        except RecursionError:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Return what the form shows again: nothing of what no browser answers."""
        try:
            return super().bound_data(data, initial)
        except RecursionError:
            return None


class _CountsUp:
    cleaned_data: dict[str, Any]

    def clean_credential(self) -> Authenticator:
        """Take a signature that was made here, by a passkey of which there is no copy."""
        given = _ours(self.cleaned_data["credential"])
        way: Authenticator = super().clean_credential()  # type: ignore[misc]
        if not passkeys.advance(way, given):
            get_account_adapter().send_notification_mail("accounts/mail/passkey_copied", way.user, {"passkey": _name_of(way)})
            raise forms.ValidationError(_("This passkey was refused, as there may be a copy of it. We have written to you what to do."))
        return way


class PasskeyForm(_CountsUp, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey as the second factor of a login."""

    credential = PasskeyAnswer()


class PasskeyLoginForm(_CountsUp, LoginWebAuthnForm):  # type: ignore[misc]
    """A login with a passkey alone."""

    credential = PasskeyAnswer()

    def clean_credential(self) -> Authenticator:
        """Read the account in the handle that the keeper gave the passkey: its 16 bytes, where allauth writes a text."""
        given = self.cleaned_data["credential"]
        try:
            handle = given["response"]["userHandle"]
            raw = urlsafe_b64decode(handle + "=" * (-len(handle) % 4))
        except (TypeError, KeyError, ValueError):
            raise get_adapter().validation_error("incorrect_code") from None
        if len(raw) == _HANDLE_BYTES:
            told = user_pk_to_url_str(Account(pk=UUID(bytes=raw))).encode()
            given["response"]["userHandle"] = urlsafe_b64encode(told).decode().rstrip("=")
        return super().clean_credential()


class PasskeyAgainForm(_CountsUp, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey before something that matters."""

    credential = PasskeyAnswer()


def _name_of(way: Authenticator) -> str:
    """Return the name that the owner of a passkey gave it."""
    made = way.wrap().authenticator_data.credential_data
    named = {card.id: card.name for card in guard().credentials(way.user_id)}
    return named.get(bytes(made.credential_id).hex(), "") or str(_("your passkey"))


def _ours(credential: Any) -> Any:
    if not passkeys.is_ours(credential):
        raise get_adapter().validation_error("incorrect_code")
    return credential
