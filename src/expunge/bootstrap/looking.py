"""What can be asked of an installation without changing anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from expunge.core.copy import Finding
from expunge.core.datamap import DataMap
from expunge.core.ids import OrderId
from expunge.core.run import Run
from expunge.engine import approving, checking, holding, intake, queueing, receipts, recording, residue, resolving
from expunge.engine.context import Context
from expunge.engine.locating import Located, Told, locate
from expunge.engine.receipts import Issued
from expunge.engine.resolving import Resolved
from expunge.errors import Misconfigured


class Looking:
    """The verbs that look."""

    map: DataMap
    context: Context

    @property
    def state(self) -> Path:
        """The state folder."""
        return Path(self.map.state)

    def check(self) -> tuple[Finding, ...]:
        """Open every store and compare it with the map; compare the map with what pipelines were seen to do."""
        return checking.check_all(self.context)

    def resolve(self, name: str, *, whole: bool = False) -> Resolved:
        """Who is meant by a name; see :func:`expunge.engine.resolving.resolve`."""
        return resolving.resolve(self.context, name, whole=whole)

    def resolve_all(self, names: Sequence[str]) -> list[Resolved]:
        """Who is meant by each of many names, with one look at the stores."""
        return resolving.resolve_all(self.context, names)

    def candidates(self, name: str) -> tuple[tuple[str, str], ...]:
        """Every (kind, id) that a name can mean: for the operator's terminal only."""
        return resolving.candidates(self.context, name)

    def locate(self, people: Sequence[Resolved], told: Told | None = None) -> Located:
        """What every dataset holds about people; ``told`` learns of each dataset as soon as it has been looked through."""
        persons = [each.person for each in people]
        return locate(self.context, persons, holding.binding_on(self.context, persons), told=told)

    def contact(self, order: OrderId) -> str:
        """The address that notices of the order go to, unsealed. Raises UsageError where none was given or its end date has come."""
        return intake.contact(self.context, order)

    def approval_message(self, order: OrderId) -> bytes:
        """The bytes that an approver signs for the order's current plan."""
        run = self.status(order)
        if run.plan is None:
            message = "the order has no plan yet"
            raise Misconfigured(message, help=f"run `expunge plan {order}`")
        return approving.message(order, run.plan.digest)

    def queued(self) -> tuple[Run, ...]:
        """The orders that wait for others, oldest first."""
        return queueing.waiting(self.context)

    def status(self, order: OrderId) -> Run:
        """One order."""
        return recording.Recorder(self.context.journal, self.context.clock, order).run

    def orders(self) -> tuple[Run, ...]:
        """All orders, oldest first."""
        return tuple(each.run for each in recording.read_all(self.context.journal, self.context.clock))

    def residue(self, order: OrderId) -> tuple[residue.Place, ...]:
        """Where the last look found residue: for the operator's terminal."""
        return residue.places(self.context, order)

    def receipts(self, order: OrderId) -> tuple[Issued, ...]:
        """Every receipt issued for an order, oldest first."""
        return receipts.issued(self.context, order)

    def receipt_folder(self, order: OrderId, number: int = 1) -> dict[str, bytes]:
        """The files of the receipt that holds for the n-th person of an order: name -> bytes."""
        return receipts.folder(self.context, receipts.latest(self.status(order), number))

    def trust_policy(self) -> str:
        """The trust policy that goes with receipts signed now."""
        return self.context.trust_policy()
