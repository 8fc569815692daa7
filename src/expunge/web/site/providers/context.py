"""The companies whose logins pages offer."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from expunge.core.accounts.accounts_spec import ProviderAudience


def providers(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001 - Django's shape
    """Return the companies by whose logins customers and staff come in."""
    spec = settings.EXPUNGE_SITE
    return {
        "customer_providers": spec.providers_for(ProviderAudience.CUSTOMERS),
        "staff_providers": spec.providers_for(ProviderAudience.STAFF),
    }
