"""Pages wait for the keeper: without its key, nothing that they sign would hold, and names of what is counted would change with it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from expunge.ports.accounts.sealed_fields import SealedFields

_GUARD = threading.Lock()
_TAKEN: list[SealedFields] = []
"""The keeper whose key this process has; empty until it has one."""


def take_site_key() -> None:
    """Have the key of cookies, hidden fields and names of what is counted from the keeper, once in a process. Raises KeeperAway."""
    fields: SealedFields = settings.EXPUNGE_FIELDS
    if _TAKEN and _TAKEN[0] is fields:
        return
    with _GUARD:
        settings.SECRET_KEY = fields.site_key().hex()
        _TAKEN[:] = [fields]


class KeeperFirst:
    """Middleware that takes the key, where the process has none yet."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer. Raises KeeperAway until the keeper was there once: the page that says so needs no key."""
        take_site_key()
        return self._get_response(request)
