"""An approval by passkey: the browser asks for a signature over the plan that the page shows, and the clerk enters it."""

from __future__ import annotations

import base64
from collections.abc import Callable

from django.contrib import messages
from django.http import JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from expunge.core.accounts.staff import StaffRight
from expunge.errors import (
    CredentialCopied,
    DeskRefused,
    EvidenceInvalid,
    IllegalTransition,
    ProofRefused,
    Refused,
    StateUnavailable,
    UsageError,
)
from expunge.web.site.desk.orders.pages import order_desk
from expunge.web.site.desk.seating import DeskRequest, desk_part
from expunge.web.site.staff.sign_in import trouble


@require_POST
@desk_part(StaffRight.APPROVE_ORDERS)
def begin(request: DeskRequest, order: str) -> JsonResponse:
    """Answer with what the passkey signs: the plan that the page showed, and no other."""
    digest = request.POST.get("digest", "")

    def asked() -> JsonResponse:
        found = order_desk().begin_approval(request.seat, order, digest)
        options = {
            "challenge": _packed(found.challenge),
            "rpId": found.relying_party,
            "userVerification": "required",
            "allowCredentials": [{"type": "public-key", "id": _packed(each)} for each in found.credentials],
        }
        return JsonResponse({"options": options, "finish": reverse("desk_order_signed", args=[order])})

    return _told(asked)


@require_POST
@desk_part(StaffRight.APPROVE_ORDERS)
def finish(request: DeskRequest, order: str) -> JsonResponse:
    """Have the clerk enter the approval."""
    digest, response = request.POST.get("digest", ""), request.POST.get("response", "").encode()

    def entered() -> JsonResponse:
        page = order_desk().approve(request.seat, order, digest, response)
        messages.success(
            request, _("You approved the plan as %(name)s. It is in the journal, with your signature.") % {"name": page.own_name}
        )
        return JsonResponse({"to": reverse("desk_order", args=[order])})

    return _told(entered)


def _told(act: Callable[[], JsonResponse]) -> JsonResponse:
    """Return the answer of an act, or what went wrong in words that the page shows."""
    try:
        return act()
    except CredentialCopied:
        return trouble(_("This security key was copied, so it does not count any more. Use another passkey, and tell an administrator."))
    except DeskRefused:
        return trouble(_("Your login has ended. Log in again, and come back to this order."))
    except StateUnavailable:
        return trouble(_("These pages cannot reach what enters approvals. Nothing was approved. Try again in a moment."))
    except IllegalTransition:
        return trouble(_("The plan has changed, or waits for no approval any more. Open this page again, and read the plan of now."))
    except (EvidenceInvalid, ProofRefused, Refused, UsageError):
        return trouble(
            _("The passkey's answer does not hold for this plan. Nothing was approved. Use the passkey that the data map names.")
        )


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
