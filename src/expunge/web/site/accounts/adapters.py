"""allauth's adapters: what is sealed, who has to prove more, and what mail and messages say."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_noop

from expunge import clock
from expunge.core.accounts.mail_addresses import is_address
from expunge.errors import Busy, Undelivered
from expunge.ports.accounts.sealed_fields import FieldKind
from expunge.web.site.accounts import guarding, known_devices, sessions
from expunge.web.site.accounts.columns.coarse import network_of
from expunge.web.site.shell.devices import device_name

_NO_MAIL = gettext_noop("Our mail cannot go out right now. Nothing is lost: ask for a new mail in a few minutes.")
_TOO_MANY = gettext_noop("Too many codes were sent to your address. Wait an hour, then try again.")
_FACTORS = ("webauthn", "totp")
_MORE_THAN_A_PASSWORD = {"mfa", "code", "socialaccount"}
"""allauth's names of what a login was proven by that needs no code by mail."""

_CODES_LAST: Mapping[str, Callable[[], int]] = {
    "account/email/password_reset_code": lambda: app_settings.PASSWORD_RESET_BY_CODE_TIMEOUT,
    "account/email/login_code": lambda: app_settings.LOGIN_BY_CODE_TIMEOUT,
}
"""Template of a mail -> the seconds for which the code in it works."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts without names, that ask for more where a password is all that was given."""

    def populate_username(self, request: Any, user: Any) -> None:
        """Do nothing: an account has no name."""

    def set_password(self, user: Any, password: str) -> None:
        """Set a password, and change nothing else: the account may have changed since it was read."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def pre_login(self, request: Any, user: Any, **kwargs: Any) -> Any:
        """Note in which generation of the account a login begins."""
        sessions.begun(request, user)
        return super().pre_login(request, user, **kwargs)

    def is_login_by_code_required(self, login: Any) -> bool:
        """Return whether a login has to be confirmed by mail: by a password alone, on a browser that the person did not use before."""
        user = login.user
        if user is None or login.signup or _has_factor(user):
            return False
        records = get_authentication_records(self.request, user)
        if records and records[-1]["method"] in _MORE_THAN_A_PASSWORD:
            return False
        return user.must_enrol or not known_devices.is_known(self.request, user)

    def post_login(self, request: Any, user: Any, **kwargs: Any) -> Any:
        """Go on after a login: remember the browser, and tell the person of a new one."""
        if kwargs["signup"]:
            self.record_sign_up(request, user)
        response = super().post_login(request, user, **kwargs)
        new = known_devices.remember(request, response, user, self.get_client_ip(request))
        if new and not kwargs["signup"]:
            self.send_notification_mail("accounts/mail/new_device", user)
        return response

    def record_sign_up(self, request: Any, user: Any) -> None:
        """Record what a sign-up proved."""
        # Why: the person chose the password, or made the passkey, a moment ago, and adds a second factor next.
        method, further = ("password", {}) if user.has_usable_password() else ("mfa", {"type": "webauthn"})
        record_authentication(request, user, method, reauthenticated=True, **further)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Return the ways to prove it once more: by a second factor alone, where there is one."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        strong = [method for method in methods if method["id"].startswith("mfa")]
        return strong if user.is_authenticated and _has_factor(user) else methods

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Return whether an act asks again. Enrolling the first factor after a recovery does not: there is nothing to ask for."""
        if app == "allauth.mfa" and getattr(self.request.user, "must_enrol", False):
            return False
        asked: bool = super().is_reauthentication_required(app=app, **kwargs)
        return asked

    def clean_email(self, email: str) -> str:
        """Return an address that letters can be sent to. It is refused here, whether it has an account or not."""
        if not is_address(email):
            raise ValidationError(gettext("We cannot write to such an address. Type it as in ana@example.org."))
        cleaned: str = super().clean_email(email)
        return cleaned

    def generate_email_verification_code(self) -> str:
        """Return nothing: the keeper makes the code that proves an address, and this process never knows it."""
        return ""

    def send_confirmation_mail(self, request: HttpRequest, emailconfirmation: Any, signup: bool) -> None:
        """Have the keeper send a code to the address of a sign-up, or to a new address of an account.

        At a sign-up nothing is said of a letter that cannot go out: for an address that has an account none would go to it, and the page
        would tell which.
        """
        address = emailconfirmation.email_address
        try:
            guarding.send_code(request, address.user, address.email)
        except (Busy, Undelivered) as refusal:
            if not signup:
                busy = isinstance(refusal, Busy)
                self.add_message(request, messages.ERROR, message=gettext(_TOO_MANY if busy else _NO_MAIL))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail; where the mail server does not take it, say so on the next page instead of failing."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, Busy):
            self.add_message(self.request, messages.ERROR, message=gettext(_NO_MAIL))

    def send_notification_mail(
        self, template_prefix: str, user: Any, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell the person of what was done, by the kind of browser and its network, without the address."""
        seen = {
            "ip": network_of(self.get_client_ip(self.request)),
            "user_agent": device_name(self.request.headers.get("User-Agent", "")),
        }
        super().send_notification_mail(template_prefix, user, seen | (context or {}), email)

    def render_mail(self, template_prefix: str, email: Any, context: dict[str, Any], headers: dict[str, str] | None = None) -> EmailMessage:
        """Return a message that says until when it is worth sending, where it has a code in it."""
        lasts = _CODES_LAST.get(template_prefix)
        until = {"Expires": format_datetime(clock.now() + timedelta(seconds=lasts()))} if lasts and "code" in context else {}
        message: EmailMessage = super().render_mail(template_prefix, email, context, {**(headers or {}), **until})
        return message


class ProvenAddressBackend(AuthenticationBackend):  # type: ignore[misc]
    """Takes a right password of an account without a proven address for a wrong one.

    Who signs up with another person's address would learn by a login whether that person had an account before, and could have mail sent
    there without end. The person who signed up goes on in the browser of the sign-up, or sets a new password by mail.
    """

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> Any:
        """Return the account of the credentials; None where they match none. It costs the same in each case."""
        user = super().authenticate(request, **credentials)
        if user is None:
            return None
        addresses = EmailAddress.objects.filter(user=user)
        return None if addresses.exists() and not addresses.filter(verified=True).exists() else user


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors, whose seeds are sealed."""

    def encrypt(self, text: str) -> str:
        """Return a seed sealed."""
        return urlsafe_b64encode(settings.EXPUNGE_FIELDS.seal_fields(FieldKind.SEED, [text])[0]).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return a seed."""
        opened: tuple[str, ...] = settings.EXPUNGE_FIELDS.open_fields(FieldKind.SEED, [urlsafe_b64decode(encrypted_text)])
        return opened[0]

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Return the relying party: the origin's host, whatever host the request names."""
        return {"id": settings.EXPUNGE_SITE.host, "name": settings.EXPUNGE_SITE.company or settings.EXPUNGE_SITE.host}

    def _get_user_identifier(self, user: Any) -> str:
        return EmailAddress.objects.get_primary_email(user) or str(user.pk)


def _has_factor(user: Any) -> bool:
    from allauth.mfa.utils import is_mfa_enabled

    has: bool = is_mfa_enabled(user, list(_FACTORS))
    return has
