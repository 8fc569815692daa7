"""The port of deletions: preview, order, status, and calling off.

As with :mod:`expunge.ports.families.family_door`, each verb looks the membership up. A selection that names items, or a stretch of time,
takes an opening of the session. Everything takes a permit of its own, whose ask names the preview that the person saw. To call an order
off takes one as well: it keeps data that a family wanted gone.

Each verb raises ClerkAway, StateUnavailable, UsageError for malformed arguments and NotPermitted without a membership, and those that look
through stores CouldNotLook and StoreUnavailable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from expunge.core.accounts.asks import Ask
from expunge.core.families.deletion import DeletionPreview, DeletionStatus
from expunge.core.families.selection import Selection
from expunge.core.values.ids import OrderId

ORDER = "order"
"""The detail of an ask to call a deletion off: the id of the order."""
FORM, PREVIEW = "form", "preview"
"""Details of an ask to delete everything: the form that was sent, and the digest of the preview that it showed."""


@dataclass(frozen=True)
class DeletionAnswer:
    """The answer to a confirmation."""

    order: OrderId | None = None
    """The order; the same one where the form was sent before."""
    preview: DeletionPreview | None = None
    """Where what would be done is not what the person saw: how it is now. Then nothing was done."""


class DeletionDoor(Protocol):
    """See the module."""

    def preview(self, account: UUID, family: str, session: bytes, selection: Selection) -> DeletionPreview:
        """Return what a deletion would do, computed from the plan that the order would have.

        Raises OpeningNeeded for anything but everything, where the account has not confirmed; NotResolved where nothing is held,
        NeedsApproval during a dispute of guardians.
        """
        ...

    def delete(self, account: UUID, family: str, session: bytes, selection: Selection, form: str, digest: str) -> DeletionAnswer:
        """Receive the order for items or a stretch of time.

        Args:
            account: asks.
            family: whose data.
            session: the web session, which has an opening.
            selection: anything but everything.
            form: a text drawn for one form: the same form, sent twice, makes one order.
            digest: of the preview that the person saw.

        Raises as :meth:`preview`.
        """
        ...

    def delete_everything(self, permit: str, session: bytes, ask: Ask) -> DeletionAnswer:
        """Receive the order for everything, by the permit of an ask whose details name form and preview.

        Raises as :meth:`preview`; ChallengeEnded and ProofRefused as the guard does.
        """
        ...

    def status(self, account: UUID, family: str, order: OrderId) -> DeletionStatus:
        """Return how far an order about the family has come. Raises NotPermitted where there is none of that id."""
        ...

    def under_way(self, account: UUID, family: str) -> tuple[DeletionStatus, ...]:
        """Return the orders about the family that have not ended for good, oldest first."""
        ...

    def call_off(self, permit: str, session: bytes, ask: Ask) -> DeletionStatus:
        """Cancel an order before anything was erased, by the permit of an ask whose details name the order. Safe to repeat.

        Raises IllegalTransition once something was, or may have been; ChallengeEnded and ProofRefused as the guard does.
        """
        ...
