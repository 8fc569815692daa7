"""Pages of the ways in that an account has: its passkeys and its code app, named and removed in the keeper and for logins together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.mfa.base.internal.flows import delete_and_cleanup
from allauth.mfa.base.views import IndexView
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import flows
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.credential_strength import Method
from expunge.core.accounts.recovery import WAIT
from expunge.core.accounts.waits import Wait
from expunge.errors import UsageError
from expunge.ports.accounts.account_guard import CredentialCard
from expunge.web.site.accounts.guarding import account_of, guard, guard_session
from expunge.web.site.accounts.models import Account
from expunge.web.site.factors import asking, enrolling
from expunge.web.site.factors.strength import strength_of
from expunge.web.site.factors.waiting import credential_of, is_last, waits_of

_CREDENTIAL, _APP = "credential", "totp"
"""The detail of an ask that names a credential, and the keeper's name of a code device."""


@dataclass(frozen=True)
class Passkey:
    """A passkey as its owner sees it."""

    id: str
    """Opaque: the keeper's, or ``row-`` and a number for one of which the keeper does not know."""
    name: str
    made: datetime
    used: datetime | None
    confirms: bool
    """Whether it confirms sensitive asks: the keeper knows of it, and of no copy."""
    copied: bool
    logs_in: bool
    row: Authenticator | None
    last: bool = False
    """Whether the keeper leaves it with the account for now."""
    wait: Wait | None = None
    """Whether it waits before it confirms, and until when."""


@require_http_methods(["GET", "POST"])
@login_required
def passkeys(request: HttpRequest) -> HttpResponse:
    """List the passkeys of an account; name or remove one."""
    account = account_of(request)
    enrolling.resume(request, account)
    cards = guard().credentials(account.pk)
    listed = passkeys_of(account, cards)
    if request.method == "POST":
        chosen = next((each for each in listed if each.id == request.POST.get("id")), None)
        if chosen is None:
            raise Http404
        return _change(request, account, chosen, cards)
    values = {"passkeys": listed, "waits": waits_of(cards), "only_way": only_way(cards)}
    return render(request, "mfa/webauthn/authenticator_list.html", values)


@require_http_methods(["GET", "POST"])
@login_required
def remove_app(request: HttpRequest) -> HttpResponse:
    """Turn the code app off: another credential, or a code of it, confirms that."""
    account = account_of(request)
    cards = guard().credentials(account.pk)
    row = Authenticator.objects.filter(user=account, type=Authenticator.Type.TOTP).first()
    known = any(each.method is Method.TOTP for each in cards)
    if row is None and not known:
        return redirect("mfa_activate_totp")
    last = known and is_last(cards, _APP)
    if request.method == "POST" and not last:
        if known:
            return asking.begin(request, _removal(account, _APP))
        assert row is not None
        raise_if_reauthentication_required(request, app="allauth.mfa")
        delete_and_cleanup(request, row)
        messages.success(request, _("The code app is off."))
        return redirect("mfa_index")
    return render(request, "mfa/totp/deactivate_form.html", {"last": last, "waits": waits_of(cards)})


def passkeys_of(account: Account, cards: Sequence[CredentialCard]) -> list[Passkey]:
    """Return the passkeys that the keeper knows, and those that only log in, oldest first."""
    rows = {
        credential_of(row): row
        for row in Authenticator.objects.filter(user=account, type=Authenticator.Type.WEBAUTHN).order_by("created_at")
    }
    found = []
    for card in cards:
        if card.method is not Method.TOTP:
            row = rows.pop(card.id, None)
            used = max((at for at in (card.used_at, row.last_used_at if row else None) if at is not None), default=None)
            copied = card.copied_at is not None
            last, logs_in = is_last(cards, card.id), row is not None
            found.append(Passkey(card.id, card.name, card.created_at, used, not copied, copied, logs_in, row, last, card.wait))
    for row in rows.values():
        name = _("A passkey that only logs in")
        found.append(Passkey(f"row-{row.pk}", name, row.created_at, row.last_used_at, confirms=False, copied=False, logs_in=True, row=row))
    return sorted(found, key=lambda each: each.made)


class WaysView(IndexView):  # type: ignore[misc]
    """The ways to log in, with how strong the account is by its weakest one."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the strength."""
        values: dict[str, Any] = super().get_context_data(**kwargs)
        account = account_of(self.request)
        return {**values, "strength": strength_of(account), "wait": WAIT, "waits": waits_of(guard().credentials(account.pk))}


def offer_asks() -> None:
    """Show asks to remove a credential."""
    asking.offer(
        AskKind.REMOVE_CREDENTIAL,
        asking.AskPage(title=_title, text=_text, act=_remove, back="mfa_index", danger=True),
    )


def only_way(cards: Sequence[CredentialCard]) -> str:
    """Return in words why a way to confirm stays with the account for now."""
    if waits_of(cards):
        return _("Your other ways to confirm do not count yet. Remove this one when one of them does.")
    return _("This is your only way to confirm. Add another passkey or a code app, and then remove it.")


def _change(request: HttpRequest, account: Account, chosen: Passkey, cards: Sequence[CredentialCard]) -> HttpResponse:
    known = not chosen.id.startswith("row-")
    if request.POST.get("act") == "remove":
        if known and chosen.last:
            messages.error(request, only_way(cards))
            return redirect("mfa_list_webauthn")
        if known:
            return asking.begin(request, _removal(account, chosen.id))
        raise_if_reauthentication_required(request, app="allauth.mfa")
        assert chosen.row is not None
        flows.remove_authenticator(request, chosen.row)
        return redirect("mfa_list_webauthn")
    if known:
        try:
            guard().rename_credential(account.pk, chosen.id, request.POST.get("name", "").strip())
        except UsageError:
            messages.error(request, _("Give the passkey a name."))
    return redirect("mfa_list_webauthn")


def _remove(request: HttpRequest, ask: Ask, permit: str, _given: asking.Given) -> HttpResponse:
    """Remove a credential in the keeper and for logins."""
    account, named = account_of(request), ask.detail(_CREDENTIAL)
    kind = Authenticator.Type.TOTP if named == _APP else Authenticator.Type.WEBAUTHN
    rows = [row for row in Authenticator.objects.filter(user=account, type=kind) if named == _APP or credential_of(row) == named]
    # Why in one: where the keeper refuses, the login keeps it too.
    with transaction.atomic():
        for row in rows:
            delete_and_cleanup(request, row)
        guard().remove_credential(permit, guard_session(request), ask)
    messages.success(request, _("The code app is off.") if named == _APP else _("The passkey is removed."))
    return redirect("mfa_index" if named == _APP else "mfa_list_webauthn")


def _title(request: HttpRequest, ask: Ask, _given: asking.Given) -> str:
    if ask.detail(_CREDENTIAL) == _APP:
        return _("Turn off the code app?")
    cards = guard().credentials(account_of(request).pk)
    name = next((card.name for card in cards if card.id == ask.detail(_CREDENTIAL)), "")
    return _("Remove the passkey “%(name)s”?") % {"name": name}


def _text(_request: HttpRequest, _ask: Ask, _given: asking.Given) -> str:
    return _("It no longer logs you in or confirms anything from then on. You cannot take this back, but you can add another one.")


def _removal(account: Account, credential: str) -> Ask:
    return Ask(AskKind.REMOVE_CREDENTIAL, account.pk, details=((_CREDENTIAL, credential),))
