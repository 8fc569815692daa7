"""A second opinion on a model that forgot, as a receipt carries it: can an attack still tell who was in the training data?

Only numbers travel here, and a verdict that has to follow from them. A *PASS* that contradicts its numbers is refused. The attack itself is
:mod:`expunge.learn.proof.membership`, or the operator's own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Protocol

from expunge.core.values.tags import tagged

WHOLE = 10_000
"""Areas under the curve are whole numbers of ten-thousandths: 5,000 is a coin's."""
_BLIND = WHOLE // 2
_NORMAL_95 = 1.959963984540054
_MOST = 1 << 53


class Opinion(StrEnum):
    """The verdict of the audit."""

    PASS = "PASS"  # noqa: S105 - no password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


@tagged("Attack")
@dataclass(frozen=True)
class AttackFigures:
    """The attack's success in telling forgotten people from people who were never learnt from; ten-thousandths."""

    auc: int
    low: int
    """Bounds of the 95 % interval."""
    high: int

    def __post_init__(self) -> None:
        _require(0 <= self.low <= self.auc <= self.high <= WHOLE, "an interval lies between 0 and 10000, around its area")

    @property
    def tells(self) -> bool:
        """True when chance lies outside the interval, on either side."""
        return not self.low <= _BLIND <= self.high


@tagged("Membership")
@dataclass(frozen=True)
class Membership:
    """The attack's success before and after, with its power and its control. Raises ValueError where it contradicts itself."""

    verdict: Opinion
    control: Opinion
    """The verdict on a forget that was skipped; anything but FAIL means that the audit could not have noticed one."""
    before: AttackFigures
    after: AttackFigures
    forgotten: int
    """How many people were to be forgotten."""
    outsiders: int
    """How many were never learnt from."""
    references: int
    """Models that never had them, which the attack compared with: the other shards."""
    looked_at: str = ""
    """What a person said who looked at a FAIL."""

    def __post_init__(self) -> None:
        for name in ("forgotten", "outsiders", "references"):
            _require(0 < getattr(self, name) < _MOST, f"{name} is a count from 1 on")
        _require(self.verdict is opinion(self.before, self.after), "the verdict is not what its numbers say")
        _require(self.control is opinion(self.before, self.before), "the control is not what its numbers say")
        for each in (self.before, self.after):
            half = self._narrowest()
            wide = each.auc - each.low >= min(half, each.auc) and each.high - each.auc >= min(half, WHOLE - each.auc)
            _require(wide, "an interval is narrower than so few people allow")
        _require(not self.looked_at or self.verdict is Opinion.FAIL, "only a FAIL has to be looked at")

    def _narrowest(self) -> int:
        """Half the interval that scores without any difference have (Mann and Whitney), less what rounding may take."""
        m, n = self.forgotten, self.outsiders
        return max(0, math.floor(WHOLE * _NORMAL_95 * math.sqrt((m + n + 1) / (12 * m * n))) - 1)

    @property
    def open(self) -> bool:
        """True when an attack still recognises a person and no reviewer has looked at it."""
        return self.verdict is Opinion.FAIL and not self.looked_at

    def seen(self, said: str) -> Membership:
        """Return the same with a reviewer's reason."""
        return replace(self, looked_at=said)


class AttackVerdict(Protocol):
    """An attack, in whatever figures."""

    @property
    def tells(self) -> bool:
        """True when it still tells who was in the model."""
        ...


def opinion(before: AttackVerdict, after: AttackVerdict) -> Opinion:
    """Return FAIL when the attack still tells, PASS when it told before and no longer does, else inconclusive."""
    if after.tells:
        return Opinion.FAIL
    return Opinion.PASS if before.tells else Opinion.INCONCLUSIVE


def as_report(found: Membership) -> dict[str, Any]:
    """The value of ``membership`` in the report of a command."""

    def one(each: AttackFigures) -> dict[str, int]:
        return {"auc": each.auc, "low": each.low, "high": each.high}

    return {
        "verdict": found.verdict.value,
        "control": found.control.value,
        "before": one(found.before),
        "after": one(found.after),
        "forgotten": found.forgotten,
        "outsiders": found.outsiders,
        "references": found.references,
    }


REPORTED = tuple(field.name for field in fields(Membership) if field.name != "looked_at")
"""What a command reports; whether somebody looked at it is not the command's to say."""


def read(value: object) -> Membership:
    """Read the JSON of a command's report. Raises ValueError that says which part is wrong, without quoting it."""
    if not isinstance(value, Mapping):
        raise ValueError("membership is no object")
    missing, more = set(REPORTED) - value.keys(), value.keys() - set(REPORTED)
    _require(not missing, f"membership lacks {', '.join(sorted(missing))}")
    _require(not more, f"membership has {len(more)} keys that do not belong there; it has {', '.join(REPORTED)} and no other")
    forgotten, outsiders, references = (_whole(value, name, f"membership.{name}") for name in ("forgotten", "outsiders", "references"))
    return Membership(
        _word(value, "verdict"),
        _word(value, "control"),
        _attack(value, "before"),
        _attack(value, "after"),
        forgotten,
        outsiders,
        references,
    )


def _word(value: Mapping[str, Any], name: str) -> Opinion:
    _require(value[name] in tuple(Opinion), f"membership.{name} is none of {', '.join(Opinion)}")
    return Opinion(value[name])


def _attack(value: Mapping[str, Any], name: str) -> AttackFigures:
    found = value[name]
    parts = tuple(field.name for field in fields(AttackFigures))
    _require(isinstance(found, Mapping) and set(found) == set(parts), f"membership.{name} is not an object of {', '.join(parts)}")
    try:
        return AttackFigures(*(_whole(found, part, f"membership.{name}.{part}") for part in parts))
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith("membership") else f"membership.{name}: {text}") from error


def _whole(value: Mapping[str, Any], name: str, where: str) -> int:
    found = value[name]
    _require(type(found) is int and abs(found) < _MOST, f"{where} is no whole number")
    return int(found)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)
