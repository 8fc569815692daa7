"""The client of Expunge's API for a company's own app, of the standard library alone.

Generated from the API's document (OpenAPI 3.1) by ``scripts/api-client``. Do not edit.

A :class:`Client` sends one token: the app's own for ``exchange``, ``end_login`` and ``said``, a customer's access token for all else.
:func:`verify_webhook` checks the messages that Expunge sends.
"""

from __future__ import annotations

import base64
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode


class Problem(Exception):
    """The reason why a request was not carried out (RFC 9457). Programs decide by ``kind``: the last part of its type."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(str(body.get("detail", "")))
        self.status = status
        self.kind = str(body.get("type", "")).rpartition(":")[2]
        self.title, self.detail = str(body.get("title", "")), str(body.get("detail", body.get("error", "")))
        self.where, self.help = str(body.get("where", "")), str(body.get("help", ""))


class BadWebhook(Exception):
    """A message is not signed by the secret, or is too old."""


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes, *, tolerance: float = 300.0) -> dict[str, Any]:
    """Return the message of a web hook (https://www.standardwebhooks.com). Its header ``webhook-id`` is the same each time it is sent.

    Args:
        secret: ``whsec_`` and base64, as in the file that the map names.
        headers: of the request.
        body: as it came.
        tolerance: seconds for which its time may differ from this machine's.

    Raises BadWebhook.
    """
    found = {name.lower(): value for name, value in headers.items()}
    name, sent = found.get("webhook-id", ""), found.get("webhook-timestamp", "")
    signed = f"{name}.{sent}.".encode() + body
    expected = base64.b64encode(hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, "sha256")).decode()
    shown = [each.partition(",")[2] for each in found.get("webhook-signature", "").split() if each.startswith("v1,")]
    if not any(hmac.compare_digest(each.encode(), expected.encode()) for each in shown):
        raise BadWebhook("the signature is not by this secret")
    if not sent.isdecimal() or abs(time.time() - int(sent)) > tolerance:
        raise BadWebhook("the message is of another time")
    message: dict[str, Any] = json.loads(body)
    return message


@dataclass(frozen=True)
class Consent:
    """Where one purpose stands that rests on consent."""

    purpose: str
    """Its name in the data map."""
    description: str
    """The use of the data."""
    agreed: bool
    """True while a consent holds."""
    since: datetime | None
    """The time of the last decision; null where there was none."""

    @classmethod
    def read(cls, told: Any) -> Consent:
        """Return what an answer holds."""
        return cls(
            str(told["purpose"]),
            str(told["description"]),
            bool(told["agreed"]),
            None if told["since"] is None else datetime.fromisoformat(told["since"]),
        )


@dataclass(frozen=True)
class ConsentList:
    """The consents of the person of a family."""

    consents: tuple[Consent, ...]

    @classmethod
    def read(cls, told: Any) -> ConsentList:
        """Return what an answer holds."""
        return cls(
            tuple(Consent.read(each) for each in told["consents"]),
        )


@dataclass(frozen=True)
class FamilyList:
    """The families of a token."""

    families: tuple[str, ...]
    """Their handles."""

    @classmethod
    def read(cls, told: Any) -> FamilyList:
        """Return what an answer holds."""
        return cls(
            tuple(str(each) for each in told["families"]),
        )


@dataclass(frozen=True)
class Grant:
    """An access token. It is shown once."""

    access_token: str
    """Goes into `Authorization: Bearer TOKEN`."""
    token_type: str
    """`Bearer`."""
    expires_in: int
    """Seconds."""
    scope: str
    """The acts that it allows, separated by blanks."""
    families: tuple[str, ...]
    """The handles of the customer's families, in the order of the statement."""

    @classmethod
    def read(cls, told: Any) -> Grant:
        """Return what an answer holds."""
        return cls(
            str(told["access_token"]),
            str(told["token_type"]),
            int(told["expires_in"]),
            str(told["scope"]),
            tuple(str(each) for each in told["families"]),
        )


@dataclass(frozen=True)
class HeldKind:
    """The items of one kind of data."""

    kind: str
    items: int
    oldest: date | None
    """The day, in UTC, of the oldest item; null where none says its day."""
    goes: date | None
    """The first day on which an item goes by itself; null where none does."""
    undated: int
    """Items for which no period runs yet."""
    bound: int
    """Items that a legal hold keeps."""

    @classmethod
    def read(cls, told: Any) -> HeldKind:
        """Return what an answer holds."""
        return cls(
            str(told["kind"]),
            int(told["items"]),
            None if told["oldest"] is None else date.fromisoformat(told["oldest"]),
            None if told["goes"] is None else date.fromisoformat(told["goes"]),
            int(told["undated"]),
            int(told["bound"]),
        )


@dataclass(frozen=True)
class HeldList:
    """The data that is held about the person of a family."""

    counted_at: datetime | None
    """When the count began; null while the first one goes on."""
    counting: bool
    """True while a newer count goes on: ask again in a few seconds."""
    kinds: tuple[HeldKind, ...]
    """Kinds of data about the person alone, or about few people."""
    made: tuple[HeldMade, ...]
    """Things that learnt from that data."""
    not_counted: tuple[HeldUnknown, ...]
    """Data that could not be counted."""

    @classmethod
    def read(cls, told: Any) -> HeldList:
        """Return what an answer holds."""
        return cls(
            None if told["counted_at"] is None else datetime.fromisoformat(told["counted_at"]),
            bool(told["counting"]),
            tuple(HeldKind.read(each) for each in told["kinds"]),
            tuple(HeldMade.read(each) for each in told["made"]),
            tuple(HeldUnknown.read(each) for each in told["not_counted"]),
        )


@dataclass(frozen=True)
class HeldMade:
    """Things that were made from data of many people, the person's among it."""

    kind: str
    learnt: int
    """How many were made from data of the person."""
    unknown: int
    """How many there are of which no record says what they were made from."""

    @classmethod
    def read(cls, told: Any) -> HeldMade:
        """Return what an answer holds."""
        return cls(
            str(told["kind"]),
            int(told["learnt"]),
            int(told["unknown"]),
        )


@dataclass(frozen=True)
class HeldUnknown:
    """Data that could not be counted: it is not known, and not nothing."""

    kind: str
    reason: str

    @classmethod
    def read(cls, told: Any) -> HeldUnknown:
        """Return what an answer holds."""
        return cls(
            str(told["kind"]),
            str(told["reason"]),
        )


@dataclass(frozen=True)
class LoginEnded:
    """The number of access tokens that ended with a login."""

    tokens: int
    """Access tokens that ended."""

    @classmethod
    def read(cls, told: Any) -> LoginEnded:
        """Return what an answer holds."""
        return cls(
            int(told["tokens"]),
        )


@dataclass(frozen=True)
class Order:
    """A request to delete, and how far it is."""

    order: str
    """Its id, the reference to tell the customer."""
    state: str
    """Where it stands. One of: received, under way, erased, erased in part, cancelled, came back."""
    words: str
    """The same in plain English."""
    everything: bool
    """Whether it reaches everything of the person."""
    received_at: datetime
    earliest: datetime
    """Until then nothing is erased, so that the customer can change their mind."""
    ended_at: datetime | None
    """When it ended."""
    places: int
    """Places that it erases from; 0 before it was planned."""
    places_done: int
    """Of these, the ones that are done."""
    can_cancel: bool
    """Whether nothing was erased, so that it can be cancelled."""
    has_receipt: bool
    """Whether a receipt was issued."""

    @classmethod
    def read(cls, told: Any) -> Order:
        """Return what an answer holds."""
        return cls(
            str(told["order"]),
            str(told["state"]),
            str(told["words"]),
            bool(told["everything"]),
            datetime.fromisoformat(told["received_at"]),
            datetime.fromisoformat(told["earliest"]),
            None if told["ended_at"] is None else datetime.fromisoformat(told["ended_at"]),
            int(told["places"]),
            int(told["places_done"]),
            bool(told["can_cancel"]),
            bool(told["has_receipt"]),
        )


@dataclass(frozen=True)
class OrderList:
    """A page of orders, newest first."""

    orders: tuple[Order, ...]
    next: str | None
    """The cursor of the next page; null on the last one."""

    @classmethod
    def read(cls, told: Any) -> OrderList:
        """Return what an answer holds."""
        return cls(
            tuple(Order.read(each) for each in told["orders"]),
            None if told["next"] is None else str(told["next"]),
        )


@dataclass(frozen=True)
class Recording:
    """A recording, as it is named to delete it."""

    recording: str
    """Its handle, the same for each token of the family."""
    kind: str
    recorded_at: datetime | None
    """When it was recorded, or written; null where neither is known."""
    bytes: int
    seconds: float | None
    """Its length; null where it is not known."""

    @classmethod
    def read(cls, told: Any) -> Recording:
        """Return what an answer holds."""
        return cls(
            str(told["recording"]),
            str(told["kind"]),
            None if told["recorded_at"] is None else datetime.fromisoformat(told["recorded_at"]),
            int(told["bytes"]),
            None if told["seconds"] is None else float(told["seconds"]),
        )


@dataclass(frozen=True)
class RecordingList:
    """A page of recordings, newest first."""

    recordings: tuple[Recording, ...]
    next: str | None
    """The cursor of the next page; null on the last one."""

    @classmethod
    def read(cls, told: Any) -> RecordingList:
        """Return what an answer holds."""
        return cls(
            tuple(Recording.read(each) for each in told["recordings"]),
            None if told["next"] is None else str(told["next"]),
        )


@dataclass(frozen=True)
class SaidOrder:
    """The request to delete that an event made."""

    order: str
    """Its id, the reference to tell the customer."""
    state: str
    """Where it stands. One of: received, under way, erased, erased in part, cancelled, came back."""
    words: str
    """The same in plain English."""
    everything: bool
    """Whether it reaches everything of the person."""
    received_at: datetime
    earliest: datetime
    """Until then nothing is erased, so that the customer can change their mind."""
    ended_at: datetime | None
    """When it ended."""
    places: int
    """Places that it erases from; 0 before it was planned."""
    places_done: int
    """Of these, the ones that are done."""
    can_cancel: bool
    """Whether nothing was erased, so that it can be cancelled."""
    has_receipt: bool
    """Whether a receipt was issued."""
    family: str
    """The handle of the customer's family."""

    @classmethod
    def read(cls, told: Any) -> SaidOrder:
        """Return what an answer holds."""
        return cls(
            str(told["order"]),
            str(told["state"]),
            str(told["words"]),
            bool(told["everything"]),
            datetime.fromisoformat(told["received_at"]),
            datetime.fromisoformat(told["earliest"]),
            None if told["ended_at"] is None else datetime.fromisoformat(told["ended_at"]),
            int(told["places"]),
            int(told["places_done"]),
            bool(told["can_cancel"]),
            bool(told["has_receipt"]),
            str(told["family"]),
        )


class Client:
    """Sends one token with each request. Threads may share it."""

    def __init__(self, origin: str, token: str, timeout: float = 30.0) -> None:
        """Connect to nothing yet.

        Args:
            origin: the address of the pages: ``https://privacy.example.com``.
            token: the app's own (``expunge token issue NAME --scope families``), or a customer's (:attr:`Grant.access_token`).
            timeout: seconds for each answer.
        """
        self._origin, self._token, self._timeout = origin.rstrip("/"), token, timeout

    def exchange(self, *, statement: str, scope: str = "") -> Grant:
        """Give an access token for a customer, for minutes, as the company's signed statement allows.

        Each statement counts once. Where the answer was lost, sign a new one. Export and playback are in no scope: they are for the pages,
        where the person confirms with a passkey.
        """
        answer = self._ask(
            "POST",
            "/api/v1/app/token",
            {"statement": statement, "scope": scope},
        )
        return Grant.read(_object(answer))

    def end_token(self) -> None:
        """End the access token of the request. Safe to repeat (RFC 7009, 2.2)."""
        self._ask(
            "DELETE",
            "/api/v1/app/token",
        )

    def end_login(self, *, sid: str) -> LoginEnded:
        """End each access token of a customer's login at the app: call it when the customer logs out. Safe to repeat."""
        answer = self._ask(
            "POST",
            "/api/v1/app/logins/end",
            {"sid": sid},
        )
        return LoginEnded.read(_object(answer))

    def list_families(self) -> FamilyList:
        """List the handles of the customer's families: 32 hex digits each, the same in each token and in web hooks."""
        answer = self._ask(
            "GET",
            "/api/v1/app/families",
        )
        return FamilyList.read(_object(answer))

    def get_held(self, family: str) -> HeldList:
        """Count what is held, by kind, with what was made from it. Scope: `read`."""
        answer = self._ask(
            "GET",
            f"/api/v1/app/families/{_part(family)}/held",
        )
        return HeldList.read(_object(answer))

    def order_deletion(self, family: str, *, idempotency_key: str) -> Order:
        """Order the deletion of everything that is held about the person. Scope: `delete`, with a fresh authentication.

        201: the order was made, and stands on the device. 200: this key made it before, or an order for everything is open already.
        """
        answer = self._ask(
            "POST",
            f"/api/v1/app/families/{_part(family)}/orders",
            headers={"Idempotency-Key": idempotency_key},
        )
        return Order.read(_object(answer))

    def list_orders(self, family: str, *, cursor: str = "", limit: int = 20) -> OrderList:
        """List orders, newest first, however they came in. Scope: `read`."""
        answer = self._ask(
            "GET",
            f"/api/v1/app/families/{_part(family)}/orders" + "?" + urlencode({"cursor": cursor, "limit": limit}),
        )
        return OrderList.read(_object(answer))

    def cancel_order(self, family: str, order: str) -> Order:
        """Cancel an order of which nothing was erased yet. Scope: `delete`, with a fresh authentication. Safe to repeat."""
        answer = self._ask(
            "POST",
            f"/api/v1/app/families/{_part(family)}/orders/{_part(order)}/cancel",
        )
        return Order.read(_object(answer))

    def list_recordings(self, family: str, *, cursor: str = "", limit: int = 20) -> RecordingList:
        """List recordings, so that a customer can choose one to delete. Scope: `delete`, with a fresh authentication."""
        answer = self._ask(
            "GET",
            f"/api/v1/app/families/{_part(family)}/recordings" + "?" + urlencode({"cursor": cursor, "limit": limit}),
        )
        return RecordingList.read(_object(answer))

    def delete_recording(self, family: str, recording: str, *, idempotency_key: str) -> Order:
        """Order the deletion of one recording, with everything made from it. Scope: `delete`, with a fresh authentication.

        201: the order was made, and stands on the device. 200: this key made it before.
        """
        answer = self._ask(
            "DELETE",
            f"/api/v1/app/families/{_part(family)}/recordings/{_part(recording)}",
            headers={"Idempotency-Key": idempotency_key},
        )
        return Order.read(_object(answer))

    def said(self, *, event: str) -> SaidOrder:
        """Order the deletion of what a customer just said, with everything made from it, by a signed event of the company's assistant.

        201: the order was made, and stands on the device. 200: this event made it before.
        """
        answer = self._ask(
            "POST",
            "/api/v1/app/events",
            {"event": event},
        )
        return SaidOrder.read(_object(answer))

    def get_order(self, family: str, order: str) -> Order:
        """Tell where an order stands. Scope: `read`."""
        answer = self._ask(
            "GET",
            f"/api/v1/app/families/{_part(family)}/orders/{_part(order)}",
        )
        return Order.read(_object(answer))

    def get_receipt(self, family: str, order: str) -> bytes:
        """Give the receipt's folder as a zip, which `expunge receipt verify` checks offline. Scope: `receipts`."""
        return self._ask(
            "GET",
            f"/api/v1/app/families/{_part(family)}/orders/{_part(order)}/receipt",
        )

    def list_consents(self, family: str) -> ConsentList:
        """List each purpose that rests on consent, and where it stands. Scope: `read`."""
        answer = self._ask(
            "GET",
            f"/api/v1/app/families/{_part(family)}/consents",
        )
        return ConsentList.read(_object(answer))

    def withdraw_consent(self, family: str, purpose: str) -> Consent:
        """Withdraw a consent, at once: from then on the gate refuses. Scope: `stop`. Safe to repeat."""
        answer = self._ask(
            "DELETE",
            f"/api/v1/app/families/{_part(family)}/consents/{_part(purpose)}",
        )
        return Consent.read(_object(answer))

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self._token}", **({"Content-Type": "application/json"} if data else {}), **(headers or {})}
        request = urllib.request.Request(self._origin + path, data, sent, method=method)  # noqa: S310 - the origin is the caller's own
        try:
            with _OPENER.open(request, timeout=self._timeout) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                raise Problem(error.code, _object(error.read())) from None


class _Still(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for the one address."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_Still)


def _part(text: str) -> str:
    return quote(text, safe="")


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
