"""The register of incidents (register ``incidents``): what happened to people's accounts and recordings, who is affected, what was done.

No event holds a text of a person's, or an identifier: an account is a random id, a person is a pseudonym, and a reference is the key of
a ticket, which says more.

Source: covered incidents are found and reported with dates, cause, the number of consumers and remedies (Ring order VII, RNG-29).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.values.tags import tagged


class IncidentKind(StrEnum):
    """What kind of incident it is."""

    VIEWS = "views"
    """A member of staff saw recordings without need."""
    OPENINGS = "openings"
    """A program, or an account of the operating system, opened recordings without need."""
    TAKEOVER = "takeover"
    """A stranger came into accounts."""
    COPY = "copy"
    """A copy, a backup or a device was lost or taken."""
    EXPOSURE = "exposure"
    """Strangers could reach data."""


class IncidentWord(StrEnum):
    """What happened to data, as far as it is known."""

    SEEN = "recordings were seen"
    COPIED = "recordings were copied"
    LIVE = "a camera was watched live"
    SETTINGS = "settings of accounts were changed"
    CONTACT = "contact data were seen"
    SEALED = "only sealed data were reached"
    UNKNOWN = "it is not known what was reached"


class ScopeSource(StrEnum):
    """Where it can be read who is affected."""

    VIEWS = "views"
    """The register of reviews: what one account of staff was shown."""
    OPENINGS = "openings"
    """The register of openings: what one account of the operating system, or one account of the pages, was given."""
    TAKEOVER = "takeover"
    """One account, which a stranger came into."""
    NOWHERE = "nowhere"
    """No register says it."""


class TakeoverSign(StrEnum):
    """By what it is known that a stranger came into an account."""

    STOPPED = "stopped"
    """The owner removed, by the letter, a way to confirm that was added."""
    SAID = "said"
    """The owner said of a login or a change: that was not me."""
    SPRAYED = "sprayed"
    """A source of an attack on many accounts came in."""


class IncidentFact(StrEnum):
    """What people did about an incident, or found out."""

    STATUTE = "a law asks for a notice"
    """It is covered then, however few accounts are affected."""
    GOVERNMENT_TOLD = "a government body was told"
    NO_NOTICE = "it was decided that no notice is needed"
    COUNTED = "affected accounts were counted otherwise"
    """With the number. It counts where it is more than the registers say."""
    ENDED = "the access was ended"
    COMPLETED = "the response was completed"
    REPORTED = "the report was handed in"
    PEOPLE_TOLD = "affected people were told"
    ASSESSED = "the risk was assessed again"
    TESTED = "safeguards were tested again"
    PRODUCTS_TESTED = "networks and products were tested again"


class IncidentVerdict(StrEnum):
    """How a person closes an incident."""

    SETTLED = "settled"
    """What is owed was done."""
    NONE = "no incident"
    """It turned out to be none."""
    KEYS_SAFE = "keys safe"
    """Only sealed data were reached, and the keys were not: such an incident is not covered."""


@tagged("IncidentScope")
@dataclass(frozen=True)
class IncidentScope:
    """One part of what an incident reaches."""

    source: ScopeSource
    who: str
    """The account whose acts, or into which; empty for :attr:`ScopeSource.NOWHERE`."""
    since: datetime
    until: datetime
    """Before this instant."""
    because: str = ""
    """The id of a finding; a :class:`TakeoverSign`; empty where a person entered it."""


@tagged("IncidentOpened")
@dataclass(frozen=True)
class IncidentOpened:
    """An incident was entered by a person, or found."""

    at: datetime
    incident: str
    """Its id: 16 hex digits."""
    kind: IncidentKind
    cause: str
    """The same for incidents of one cause, whose accounts count together."""
    began: datetime
    discovered: datetime
    what: tuple[IncidentWord, ...]
    scopes: tuple[IncidentScope, ...]
    by: str
    """The account of staff, or of the operating system; ``findings`` or ``accounts`` where it was found."""
    reference: str
    """The key of the ticket that says more; empty where it was found."""


@tagged("IncidentGrew")
@dataclass(frozen=True)
class IncidentGrew:
    """More of it came to light. What people judged before does not count any more."""

    at: datetime
    incident: str
    scopes: tuple[IncidentScope, ...]
    by: str
    reference: str


@tagged("IncidentJoined")
@dataclass(frozen=True)
class IncidentJoined:
    """It turned out to be a part of another one, which goes on with both."""

    at: datetime
    incident: str
    into: str
    by: str
    reference: str


@tagged("IncidentCounted")
@dataclass(frozen=True)
class IncidentCounted:
    """Affected accounts were counted."""

    at: datetime
    incident: str
    accounts: int
    people: int
    """People whose recordings were seen; of a taken account, those in whose families it was."""
    could_not: tuple[str, ...]
    """Why the number is at least so many, or cannot be told; empty where it is exact."""
    digest: str
    """Hex SHA-256 of the list of accounts, sorted, one a line."""
    read: Mapping[str, int]
    """Register -> how many of its events were there: what the count can be made anew from."""


@tagged("IncidentStated")
@dataclass(frozen=True)
class IncidentStated:
    """A person entered what was done or found out."""

    at: datetime
    incident: str
    fact: IncidentFact
    on: datetime
    """When that was."""
    number: int
    """Of accounts, for :attr:`IncidentFact.COUNTED`; else 0."""
    by: str
    reference: str
    document: str
    """Hex SHA-256 of the paper; empty without one."""


@tagged("IncidentDecided")
@dataclass(frozen=True)
class IncidentDecided:
    """A person judged that it can be closed. It is closed once two people judge alike."""

    at: datetime
    incident: str
    account: str
    """The account of staff; ``approver:`` and the name of an approver of the map, who signed."""
    verdict: IncidentVerdict
    reference: str
    signed: str
    """Base64 of the approver's Ed25519 signature; empty for staff, whom the keeper knows by their login."""


@tagged("IncidentsCommitted")
@dataclass(frozen=True)
class IncidentsCommitted:
    """Commit point of an entry in the transparency log: it commits to every event of this register since the last one of these.

    The leaf of an event is salted, as those of the register of reviews are.
    """

    at: datetime
    number: int
    """From 0 without gaps."""
    first: int
    """The position of the first event that it commits to."""
    count: int
    salt: str
    """Hex, 32 random bytes."""
    root: str
    """Hex: the Merkle root of the salted leaves."""
    log_size: int
    """Size of the log before: where to look for the entry after a crash."""


@tagged("IncidentsLogged")
@dataclass(frozen=True)
class IncidentsLogged:
    """The entry is in the log under a published checkpoint."""

    at: datetime
    number: int
    index: int
    size: int
    root: str


IncidentEvent: TypeAlias = (
    IncidentOpened
    | IncidentGrew
    | IncidentJoined
    | IncidentCounted
    | IncidentStated
    | IncidentDecided
    | IncidentsCommitted
    | IncidentsLogged
)
