"""The keeper's account guard, as the pages of customers ask it: the session that it knows, and permits that a session holds."""

from __future__ import annotations

import secrets

from allauth.account.models import EmailAddress
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from expunge import clock
from expunge.core.accounts.asks import AskKind
from expunge.errors import AlreadyThere
from expunge.ports.accounts.account_guard import FIRST_PERMIT_SECONDS, AccountGuard
from expunge.web.site.accounts.models import Account

_SESSION, _PERMIT = "expunge_guard_session", "expunge_enrolment_permit"


def account_of(request: HttpRequest) -> Account:
    """Return the account of a request in whose session a person is logged in."""
    account = request.user
    assert isinstance(account, Account)
    return account


def guard() -> AccountGuard:
    """Return the keeper's account guard."""
    found: AccountGuard = settings.EXPUNGE_GUARD
    return found


def guard_session(request: HttpRequest) -> bytes:
    """Return the 32 bytes by which the guard knows the session of a browser.

    They are random and lie in the session, which is sealed under what the browser alone has. Why not the session's own key: it changes at a
    login, and what was proven at the sign-up has to count right after it. Logging out ends them.
    """
    held = request.session.get(_SESSION)
    if held is None:
        held = request.session[_SESSION] = secrets.token_hex(32)
    return bytes.fromhex(held)


def keep_permit(request: HttpRequest, account: Account, permit: str) -> None:
    """Keep a permit to enrol a credential, for as long as the guard takes it."""
    request.session[_PERMIT] = {"permit": permit, "account": str(account.pk), "until": clock.timestamp() + FIRST_PERMIT_SECONDS}


def enrolment_permit(request: HttpRequest, account: Account) -> str:
    """Return the permit to enrol a credential that this browser holds; empty for none. The guard may know it no more."""
    held = request.session.get(_PERMIT)
    if held is None or held["account"] != str(account.pk) or held["until"] <= clock.timestamp():
        return ""
    permit: str = held["permit"]
    return permit


def drop_permit(request: HttpRequest) -> None:
    """Forget the permit: it was used, or the guard knows it no more."""
    request.session.pop(_PERMIT, None)


def send_code(request: HttpRequest, account: Account, address: str, kind: AskKind = AskKind.ENROL_CREDENTIAL) -> None:
    """Have the keeper send a code to an address of an account, which the keeper may not know yet.

    Raises Busy, Undelivered, KeeperAway, and AlreadyThere where the keeper has another address of the account.
    """
    guard().open_account(account.pk, address, get_language() or account.language)
    guard().send_code(account.pk, guard_session(request), kind)


def send_ask_code(request: HttpRequest, account: Account, kind: AskKind) -> bool:
    """Have the keeper send a code that confirms an ask. Return whether it went to the address that the account logs in with.

    A code for a first credential goes to the newest one, which it proves; any other to the one that the account logs in with, until the
    newest is proven. Raises as :func:`send_code`.
    """
    try:
        send_code(request, account, address_of(account), kind)
    except AlreadyThere:
        guard().send_code(account.pk, guard_session(request), kind)
        return kind is not AskKind.ENROL_CREDENTIAL
    return True


def address_of(account: Account) -> str:
    """Return the address that an account logs in with; empty for none."""
    found: str | None = EmailAddress.objects.get_primary_email(account)
    return found or ""
