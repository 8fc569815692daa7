"""How tries end, by allauth's signals; and what ends an account's run of failures."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from allauth.account import signals
from allauth.account.models import EmailAddress
from allauth.mfa.signals import authenticator_added
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

from expunge.core.attempts import spray
from expunge.core.attempts.attempt_limits import Factor
from expunge.core.attempts.spray import SourceCounts
from expunge.core.journal.incident_events import TakeoverSign
from expunge.errors import ExpungeError
from expunge.web.site.accounts.closing import account_closing
from expunge.web.site.accounts.guarding import guard
from expunge.web.site.defence import notices, throttle

ATTEMPT = "expunge_attempt"
"""The attribute of a request that holds its try."""
_UID = "expunge.defence"


def listen() -> None:
    """Listen for as long as the process lives."""
    signals.authentication_step_completed.connect(_proven, dispatch_uid=_UID)
    for signal in (signals.password_changed, signals.password_set, authenticator_added):
        signal.connect(_succeeded, dispatch_uid=_UID)
    signals.password_reset.connect(_reset, dispatch_uid=_UID)
    user_logged_in.connect(_logged_in, dispatch_uid=_UID)
    account_closing.connect(_closing, dispatch_uid=_UID)


def take_back_passkey(request: HttpRequest) -> None:
    """Take a try with a passkey back that was counted when its ceremony began, in an earlier request: it succeeded."""
    throttle.passkey_succeeded(request.META.get("REMOTE_ADDR", ""))


def _proven(sender: Any, request: Any, user: Any, method: str, **_: Any) -> None:
    _succeeded(sender, request)
    if method == "mfa":
        _owner_is_there(user, tuple(Factor))
    elif method != "password":
        # Why not the codes: who has the mailbox would try them without end.
        _owner_is_there(user, (Factor.PASSWORD,))


def _succeeded(sender: Any, request: Any, **_: Any) -> None:  # noqa: ARG001 - a signal's shape
    attempt = getattr(request, ATTEMPT, None)
    if attempt is not None:
        attempt.succeeded = True


def note_success(request: Any) -> None:
    """Note that the try of a request is no failure: what it showed was right."""
    _succeeded(None, request)


def _reset(sender: Any, request: Any, user: Any, **_: Any) -> None:  # noqa: ARG001 - a signal's shape
    _owner_is_there(user, (Factor.PASSWORD,))


def _owner_is_there(user: Any, factors: Sequence[Factor]) -> None:
    throttle.proven(str(user.pk), [address.email for address in EmailAddress.objects.filter(user_id=user.pk)], factors)


def _closing(sender: Any, account: Any, addresses: Sequence[str], **_: Any) -> None:  # noqa: ARG001 - a signal's shape
    throttle.proven(str(account.pk), addresses, tuple(Factor))


def _logged_in(sender: Any, request: Any, user: Any, **_: Any) -> None:  # noqa: ARG001 - a signal's shape
    if request is not None:
        notices.sessions_elsewhere(request, user)
        _report_stranger(request, user)


def _report_stranger(request: HttpRequest, user: Any) -> None:
    """Report that a machine came in that tried the accounts of others. Whole networks are not suspected: owners live in them too."""
    attempt = getattr(request, ATTEMPT, None)
    if attempt is None or attempt.known:
        return
    source = SourceCounts(attempt.source.client_accounts, 0, attempt.source.password_accounts)
    if spray.is_suspect(source):
        # Why suppressed: the login is not the place to tell of it, and the attack has its own row, with who came in.
        with suppress(ExpungeError):
            guard().report_takeover(user.pk, TakeoverSign.SPRAYED)
