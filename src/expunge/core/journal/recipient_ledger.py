"""The ledger of recipients: data handed over, instructions to erase, and answers with their evidence, folded from its register.

Telling recipients is a duty of most orders of destruction (Premom VI, Rite Aid II.B, Avast III, X-Mode), of GDPR Art. 19 and of 11 CCR §
7022. Until a recipient has confirmed, no more data is handed to it (Premom VI).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.datamap.recipient_spec import RecipientSpec
from expunge.core.values.ids import OrderId
from expunge.core.values.tags import tagged

SIGNATURE = "signature"
"""Stands where a name stands when the recipient's own key signed."""


class RecipientAnswer(StrEnum):
    """A recipient's answer to an instruction."""

    DONE = "done"
    IN_PART = "in part"


@tagged("EgressSeen")
@dataclass(frozen=True)
class EgressSeen:
    """Data of a dataset was handed to a recipient that the map does not say gets it."""

    at: datetime
    recipient: str
    dataset: str
    source: str
    """Who saw it: a pipeline's name, a log; no identifier."""


@tagged("RecipientInstructed")
@dataclass(frozen=True)
class RecipientInstructed:
    """A recipient has to be told. The signed instruction lies sealed on the order's shelf."""

    at: datetime
    order: OrderId
    recipient: str
    datasets: tuple[str, ...]
    digest: str
    """Hex SHA-256 of the instruction: what a confirmation names."""


@tagged("RecipientTold")
@dataclass(frozen=True)
class RecipientTold:
    """The instruction reached the recipient."""

    at: datetime
    order: OrderId
    recipient: str
    how: str
    """``posted``, or who carried it there."""


@tagged("RecipientConfirmed")
@dataclass(frozen=True)
class RecipientConfirmed:
    """The recipient reported its actions."""

    at: datetime
    order: OrderId
    recipient: str
    answer: RecipientAnswer
    by: str
    """``signature`` where its key of the map signed, else who attests it."""


@tagged("RecipientAsked")
@dataclass(frozen=True)
class RecipientAsked:
    """The recipient was asked how much it still holds. This answer weighs more than its earlier report."""

    at: datetime
    order: OrderId
    recipient: str
    held: int
    """Items; -1: it could not tell."""


RecipientEvent: TypeAlias = EgressSeen | RecipientInstructed | RecipientTold | RecipientConfirmed | RecipientAsked


class InstructionState(StrEnum):
    """The state of one instruction."""

    TO_SEND = "to be sent"
    TOLD = "told"
    ATTESTED = "attested"
    """Somebody here says that the recipient says so."""
    CONFIRMED = "confirmed"
    PROBED = "probed: nothing held"
    IN_PART = "done in part"
    HOLDS = "probed: still held"


SETTLED = frozenset({InstructionState.ATTESTED, InstructionState.CONFIRMED, InstructionState.PROBED})


@tagged("Instruction")
@dataclass(frozen=True)
class Instruction:
    """One order's instruction to one recipient."""

    order: OrderId
    recipient: str
    datasets: tuple[str, ...]
    digest: str
    at: datetime
    stands: InstructionState = InstructionState.TO_SEND


@dataclass(frozen=True)
class RecipientLedger:
    """The state of all recipients."""

    instructions: Mapping[tuple[OrderId, str], Instruction] = field(default_factory=dict)
    seen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Recipient -> datasets that were seen to be handed to it."""

    def open(self) -> tuple[Instruction, ...]:
        """Return the unsettled instructions, oldest first."""
        return tuple(instruction for instruction in self.instructions.values() if instruction.stands not in SETTLED)

    def blocked(self) -> frozenset[str]:
        """Recipients that get nothing more until they have confirmed."""
        return frozenset(each.recipient for each in self.open())

    def gets(self, declared: Mapping[str, RecipientSpec]) -> dict[str, frozenset[str]]:
        """Recipient -> datasets, declared and seen."""
        names = {*declared, *self.seen}
        said = {name: frozenset(declared[name].gets) if name in declared else frozenset() for name in names}
        return {name: said[name] | self.seen.get(name, frozenset()) for name in sorted(names)}


def fold(events: Iterable[object]) -> RecipientLedger:
    """The ledger as its register tells it; events of other kinds are passed over."""
    instructions: dict[tuple[OrderId, str], Instruction] = {}
    seen: dict[str, frozenset[str]] = {}
    for event in events:
        match event:
            case EgressSeen(recipient=recipient, dataset=dataset):
                seen[recipient] = seen.get(recipient, frozenset()) | {dataset}
            case RecipientInstructed():
                slot = (event.order, event.recipient)
                instructions[slot] = Instruction(event.order, event.recipient, event.datasets, event.digest, event.at)
            case RecipientTold() | RecipientConfirmed() | RecipientAsked():
                slot = (event.order, event.recipient)
                instructions[slot] = replace(instructions[slot], stands=_after(instructions[slot].stands, event))
            case _:
                continue
    return RecipientLedger(instructions, seen)


def _after(before: InstructionState, event: RecipientTold | RecipientConfirmed | RecipientAsked) -> InstructionState:
    match event:
        case RecipientTold():
            return InstructionState.TOLD if before is InstructionState.TO_SEND else before
        case RecipientConfirmed(answer=RecipientAnswer.IN_PART):
            return InstructionState.IN_PART
        case RecipientConfirmed(by=by):
            # Why a probe stays: who was seen to hold data is not believed until it is seen to hold none.
            told = InstructionState.CONFIRMED if by == SIGNATURE else InstructionState.ATTESTED
            return before if before in (InstructionState.HOLDS, InstructionState.PROBED) else told
        case RecipientAsked(held=0):
            return InstructionState.PROBED
        case RecipientAsked(held=held) if held > 0:
            return InstructionState.HOLDS
        case _:
            return before
