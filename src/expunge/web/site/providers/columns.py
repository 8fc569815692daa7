"""The column that holds who a person is at a company."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models

from expunge.ports.accounts.sealed_fields import FieldKind
from expunge.web.site.accounts.columns.sealed import SealedColumn


class SealedIdentity(SealedColumn, models.CharField):  # type: ignore[type-arg]
    """The digest of issuer and subject, sealed so that equal ones are found."""

    kind = FieldKind.PROVIDER

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Return it as allauth's migrations know it."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs
