"""The queries on an installation. They change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from expunge.adapters.log.tile_log import TileLog
from expunge.bootstrap.open_state import witnesses_of
from expunge.core.datamap.datamap import DataMap
from expunge.core.log import own_policies
from expunge.core.orders.run import Run
from expunge.core.values.copy import Finding
from expunge.core.values.ids import OrderId
from expunge.engine.kernel import journal_streams
from expunge.engine.kernel.context import Context
from expunge.errors import Misconfigured, UsageError
from expunge.ports.keys import InstallationKeys

if TYPE_CHECKING:
    from expunge.core.journal.recipient_ledger import Instruction
    from expunge.engine.evidence import residue_places
    from expunge.engine.execution.issued_receipts import IssuedReceipt
    from expunge.engine.intake.earlier_orders import EarlierOrder
    from expunge.engine.subjects.locating import LocatedCopies, Told
    from expunge.engine.subjects.resolving import ResolvedName


class Queries:
    """The verbs that look."""

    map: DataMap
    context: Context
    _keys: InstallationKeys

    @property
    def state(self) -> Path:
        """The state folder."""
        return Path(self.map.state)

    def check(self) -> tuple[Finding, ...]:
        """Open every store and compare it with the map; compare the map with observed lineage; look for rights of staff that lapse."""
        from expunge.engine.accounts import staff_review
        from expunge.engine.retention import map_check

        return (*map_check.check_all(self.context), *staff_review.findings(self.context))

    def resolve(self, name: str, *, whole: bool = False) -> ResolvedName:
        """Return the person that a name means; see :func:`expunge.engine.subjects.resolving.resolve`."""
        from expunge.engine.subjects import resolving

        return resolving.resolve(self.context, name, whole=whole)

    def resolve_all(self, names: Sequence[str], *, whole: bool = False) -> list[ResolvedName]:
        """Return the person that each of many names means, with one look at the stores."""
        from expunge.engine.subjects import resolving

        return resolving.resolve_all(self.context, names, whole=whole)

    def candidates(self, name: str) -> tuple[tuple[str, str], ...]:
        """Every (kind, id) that a name can mean: for the operator's terminal only."""
        from expunge.engine.subjects import resolving

        return resolving.candidates(self.context, name)

    def locate(self, people: Sequence[ResolvedName], told: Told | None = None) -> LocatedCopies:
        """Return the copies of people in every dataset. ``told`` is called for each dataset as soon as it has been looked through."""
        from expunge.engine.subjects import hold_register
        from expunge.engine.subjects.locating import locate

        persons = [person.person for person in people]
        return locate(self.context, persons, hold_register.binding_on(self.context, persons), told=told)

    def earlier_orders(self, people: Sequence[ResolvedName]) -> tuple[EarlierOrder, ...]:
        """Return the orders for people that stand, oldest first: another one may be needless."""
        from expunge.engine.intake import earlier_orders

        return earlier_orders.earlier(self.context, [person.person for person in people])

    def contact(self, order: OrderId) -> str:
        """The address that notices of the order go to, unsealed. Raises UsageError where none was given or its end date has come."""
        from expunge.engine.intake import person_orders

        return person_orders.contact(self.context, order)

    def approval_message(self, order: OrderId) -> bytes:
        """The bytes that an approver signs for the order's current plan."""
        from expunge.engine.consent import approving

        run = self.status(order)
        if run.plan is None:
            message = "the order has no plan yet"
            raise Misconfigured(message, help=f"run `expunge plan {order}`")
        return approving.message(order, run.plan)

    def queued(self) -> tuple[Run, ...]:
        """The orders that wait for others, oldest first."""
        from expunge.engine.execution import queueing

        return queueing.waiting(self.context)

    def status(self, order: OrderId) -> Run:
        """Return the state of one order."""
        return journal_streams.Recorder(self.context.journal, self.context.clock, order).run

    def orders(self) -> tuple[Run, ...]:
        """All orders, oldest first."""
        return tuple(each.run for each in journal_streams.read_all(self.context.journal, self.context.clock))

    def to_carry(self) -> tuple[tuple[Instruction, str], ...]:
        """Return the instructions to recipients that a person has to carry, each with how that is done."""
        from expunge.engine.recipients import instruction_ledger

        return instruction_ledger.to_carry(self.context)

    def residue(self, order: OrderId) -> tuple[residue_places.ResiduePlace, ...]:
        """Return the places where the last look found residue, for the operator's terminal."""
        from expunge.engine.evidence import residue_places

        return residue_places.places(self.context, order)

    def residue_groups(self, order: OrderId) -> tuple[residue_places.ResidueGroup, ...]:
        """Return where the last look found residue, by store, file and table, for the operator's terminal."""
        from expunge.engine.evidence import residue_places

        return residue_places.groups(self.context, order)

    def receipts(self, order: OrderId) -> tuple[IssuedReceipt, ...]:
        """Every receipt issued for an order, oldest first."""
        from expunge.engine.execution import issued_receipts

        return issued_receipts.issued(self.context, order)

    def receipt_folder(self, order: OrderId, number: int = 1) -> dict[str, bytes]:
        """The files of the receipt that holds for the n-th person of an order: name -> bytes."""
        from expunge.engine.execution import issued_receipts

        return issued_receipts.folder(self.context, issued_receipts.latest(self.status(order), number))

    def trust_policy(self) -> str:
        """The trust policy that goes with receipts signed now."""
        return self.context.trust_policy()

    def published_policy(self) -> str:
        """The trust policy to publish: every key so far, since when it counts, and the witnesses with the quorum of the map."""
        found = witnesses_of(self.map.witnesses, self.context.clock.now)
        policy = found.policy if found else None
        return own_policies.published_policy(self.context.log.origin, self._keys.signer_starts(), self._keys.log_starts(), policy)

    def cosign_log(self) -> tuple[str, ...]:
        """Ask the witnesses anew for the log's head, and publish it; why witnesses did not cosign, as sentences.

        Raises UsageError where the map names none; NotWitnessed, Busy, StateRolledBack as the log does.
        """
        if self.map.witnesses is None:
            message = "the map names no witnesses"
            raise UsageError(message, help="add a section `witnesses` to it")
        log = self.context.log
        log.head()
        return log.cosign() if isinstance(log, TileLog) else ()
