"""The desk of orders of destruction: what a regulator or a court wants gone, and what must not come back into anything new."""

from __future__ import annotations

from pathlib import Path

from expunge.adapters.orders import read_order
from expunge.bootstrap.desk import Desk
from expunge.core.disgorged import ItemExcepted, Standing
from expunge.core.disgorgement import Disgorgement
from expunge.engine import disgorging, examining, forwarding, swearing
from expunge.engine.examining import LimbFound
from expunge.engine.forwarding import LimbJudged
from expunge.engine.swearing import Drafted


class DisgorgementDesk(Desk):
    """Read, preview, enter, decide, except; see :mod:`expunge.engine.disgorging` for what each raises."""

    def read(self, path: Path) -> Disgorgement:
        """An order from its file. Raises OrderFaults with everything that is wrong in it."""
        return read_order(path)

    def preview(self, order: Disgorgement) -> tuple[LimbFound, ...]:
        """What each limb takes here, now; changes nothing."""
        return examining.examine(self.context, order)

    def look(self, name: str) -> tuple[LimbFound, ...]:
        """The same for an order that was entered, with what was decided and excepted since; changes nothing."""
        known = self.standing(name)
        return examining.examine(self.context, known.order, known)

    def enter(self, order: Disgorgement, by: str = "") -> Standing:
        """Enter an order and make orders to erase of its limbs."""
        with self.writing():
            return disgorging.enter(self.context, order, by)

    def again(self, name: str) -> Standing:
        """Make orders of what has come to light since, or may stay no longer."""
        with self.writing():
            return disgorging.again(self.context, name)

    def standing(self, name: str) -> Standing:
        """Where one order stands."""
        return disgorging.standing(self.context, name)

    def standings(self) -> dict[str, Standing]:
        """Every order that was entered, by id, oldest first."""
        return disgorging.standings(self.context)

    def decide(self, name: str, item: str, *, tainted: bool, by: str, reason: str) -> Standing:
        """Enter what somebody decided about something of unknown origin."""
        with self.writing():
            return disgorging.decide(self.context, name, item, tainted=tainted, by=by, reason=reason)

    def check_claim(self, wanted: ItemExcepted) -> None:
        """Whether an exception may be claimed at all."""
        disgorging.check_claim(self.context, wanted)

    def except_item(self, wanted: ItemExcepted, signed: str) -> Standing:
        """Enter an exception with its signature."""
        with self.writing():
            return disgorging.except_item(self.context, wanted, signed)

    def forward(self, name: str) -> tuple[LimbJudged, ...]:
        """Whether data that was deleted has entered anything made since, for the limbs that look forward."""
        return forwarding.check(self.context, self.standing(name))

    def statement(self, name: str) -> Drafted:
        """Draft the sworn statement; refused while anything is failed, unknown or still there."""
        with self.writing():
            return swearing.draft(self.context, name)
