"""The form of a sign-up, which costs the same for an address that has an account."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import SignupForm
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from expunge.web.site.defence.password_rules import check_names


class EvenSignupForm(SignupForm):  # type: ignore[misc]
    """Hashes the password whether an account is made or not."""

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
