"""The consent board: what a family may stop, one switch for each purpose of the map, with the text and the history of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from expunge.core.consent.consent import ConsentReason
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.purposes import Ground, Use

GROUPS: tuple[tuple[Use, ...], ...] = (
    (Use.COLLECTION,),
    (Use.REVIEW,),
    (Use.TRAINING,),
    (Use.DISCLOSURE, Use.TRAINING_BY_OTHERS),
)
"""The four groups of the board, in its order; the first use of each names it."""


class Speaker(StrEnum):
    """The one who agreed or withdrew, as one account is told."""

    YOU = "you"
    ANOTHER_ACCOUNT = "another account"
    GUARDIAN = "a guardian"
    """By a proof of authority, in the app or by paper."""
    PERSON = "the person"


@dataclass(frozen=True)
class BoardEntry:
    """One line of a purpose's history."""

    at: datetime
    given: bool
    by: Speaker
    method: str = ""
    """How it was established who agreed; empty for a withdrawal."""
    version: str = ""
    """Of the text that was agreed to; empty for a withdrawal."""


@dataclass(frozen=True)
class Consequence:
    """What becomes of one kind of data when a consent is withdrawn."""

    kind: DataKind
    act: EraseAct


@dataclass(frozen=True)
class GateSays:
    """The gate's answer about a person and a purpose, as it was read back from the gate's own snapshot."""

    allowed: bool
    as_of: datetime | None
    """When the snapshot was published; None where there is none that can be relied on."""


@dataclass(frozen=True)
class BoardRecipient:
    """A third party that gets data for a purpose."""

    name: str
    gets: tuple[DataKind, ...] = ()
    """Kinds of data, where the map says them."""
    open: bool = True
    """False while nothing more is handed to it: it owes a confirmation or an assurance."""


@dataclass(frozen=True)
class BoardSwitch:
    """One purpose of the map, for one person."""

    purpose: str
    description: str
    use: Use
    needs: Ground
    why: ConsentReason
    """Why it is allowed now, or is not."""
    kinds: tuple[DataKind, ...]
    """Kinds of data that are used for it."""
    can_stop: bool
    """A consent was given and not withdrawn."""
    version: str = ""
    """Of the text: the one that was agreed to, else the one that would be shown now."""
    text: str = ""
    """Its words; empty where nobody is asked, or where it cannot be read."""
    follows: tuple[Consequence, ...] = ()
    """What a withdrawal takes away: nothing else has a ground to keep it."""
    learnt: tuple[DataKind, ...] = ()
    """What learnt from the data, and stays as it is after a withdrawal."""
    recipients: tuple[BoardRecipient, ...] = ()
    history: tuple[BoardEntry, ...] = ()
    """Oldest first."""
    stopped_by_another: bool = False
    """The last word is the withdrawal of another account."""
    no_binds: bool = False
    """That account is a guardian by a proof that is in force: no other guardian's consent counts before its own."""
    order: str = ""
    """Of the last word, where it is a withdrawal: the order that erases what nothing else has a ground to keep."""
    gate: GateSays | None = field(default=None)
    """None where nobody looked."""

    @property
    def allowed(self) -> bool:
        """True when the purpose has a ground; data without one is not used for it."""
        return self.why in (ConsentReason.AGREED, ConsentReason.OTHER_GROUND)


@dataclass(frozen=True)
class Stopped:
    """What a withdrawal came to."""

    purpose: str
    at: datetime
    """When it was written down."""
    gate: GateSays
    order: str = ""
    """Of what nothing else has a ground to keep; empty where nothing goes, or where the order is still to be made."""
    owed: bool = False
    """True where an order is still to be made."""

    @property
    def in_force(self) -> bool:
        """True when the gate refuses: programs that ask it are refused from :attr:`GateSays.as_of` on."""
        return not self.gate.allowed
