"""One measured number, beside the number it is compared with from the same run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Result:
    """One row of the table.

    ``ours`` and ``other`` are in ``unit``; ``other`` is what somebody else's way of doing the same took here and now, None where there
    is nothing to compare with. ``target`` bounds ``of`` (our number or the ratio ours / other) from the side that ``better`` names.
    """

    name: str
    ours: float
    unit: str
    other: float | None = None
    other_name: str = ""
    target: float | None = None
    of: Literal["ours", "ratio"] = "ours"
    better: Literal["higher", "lower"] = "higher"
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by the other's."""
        return self.ours / self.other if self.other else None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without a target, or without the ratio that it bounds."""
        value = self.ours if self.of == "ours" else self.ratio
        if self.target is None or value is None:
            return None
        return value >= self.target if self.better == "higher" else value <= self.target

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ours": self.ours,
            "other": self.other,
            "unit": self.unit,
            "ratio": self.ratio,
            "target": self.target,
            "met": self.met,
            "other_name": self.other_name,
            "target_of": self.of,
            "better": self.better,
            "note": self.note,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Result:
        return cls(
            name=row["name"],
            ours=row["ours"],
            unit=row["unit"],
            other=row["other"],
            other_name=row["other_name"],
            target=row["target"],
            of=row["target_of"],
            better=row["better"],
            note=row["note"],
        )
