"""The pages of staff by name, for their navigation: each employee sees those that a right opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from expunge.core.accounts.accounts_spec import ProviderAudience
from expunge.core.accounts.staff import StaffRight


@dataclass(frozen=True)
class Item:
    """One page in the navigation."""

    view: str
    """The name of its address."""
    words: str | Promise
    icon: str
    right: StaffRight | None = None
    """The right that it takes; none for every employee."""


_COMPANIES = "staff_company_logins"
"""Shown where the map names a provider for staff."""
ITEMS = (
    Item("staff_home", gettext_lazy("Start"), "receipt"),
    Item("staff_security", gettext_lazy("Passkeys and devices"), "passkey"),
    Item(_COMPANIES, gettext_lazy("Company logins"), "key"),
)
"""In the order in which they are shown."""


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return the pages that the employee of a request may open; none on other pages."""
    member = getattr(request, "staff", None)
    if member is None:
        return {"staff_items": []}
    items = ITEMS if settings.EXPUNGE_SITE.providers_for(ProviderAudience.STAFF) else [each for each in ITEMS if each.view != _COMPANIES]
    return {"staff_items": [each for each in items if each.right is None or each.right in member.rights]}
