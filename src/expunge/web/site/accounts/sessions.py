"""Sessions of an account, used and ended, and what a browser has begun about an account and not finished.

Whatever process serves a browser looks its session up at each request, and finds none that was ended. Each account has a generation: a
number that grows with a new password, a recovery, and when the owner ends the other sessions. A login, a reset or a recovery's code that
was begun in an earlier generation goes no further, whatever the browser has proven.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from allauth.account.internal.flows.login import clear_authentication_records
from allauth.account.internal.flows.password_reset_by_code import PASSWORD_RESET_VERIFICATION_SESSION_KEY
from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import HASH_SESSION_KEY
from django.db.models import F
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from expunge.web.site.accounts.models import Account
from expunge.web.site.accounts.session_store import SessionStore
from expunge.web.turns import KNOWN, Asker, AskerKind

RECOVERY_CODE = "expunge_recovery_code"
"""The key of a session under which a recovery's code lies."""
_OWNERS = {LOGIN_SESSION_KEY: "user_pk", PASSWORD_RESET_VERIFICATION_SESSION_KEY: "user_id", RECOVERY_CODE: "account"}
"""Key in the session -> the field of what lies there that names the account."""
_GENERATIONS = "expunge_generations"


class NoteUse:
    """Middleware that notes the use of a session, for turns as well.

    A page that looks by itself whether something is new uses none.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        if request.user.is_authenticated and (cookie := request.COOKIES.get(settings.SESSION_COOKIE_NAME)):
            KNOWN.know(cookie, Asker(AskerKind.ACCOUNT, str(request.user.pk)))
        if request.user.is_authenticated and "HX-Request" not in request.headers and isinstance(request.session, SessionStore):
            request.session.touch()
        return self._get_response(request)


class EndSuperseded:
    """Middleware that forgets, before a page sees it, what was begun in an earlier generation of its account."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        """Take the next handler."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer."""
        ended = [_ended(request, key) for key in _OWNERS]
        if any(ended):
            messages.error(request, _("The password or the devices of this account changed meanwhile. Begin again."))
        response = self._get_response(request)
        for key in _OWNERS:
            owner = _owner(request, key)
            if owner and key != LOGIN_SESSION_KEY and _noted(request, key)[0] != owner:
                _note(request, key, owner, _generation(owner))
        return response


def begun(request: HttpRequest, account: Account) -> None:
    """Note the generation of a login.

    Args:
        request: of the login's first step.
        account: as it was read *before* the step was checked: a change that came in between ends the login.
    """
    _note(request, LOGIN_SESSION_KEY, str(account.pk), account.generation)


def end_one(account: Account, number: int) -> bool:
    """End one session of an account, by its number in the list. Return whether there was one."""
    found = UserSession.objects.filter(user=account, pk=number).first()
    if found is None:
        return False
    found.end()
    return True


def end_all(account: Account, *, but: HttpRequest | None = None) -> None:
    """End every session of an account, but for the one of a request, and every login, reset and recovery that is under way elsewhere."""
    Account.objects.filter(pk=account.pk).update(generation=F("generation") + 1)
    account.refresh_from_db(fields=["generation"])
    if but is not None and HASH_SESSION_KEY in but.session:
        but.session[HASH_SESSION_KEY] = account.get_session_auth_hash()
    kept = but.session.session_key if but is not None else None
    for each in UserSession.objects.filter(user=account):
        if each.session_key != kept:
            each.end()


def _ended(request: HttpRequest, key: str) -> bool:
    """Forget what was begun in an earlier generation. Return whether it was."""
    owner = _owner(request, key)
    if owner and _noted(request, key) == (owner, _generation(owner)):
        return False
    if _noted(request, key)[0]:
        request.session[_GENERATIONS] = {other: noted for other, noted in request.session[_GENERATIONS].items() if other != key}
    if owner:
        del request.session[key]
        if key == LOGIN_SESSION_KEY:
            clear_authentication_records(request)
    return bool(owner)


def _generation(owner: str) -> int | None:
    return Account.objects.values_list("generation", flat=True).filter(pk=owner).first()


def _owner(request: HttpRequest, key: str) -> str:
    found: Any = request.session.get(key)
    owner = found.get(_OWNERS[key]) if isinstance(found, dict) else None
    return str(UUID(owner)) if owner else ""


def _noted(request: HttpRequest, key: str) -> tuple[str, int | None]:
    owner, generation = request.session.get(_GENERATIONS, {}).get(key, ("", None))
    return owner, generation


def _note(request: HttpRequest, key: str, owner: str, generation: int | None) -> None:
    request.session[_GENERATIONS] = {**request.session.get(_GENERATIONS, {}), key: (owner, generation)}
