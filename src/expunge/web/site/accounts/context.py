"""What any page may show of the account that is logged in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from expunge.web.site.accounts import recovery
from expunge.web.site.accounts.models import Account


def recovery_under_way(request: HttpRequest) -> dict[str, Any]:
    """Return the recovery of the account, which ``accounts/recovery_banner.html`` shows and stops; asked for by pages that use it alone."""
    return {"recovery": SimpleLazyObject(lambda: recovery.under_way(request.user) if isinstance(request.user, Account) else None)}
