"""The doors of the clerk, as the pages and the API hold them."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.ports.families.app_door import AppDoor
from expunge.ports.families.deletion_door import DeletionDoor
from expunge.ports.families.export_door import ExportDoor
from expunge.ports.families.family_door import FamilyDoor
from expunge.ports.families.guardian_door import GuardianDoor
from expunge.ports.families.held_door import HeldDoor
from expunge.ports.families.order_door import OrderDoor, ReceiptDoor
from expunge.ports.families.recording_door import RecordingDoor
from expunge.ports.families.review_door import FamilyReviewDoor
from expunge.ports.families.stopping_door import StoppingDoor
from expunge.ports.review.desk_door import DeskDoor
from expunge.ports.review.incident_door import IncidentDoor
from expunge.ports.review.order_desk import OrderDeskDoor


@dataclass(frozen=True)
class FamilyDoors:
    """One door for each thing that pages ask the clerk for."""

    families: FamilyDoor
    apps: AppDoor
    """The company's app, which asks for its customers."""
    exports: ExportDoor
    held: HeldDoor
    deletions: DeletionDoor
    stopping: StoppingDoor
    recordings: RecordingDoor
    orders: OrderDoor
    receipts: ReceiptDoor
    guardians: GuardianDoor
    reviews: FamilyReviewDoor
    """Its word about requests of staff to see a recording."""
    desk: DeskDoor
    """The review desk, which pages of staff ask for."""
    incidents: IncidentDoor
    """Incidents, which pages of staff ask for."""
    order_desk: OrderDeskDoor
    """Orders, as pages of staff ask for them."""
