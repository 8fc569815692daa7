"""Sessions of an account, used and ended: whatever process serves a browser looks its session up at each request, and finds none."""

from __future__ import annotations

from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.db.models import F
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from expunge.web.site.accounts.models import Account
from expunge.web.site.accounts.session_store import SessionStore


class NoteUse:
    """Middleware that notes the use of a session. A page that looks by itself whether something is new uses none."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        if request.user.is_authenticated and "HX-Request" not in request.headers and isinstance(request.session, SessionStore):
            request.session.touch()
        return self._get_response(request)


def end_one(account: Account, number: int) -> bool:
    """End one session of an account, by its number in the list. Return whether there was one."""
    found = UserSession.objects.filter(user=account, pk=number).first()
    if found is None:
        return False
    found.end()
    return True


def end_all(account: Account, *, but: HttpRequest | None = None) -> None:
    """End every session of an account, but for the one of a request, and every login, reset and recovery that is under way elsewhere."""
    Account.objects.filter(pk=account.pk).update(epoch=F("epoch") + 1)
    account.refresh_from_db(fields=["epoch"])
    if but is not None and HASH_SESSION_KEY in but.session:
        but.session[HASH_SESSION_KEY] = account.get_session_auth_hash()
    kept = but.session.session_key if but is not None else None
    for each in UserSession.objects.filter(user=account):
        if each.session_key != kept:
            each.end()
