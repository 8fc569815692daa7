"""The register of staff (register ``staff``): who may do what, in which job function, as decided by whom.

No event holds a name or an address of a person. An account is a random id with a label, which the operator chooses and which names a desk
or a duty. Days of use are kept, and no times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.accounts.staff import JobFunction, StaffRight
from expunge.core.values.tags import tagged


class StaffReason(StrEnum):
    """The reason of a decision about rights. The list is closed, so that none says something of a person."""

    NEEDED = "needed"
    """The job function needs it."""
    UNUSED = "unused"
    """It was not used."""
    MOVED = "moved"
    """The person has another job function now."""
    LEFT = "left"
    """The person works here no longer."""
    AWAY = "away"
    """The person is away for a time."""
    BACK = "back"
    """The person is back, or what was wrong is mended."""
    INCIDENT = "incident"
    """An incident is looked into."""
    MISTAKE = "mistake"
    """It was granted or revoked by mistake."""


class AccessMethod(StrEnum):
    """A way to log in that stands in for one that cannot be phished, where the programme head has said in writing that it is as good."""

    TOTP = "totp"
    """A password and a time-based code."""
    CERTIFICATE = "certificate"
    """A certificate of the device, and a password."""
    PROVIDER = "provider"
    """The login of an identity provider of the company."""


@tagged("ByStaff")
@dataclass(frozen=True)
class ByStaff:
    """An account of staff decided."""

    account: str


@tagged("ByMachineUser")
@dataclass(frozen=True)
class ByMachineUser:
    """An account of the operating system decided, at the command line of the installation."""

    name: str


StaffActor: TypeAlias = ByStaff | ByMachineUser


@tagged("StaffInvited")
@dataclass(frozen=True)
class StaffInvited:
    """An account was made for a person, who enrols with a link that works once."""

    at: datetime
    account: str
    """A random UUID."""
    label: str
    """What the operator calls the account; no person."""
    function: JobFunction
    rights: tuple[StaffRight, ...]
    """What the person has from enrolment on."""
    by: StaffActor
    digest: str
    """Hex SHA-256 of the secret of the link."""
    until: datetime
    user: str
    """The same person's account of the operating system, where there is one: neither decides for the other."""
    first: bool
    """Whether it is for the first administrator. A later one takes its place, and it ends when a person is enrolled."""


@tagged("InvitationWithdrawn")
@dataclass(frozen=True)
class InvitationWithdrawn:
    """A link that was not used opens nothing any more."""

    at: datetime
    account: str
    by: StaffActor


@tagged("StaffEnrolled")
@dataclass(frozen=True)
class StaffEnrolled:
    """The person used the link."""

    at: datetime
    account: str
    claim: str
    """Hex SHA-256 of what the caller calls this use of the link: the same call again is the same use."""
    keyed: bool = False
    """Whether the person enrols a passkey with it. Then the account has no right before another person has confirmed that passkey."""


@tagged("StaffKeysConfirmed")
@dataclass(frozen=True)
class StaffKeysConfirmed:
    """Another person compared the passkeys of an account with what its holder read out."""

    at: datetime
    account: str
    fingerprints: tuple[str, ...]
    """Of all passkeys that the account had; see :func:`expunge.core.accounts.fingerprints.fingerprint`."""
    by: StaffActor


@tagged("RightsChanged")
@dataclass(frozen=True)
class RightsChanged:
    """Rights were granted, or revoked."""

    at: datetime
    account: str
    function: JobFunction
    rights: tuple[StaffRight, ...]
    granted: bool
    by: StaffActor
    reason: StaffReason
    reference: str
    """A ticket of the operator's, such as ``HR-1042``; empty where there is none."""


@tagged("StaffSuspended")
@dataclass(frozen=True)
class StaffSuspended:
    """An account may do nothing until it is restored."""

    at: datetime
    account: str
    by: StaffActor
    reason: StaffReason
    reference: str


@tagged("StaffRestored")
@dataclass(frozen=True)
class StaffRestored:
    """An account that was suspended, or idle for too long, may do again what it has rights for."""

    at: datetime
    account: str
    by: StaffActor
    reason: StaffReason
    reference: str


@tagged("RightsConfirmed")
@dataclass(frozen=True)
class RightsConfirmed:
    """Rights were held against the job function by a person who does not hold them. Sources: RNG III.E.4(d), AMZ VI.E.6."""

    at: datetime
    account: str
    function: JobFunction
    kept: tuple[StaffRight, ...]
    revoked: tuple[StaffRight, ...]
    by: StaffActor
    reason: StaffReason
    reference: str


@tagged("EquivalenceRecorded")
@dataclass(frozen=True)
class EquivalenceRecorded:
    """The programme head said in writing why another way to log in is as good as a second factor that cannot be phished.

    Source: RNG III.E.4(b).
    """

    at: datetime
    account: str
    method: AccessMethod
    digest: str
    """Hex SHA-256 of the written explanation."""
    reference: str
    """Where the explanation is kept, by the operator's name for the document."""
    until: datetime
    approver: str
    """The name of the signer in the map."""
    signature: str
    """Base64 Ed25519."""


@tagged("EquivalenceEnded")
@dataclass(frozen=True)
class EquivalenceEnded:
    """An equivalence was ended before its date."""

    at: datetime
    account: str
    by: StaffActor


@tagged("RightUsed")
@dataclass(frozen=True)
class RightUsed:
    """A right was used on this day, once or often."""

    at: datetime
    """Midnight of the day, in UTC."""
    account: str
    right: StaffRight


@tagged("StaffSeen")
@dataclass(frozen=True)
class StaffSeen:
    """The person was logged in on this day."""

    at: datetime
    """Midnight of the day, in UTC."""
    account: str


StaffEvent: TypeAlias = (
    StaffInvited
    | InvitationWithdrawn
    | StaffEnrolled
    | StaffKeysConfirmed
    | RightsChanged
    | StaffSuspended
    | StaffRestored
    | RightsConfirmed
    | EquivalenceRecorded
    | EquivalenceEnded
    | RightUsed
    | StaffSeen
)
