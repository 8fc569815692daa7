"""allauth's forms of second factors, with the checks that allauth leaves open."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.base.internal.flows import check_rate_limit
from allauth.mfa.internal.flows.add import validate_can_add_authenticator
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
    SignupWebAuthnForm,
)
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from expunge.web.site.accounts import one_time_codes, passkeys


class _TakesCode:
    user: Any
    cleaned_data: dict[str, Any]

    def clean_code(self) -> str:
        """Take a code of the app, or a recovery code."""
        clear_rate = check_rate_limit(self.user)
        code: str = self.cleaned_data["code"]
        ways = {way.type: way for way in Authenticator.objects.filter(user=self.user).exclude(type=Authenticator.Type.WEBAUTHN)}
        app, written = ways.get(Authenticator.Type.TOTP), ways.get(Authenticator.Type.RECOVERY_CODES)
        if app is not None and one_time_codes.take(self.user, code):
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


class EnrolAppForm(ActivateTOTPForm):  # type: ignore[misc]
    """The first code of an app that is being enrolled; it is good for no login afterwards."""

    def clean_code(self) -> str:
        """Take the code, or say that the clock of the device is wrong."""
        validate_can_add_authenticator(self.user)
        clear_rate = check_rate_limit(self.user, error_key="rate_limited")
        code: str = self.cleaned_data["code"]
        if not one_time_codes.take_first(self.user, self.secret, code):
            raise self._wrong(code)
        clear_rate()
        return code

    def _wrong(self, code: str) -> Exception:
        off = one_time_codes.minutes_off(self.secret, code)
        if not off:
            wrong: Exception = get_adapter().validation_error("incorrect_code")
            return wrong
        text = ngettext(
            "The clock of your device is about %(minutes)d minute off. Let it set its time by itself, then type the next code.",
            "The clock of your device is about %(minutes)d minutes off. Let it set its time by itself, then type the next code.",
            abs(off),
        )
        return forms.ValidationError(text % {"minutes": abs(off)})


class _MadeHere:
    cleaned_data: dict[str, Any]

    def clean_credential(self) -> Any:
        """Refuse what cannot be read, and what was made for another origin."""
        return _ours(self.cleaned_data["credential"])


class AddPasskeyForm(_MadeHere, AddWebAuthnForm):  # type: ignore[misc]
    """A further passkey."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Ask for a passkey that logs in by itself, unless the person chooses otherwise."""
        super().__init__(*args, **kwargs)
        if "passwordless" in self.fields:
            self.fields["passwordless"].initial = True
            self.fields["passwordless"].label = _("Log in with it alone, without a password")
            self.fields["passwordless"].help_text = _("Your device asks for your fingerprint, your face or its PIN.")


class SignUpPasskeyForm(_MadeHere, SignupWebAuthnForm):  # type: ignore[misc]
    """The passkey of a new account."""


class _CountsUp:
    cleaned_data: dict[str, Any]

    def clean_credential(self) -> Authenticator:
        """Take a signature that was made here, by a passkey of which there is no copy."""
        given = _ours(self.cleaned_data["credential"])
        way: Authenticator = super().clean_credential()  # type: ignore[misc]
        if not passkeys.advance(way, given):
            get_account_adapter().send_notification_mail("accounts/mail/passkey_copied", way.user, {"passkey": way.wrap().name})
            raise forms.ValidationError(_("This passkey was refused, as there may be a copy of it. We have written to you what to do."))
        return way


class PasskeyForm(_CountsUp, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey as the second factor of a login."""


class PasskeyLoginForm(_CountsUp, LoginWebAuthnForm):  # type: ignore[misc]
    """A login with a passkey alone."""


class PasskeyAgainForm(_CountsUp, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey before something that matters."""


def _ours(credential: Any) -> Any:
    if not passkeys.is_ours(credential):
        raise get_adapter().validation_error("incorrect_code")
    return credential
