"""Tell recipients to erase the data they were handed: signed instructions, confirmations, probes.

Nothing more is shared with a recipient until its instruction is settled. An instruction names the people, or the scope for a class of
items. It lies sealed under the order's contact key, which outlives the order until the traces' end date. Until then recipients can be told,
reminded and asked. The register names orders, recipients and digests only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from expunge.core import note
from expunge.core.datamap.clocks import ClockState
from expunge.core.datamap.recipient_spec import RecipientSpec
from expunge.core.journal.recipient_ledger import (  # fmt: skip
    SIGNATURE,
    EgressSeen,
    Instruction,
    InstructionState,
    RecipientAnswer,
    RecipientAsked,
    RecipientConfirmed,
    RecipientInstructed,
    RecipientLedger,
    RecipientTold,
)
from expunge.core.orders.plan import ERASING, StepKind
from expunge.core.orders.run import Run
from expunge.core.values import b64, canonical
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.outcome import Erased
from expunge.core.values.periods import end_of
from expunge.core.values.signature import key_id
from expunge.engine.gate import fencing, use_records
from expunge.engine.intake import person_orders
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import RECIPIENTS, register
from expunge.engine.kernel.shelf_words import shelf_word
from expunge.engine.recipients import instruction_reach
from expunge.engine.recipients.deadlines import Deadline
from expunge.engine.recipients.instruction_ledger import ledger, spec_of, waits_for_hand
from expunge.errors import EvidenceInvalid, Undelivered, UsageError
from expunge.ports.courier import Courier

SCHEMA = "expunge.instruction/1"
_SIGNED = b"expunge/instruction/1\0"


@dataclass(frozen=True)
class SentInstruction:
    """The result of posting one instruction."""

    order: OrderId
    recipient: str
    trouble: str
    """Empty, or why it could not be handed over."""


@dataclass(frozen=True)
class InstructionLetter:
    """An instruction as it goes to the recipient."""

    instruction: Instruction
    body: bytes = field(repr=False)
    """Canonical JSON ``{"instruction": {...}, "keyid": ..., "signature": ...}``; it names people."""


def instruct(context: Context, runs: Sequence[Run]) -> None:
    """Make the instructions of orders whose round begins or ends: one for each recipient that was handed data of a dataset they erase from.

    It names only the people with data found there. For an order about several people, that is known once its round has looked. Data that
    comes to light later makes another instruction in place of the first. Doing it again makes nothing twice. Nothing is sent here: the
    round does not wait for others' machines.
    """
    if not runs:
        return
    with context.journal.changing():
        _instruct(context, runs)


def _instruct(context: Context, runs: Sequence[Run]) -> None:
    known = ledger(context)
    gets = known.gets(context.data_map.recipients)
    made = 0
    for run in runs if gets else ():
        found = _found(run)
        for recipient, handed in gets.items():
            before = known.instructions.get((run.order, recipient))
            datasets = frozenset(handed & found.keys()).union(before.datasets if before else ())
            people = frozenset(who for name in datasets for who in found.get(name, ()))
            if people and not _covered(context, before, datasets, people, alone=len(run.subjects) == 1):
                _make(context, run, recipient, tuple(sorted(datasets)), people)
                made += 1
    if made:
        fencing.publish(context)


def _found(run: Run) -> dict[str, frozenset[Pseudonym]]:
    """Of each dataset that is erased from, of whom something was found: when it was planned, by a look of the round, or while erasing."""
    assert run.plan is not None
    assert run.planned is not None
    found: dict[str, frozenset[Pseudonym]] = {}
    for name in (name for step in run.plan.steps if step.kind in (*ERASING, StepKind.FORGET) for name in step.datasets):
        whose = {who for by in (run.current.items.get(name, {}), run.erased.get(name, {})) for who, items in by.items() if items}
        outcomes = (step.outcomes.get(name, {}) for step in run.current.steps.values())
        whose |= {who for by in outcomes for who, each in by.items() if isinstance(each, Erased) and each.items}
        alone = len(run.subjects) == 1 and run.planned.expected.get(name, 0) > 0
        mine = frozenset(subject for subject in run.subjects if alone or subject in whose)
        if mine:
            found[name] = mine
    return found


def _covered(context: Context, before: Instruction | None, datasets: frozenset[str], people: frozenset[Pseudonym], *, alone: bool) -> bool:
    """Whether an instruction that was made before is about all of it."""
    if before is None or not datasets <= set(before.datasets):
        return False
    sealed = None if alone else context.shelf.get(before.order, _name(before.recipient))
    if sealed is None:
        return True
    said = canonical.decode(context.keys.open_contact(before.order, sealed))
    named = said.get("identifiers") if isinstance(said, Mapping) else None
    return isinstance(named, list) and all(identifier in named for identifier in _identifiers(context, before.order, people))


def _identifiers(context: Context, order: OrderId, people: frozenset[Pseudonym]) -> list[canonical.Json]:
    theirs = (person for person in person_orders.open_people(context, order) if person.subject in people)
    return [[kind, value] for person in theirs for kind, value in person.identifiers()]


def _make(context: Context, run: Run, recipient: str, datasets: tuple[str, ...], subjects: frozenset[Pseudonym]) -> None:
    now = context.clock.now().replace(microsecond=0)
    people = _identifiers(context, run.order, subjects)
    scope = run.received.scope
    said: dict[str, canonical.Json] = {
        "schema": SCHEMA,
        "order": run.order,
        "kind": run.received.kind.value,
        "recipient": recipient,
        "issued": now.isoformat().replace("+00:00", "Z"),
        "datasets": list(datasets),
        "basis": scope.basis if scope else "everything of these people",
        "identifiers": people,
        "erase": _ALL if scope is None else _SELECTED,
        "confirm": "a signed note whose text is: expunge confirmation/1, the order, the SHA-256 of the instruction, done or in part",
        "nonce": b64.encode(context.random(32)),
    }
    if scope is not None:
        said |= instruction_reach.of(context, run, datasets)
    body = canonical.encode(said)
    digest = sha256(body).hexdigest()
    context.shelf.put(run.order, _name(recipient), context.keys.seal_contact(run.order, body))
    # crash here: the sealed instruction is replaced by another when the round is taken up again.
    register(context.journal, RECIPIENTS, RecipientInstructed(now, run.order, recipient, datasets, digest))


_ALL = "all of it, every copy, and whatever was derived from it in whole or in part, models included; hand nothing of it on"
_SELECTED = "what `selection` and `covers` say of these datasets, in every copy, and nothing else; hand nothing of it on"


def _name(recipient: str) -> str:
    return f"instruction-{shelf_word(recipient)}.sealed"


def letter(context: Context, order: OrderId, recipient: str) -> InstructionLetter:
    """One instruction, unsealed and signed, to be carried to the recipient. Raises UsageError where there is none, or its end has come."""
    found = _known(context, order, recipient)
    sealed = context.shelf.get(order, _name(recipient))
    if sealed is None:
        message = "the instruction was destroyed with the order's traces at their end date"
        raise UsageError(message, help="its digest stands in the register; nobody can be told who was meant any more")
    body = context.keys.open_contact(order, sealed)
    public = context.keys.signer_public()
    whole: dict[str, canonical.Json] = {
        "instruction": canonical.decode(body),
        "keyid": key_id(public),
        "signature": b64.encode(context.keys.sign_receipt(_SIGNED + body)),
    }
    return InstructionLetter(found, canonical.encode(whole))


def _known(context: Context, order: OrderId, recipient: str) -> Instruction:
    found = ledger(context).instructions.get((order, recipient))
    if found is None:
        message = f"no instruction of that order to {recipient}"
        raise UsageError(message, help="`expunge recipient list` shows the instructions there are")
    return found


def send(context: Context, courier: Courier) -> tuple[SentInstruction, ...]:
    """Post every instruction that was not handed over yet to a recipient with an address; trouble with one holds up no other."""
    sent = []
    for each in ledger(context).open():
        url = spec_of(context, each.recipient).url
        if each.stands is not InstructionState.TO_SEND or not url:
            continue
        try:
            courier.deliver(url, letter(context, each.order, each.recipient).body)
        except (Undelivered, UsageError) as error:
            sent.append(SentInstruction(each.order, each.recipient, error.message))
            continue
        # crash here: it is posted again; a recipient that has it answers the same.
        register(context.journal, RECIPIENTS, RecipientTold(context.clock.now(), each.order, each.recipient, "posted"))
        sent.append(SentInstruction(each.order, each.recipient, ""))
    return tuple(sent)


def carried(context: Context, order: OrderId, recipient: str, by: str) -> None:
    """Enter that a named person carried an instruction to its recipient. Raises UsageError for an unknown one, or without a name."""
    _known(context, order, recipient)
    _require_name(by)
    register(context.journal, RECIPIENTS, RecipientTold(context.clock.now(), order, recipient, by))


def confirm(
    context: Context, order: OrderId, recipient: str, *, signed: bytes = b"", answer: RecipientAnswer | None = None, by: str = ""
) -> InstructionState:
    """Enter a recipient's confirmation.

    Args:
        context: the composition.
        order: the order.
        recipient: its name.
        signed: a signed note by the key that the map names for it (see the instruction's ``confirm``).
        answer: without a signature, the recipient's answer as a person of the company attests it.
        by: the person who attests it.

    Raises:
        UsageError: no such instruction, neither a signature nor an answer with a name, or no key to check the signature with.
        EvidenceInvalid: the note does not verify, or is about another instruction.
    """
    found = _known(context, order, recipient)
    if signed:
        answer, by = _signed_answer(spec_of(context, recipient), found, signed), SIGNATURE
    elif answer is None:
        message = "a confirmation is signed by the recipient, or attested by somebody"
        raise UsageError(message, help="give the signed note's file, or --answer with --by")
    else:
        _require_name(by)
    register(context.journal, RECIPIENTS, RecipientConfirmed(context.clock.now(), order, recipient, answer, by))
    fencing.publish(context)
    return _known(context, order, recipient).stands


def _require_name(by: str) -> None:
    if not by.strip() or by == SIGNATURE:
        message = "somebody has to stand for it by name"
        raise UsageError(message, help="give --by NAME")


def _signed_answer(spec: RecipientSpec, instruction: Instruction, signed: bytes) -> RecipientAnswer:
    if not spec.key:
        message = f"the map names no key for {spec.name}"
        raise UsageError(message, help="name its verifier key under `recipients:`, or attest the answer with --answer and --by")
    text, _ = note.open_strict(signed, (note.parse_key(spec.key),))
    for answer in RecipientAnswer:
        if text == f"expunge confirmation/1\n{instruction.order}\n{instruction.digest}\n{answer.value}\n":
            return answer
    raise EvidenceInvalid("the confirmation is about another instruction, or of another form", help="the instruction says how to write it")


def ask(context: Context, courier: Courier, order: OrderId, recipient: str) -> InstructionState:
    """Ask the recipient how much it still holds. The answer outweighs its earlier confirmation.

    Raises UsageError where it cannot be asked, Undelivered when it cannot be reached: that is entered as *could not tell*.
    """
    _known(context, order, recipient)
    url = spec_of(context, recipient).probe
    if not url:
        message = f"{recipient} offers no way to be asked"
        raise UsageError(message, help="name its address under `recipients:` as `probe:`")
    body = letter(context, order, recipient).body
    try:
        held = courier.ask(url, body)
    except Undelivered:
        register(context.journal, RECIPIENTS, RecipientAsked(context.clock.now(), order, recipient, -1))
        raise
    register(context.journal, RECIPIENTS, RecipientAsked(context.clock.now(), order, recipient, held))
    fencing.publish(context)
    return _known(context, order, recipient).stands


def saw(context: Context, recipient: str, dataset: str, source: str) -> None:
    """Enter that data of a dataset was seen to go to a recipient. Raises UsageError for a dataset that the map has not."""
    if dataset not in context.data_map.datasets:
        message = f"the map has no dataset {dataset!r}"
        raise UsageError(message, help=f"it has {', '.join(sorted(context.data_map.datasets))}")
    if dataset not in ledger(context).gets(context.data_map.recipients).get(recipient, frozenset()):
        register(context.journal, RECIPIENTS, EgressSeen(context.clock.now(), recipient, dataset, source))


def may_share(context: Context, recipient: str) -> bool:
    """Return whether more data may be handed to a recipient.

    It may not while an instruction to it is not settled, nor data of children without a written assurance that holds.
    """
    return recipient not in ledger(context).blocked() and use_records.may_get(context, recipient)


def told_in_receipt(known: RecipientLedger, order: OrderId) -> tuple[str, ...]:
    """Return the sentences about recipients in the receipts of an order."""
    mine = [instruction for instruction in known.instructions.values() if instruction.order == order]
    return tuple(
        f"recipient {each.recipient}, which was handed {', '.join(each.datasets)}: instructed to erase it; {each.stands.value} at this time"
        for each in mine
    )


def owed(context: Context) -> tuple[Deadline, ...]:
    """Return the deadlines of recipients' confirmations."""
    now = context.clock.now()
    found = []
    for each in ledger(context).open():
        at = end_of(each.at, spec_of(context, each.recipient).within)
        standing = ClockState.OVERDUE if now >= at else ClockState.RUNNING
        what = f"recipient {each.recipient}, order {each.order}"
        by_hand = waits_for_hand(context, each)
        why = f"{each.stands.value}: {by_hand}" if by_hand else each.stands.value
        found.append(Deadline(what, "confirm that it erased what it was handed", "recipient", "the map's `within`", at, standing, why))
    return tuple(found)
