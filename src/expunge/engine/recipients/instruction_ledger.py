"""The ledger of instructions to recipients, and those that a person has to carry."""

from __future__ import annotations

from expunge.core.datamap.recipient_spec import RecipientSpec
from expunge.core.journal.recipient_ledger import Instruction, InstructionState, RecipientLedger, fold
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import RECIPIENTS, read_register


def ledger(context: Context) -> RecipientLedger:
    """Return the ledger of all recipients."""
    return fold(read_register(context.journal, RECIPIENTS))


def spec_of(context: Context, recipient: str) -> RecipientSpec:
    """Return what the map says of a recipient; of one that it no longer names, nothing but the name."""
    return context.data_map.recipients.get(recipient, RecipientSpec(recipient, ()))


def waits_for_hand(context: Context, instruction: Instruction) -> str:
    """Return how to hand an instruction over that nothing sends by itself, because the map has no address; empty where it was told."""
    if instruction.stands is not InstructionState.TO_SEND or spec_of(context, instruction.recipient).url:
        return ""
    names = f"{instruction.order} {instruction.recipient}"
    write, enter = f"`expunge recipient show {names} --out FILE`", f"`expunge recipient carried {names} --by NAME`"
    return f"the map has no `url` for it, so that nobody sends it: {write}, carry it there, then {enter}"


def to_carry(context: Context) -> tuple[tuple[Instruction, str], ...]:
    """Return the instructions that a person has to carry, because the map has no address, each with how that is done."""
    found = ((each, waits_for_hand(context, each)) for each in ledger(context).open())
    return tuple((each, how) for each, how in found if how)
