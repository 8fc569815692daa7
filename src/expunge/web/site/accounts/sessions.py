"""Sessions of an account, ended: whatever process serves a browser looks its session up at each request, and finds none."""

from __future__ import annotations

from hashlib import sha256

from allauth.usersessions.models import UserSession
from django.http import HttpRequest

from expunge.web.site.accounts.models import Account


def guard_session(request: HttpRequest) -> bytes:
    """Return what the keeper knows a session by: the SHA-256 of its key. Begins a session where there is none."""
    if request.session.session_key is None:
        request.session.create()
    return sha256(str(request.session.session_key).encode()).digest()


def end_one(account: Account, number: int) -> bool:
    """End one session of an account, by its number in the list. Return whether there was one."""
    found = UserSession.objects.filter(user=account, pk=number).first()
    if found is None:
        return False
    found.end()
    return True


def end_all(account: Account, *, but: HttpRequest | None = None) -> None:
    """End every session of an account, but for the one of a request."""
    kept = but.session.session_key if but is not None else None
    for each in UserSession.objects.filter(user=account):
        if each.session_key != kept:
            each.end()
