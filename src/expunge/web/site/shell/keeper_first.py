"""Pages wait for the keeper: without its key, nothing that they sign would hold."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from expunge.ports.accounts.sealed_fields import SealedFields


class KeeperFirst:
    """Middleware that takes the key of cookies and hidden fields from the keeper, once it answers for the first time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response
        self._guard = threading.Lock()
        self._taken = False

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer. Raises KeeperAway until the keeper was there once: the page that says so needs no key."""
        if not self._taken:
            with self._guard:
                if not self._taken:
                    fields: SealedFields = settings.EXPUNGE_FIELDS
                    settings.SECRET_KEY = fields.site_key().hex()
                    self._taken = True
        return self._get_response(request)
