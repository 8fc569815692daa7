"""The cause of an order, as a value. Code decides by its type, never by its words.

Only Expunge itself makes :class:`ByWithdrawal`, :class:`ByDisgorgement`, :class:`ByRetention`, :class:`ByOwnPeriod`,
:class:`ByInactivity` and :class:`Reappeared`.
People and programs enter the causes in :data:`Entered`. Text in a cause is for readers. No decision depends on it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TypeAlias

from expunge.core.values import codec
from expunge.core.values.canonical import Json
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderKind
from expunge.core.values.tags import tagged
from expunge.errors import UsageError

BY_THE_OPERATOR = "by the operator"
"""How identity was established, where the request says no more."""


@tagged("OnRequest")
@dataclass(frozen=True)
class OnRequest:
    """The people of the order asked for it, themselves or through another person who needs no proof."""

    identified: str = BY_THE_OPERATOR
    """How their identity was established, in the operator's words; no identifier."""


@tagged("ByGuardian")
@dataclass(frozen=True)
class ByGuardian:
    """A guardian asked, on the authority of a proof. The order stops when that authority ends before anything was erased."""

    proof: str
    """``grd-`` and 16 hex digits."""
    identified: str = ""
    """How it was established that the guardian asked, in the operator's words; empty in orders of older versions."""


@tagged("ByWithdrawal")
@dataclass(frozen=True)
class ByWithdrawal:
    """A consent was withdrawn, and no other purpose has a ground to keep the data used for it."""

    withdrawal: OrderId
    """``wdr-`` and 16 hex digits."""


@tagged("ByDisgorgement")
@dataclass(frozen=True)
class ByDisgorgement:
    """A limb of an order of destruction takes these items."""

    disgorgement: str
    """``dis-`` and 16 hex digits."""
    limb: str
    """Name in the order; empty in orders of older versions, of which the register ``disgorgements`` knows the limb."""


@tagged("ByRetention")
@dataclass(frozen=True)
class ByRetention:
    """Items have outlived the period of a retention schedule."""

    schedules: tuple[str, ...]
    """Names of the map, sorted; none in orders of older versions, whose scope names them."""


@tagged("ByOwnPeriod")
@dataclass(frozen=True)
class ByOwnPeriod:
    """Items of one person have outlived the keeping time that the family chose for their kind."""

    kinds: tuple[str, ...]
    """Kinds of data (:class:`expunge.core.datamap.artefact.DataKind`), sorted."""


@tagged("ByInactivity")
@dataclass(frozen=True)
class ByInactivity:
    """A profile was not used for the map's period, and was not kept in time."""

    identity: str
    """Kind of identity whose ``inactive_after`` has passed; empty in orders of older versions."""


@tagged("Reappeared")
@dataclass(frozen=True)
class Reappeared:
    """Data of an earlier order reappeared. This order follows that one."""

    withdrawal: OrderId | None = None
    """The withdrawal that had taken it; None where the earlier order suppresses its people."""


@tagged("ByRule")
@dataclass(frozen=True)
class ByRule:
    """A program's own rule about a class of items."""

    rule: str
    """In words, for readers."""


Entered: TypeAlias = OnRequest | ByGuardian | ByRule
"""What may come from outside."""
Cause: TypeAlias = OnRequest | ByGuardian | ByWithdrawal | ByDisgorgement | ByRetention | ByOwnPeriod | ByInactivity | Reappeared | ByRule


# --- words that look like more than words -------------------------------------------------------------------

_NAMED = re.compile(r"(?<![a-z0-9])(grd|wdr|dis)[^a-z0-9]{1,3}[0-9a-f]{4}")
_GUARDIAN_FIRST = re.compile(r"[^a-z0-9]*(?:by )?(?:the |a )?guardian(?![a-z])")
_INSTEAD = {
    "grd": (
        "it speaks of a guardian's authority, which words cannot give",
        "name the proof: --guardian grd-... (guardian= in Python), as `expunge guardian list NAME` shows it; else say it in other words",
    ),
    "wdr": (
        "it names a withdrawal, whose order Expunge makes itself",
        "`expunge consent withdraw NAME --purpose PURPOSE` makes it; after a crash the next command does",
    ),
    "dis": (
        "it names an order of destruction, whose orders Expunge makes itself",
        "`expunge order disgorge FILE` or `expunge order disgorge --again dis-...` makes them",
    ),
}


def check_words(words: str) -> None:
    """Raise UsageError for words that look like an authority: the operator would rely on a check that words do not bring about."""
    spaced = " ".join(unicodedata.normalize("NFKD", words).casefold().split())
    # Without marks: among them are some that nobody sees, such as the variation selectors.
    plain = "".join(letter for letter in spaced if letter.isprintable() and not unicodedata.category(letter).startswith("M"))
    named = _NAMED.search(plain)
    claimed = named[1] if named else "grd" if _GUARDIAN_FIRST.match(plain) else None
    if claimed is not None:
        why, instead = _INSTEAD[claimed]
        message = f"this is no description of how identity was established: {why}"
        raise UsageError(message, help=instead)


# --- the form before ----------------------------------------------------------------------------------------

_GUARDIAN = "guardian "
_WITHDRAWAL = re.compile(r"withdrawal (wdr-[0-9a-f]{16})(, seen again by a later look)?")
_DISGORGEMENT = re.compile(r"(dis-[0-9a-f]{16}): ")
_RETENTION = "by the retention schedule of the map"
_INACTIVITY = "by the inactivity rule of the map"
_SUPPRESSED = "suppressed since an earlier order"


def cause_from_words(fields: dict[str, Json]) -> dict[str, Json]:
    """Convert a stored ``Received`` to its present form. Older forms give the order's cause in words, ``attested``.

    Raises TypeError or ValueError for fields that were never a form of it.
    """
    if "attested" not in fields:
        return fields
    words, kind, follows = fields.pop("attested"), fields.get("kind"), fields.get("follows")
    if not isinstance(words, str) or not isinstance(kind, str) or not isinstance(follows, str | None) or "cause" in fields:
        message = "not a form of Received"
        raise TypeError(message)
    cause = _from_words(OrderKind(kind), words, None if follows is None else OrderId(follows))
    return {**fields, "cause": codec.to_json(cause)}


def _from_words(kind: OrderKind, words: str, follows: OrderId | None) -> Cause:
    """The cause that words mean, as the versions that wrote them read them: by exact spelling.

    What stands for a withdrawal or an order of destruction counts in orders of that kind alone: only there Expunge wrote it itself.
    """
    if kind in (OrderKind.ERASURE, OrderKind.WITHDRAWAL) and words.startswith(_GUARDIAN):
        return ByGuardian(words.removeprefix(_GUARDIAN))
    match kind:
        case OrderKind.ERASURE:
            return Reappeared() if words == _SUPPRESSED and follows is not None else OnRequest(words)
        case OrderKind.WITHDRAWAL:
            named = _WITHDRAWAL.fullmatch(words)
            if named is None:
                return OnRequest(words)
            withdrawal = OrderId(named[1])
            return Reappeared(withdrawal) if named[2] else ByWithdrawal(withdrawal)
        case OrderKind.DISGORGEMENT:
            entered = _DISGORGEMENT.match(words)
            return ByDisgorgement(entered[1], "") if entered else ByRule(words)
        case OrderKind.EXPIRY:
            return ByRetention(()) if words == _RETENTION else ByRule(words)
        case OrderKind.INACTIVITY:
            return ByInactivity("") if words == _INACTIVITY else ByRule(words)
