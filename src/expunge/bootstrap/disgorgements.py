"""The service for orders of destruction: the data to destroy, and the deleted data that must not enter new products."""

from __future__ import annotations

from pathlib import Path

from expunge.bootstrap.service import DomainService
from expunge.core.disgorgement.disgorgement import Disgorgement
from expunge.core.disgorgement.disgorgement_events import DisgorgementState, ItemExcepted
from expunge.engine.destruction import disgorgement_orders, forward_check, limb_examination, statement_draft
from expunge.engine.destruction.forward_check import ForwardVerdict
from expunge.engine.destruction.limb_examination import LimbExamination
from expunge.engine.destruction.statement_draft import StatementFiles
from expunge.maps.destruction import read_order


class DisgorgementService(DomainService):
    """Read, preview, enter, decide, except; see :mod:`expunge.engine.destruction.disgorgement_orders` for the errors of each."""

    def read(self, path: Path) -> Disgorgement:
        """An order from its file. Raises OrderFaults with everything that is wrong in it."""
        return read_order(path)

    def preview(self, order: Disgorgement) -> tuple[LimbExamination, ...]:
        """Return the data that each limb takes here, now; changes nothing."""
        return limb_examination.examine(self.context, order)

    def look(self, name: str) -> tuple[LimbExamination, ...]:
        """Preview an order that was entered, with the decisions and exceptions since; changes nothing."""
        known = self.standing(name)
        return limb_examination.examine(self.context, known.order, known)

    def enter(self, order: Disgorgement, by: str = "") -> DisgorgementState:
        """Enter an order and make orders to erase of its limbs."""
        with self.alone():
            return disgorgement_orders.enter(self.context, order, by)

    def again(self, name: str) -> DisgorgementState:
        """Make orders of data that has come to light since, or may stay no longer."""
        with self.alone():
            return disgorgement_orders.again(self.context, name)

    def standing(self, name: str) -> DisgorgementState:
        """Return the state of one order."""
        return disgorgement_orders.standing(self.context, name)

    def standings(self) -> dict[str, DisgorgementState]:
        """Every order that was entered, by id, oldest first."""
        return disgorgement_orders.standings(self.context)

    def decide(self, name: str, item: str, *, tainted: bool, by: str, reason: str) -> DisgorgementState:
        """Enter an operator's decision about an artefact of unknown origin."""
        with self.changing():
            return disgorgement_orders.decide(self.context, name, item, tainted=tainted, by=by, reason=reason)

    def check_claim(self, wanted: ItemExcepted) -> None:
        """Raise unless an exception may be claimed."""
        disgorgement_orders.check_claim(self.context, wanted)

    def except_item(self, wanted: ItemExcepted, signed: str) -> DisgorgementState:
        """Enter an exception with its signature."""
        with self.changing():
            return disgorgement_orders.except_item(self.context, wanted, signed)

    def forward(self, name: str) -> tuple[ForwardVerdict, ...]:
        """Check whether deleted data has entered any product made since, for the limbs that look forward."""
        return forward_check.check(self.context, self.standing(name))

    def statement(self, name: str) -> StatementFiles:
        """Draft the sworn statement; refused while anything is failed, unknown or still there."""
        with self.alone():
            return statement_draft.draft(self.context, name)
