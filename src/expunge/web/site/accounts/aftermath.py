"""What follows when allauth tells of something: other sessions end, browsers are forgotten, a recovery stops, old rows go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.account.models import EmailAddress
from allauth.account.signals import password_changed, password_reset, password_set, user_logged_in
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from django.core.cache import cache

from expunge import clock
from expunge.web.site.accounts import known_devices, recovery, sessions
from expunge.web.site.accounts.models import Account, Counter
from expunge.web.site.accounts.session_store import SessionStore

_TIDY_EVERY = 3600
"""Seconds."""
UNPROVEN = timedelta(days=2)
"""For so long an account is kept whose address was never proven."""


def listen() -> None:
    """Listen to allauth from now on."""
    user_logged_in.connect(came_in)
    password_changed.connect(changed_password)
    password_set.connect(changed_password)
    password_reset.connect(reset_password)
    authenticator_added.connect(enrolled)


def came_in(request: Any, user: Any, **_: Any) -> None:
    """Stop a recovery where the person came in with a second factor: it was not lost."""
    by_factor = any(record.get("method") == "mfa" for record in get_authentication_records(request, user))
    if by_factor:
        recovery.stop(user)
    if cache.add("expunge/tidied", value=True, timeout=_TIDY_EVERY):
        tidy()


def changed_password(request: Any, user: Any, **_: Any) -> None:
    """End the other sessions, and forget the other browsers: the old password may have been in other hands."""
    sessions.end_all(user, but=request)
    known_devices.forget(user, but=request)


def reset_password(user: Any, **_: Any) -> None:
    """End every session, and forget every browser."""
    sessions.end_all(user)
    known_devices.forget(user)


def enrolled(request: Any, user: Any, authenticator: Any, **_: Any) -> None:
    """Open the account again after a recovery, once it has a second factor. Its first factor counts as shown by its making."""
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        return
    factors = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES)
    if user.must_enrol or not factors.exclude(pk=authenticator.pk).exists():
        # Why: the person made it a moment ago, and looks at the recovery codes next.
        record_authentication(request, user, "mfa", type=authenticator.type, id=authenticator.pk, reauthenticated=True)
    if user.must_enrol:
        Account.objects.filter(pk=user.pk).update(must_enrol=False)
        user.must_enrol = False


def tidy() -> None:
    """Remove what has ended: sessions, known browsers, counters, recoveries, and accounts whose address was never proven."""
    now = clock.now()
    SessionStore.clear_expired()
    known_devices.forget_unseen()
    Counter.objects.filter(ends__lte=now).delete()
    end_unproven()


def end_unproven(address: str = "", older: timedelta = UNPROVEN) -> None:
    """Remove accounts that never logged in, whose addresses were never proven.

    Args:
        address: only accounts with this one; empty for all.
        older: only accounts that were made so long ago.
    """
    addresses = EmailAddress.objects.filter(verified=False)
    meant = addresses.filter(email=address) if address else addresses
    doubtful = Account.objects.filter(since__lte=clock.now() - older, last_login=None, pk__in=meant.values("user"))
    doubtful.exclude(pk__in=EmailAddress.objects.filter(verified=True).values("user")).delete()
