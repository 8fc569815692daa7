"""The doors of the clerk, as the pages hold them."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.ports.families.export_door import ExportDoor
from expunge.ports.families.family_door import FamilyDoor


@dataclass(frozen=True)
class FamilyDoors:
    """One door for each thing that pages ask the clerk for."""

    families: FamilyDoor
    exports: ExportDoor
