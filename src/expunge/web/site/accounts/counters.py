"""The cache in which attempts are counted: in the accounts' database, so that all processes count together, and over restarts."""

from __future__ import annotations

import hmac
import json
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import IntegrityError, transaction

from expunge import clock
from expunge.web.site.accounts.models import Counter


class CounterCache(BaseCache):
    """A cache of small JSON values by keyed names. Names hold addresses of people: they are never stored, only their HMAC-SHA-256."""

    def __init__(self, _: str, params: dict[str, Any]) -> None:
        """Take Django's parameters."""
        super().__init__(params)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """Return a value."""
        row = Counter.objects.filter(_live(), name=self._name(key, version)).first()
        return default if row is None else json.loads(bytes(row.value))

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Keep a value."""
        defaults = {"value": json.dumps(value).encode(), "ends": self._ends(timeout)}
        Counter.objects.update_or_create(name=self._name(key, version), defaults=defaults)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Keep a value where there is none. Return whether it was kept."""
        name = self._name(key, version)
        Counter.objects.filter(name=name, ends__lte=clock.now()).delete()
        try:
            with transaction.atomic():
                Counter.objects.create(name=name, value=json.dumps(value).encode(), ends=self._ends(timeout))
        except IntegrityError:
            return False
        return True

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Keep a value for longer."""
        return bool(Counter.objects.filter(_live(), name=self._name(key, version)).update(ends=self._ends(timeout)))

    def delete(self, key: str, version: int | None = None) -> bool:
        """Forget a value."""
        return bool(Counter.objects.filter(name=self._name(key, version)).delete()[0])

    def clear(self) -> None:
        """Forget everything."""
        Counter.objects.all().delete()

    def _name(self, key: str, version: int | None) -> str:
        made = self.make_and_validate_key(key, version=version)
        return hmac.new(settings.SECRET_KEY.encode(), f"counter/{made}".encode(), sha256).hexdigest()

    def _ends(self, timeout: Any) -> datetime | None:
        at = self.get_backend_timeout(timeout)
        return None if at is None else clock.now() + timedelta(seconds=max(0.0, at - clock.timestamp()))


def _live() -> Any:
    from django.db.models import Q

    return Q(ends__gt=clock.now()) | Q(ends=None)
