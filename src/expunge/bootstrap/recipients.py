"""The service for recipients."""

from __future__ import annotations

from dataclasses import dataclass, field

from expunge.adapters.outbound.courier_http import HttpCourier
from expunge.bootstrap.service import DomainService
from expunge.core.journal.recipient_ledger import Instruction, InstructionState, RecipientAnswer
from expunge.core.values.ids import OrderId
from expunge.engine.recipients import instruction_ledger, instructions
from expunge.engine.recipients.instructions import InstructionLetter, SentInstruction
from expunge.ports.courier import Courier


@dataclass(frozen=True)
class RecipientService(DomainService):
    """Third parties that received data: instructions to erase it, and their evidence."""

    courier: Courier = field(default_factory=HttpCourier)

    def all(self) -> tuple[Instruction, ...]:
        """Every instruction, oldest first."""
        return tuple(instruction_ledger.ledger(self.context).instructions.values())

    def letter(self, order: OrderId, recipient: str) -> InstructionLetter:
        """Return one signed instruction, to be carried to its recipient; see :func:`expunge.engine.recipients.instructions.letter`."""
        return instructions.letter(self.context, order, recipient)

    def send(self) -> tuple[SentInstruction, ...]:
        """Post the instructions that were not handed over yet."""
        with self.alone():
            return instructions.send(self.context, self.courier)

    def carried(self, order: OrderId, recipient: str, by: str) -> None:
        """Enter that a person carried an instruction to its recipient."""
        with self.changing():
            instructions.carried(self.context, order, recipient, by)

    def confirm(
        self, order: OrderId, recipient: str, *, signed: bytes = b"", answer: RecipientAnswer | None = None, by: str = ""
    ) -> InstructionState:
        """Enter a recipient's report of its actions; see :func:`expunge.engine.recipients.instructions.confirm`."""
        with self.changing():
            return instructions.confirm(self.context, order, recipient, signed=signed, answer=answer, by=by)

    def ask(self, order: OrderId, recipient: str) -> InstructionState:
        """Ask a recipient how much it still holds; see :func:`expunge.engine.recipients.instructions.ask`."""
        with self.alone():
            return instructions.ask(self.context, self.courier, order, recipient)

    def saw(self, recipient: str, dataset: str, source: str) -> None:
        """Enter that data of a dataset was seen to go to a recipient."""
        with self.changing():
            instructions.saw(self.context, recipient, dataset, source)

    def may_share(self, recipient: str) -> bool:
        """Return whether any more data may be handed to a recipient."""
        return instructions.may_share(self.context, recipient)
