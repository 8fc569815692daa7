"""Sessions of an account, ended: whatever process serves a browser looks its session up at each request, and finds none."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.db.models import F
from django.http import HttpRequest

from expunge.web.site.accounts.models import Account


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
