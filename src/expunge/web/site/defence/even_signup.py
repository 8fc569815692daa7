"""The forms of a sign-up and a reset: they cost the same for an address that has an account, and only a proven address has one.

An account whose address was never proven may be anybody's. It must not be in the way of the address's owner, nor become the owner's.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account import app_settings
from allauth.account.forms import ResetPasswordForm, SignupForm
from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from expunge.web.site.accounts.aftermath import end_unproven
from expunge.web.site.defence.password_rules import check_names


class EvenSignupForm(SignupForm):  # type: ignore[misc]
    """Hashes the password whether an account is made or not."""

    def validate_unique_email(self, value: str) -> str:
        """Return an address, and note whether an account has proven it. Remove accounts that did not, once their code is too old."""
        self.account_already_exists = EmailAddress.objects.filter(email=value, verified=True).exists()
        end_unproven(value, timedelta(seconds=app_settings.EMAIL_VERIFICATION_BY_CODE_TIMEOUT))
        return value

    def clean(self) -> Any:
        """Return the form's values; a password that is made of the typed address is refused."""
        values = super().clean()
        password, address = self.cleaned_data.get("password1"), self.cleaned_data.get("email")
        if password and address:
            try:
                check_names(password, address)
            except ValidationError as error:
                if "password1" not in self.errors:
                    self.add_error("password1", error)
        return values

    def try_save(self, request: Any) -> Any:
        """Return the account and the answer, as allauth does."""
        if self.account_already_exists and self.cleaned_data.get("password1"):
            get_user_model()().set_password(self.cleaned_data["password1"])
        return super().try_save(request)


class ProvenResetForm(ResetPasswordForm):  # type: ignore[misc]
    """Sends a code to an address that an account has proven. Any other gets the mail that there is no account."""

    def clean_email(self) -> str:
        """Return the address."""
        email: str = super().clean_email()
        proven = EmailAddress.objects.filter(email=email.lower(), verified=True).values_list("user", flat=True)
        found: list[Any] = vars(self)["users"]
        self.users = [user for user in found if user.pk in set(proven)]
        return email
