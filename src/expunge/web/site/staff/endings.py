"""The end of a session of staff, told to the keeper: what it knows of the login ends with it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.http import HttpRequest

from expunge.errors import ExpungeError
from expunge.web.site.accounts.guarding import guard, guard_session
from expunge.web.site.staff.entering import is_staff


def listen() -> None:
    """Listen to logouts from now on."""
    user_logged_out.connect(ended, dispatch_uid="expunge.staff")


def ended(request: HttpRequest | None = None, **_: Any) -> None:
    """Tell the keeper that a session of staff has ended, before what the keeper knows it by is gone."""
    if request is None or not hasattr(request, "session") or not is_staff(request):
        return
    # Why suppressed: a person is logged out in any case, and nothing else has the name of the session.
    with suppress(ExpungeError):
        guard().end_sign_in(guard_session(request))
