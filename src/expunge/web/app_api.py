"""The endpoints for the company's app: what the pages offer a customer, by a token that the company's signed statement was exchanged for.

This process checks no such token: it hands the header on, and the clerk decides.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any, ClassVar

from django.http import HttpRequest, HttpResponse
from ninja import Header, NinjaAPI, Path, Query
from ninja.errors import HttpError, ValidationError

from expunge import clock
from expunge.core.families.app_access import token_digest
from expunge.core.journal.access_tokens import TokenScope
from expunge.ports.families.app_door import MOST_ORDERS, MOST_RECORDINGS, AppConsent, AppDoor, AppOrder, AppOrderState
from expunge.ports.families.held_door import HeldAnswer
from expunge.ports.sender_door import Sender
from expunge.web import bodies, problems
from expunge.web.answers import Problem
from expunge.web.app_forms import (
    HANDLE,
    ORDER_ID,
    Consent,
    ConsentList,
    Exchange,
    FamilyList,
    Grant,
    HeldList,
    LoginEnd,
    LoginEnded,
    Order,
    OrderList,
    RecordingList,
    Said,
    SaidOrder,
)
from expunge.web.guarding import Bearer, Guard, shown
from expunge.web.problems import AppProblem, told

_PREFIX = "/api/v1/app"
_FAMILY = f"{_PREFIX}/families/{{family}}"
_ORDER = f"{_FAMILY}/orders/{{order}}"
MOST_BODY = 16 * 2**10
"""Bytes of a body."""
_JSON = "application/json"
_TAG = ["App"]
_WORDS = {
    AppOrderState.RECEIVED: "We have the request. Nothing was erased yet, and it can still be cancelled.",
    AppOrderState.UNDER_WAY: "Data is being erased.",
    AppOrderState.ERASED: "Everything was erased, and we looked again in each place and found nothing.",
    AppOrderState.IN_PART: "A part could not be erased or verified yet. The receipt says what stays, and why.",
    AppOrderState.CANCELLED: "The request was cancelled. Nothing was erased.",
    AppOrderState.CAME_BACK: "Data came back after it was erased. Another request erases it again.",
}

FamilyPath = Annotated[str, Path(description="The handle of a family, as the exchange gave it.", pattern="^[0-9a-f]{32}$", example=HANDLE)]
OrderPath = Annotated[str, Path(description="The id of an order.", pattern="^[a-z0-9][a-z0-9-]{0,63}$", example=ORDER_ID)]
RecordingPath = Annotated[
    str, Path(description="The handle of a recording, as the list gave it.", pattern="^[0-9a-f]{32}$", example=HANDLE)
]
PurposePath = Annotated[str, Path(description="The name of a purpose.", pattern="^[A-Za-z0-9_.-]{1,128}$", example="training")]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        description="Random, the same for each try of one request: within a day it is carried out once, also across crashes.",
        pattern="^[A-Za-z0-9._~-]{16,128}$",
        example="6f1c2e0a-8a4e-4c43-9d0f-1d7a2b9b6c55",
    ),
]


class AppToken:
    """An endpoint's demand for an access token, which the clerk checks."""

    openapi_security_schema: ClassVar = {"type": "http", "scheme": "bearer", "description": "Of POST /api/v1/app/token."}

    def __call__(self, request: HttpRequest) -> str:
        """Return the header as it came. Raises AppProblem where it shows no access token, or the body is none of ours."""
        header = shown(request)
        if token_digest(header) is None:
            raise problems.no_token()
        _require_small(request)
        return header


class AppClient:
    """An endpoint's demand for the token of the app's own server."""

    openapi_security_schema: ClassVar = {
        "type": "http",
        "scheme": "bearer",
        "description": "Of `expunge token issue NAME --scope families`.",
    }

    def __init__(self, guard: Guard) -> None:
        self._bearer = Bearer(guard, TokenScope.FAMILIES)

    def __call__(self, request: HttpRequest) -> Sender:
        """Let the app's server in, or raise AppProblem."""
        try:
            found = self._bearer(request)
        except Problem as problem:
            fault = problem.fault
            if problem.status in (401, 403):
                raise problems.client_refused(problem.status, fault["error"], fault["help"]) from None
            kind, title = ("too-many", "Too many tokens were refused") if problem.status == 429 else ("away", "It cannot be done now")
            again = int(problem.headers.get("Retry-After", 0))
            raise AppProblem(kind, problem.status, title, fault["error"], fault["where"], fault["help"], retry_after=again) from None
        _require_small(request)
        return found


def add_app(api: NinjaAPI, apps: AppDoor, guard: Guard) -> None:
    """Add the endpoints for the company's app to an API."""
    api.add_exception_handler(AppProblem, problems.of_problem)
    api.add_exception_handler(ValidationError, problems.of_validation)
    api.add_exception_handler(HttpError, problems.of_http)
    _add_tokens(api, apps, AppClient(guard))
    _add_families(api, apps, AppToken())
    _add_deletions(api, apps, AppToken())
    _add_recordings(api, apps, AppToken())
    _add_events(api, apps, AppClient(guard))
    _add_orders(api, apps, AppToken())
    _add_consents(api, apps, AppToken())


def _add_tokens(api: NinjaAPI, apps: AppDoor, client: AppClient) -> None:
    @api.post(
        f"{_PREFIX}/token",
        auth=client,
        response=Grant,
        operation_id="exchange",
        summary="Exchange a statement for an access token",
        tags=_TAG,
        openapi_extra=_extra(400, 401, 403, 409, 411, 413, 415, 422, 429, 503, example=_GRANT),
    )
    def exchange(request: HttpRequest, body: Exchange) -> dict[str, Any]:
        """Give an access token for a customer, for minutes, as the company's signed statement allows.

        Each statement counts once. Where the answer was lost, sign a new one. Export and playback are in no scope: they are for the pages,
        where the person confirms with a passkey.
        """
        with told(request):
            grant = apps.exchange(shown(request), body.statement, body.scope)
        left = max(0, int((grant.until - clock.now()).total_seconds()))
        scope = " ".join(sorted(grant.scopes))
        return {"access_token": grant.token, "token_type": "Bearer", "expires_in": left, "scope": scope, "families": list(grant.families)}

    @api.post(
        f"{_PREFIX}/logins/end",
        auth=client,
        response=LoginEnded,
        operation_id="end_login",
        summary="End a customer's login",
        tags=_TAG,
        openapi_extra=_extra(400, 401, 403, 411, 413, 415, 422, 429, 503, example={"tokens": 1}),
    )
    def end_login(request: HttpRequest, body: LoginEnd) -> dict[str, Any]:
        """End each access token of a customer's login at the app: call it when the customer logs out. Safe to repeat."""
        with told(request):
            return {"tokens": apps.end_login(shown(request), body.sid)}

    @api.delete(
        f"{_PREFIX}/token",
        auth=AppToken(),
        response={204: None},
        operation_id="end_token",
        summary="End an access token",
        tags=_TAG,
        openapi_extra=_extra(401, 411, 413, 503),
    )
    def end_token(request: HttpRequest) -> tuple[int, None]:
        """End the access token of the request. Safe to repeat (RFC 7009, 2.2)."""
        with told(request):
            apps.end_token(shown(request))
        return 204, None


def _add_families(api: NinjaAPI, apps: AppDoor, token: AppToken) -> None:
    @api.get(
        f"{_PREFIX}/families",
        auth=token,
        response=FamilyList,
        operation_id="list_families",
        summary="The families of the token",
        tags=_TAG,
        openapi_extra=_extra(401, 403, 503, example={"families": [HANDLE]}),
    )
    def list_families(request: HttpRequest) -> dict[str, Any]:
        """List the handles of the customer's families: 32 hex digits each, the same in each token and in web hooks."""
        with told(request):
            return {"families": list(apps.families(shown(request)))}

    @api.get(
        f"{_FAMILY}/held",
        auth=token,
        response=HeldList,
        operation_id="get_held",
        summary="The data that is held about the person",
        tags=_TAG,
        openapi_extra=_extra(401, 403, 404, 503, example=_HELD),
    )
    def get_held(request: HttpRequest, family: FamilyPath) -> dict[str, Any]:
        """Count what is held, by kind, with what was made from it. Scope: `read`."""
        with told(request):
            return _held(apps.held(shown(request), family))


def _add_deletions(api: NinjaAPI, apps: AppDoor, token: AppToken) -> None:
    @api.post(
        f"{_FAMILY}/orders",
        auth=token,
        response={200: Order, 201: Order},
        operation_id="order_deletion",
        summary="Delete everything",
        tags=_TAG,
        openapi_extra=_extra(401, 403, 404, 409, 411, 413, 422, 503, example=_AN_ORDER, of_example=(200, 201)),
    )
    def order_deletion(request: HttpRequest, family: FamilyPath, idempotency_key: Key) -> tuple[int, dict[str, Any]]:
        """Order the deletion of everything that is held about the person. Scope: `delete`, with a fresh authentication.

        201: the order was made, and stands on the device. 200: this key made it before, or an order for everything is open already.
        """
        with told(request):
            order = apps.order(shown(request), family, idempotency_key)
        return 201 if order.fresh else 200, _order(order)

    @api.post(
        f"{_ORDER}/cancel",
        auth=token,
        response=Order,
        operation_id="cancel_order",
        summary="Cancel an order",
        tags=_TAG,
        openapi_extra=_extra(401, 403, 404, 409, 411, 413, 503, example=_AN_ORDER | {"state": "cancelled"}),
    )
    def cancel_order(request: HttpRequest, family: FamilyPath, order: OrderPath) -> dict[str, Any]:
        """Cancel an order of which nothing was erased yet. Scope: `delete`, with a fresh authentication. Safe to repeat."""
        with told(request):
            return _order(apps.cancel(shown(request), family, order))


def _add_recordings(api: NinjaAPI, apps: AppDoor, token: AppToken) -> None:
    @api.get(
        f"{_FAMILY}/recordings",
        auth=token,
        response=RecordingList,
        operation_id="list_recordings",
        summary="The recordings of the person",
        tags=_TAG,
        openapi_extra=_extra(400, 401, 403, 404, 409, 422, 503, example={"recordings": [_A_RECORDING], "next": None}),
    )
    def list_recordings(
        request: HttpRequest,
        family: FamilyPath,
        cursor: Annotated[str, Query(description="`next` of the page before; the newest without it.", max_length=128)] = "",
        limit: Annotated[int, Query(description="Recordings of a page.", ge=1, le=MOST_RECORDINGS)] = 20,
    ) -> dict[str, Any]:
        """List recordings, so that a customer can choose one to delete. Scope: `delete`, with a fresh authentication."""
        with told(request):
            page, more = apps.recordings(shown(request), family, _after(cursor), limit)
        return {"recordings": [dict(vars(each)) for each in page], "next": _cursor(page[-1].recording) if more else None}

    @api.delete(
        f"{_FAMILY}/recordings/{{recording}}",
        auth=token,
        response={200: Order, 201: Order},
        operation_id="delete_recording",
        summary="Delete one recording",
        tags=_TAG,
        openapi_extra=_extra(401, 403, 404, 409, 411, 413, 422, 503, example=_AN_ORDER | {"everything": False}, of_example=(200, 201)),
    )
    def delete_recording(
        request: HttpRequest, family: FamilyPath, recording: RecordingPath, idempotency_key: Key
    ) -> tuple[int, dict[str, Any]]:
        """Order the deletion of one recording, with everything made from it. Scope: `delete`, with a fresh authentication.

        201: the order was made, and stands on the device. 200: this key made it before.
        """
        with told(request):
            order = apps.delete_recording(shown(request), family, recording, idempotency_key)
        return 201 if order.fresh else 200, _order(order)


def _add_events(api: NinjaAPI, apps: AppDoor, client: AppClient) -> None:
    @api.post(
        f"{_PREFIX}/events",
        auth=client,
        response={200: SaidOrder, 201: SaidOrder},
        operation_id="said",
        summary="Delete what I just said",
        tags=_TAG,
        openapi_extra=_extra(
            400,
            401,
            403,
            409,
            411,
            413,
            415,
            422,
            429,
            503,
            example=_SAID,
            of_example=(200, 201),
        ),
    )
    def said(request: HttpRequest, body: Said) -> tuple[int, dict[str, Any]]:
        """Order the deletion of what a customer just said, with everything made from it, by a signed event of the company's assistant.

        201: the order was made, and stands on the device. 200: this event made it before.
        """
        with told(request):
            family, order = apps.said(shown(request), body.event)
        return 201 if order.fresh else 200, _order(order) | {"family": family}


def _add_orders(api: NinjaAPI, apps: AppDoor, token: AppToken) -> None:
    @api.get(
        f"{_FAMILY}/orders",
        auth=token,
        response=OrderList,
        operation_id="list_orders",
        summary="The orders about the person",
        tags=_TAG,
        openapi_extra=_extra(400, 401, 403, 404, 422, 503, example={"orders": [_AN_ORDER], "next": None}),
    )
    def list_orders(
        request: HttpRequest,
        family: FamilyPath,
        cursor: Annotated[str, Query(description="`next` of the page before; the newest orders without it.", max_length=128)] = "",
        limit: Annotated[int, Query(description="Orders of a page.", ge=1, le=MOST_ORDERS)] = 20,
    ) -> dict[str, Any]:
        """List orders, newest first, however they came in. Scope: `read`."""
        with told(request):
            page, more = apps.orders(shown(request), family, _after(cursor), limit)
        return {"orders": list(map(_order, page)), "next": _cursor(page[-1].order) if more else None}

    @api.get(
        _ORDER,
        auth=token,
        response=Order,
        operation_id="get_order",
        summary="How far an order is",
        tags=_TAG,
        openapi_extra=_extra(401, 403, 404, 503, example=_AN_ORDER),
    )
    def get_order(request: HttpRequest, family: FamilyPath, order: OrderPath) -> dict[str, Any]:
        """Tell where an order stands. Scope: `read`."""
        with told(request):
            return _order(apps.status(shown(request), family, order))

    @api.get(
        f"{_ORDER}/receipt",
        auth=token,
        operation_id="get_receipt",
        summary="The receipt of an order",
        tags=_TAG,
        openapi_extra=_extra(401, 403, 404, 503, zipped=True),
    )
    def get_receipt(request: HttpRequest, family: FamilyPath, order: OrderPath) -> HttpResponse:
        """Give the receipt's folder as a zip, which `expunge receipt verify` checks offline. Scope: `receipts`."""
        with told(request):
            data = apps.receipt(shown(request), family, order)
        headers = {"Content-Disposition": f'attachment; filename="receipt-{order}.zip"'}
        return HttpResponse(data, content_type="application/zip", headers=headers)


def _add_consents(api: NinjaAPI, apps: AppDoor, token: AppToken) -> None:
    @api.get(
        f"{_FAMILY}/consents",
        auth=token,
        response=ConsentList,
        operation_id="list_consents",
        summary="The consents of the person",
        tags=_TAG,
        openapi_extra=_extra(401, 403, 404, 503, example={"consents": [_CONSENT]}),
    )
    def list_consents(request: HttpRequest, family: FamilyPath) -> dict[str, Any]:
        """List each purpose that rests on consent, and where it stands. Scope: `read`."""
        with told(request):
            return {"consents": list(map(_consent, apps.consents(shown(request), family)))}

    @api.delete(
        f"{_FAMILY}/consents/{{purpose}}",
        auth=token,
        response=Consent,
        operation_id="withdraw_consent",
        summary="Withdraw a consent",
        tags=_TAG,
        openapi_extra=_extra(401, 403, 404, 409, 411, 413, 503, example=_CONSENT | {"agreed": False}),
    )
    def withdraw_consent(request: HttpRequest, family: FamilyPath, purpose: PurposePath) -> dict[str, Any]:
        """Withdraw a consent, at once: from then on the gate refuses. Scope: `stop`. Safe to repeat."""
        with told(request):
            return _consent(apps.withdraw(shown(request), family, purpose))


def _require_small(request: HttpRequest) -> None:
    """Raise AppProblem for a body that is too large, or whose size or kind is not announced as it should be."""
    try:
        bodies.announced(request)
        size = int(request.headers.get("Content-Length") or 0)
        if size > MOST_BODY:
            bodies.read(request)
            raise problems.too_large(MOST_BODY)
        request.body  # noqa: B018 - it is kept from here on; a client that stalls is answered here
    except Problem as problem:
        fault = problem.fault
        raise problems.malformed(fault["error"], fault["where"], fault["help"], problem.status) from None
    except (ValueError, OSError):
        raise problems.malformed("the body stopped coming", "the body", "send it again, with its length") from None
    kind = request.headers.get("Content-Type", _JSON).partition(";")[0].strip().lower()
    if size and kind != _JSON:
        raise problems.malformed("the body is of another kind", "the header Content-Type", f"send {_JSON}", 415)


def _cursor(order: str) -> str:
    return urlsafe_b64encode(order.encode()).decode().rstrip("=")


def _after(cursor: str) -> str:
    """Return the order that a cursor names; empty for none, and a text that is no order's for a cursor that is none of ours."""
    try:
        return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return "none"


def _held(answer: HeldAnswer) -> dict[str, Any]:
    found = answer.holdings
    if found is None:
        return {"counted_at": None, "counting": answer.counting, "kinds": [], "made": [], "not_counted": []}
    lists = {name: [vars(each) for each in getattr(found, name)] for name in ("kinds", "made", "not_counted")}
    return {"counted_at": found.at, "counting": answer.counting, **lists}


def _order(order: AppOrder) -> dict[str, Any]:
    return {**{name: value for name, value in vars(order).items() if name != "fresh"}, "words": _WORDS[order.state]}


def _consent(consent: AppConsent) -> dict[str, Any]:
    return dict(vars(consent))


def _extra(*statuses: int, example: Any = None, zipped: bool = False, of_example: tuple[int, ...] = (200,)) -> dict[str, Any]:
    found: dict[int, Any] = problems.responses(*sorted({400, 500, *statuses}))
    if zipped:
        found[200] = {
            "description": "The folder of the receipt.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        }
    for status in of_example if example is not None else ():
        found[status] = {"content": {_JSON: {"example": example}}}
    return {"responses": found}


_GRANT = {"access_token": "expunge_app_…", "token_type": "Bearer", "expires_in": 600, "scope": "delete read", "families": [HANDLE]}
_HELD = {
    "counted_at": "2026-12-01T09:00:00Z",
    "counting": False,
    "kinds": [{"kind": "voice recordings", "items": 12, "oldest": "2026-09-04", "goes": "2026-12-03", "undated": 0, "bound": 0}],
    "made": [{"kind": "models", "learnt": 1, "unknown": 0}],
    "not_counted": [],
}
_A_RECORDING = {
    "recording": HANDLE,
    "kind": "voice recordings",
    "recorded_at": "2026-11-30T18:02:11Z",
    "bytes": 48_044,
    "seconds": 3.0,
}
_AN_ORDER: dict[str, Any] = {
    "order": ORDER_ID,
    "state": "received",
    "words": _WORDS[AppOrderState.RECEIVED],
    "everything": True,
    "received_at": "2026-12-01T09:00:00Z",
    "earliest": "2026-12-02T09:00:00Z",
    "ended_at": None,
    "places": 0,
    "places_done": 0,
    "can_cancel": True,
    "has_receipt": False,
}
_SAID = {**_AN_ORDER, "everything": False, "family": HANDLE}
_CONSENT = {"purpose": "training", "description": "to make speech recognition better", "agreed": True, "since": "2026-11-02T08:15:00Z"}
