"""The forms of the API for the company's app, as its document has them."""

from __future__ import annotations

from datetime import date, datetime

from ninja import Field, Schema

from expunge.core.datamap.artefact import DataKind
from expunge.core.values.outcome import Reason
from expunge.ports.families.app_door import AppOrderState

HANDLE = "5f0c6a1de8f34b7f9a2b71c0d4e6f813"
ORDER_ID = "ord-2f6k7b3mx4qz5w7y2c6d"


class Exchange(Schema):
    """A signed statement of the company, and the scope that is wanted of it."""

    statement: str = Field(
        description="The JWT, of the type `onbehalf+jwt`.", min_length=1, max_length=8192, examples=["eyJ0eXAiOiJvbmJlaGFsZitqd3Qi…"]
    )
    scope: str = Field(
        "",
        description="Of `read`, `stop`, `delete` and `receipts`, separated by blanks; all that the statement names where it is empty.",
        max_length=64,
        examples=["read delete"],
    )


class Grant(Schema):
    """An access token. It is shown once."""

    access_token: str = Field(description="Goes into `Authorization: Bearer TOKEN`.")
    token_type: str = Field(description="`Bearer`.")
    expires_in: int = Field(description="Seconds.", ge=0)
    scope: str = Field(description="The acts that it allows, separated by blanks.")
    families: list[str] = Field(description="The handles of the customer's families, in the order of the statement.")


class LoginEnd(Schema):
    """The end of a customer's login at the app."""

    sid: str = Field(description="The claim `sid` of its statements.", min_length=1, max_length=128, examples=["session-81f3"])


class LoginEnded(Schema):
    """The number of access tokens that ended with a login."""

    tokens: int = Field(description="Access tokens that ended.", ge=0)


class FamilyList(Schema):
    """The families of a token."""

    families: list[str] = Field(description="Their handles.")


class HeldKind(Schema):
    """The items of one kind of data."""

    kind: DataKind
    items: int = Field(ge=0)
    oldest: date | None = Field(description="The day, in UTC, of the oldest item; null where none says its day.")
    goes: date | None = Field(description="The first day on which an item goes by itself; null where none does.")
    undated: int = Field(description="Items for which no period runs yet.", ge=0)
    bound: int = Field(description="Items that a legal hold keeps.", ge=0)


class HeldMade(Schema):
    """Things that were made from data of many people, the person's among it."""

    kind: DataKind
    learnt: int = Field(description="How many were made from data of the person.", ge=0)
    unknown: int = Field(description="How many there are of which no record says what they were made from.", ge=0)


class HeldUnknown(Schema):
    """Data that could not be counted: it is not known, and not nothing."""

    kind: DataKind
    reason: Reason


class HeldList(Schema):
    """The data that is held about the person of a family."""

    counted_at: datetime | None = Field(description="When the count began; null while the first one goes on.")
    counting: bool = Field(description="True while a newer count goes on: ask again in a few seconds.")
    kinds: list[HeldKind] = Field(description="Kinds of data about the person alone, or about few people.")
    made: list[HeldMade] = Field(description="Things that learnt from that data.")
    not_counted: list[HeldUnknown] = Field(description="Data that could not be counted.")


class Order(Schema):
    """A request to delete, and how far it is."""

    order: str = Field(description="Its id, the reference to tell the customer.", examples=[ORDER_ID])
    state: AppOrderState = Field(description="Where it stands.")
    words: str = Field(description="The same in plain English.")
    everything: bool = Field(description="Whether it reaches everything of the person.")
    received_at: datetime
    earliest: datetime = Field(description="Until then nothing is erased, so that the customer can change their mind.")
    ended_at: datetime | None = Field(description="When it ended.")
    places: int = Field(description="Places that it erases from; 0 before it was planned.", ge=0)
    places_done: int = Field(description="Of these, the ones that are done.", ge=0)
    can_cancel: bool = Field(description="Whether nothing was erased, so that it can be cancelled.")
    has_receipt: bool = Field(description="Whether a receipt was issued.")


class Said(Schema):
    """A signed event of the company's assistant."""

    event: str = Field(
        description="The JWT, of the type `said+jwt`.", min_length=1, max_length=8192, examples=["eyJ0eXAiOiJzYWlkK2p3dCJ9…"]
    )


class SaidOrder(Order):
    """The request to delete that an event made."""

    family: str = Field(description="The handle of the customer's family.", examples=[HANDLE])


class Recording(Schema):
    """A recording, as it is named to delete it."""

    recording: str = Field(description="Its handle, the same for each token of the family.", examples=[HANDLE])
    kind: DataKind
    recorded_at: datetime | None = Field(description="When it was recorded, or written; null where neither is known.")
    bytes: int = Field(ge=0)
    seconds: float | None = Field(description="Its length; null where it is not known.", ge=0)


class RecordingList(Schema):
    """A page of recordings, newest first."""

    recordings: list[Recording]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class OrderList(Schema):
    """A page of orders, newest first."""

    orders: list[Order]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class Consent(Schema):
    """Where one purpose stands that rests on consent."""

    purpose: str = Field(description="Its name in the data map.")
    description: str = Field(description="The use of the data.")
    agreed: bool = Field(description="True while a consent holds.")
    since: datetime | None = Field(description="The time of the last decision; null where there was none.")


class ConsentList(Schema):
    """The consents of the person of a family."""

    consents: list[Consent]
