"""The doors of the clerk, as the pages and the API hold them."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.ports.families.app_door import AppDoor
from expunge.ports.families.family_door import FamilyDoor


@dataclass(frozen=True)
class FamilyDoors:
    """One door for each thing that pages ask the clerk for."""

    families: FamilyDoor
    apps: AppDoor
    """The company's app, which asks for its customers."""
