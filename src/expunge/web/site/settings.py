"""The settings of the pages, made from the map's section ``accounts`` once a process begins."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from email.utils import formataddr
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.utils.translation import gettext_lazy

from expunge.core.accounts.accounts_spec import AccountsSpec
from expunge.core.attempts.client_networks import Network

PAGES = Path(__file__).parent
_HOUR = 3600
LONGEST_SESSION = 14 * 24 * _HOUR
"""Seconds for which a login lasts, however it is used."""
_NAMESPACE = "expunge.web.site"
_OF_EVERY_PAGE = f"{_NAMESPACE}.shell.headers.StrictHeaders", f"{_NAMESPACE}.shell.headers.Utf8Forms"
_CODE = 15 * 60
"""Seconds for which a code that came by mail is taken."""
CODES_AN_HOUR = 5
_FORMS = {
    "authenticate": "CodeForm",
    "reauthenticate": "CodeAgainForm",
    "authenticate_webauthn": "PasskeyForm",
    "login_webauthn": "PasskeyLoginForm",
    "reauthenticate_webauthn": "PasskeyAgainForm",
}
"""allauth's forms, by its names for them, that ours take the place of."""


def set_up(
    spec: AccountsSpec, database: dict[str, Any], proxies: Sequence[Network] = (), passwords: str = "", *, desk: bool = False
) -> None:
    """Set Django up for the pages, in a process that has not set it up. The keeper need not run yet.

    Args:
        spec: the map's section.
        database: of the accounts, as Django's ``DATABASES`` takes it.
        proxies: networks whose header ``X-Forwarded-For`` is believed.
        passwords: the file of a set of known passwords beside the package's own; empty for none.
        desk: whether the map has a review desk.

    Raises:
        Misconfigured: that file cannot be read.
    """
    defence = {"EXPUNGE_PROXIES": tuple(proxies), "EXPUNGE_KNOWN_PASSWORDS": passwords, "EXPUNGE_DESK": desk}
    settings.configure(**_values(spec, database), **defence)
    django.setup()


def _values(spec: AccountsSpec, database: dict[str, Any]) -> dict[str, Any]:
    return {
        **_project(spec, database),
        **_pages(),
        **_cookies(spec),
        **_mail(spec),
        **_logins(spec),
        **_companies(),
        **_defence(),
    }


_APPS = ("shell", "accounts", "mail", "defence", "providers", "staff", "desk", "families", "portal", "receipts")
"""Folders of apps of ours. An earlier one has its templates before a later one."""
_UPLOADS = [f"{_NAMESPACE}.portal.guardians.scan_upload.ScanUpload", "django.core.files.uploadhandler.MemoryFileUploadHandler"]
"""No file of a form is ever written."""


_MIDDLEWARE = [
    f"{_NAMESPACE}.defence.middleware.EvenTimes",
    *_OF_EVERY_PAGE,
    f"{_NAMESPACE}.shell.assets.Assets",
    f"{_NAMESPACE}.shell.keeper_first.KeeperFirst",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    f"{_NAMESPACE}.staff.middleware.StaffNetworks",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    f"{_NAMESPACE}.accounts.sessions.NoteUse",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    f"{_NAMESPACE}.accounts.sessions.EndSuperseded",
    f"{_NAMESPACE}.defence.middleware.AttemptThrottle",
    f"{_NAMESPACE}.accounts.interrupted.KeepTyped",
    f"{_NAMESPACE}.accounts.interrupted.EnrolFirst",
    f"{_NAMESPACE}.staff.middleware.Apart",
]


def _project(spec: AccountsSpec, database: dict[str, Any]) -> dict[str, Any]:
    return {
        "EXPUNGE_SITE": spec,
        # Until the keeper gave its own: nothing that is signed with it is ever accepted.
        "SECRET_KEY": secrets.token_hex(32),
        "DEBUG": False,
        "ALLOWED_HOSTS": [spec.host],
        "CSRF_TRUSTED_ORIGINS": [spec.origin],
        "ROOT_URLCONF": f"{_NAMESPACE}.urls",
        "DATABASES": {"default": database},
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "INSTALLED_APPS": [
            *(f"{_NAMESPACE}.{each}" for each in _APPS),
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "allauth",
            "allauth.account",
            "allauth.mfa",
            "allauth.socialaccount",
            "allauth.usersessions",
        ],
        "MIDDLEWARE": _MIDDLEWARE,
        "CACHES": {"default": {"BACKEND": f"{_NAMESPACE}.accounts.counters.CounterCache"}},
        "FILE_UPLOAD_HANDLERS": _UPLOADS,
        "USE_TZ": True,
        "TIME_ZONE": "UTC",
        # Nothing of a request is logged by Django: addresses of people stand in forms.
        "LOGGING_CONFIG": None,
    }


def _pages() -> dict[str, Any]:
    return {
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                        f"{_NAMESPACE}.shell.context.site",
                        f"{_NAMESPACE}.accounts.context.recovery_under_way",
                        f"{_NAMESPACE}.providers.context.providers",
                        f"{_NAMESPACE}.staff.navigation.navigation",
                        f"{_NAMESPACE}.portal.navigation.navigation",
                        f"{_NAMESPACE}.desk.navigation.navigation",
                    ],
                    "libraries": {
                        "shell": f"{_NAMESPACE}.shell.tags",
                        "desk": f"{_NAMESPACE}.desk.desk_tags",
                        "recovery": f"{_NAMESPACE}.accounts.recovery",
                        "staff_words": f"{_NAMESPACE}.staff.managing.word_tags",
                        "unused": f"{_NAMESPACE}.portal.stopping.unused_tags",
                    },
                },
            }
        ],
        "STATIC_URL": "/static/",
        "WHITENOISE_USE_FINDERS": True,
        "WHITENOISE_AUTOREFRESH": False,
        "WHITENOISE_MAX_AGE": 24 * _HOUR,
        "WHITENOISE_ALLOW_ALL_ORIGINS": False,
        "CSRF_FAILURE_VIEW": f"{_NAMESPACE}.shell.views.form_too_old",
        "LANGUAGE_CODE": "en",
        "LANGUAGES": [("en", gettext_lazy("English")), ("es", gettext_lazy("Spanish"))],
        "LOCALE_PATHS": [str(PAGES / "shell" / "locale")],
    }


def _mail(spec: AccountsSpec) -> dict[str, Any]:
    if spec.mail is None:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    return {
        "EMAIL_BACKEND": f"{_NAMESPACE}.mail.outbox.OutboxBackend",
        "DEFAULT_FROM_EMAIL": formataddr((spec.company, spec.mail.sender)),
    }


def _cookies(spec: AccountsSpec) -> dict[str, Any]:
    prefix = "__Host-" if spec.secure else ""
    return {
        "SESSION_ENGINE": f"{_NAMESPACE}.accounts.session_store",
        "SESSION_COOKIE_NAME": f"{prefix}session",
        "SESSION_COOKIE_AGE": LONGEST_SESSION,
        "SESSION_COOKIE_SECURE": spec.secure,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_NAME": f"{prefix}csrf",
        "CSRF_COOKIE_SECURE": spec.secure,
        "CSRF_COOKIE_HTTPONLY": True,
        "CSRF_COOKIE_SAMESITE": "Lax",
        "LANGUAGE_COOKIE_NAME": f"{prefix}language",
        "LANGUAGE_COOKIE_SECURE": spec.secure,
        "LANGUAGE_COOKIE_HTTPONLY": True,
        "LANGUAGE_COOKIE_SAMESITE": "Lax",
        # Messages of allauth hold addresses: they lie in the session, which is sealed, and in no cookie.
        "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
    }


def _logins(spec: AccountsSpec) -> dict[str, Any]:
    return {
        "AUTH_USER_MODEL": "expunge_accounts.Account",
        "AUTHENTICATION_BACKENDS": [
            f"{_NAMESPACE}.accounts.adapters.ProvenAddressBackend",
            f"{_NAMESPACE}.staff.backend.StaffBackend",
        ],
        "PASSWORD_HASHERS": [f"{_NAMESPACE}.defence.password_hasher.PasswordHasher"],
        "LOGIN_URL": "account_login",
        "LOGIN_REDIRECT_URL": "/",
        "ACCOUNT_ADAPTER": f"{_NAMESPACE}.providers.adapters.ConnectedAccounts",
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL": "https" if spec.secure else "http",
        "ACCOUNT_USER_MODEL_USERNAME_FIELD": None,
        "ACCOUNT_USER_MODEL_EMAIL_FIELD": None,
        "ACCOUNT_FORMS": {
            "confirm_email_verification_code": f"{_NAMESPACE}.accounts.forms.ProveAddressForm",
            "reset_password": f"{_NAMESPACE}.defence.even_signup.ProvenResetForm",
            "signup": f"{_NAMESPACE}.defence.even_signup.EvenSignupForm",
        },
        "ACCOUNT_LOGIN_METHODS": {"email"},
        "ACCOUNT_SIGNUP_FIELDS": ["email*", "password1*"],
        "ACCOUNT_EMAIL_MAX_LENGTH": 420,
        # Two who sign up at once with one address: the first to prove it has it. Without "strict" the other account has no address at all.
        "ACCOUNT_PREVENT_ENUMERATION": "strict",
        "ACCOUNT_EMAIL_VERIFICATION": "mandatory",
        "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED": True,
        "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND": True,
        "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT": _CODE,
        "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED": True,
        "ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT": _CODE,
        "ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND": True,
        "ACCOUNT_LOGIN_BY_CODE_TIMEOUT": _CODE,
        "ACCOUNT_CHANGE_EMAIL": True,
        "ACCOUNT_SIGNUP_REDIRECT_URL": "accounts_enrol",
        "ACCOUNT_EMAIL_NOTIFICATIONS": True,
        "ACCOUNT_EMAIL_SUBJECT_PREFIX": "",
        "ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE": False,
        "ACCOUNT_SESSION_REMEMBER": True,
        "ACCOUNT_REAUTHENTICATION_REQUIRED": True,
        "ACCOUNT_REAUTHENTICATION_TIMEOUT": 300,
        # No code by mail: whoever has the mailbox would prove with it what the second factor is for.
        "ACCOUNT_REAUTHENTICATION_METHODS": {"password", "mfa"},
        "MFA_ADAPTER": f"{_NAMESPACE}.accounts.adapters.SecondFactorAdapter",
        "MFA_SUPPORTED_TYPES": ["webauthn", "totp", "recovery_codes"],
        "MFA_PASSKEY_LOGIN_ENABLED": True,
        "MFA_PASSKEY_SIGNUP_ENABLED": True,
        # Only where the origin is this machine alone: browsers offer passkeys there without TLS.
        "MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN": not spec.secure,
        "MFA_TOTP_ISSUER": spec.company,
        "MFA_RECOVERY_CODES_SHOW_ONCE": True,
        "MFA_FORMS": {name: f"{_NAMESPACE}.accounts.forms.{form}" for name, form in _FORMS.items()},
        "USERSESSIONS_TRACK_ACTIVITY": True,
        "PASSWORD_RESET_TIMEOUT": int(timedelta(hours=1).total_seconds()),
    }


def _companies() -> dict[str, Any]:
    return {
        "SOCIALACCOUNT_ADAPTER": f"{_NAMESPACE}.providers.adapters.CompanyAccounts",
        "SOCIALACCOUNT_LOGIN_ON_GET": False,
        "SOCIALACCOUNT_STORE_TOKENS": False,
        # An address is never enough: who has an account logs in to it first, and then connects the company's login.
        "SOCIALACCOUNT_EMAIL_AUTHENTICATION": False,
        "SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT": False,
        "SOCIALACCOUNT_EMAIL_REQUIRED": True,
    }


def _defence() -> dict[str, Any]:
    rules = f"{_NAMESPACE}.defence.password_rules"
    # Why none of allauth's own for these: each of them is a lock that an attacker can pull, by failing in the owner's name.
    ours = (
        "login",
        "login_failed",
        "signup",
        "reset_password",
        "reset_password_from_key",
        "reauthenticate",
        "change_password",
        "confirm_email",
    )
    return {
        "AUTH_PASSWORD_VALIDATORS": [{"NAME": f"{rules}.{name}"} for name in ("Length", "KnownFromBreakIns", "OwnNames")],
        # Codes to one address: no more than the keeper sends, so that it never refuses one where an address without an account gets none.
        "ACCOUNT_RATE_LIMITS": {**dict.fromkeys(ours), "confirm_email": f"{CODES_AN_HOUR}/h/key"},
        "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS": True,
    }
