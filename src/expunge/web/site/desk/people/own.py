"""The person's own training, and the statement of a purpose: its exact words, confirmed with the person's passkey."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from expunge.core.accounts.asks import Ask
from expunge.core.accounts.staff import StaffRight
from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.review.statements import attesting, purpose_role, statement
from expunge.core.verification.ledger_record import LedgerKind
from expunge.errors import Busy, ChallengeEnded, CredentialCopied, DeskRefused, NotPermitted, ProofRefused, UsageError
from expunge.ports.accounts.account_guard import PasskeyProof
from expunge.web.site.accounts.guarding import guard, guard_session
from expunge.web.site.desk import refusals, sentences
from expunge.web.site.desk.seating import DeskRequest, desk, desk_page
from expunge.web.site.staff.sign_in import trouble

_STEP = "expunge_desk_statement"
"""The key of a session under which the challenge of a statement lies."""


@require_safe
@desk_page()
def records(request: DeskRequest) -> HttpResponse:
    """Show the account's own training and statements with their dates."""
    duties = desk().records(request.seat).duties
    yearly = [each for each in duties if each.purpose is None]
    by_role = {(each.role, each.kind): each for each in duties}
    rows = [
        {
            "words": sentences.PURPOSES[each],
            "address": sentences.ADDRESSES[each],
            "training": by_role.get((purpose_role(each), LedgerKind.TRAINING)),
            "statement": by_role.get((purpose_role(each), LedgerKind.ATTESTATION)),
        }
        for each in ReviewPurpose
    ]
    values = {"yearly": yearly, "rows": rows, "states": StaffRight.SEE_VIEWS in request.staff.rights}
    return render(request, "desk/people/records.html", values)


@require_safe
@desk_page(StaffRight.SEE_VIEWS)
def statement_of(request: DeskRequest, purpose: str) -> HttpResponse:
    """Show the exact words of the statement of a purpose, and take it."""
    found = _purpose(purpose)
    lines = statement(found).strip().splitlines()
    return render(request, "desk/people/statement.html", {"lines": lines, "words": sentences.PURPOSES[found], "address": purpose})


@require_POST
@desk_page(StaffRight.SEE_VIEWS)
def begin(request: DeskRequest, purpose: str) -> JsonResponse:
    """Answer with a challenge for the passkey of the person who states it."""
    try:
        ceremony = guard().begin_ask(guard_session(request), _ask(request, _purpose(purpose)))
    except (NotPermitted, UsageError):
        return trouble(_("This account has no passkey that could confirm it."))
    request.session[_STEP] = ceremony.token
    return JsonResponse({"options": ceremony.options, "finish": reverse("desk_statement_finish", args=[purpose])})


@require_POST
@desk_page(StaffRight.SEE_VIEWS)
def finish(request: DeskRequest, purpose: str) -> JsonResponse:
    """Have the statement entered that the passkey signed."""
    found, token = _purpose(purpose), request.session.pop(_STEP, "")
    ask, proof = _ask(request, found), PasskeyProof(request.POST.get("response", "").encode())
    try:
        permit = guard().finish_ask(token, guard_session(request), ask, proof)
        desk().attest(request.seat, found, permit)
    except CredentialCopied:
        return trouble(_("This security key was copied, so it does not count any more. Use another passkey, and tell an administrator."))
    except ChallengeEnded:
        return trouble(_("That took too long. Try again."))
    except (DeskRefused, Busy) as error:
        return trouble(refusals.in_one_line(error))
    except (NotPermitted, ProofRefused, UsageError):
        return trouble(_("The passkey did not confirm this. Nothing has changed."))
    messages.success(request, _("Your statement is entered. It counts from now on."))
    return JsonResponse({"to": reverse("desk_records")})


def _ask(request: DeskRequest, purpose: ReviewPurpose) -> Ask:
    return attesting(UUID(request.staff.account), purpose)


def _purpose(word: str) -> ReviewPurpose:
    found = next((each for each, address in sentences.ADDRESSES.items() if address == word), None)
    if found is None:
        raise Http404
    return found
