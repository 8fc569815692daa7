"""Columns that hold sealed text: allauth reads and looks up plain text, the database has sealed text alone."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.db.models.lookups import Exact, In, IsNull

from expunge.errors import SealInvalid
from expunge.ports.accounts.sealed_fields import FieldKind, SealedFields


class SealedColumn(models.Field):  # type: ignore[type-arg]
    """Seals on the way into the database, opens on the way out. Only equality can be asked of it."""

    kind: ClassVar[FieldKind]

    def get_prep_value(self, value: Any) -> Any:
        """Return the sealed text; the same for the same text."""
        if value is None or value == "":
            return value
        return urlsafe_b64encode(_sealed(self.kind, self.spelt(str(value)))).decode()

    def from_db_value(self, value: str | None, *_: object) -> str | None:
        """Return the text."""
        if value is None or value == "":
            return value
        try:
            sealed = urlsafe_b64decode(value)
        except ValueError as error:
            raise SealInvalid("a sealed column of the accounts cannot be read", help="restore the accounts' database") from error
        return _opened(self.kind, sealed)

    def get_lookup(self, lookup_name: str) -> Any:
        """Return the lookup. Raises FieldError for one that the sealed text cannot answer."""
        found = {"exact": Exact, "iexact": Exact, "in": In, "isnull": IsNull}.get(lookup_name)
        if found is None:
            message = f"a sealed column cannot be asked {lookup_name!r}"
            raise FieldError(message)
        return found

    def spelt(self, text: str) -> str:
        """Return the spelling under which a text is found."""
        return text


class SealedAddress(SealedColumn, models.EmailField):  # type: ignore[type-arg]
    """An e-mail address; found in any case."""

    kind = FieldKind.ADDRESS

    def spelt(self, text: str) -> str:
        """Return it in lower case, as allauth does."""
        return text.lower()

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Return it as allauth's migrations know it."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.EmailField", args, kwargs


class SealedSessionKey(SealedColumn, models.CharField):  # type: ignore[type-arg]
    """The key of a session in the list of sessions."""

    kind = FieldKind.SESSION

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Return it as allauth's migrations know it."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs


def _fields() -> SealedFields:
    fields: SealedFields = settings.EXPUNGE_FIELDS
    return fields


@lru_cache(maxsize=1024)
def _sealed(kind: FieldKind, text: str) -> bytes:
    """Return a text sealed, of those that were sealed last without the keeper: equal texts of these kinds give equal bytes."""
    return _fields().seal_fields(kind, [text])[0]


@lru_cache(maxsize=1024)
def _opened(kind: FieldKind, sealed: bytes) -> str:
    """Return a text, of those that were opened last without the keeper: pages of one person must not spend what all may open."""
    return _fields().open_fields(kind, [sealed])[0]
