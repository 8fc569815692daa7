"""Pages that add a passkey or a code app: made in one ceremony, for the keeper and for logins together.

The keeper comes first. What a browser answered is written into the session before, so that a passkey of which the keeper knows and the
login does not is put right at the next look, and none logs in of which the keeper does not know.
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.templatekit import get_entrance_context_data
from allauth.mfa import signals
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.flows import auto_generate_recovery_codes
from allauth.mfa.webauthn.internal import auth
from allauth.mfa.webauthn.stages import PasskeySignupStage
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods
from fido2.utils import websafe_decode

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.credential_strength import Method
from expunge.errors import AlreadyThere, ChallengeEnded, ExpungeError, NotPermitted, ProofRefused, UsageError
from expunge.ports.accounts.account_guard import MOST_NAME
from expunge.web.site.accounts import guarding
from expunge.web.site.accounts.forms import PasskeyAnswer
from expunge.web.site.accounts.guarding import account_of, guard, guard_session
from expunge.web.site.accounts.models import Account
from expunge.web.site.factors import asking
from expunge.web.site.shell.devices import device_name

_PASSKEY, _APP = "expunge_passkey_begun", "expunge_app_begun"
NAMELESS = "passkey"
"""What the table of logins calls each passkey: the keeper alone has the names that people gave."""
_REFUSED = (AlreadyThere, ChallengeEnded, NotPermitted, ProofRefused, UsageError)


class NewPasskeyForm(forms.Form):
    """The answer of a browser that made a passkey, and the name for it."""

    name = forms.CharField(label=gettext_lazy("Name"), required=False, max_length=MOST_NAME)
    credential = PasskeyAnswer()


class NewAppForm(forms.Form):
    """The first code of an app."""

    code = forms.CharField(
        label=gettext_lazy("Code"), max_length=32, widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"})
    )


@require_http_methods(["GET", "POST"])
@login_required
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Add a passkey. The first one takes a code by mail, each later one takes a passkey or a code app."""
    account = account_of(request)
    resume(request, account)
    permit = guarding.enrolment_permit(request, account)
    if not permit:
        return asking.begin(request, Ask(AskKind.ENROL_CREDENTIAL, account.pk), then="mfa_add_webauthn")
    if request.method == "POST" and _made(request, account):
        codes = auto_generate_recovery_codes(request)
        return redirect("mfa_view_recovery_codes" if codes else "mfa_index")
    begun = _begin(request, account, permit)
    if begun is None:
        return asking.begin(request, Ask(AskKind.ENROL_CREDENTIAL, account.pk), then="mfa_add_webauthn")
    return render(request, "mfa/webauthn/add_form.html", begun)


@require_http_methods(["GET", "POST"])
@login_stage_required(stage=PasskeySignupStage.key, redirect_urlname="account_signup")  # type: ignore[untyped-decorator]
def sign_up_passkey(request: HttpRequest) -> HttpResponse:
    """Make the passkey of a new account, under the permit that its code by mail gave."""
    stage = request._login_stage  # type: ignore[attr-defined]  # noqa: SLF001 - as allauth's own view reads it
    account: Account = stage.login.user
    resume(request, account)
    permit = guarding.enrolment_permit(request, account)
    if request.method == "POST" and permit and _made(request, account):
        leads: HttpResponse = stage.exit()
        return leads
    begun = _begin(request, account, permit) if permit else None
    if begun is None:
        messages.error(request, _("Your code is too old by now. Begin again: your address is free."))
        left: HttpResponse = stage.abort()
        return left
    return render(request, "mfa/webauthn/signup_form.html", begun | get_entrance_context_data(request))


@require_http_methods(["GET", "POST"])
@login_required
def add_app(request: HttpRequest) -> HttpResponse:
    """Set up an app of codes, whose key is shown once and kept by the keeper alone."""
    account = account_of(request)
    known = any(card.method is Method.TOTP for card in guard().credentials(account.pk))
    if known and not Authenticator.objects.filter(user=account, type=Authenticator.Type.TOTP).exists():
        # Why: this process ended after the keeper had enrolled it. The keeper lets no other one take its place.
        Authenticator.objects.create(user=account, type=Authenticator.Type.TOTP, data={})
    if known or Authenticator.objects.filter(user=account, type=Authenticator.Type.TOTP).exists():
        return redirect("mfa_deactivate_totp")
    permit = guarding.enrolment_permit(request, account)
    token = request.session.get(_APP, "")
    if request.method == "POST" and token:
        form = NewAppForm(request.POST)
        if form.is_valid() and _app_made(request, account, token, form):
            codes = auto_generate_recovery_codes(request)
            return redirect("mfa_view_recovery_codes" if codes else "mfa_index")
        if _APP in request.session:
            return render(request, "mfa/totp/activate_form.html", {"form": form})
    if not permit:
        return asking.begin(request, Ask(AskKind.ENROL_CREDENTIAL, account.pk), then="mfa_activate_totp")
    try:
        offer = guard().begin_code_device(account.pk, guard_session(request), permit)
    except _REFUSED:
        guarding.drop_permit(request)
        return asking.begin(request, Ask(AskKind.ENROL_CREDENTIAL, account.pk), then="mfa_activate_totp")
    request.session[_APP] = offer.token
    picture = b64encode(get_adapter().build_totp_svg(offer.address).encode()).decode()
    values = {"form": NewAppForm(), "seed": offer.seed, "picture": f"data:image/svg+xml;base64,{picture}"}
    return render(request, "mfa/totp/activate_form.html", values)


def resume(request: HttpRequest, account: Account) -> None:
    """Put right a passkey of which the keeper knows and the login does not, because this process ended in between."""
    begun = request.session.get(_PASSKEY)
    if begun is None or begun["account"] != str(account.pk) or "credential" not in begun:
        return
    try:
        _finish(request, account, begun)
    except _REFUSED:
        # Why no word: it was not made, and the page offers to make one.
        request.session.pop(_PASSKEY, None)


def _begin(request: HttpRequest, account: Account, permit: str) -> dict[str, Any] | None:
    """Return what the page of a new passkey shows; None where the permit is over."""
    try:
        begun = guard().begin_enrolment(account.pk, guard_session(request), permit)
    except _REFUSED:
        guarding.drop_permit(request)
        return None
    request.session[_PASSKEY] = {"account": str(account.pk), "token": begun.token}
    form = NewPasskeyForm(initial={"name": device_name(request.headers.get("User-Agent", ""))})
    options = {**(begun.options or {}), "extensions": auth.EXTENSIONS}
    return {"form": form, "js_data": {"creation_options": {"publicKey": options}}}


def _made(request: HttpRequest, account: Account) -> bool:
    """Enrol the passkey of a form. Return whether it was; else the person is told why."""
    form, begun = NewPasskeyForm(request.POST), request.session.get(_PASSKEY)
    if begun is None or begun["account"] != str(account.pk) or not form.is_valid():
        messages.error(request, _("No passkey was made. Try again."))
        return False
    name = form.cleaned_data["name"].strip() or device_name(request.headers.get("User-Agent", ""))
    request.session[_PASSKEY] = {**begun, "credential": form.cleaned_data["credential"], "name": name}
    request.session.save()
    try:
        _finish(request, account, request.session[_PASSKEY])
    except _REFUSED as refusal:
        request.session.pop(_PASSKEY, None)
        messages.error(request, _why(refusal))
        return False
    return True


def _finish(request: HttpRequest, account: Account, begun: dict[str, Any]) -> None:
    """Enrol a passkey in the keeper, then for logins. Safe to repeat. Raises as the guard does."""
    credential = begun["credential"]
    guard().finish_enrolment(begun["token"], account.pk, guard_session(request), json.dumps(credential).encode(), begun["name"])
    if auth.get_authenticator_by_credential_id(account, websafe_decode(credential["rawId"])) is None:
        _added(request, account, auth.WebAuthn.add(account, NAMELESS, credential).instance)
        messages.success(request, _("Your passkey is ready."))
    request.session.pop(_PASSKEY, None)
    guarding.drop_permit(request)


def _app_made(request: HttpRequest, account: Account, token: str, form: NewAppForm) -> bool:
    """Enrol the app by its first code. Return whether it is; else the form says why."""
    session, code = guard_session(request), form.cleaned_data["code"]
    try:
        guard().finish_code_device(token, account.pk, session, code)
    except ProofRefused:
        form.add_error("code", _wrong_code(request, account, token, code))
        return False
    except _REFUSED:
        request.session.pop(_APP, None)
        guarding.drop_permit(request)
        messages.error(request, _("This key is too old by now. Here is a new one."))
        return False
    with transaction.atomic():
        row = Authenticator.objects.create(user=account, type=Authenticator.Type.TOTP, data={})
    _added(request, account, row)
    request.session.pop(_APP, None)
    guarding.drop_permit(request)
    messages.success(request, _("Your code app is set up."))
    return True


def _wrong_code(request: HttpRequest, account: Account, token: str, code: str) -> str:
    try:
        off = guard().clock_offset(token, account.pk, guard_session(request), code)
    except (ChallengeEnded, ProofRefused):
        request.session.pop(_APP, None)
        off = None
    if not off:
        return _("This is not the code that the app shows now.")
    text = ngettext(
        "The clock of your device is about %(minutes)d minute off. Let it set its time by itself, then type the next code.",
        "The clock of your device is about %(minutes)d minutes off. Let it set its time by itself, then type the next code.",
        abs(off),
    )
    return text % {"minutes": abs(off)}


def _added(request: HttpRequest, account: Account, row: Authenticator) -> None:
    """Tell what listens. No mail of ours: the keeper has written a letter."""
    signals.authenticator_added.send(sender=Authenticator, request=request, user=account, authenticator=row)


def _why(refusal: ExpungeError) -> str:
    if isinstance(refusal, AlreadyThere):
        return _("This passkey is enrolled already.")
    if isinstance(refusal, NotPermitted):
        return _("Your account has as many passkeys as it can have, or another one was added a moment ago.")
    return _("No passkey was made. Try again.")


def _enrol(request: HttpRequest, ask: Ask, permit: str, given: asking.Given) -> HttpResponse:  # noqa: ARG001 - the shape of an act
    """Keep the permit of an ask to enrol, and go on to the page that asked."""
    guarding.keep_permit(request, account_of(request), permit)
    return redirect(given["then"])


def offer_asks() -> None:
    """Show asks to enrol a credential."""
    asking.offer(
        AskKind.ENROL_CREDENTIAL,
        asking.AskPage(
            title=lambda _request, _ask, _given: _("Add a way to log in?"),
            text=lambda _request, _ask, _given: _("It lets in, and confirms what only you may do. Add only what is yours."),
            act=_enrol,
            back="mfa_index",
        ),
    )
