"""Ways to confirm that wait: said on pages, and stopped from the letter that tells of one."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from allauth.mfa.base.internal.flows import delete_and_cleanup
from allauth.mfa.models import Authenticator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from expunge.core.accounts.credential_strength import Method
from expunge.ports.accounts.account_guard import CredentialCard
from expunge.web.site.accounts import sessions
from expunge.web.site.accounts.guarding import guard
from expunge.web.site.accounts.models import Account

_MOST_SECRET = 200


def waits_of(cards: Sequence[CredentialCard]) -> list[CredentialCard]:
    """Return the ways to confirm that wait, the one that waits longest first."""
    return sorted((card for card in cards if card.wait is not None and card.copied_at is None), key=_until, reverse=True)


def is_last(cards: Sequence[CredentialCard], named: str) -> bool:
    """Return whether the keeper leaves a way to confirm with the account: no other one is there, or none that confirms by now."""
    others = [card for card in cards if card.copied_at is None and card.id != named]
    going = next((card for card in cards if card.copied_at is None and card.id == named), None)
    return going is not None and (not others or (_confirms(going) and not any(map(_confirms, others))))


@require_http_methods(["GET", "POST"])
def stop_by_mail(request: HttpRequest, token: str) -> HttpResponse:
    """Remove what a letter told of. A look at the page removes nothing: programs that read mail look at every page."""
    card = guard().waiting(token) if len(token) <= _MOST_SECRET else None
    account = guard().stop_waiting(token) if card is not None and request.method == "POST" else None
    if card is not None and account is not None:
        _follow(request, Account.objects.filter(pk=account).first(), card)
    values = {"card": card, "app": card is not None and card.method is Method.TOTP, "stopped": account is not None}
    return render(request, "accounts/added_stop.html", values, status=(HTTPStatus.OK if card else HTTPStatus.NOT_FOUND).value)


def _follow(request: HttpRequest, account: Account | None, card: CredentialCard) -> None:
    """Let what the keeper removed log in no more, and end every session: who added it may have one."""
    if account is None:
        return
    kind = Authenticator.Type.TOTP if card.method is Method.TOTP else Authenticator.Type.WEBAUTHN
    for row in Authenticator.objects.filter(user=account, type=kind):
        if card.method is Method.TOTP or credential_of(row) == card.id:
            delete_and_cleanup(request, row)
    sessions.end_all(account)


def credential_of(row: Authenticator) -> str:
    """Return the keeper's id of a passkey of the table of logins; empty for none."""
    made = row.wrap().authenticator_data.credential_data
    return bytes(made.credential_id).hex() if made else ""


def _until(card: CredentialCard) -> float:
    return card.wait.until.timestamp() if card.wait else 0.0


def _confirms(card: CredentialCard) -> bool:
    return card.wait is None or card.wait.first
