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
    below: tuple[str, ...] = ()
    """Names of the pages that belong to it."""
    rights: tuple[StaffRight, ...] = ()
    """Rights of which it takes one; none for every employee."""


_COMPANIES = "staff_company_logins"
"""Shown where the map names a provider for staff."""
_PEOPLE = ("staff_person", "staff_invite", "staff_decide", "staff_decide_function")
ITEMS = (
    Item("staff_home", gettext_lazy("Start"), "receipt"),
    Item("staff_people", gettext_lazy("People and rights"), "devices", _PEOPLE, (StaffRight.READ_STAFF,)),
    Item("staff_review", gettext_lazy("Confirm rights"), "check", (), (StaffRight.READ_STAFF,)),
    Item("staff_forms", gettext_lazy("Signed forms"), "list", ("staff_form",), (StaffRight.CHECK_FORMS,)),
    Item("staff_attempts", gettext_lazy("Login attempts"), "lock", ("staff_incident",), (StaffRight.READ_STAFF, StaffRight.READ_EVIDENCE)),
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
    return {"staff_items": [each for each in items if not each.rights or member.rights.intersection(each.rights)]}
