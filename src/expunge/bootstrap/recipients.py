"""The desk of recipients."""

from __future__ import annotations

from dataclasses import dataclass, field

from expunge.adapters.courier_http import HttpCourier
from expunge.bootstrap.desk import Desk
from expunge.core.ids import OrderId
from expunge.core.recipients import Answer, Instruction, Stands
from expunge.engine import instructing
from expunge.engine.instructing import Letter, Sent
from expunge.ports.courier import Courier


@dataclass(frozen=True)
class Recipients(Desk):
    """Third parties that were handed data: told to erase it, believed when they have shown it."""

    courier: Courier = field(default_factory=HttpCourier)

    def all(self) -> tuple[Instruction, ...]:
        """Every instruction, oldest first."""
        return tuple(instructing.ledger(self.context).instructions.values())

    def letter(self, order: OrderId, recipient: str) -> Letter:
        """One instruction, signed, to be carried there; see :func:`expunge.engine.instructing.letter`."""
        return instructing.letter(self.context, order, recipient)

    def send(self) -> tuple[Sent, ...]:
        """Post what was not handed over yet."""
        with self.writing():
            return instructing.send(self.context, self.courier)

    def carried(self, order: OrderId, recipient: str, by: str) -> None:
        """Enter that somebody carried an instruction there."""
        with self.writing():
            instructing.carried(self.context, order, recipient, by)

    def confirm(self, order: OrderId, recipient: str, *, signed: bytes = b"", answer: Answer | None = None, by: str = "") -> Stands:
        """Enter what a recipient says it did; see :func:`expunge.engine.instructing.confirm`."""
        with self.writing():
            return instructing.confirm(self.context, order, recipient, signed=signed, answer=answer, by=by)

    def ask(self, order: OrderId, recipient: str) -> Stands:
        """Ask a recipient how much it still holds; see :func:`expunge.engine.instructing.ask`."""
        with self.writing():
            return instructing.ask(self.context, self.courier, order, recipient)

    def saw(self, recipient: str, dataset: str, source: str) -> None:
        """Enter that data of a dataset was seen to go to a recipient."""
        with self.writing():
            instructing.saw(self.context, recipient, dataset, source)

    def may_share(self, recipient: str) -> bool:
        """Whether anything more may be handed to a recipient."""
        return instructing.may_share(self.context, recipient)
