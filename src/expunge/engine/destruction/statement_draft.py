"""Draft a sworn statement from receipts, the register and a last look. Refuse while anything is failed or unknown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from expunge.core.disgorgement import disgorgement_events, sworn_statement
from expunge.core.disgorgement.disgorgement import Limb, kind_of
from expunge.core.disgorgement.disgorgement_events import DisgorgementState, LimbExamined, StatementDrafted
from expunge.core.disgorgement.forward_limb import ForwardFinding
from expunge.core.disgorgement.sworn_statement import LimbStatement, StatementDraft, StatementEvidence, StatementLine
from expunge.core.evidence import receipt
from expunge.core.evidence.receipt import KeptItems, Receipt, Result
from expunge.core.journal.recipient_ledger import SETTLED, Instruction
from expunge.core.log import dsse
from expunge.core.values import codec
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.core.values.periods import end_of
from expunge.engine.destruction import disgorgement_orders, forward_check, limb_examination
from expunge.engine.destruction.forward_check import ForwardVerdict
from expunge.engine.destruction.limb_examination import UNDATED, LimbExamination
from expunge.engine.execution import issued_receipts
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import DISGORGEMENTS, Recorder, register
from expunge.engine.recipients import instruction_ledger
from expunge.engine.subjects import hold_register
from expunge.errors import IllegalTransition, StateCorrupt

EXAMINED, EXCEPTIONS, FORWARD, RECIPIENTS = (f"evidence/{name}.json" for name in ("examined", "exceptions", "forward", "recipients"))


@dataclass(frozen=True)
class StatementFiles:
    """A draft, and the files that its numbers point to, by their path beside it."""

    draft: StatementDraft
    files: dict[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class _Done:
    """One order that was made of a limb, as its latest receipt tells it."""

    order: OrderId
    receipt: Receipt
    evidence: StatementEvidence


def draft(context: Context, name: str) -> StatementFiles:
    """Draft the statement of one order of destruction.

    Raises IllegalTransition, with every reason, while something was not carried out, could not be done, could not be looked into, has come
    back, is unknown and undecided, or holds deleted data; UsageError when there is no such order.
    """
    known = disgorgement_orders.standing(context, name)
    found = {each.limb.name: each for each in limb_examination.examine(context, known.order, known)}
    judged = forward_check.check(context, known)
    files: dict[str, bytes] = {}
    done = {limb.name: [_done(context, order.order, files) for order in _orders(context, known, limb)] for limb in known.order.retroactive}
    reasons = [*_open(context, known, found), *_not_done(done), *_left(context, found, done), *_forward_trouble(judged)]
    if reasons:
        message = "no statement can be made yet: " + "; ".join(dict.fromkeys(reasons))
        raise IllegalTransition(message, help=f"expunge order show {name} tells what each needs")
    files[EXAMINED] = _json([codec.to_json(each) for each in known.examined])
    files[EXCEPTIONS] = _json([{**_plain(each), "signed": disgorgement_events.claim(each).decode()} for each in known.excepted.values()])
    files[FORWARD] = _json([_judged(each) for each in judged])
    told = [
        instruction
        for instruction in instruction_ledger.ledger(context).instructions.values()
        if instruction.order in {one.order for one in known.examined}
    ]
    files[RECIPIENTS] = _json([_plain(each) for each in told])
    parts = [_part(context, known, limb, done[limb.name]) for limb in known.order.retroactive] + [_forward_part(each) for each in judged]
    if told or known.order.recipients:
        parts.append(_recipients(known, told))
    sworn = known.order.sworn
    made = StatementDraft(
        order=known.order.name,
        authority=known.order.authority,
        docket=known.order.docket,
        id=known.id,
        made=context.clock.now().replace(microsecond=0),
        digest=known.entered.digest,
        parts=tuple(parts),
        due=tuple(_due(known, done)),
        signer=sworn.by if sworn else "the company",
        perjury=sworn is not None and sworn.penalty,
    )
    if not set(sworn_statement.links(made)) <= files.keys():
        message = "a number of the statement points to evidence that is not there"
        raise StateCorrupt(message, help="restore the state folder")
    text = sworn_statement.markdown(made).encode()
    files["statement.md"], files["statement.html"] = text, sworn_statement.html(made).encode()
    register(context.journal, DISGORGEMENTS, StatementDrafted(context.clock.now(), name, sha256(text).hexdigest()))
    return StatementFiles(made, files)


def _orders(context: Context, known: DisgorgementState, limb: Limb) -> Iterator[LimbExamined]:
    """The looks at a limb whose orders ended with a receipt."""
    for each in known.of_limb(limb.name):
        if each.order is not None and Recorder(context.journal, context.clock, each.order).run.history:
            yield each


def _done(context: Context, order: OrderId | None, files: dict[str, bytes]) -> _Done:
    assert order is not None
    which = issued_receipts.latest(Recorder(context.journal, context.clock, order).run, 1)
    folder = issued_receipts.folder(context, which)
    files.update({f"receipts/{order}/{name}": data for name, data in folder.items()})
    made = receipt.parse(dsse.parse(folder["receipt.dsse.json"]).payload)
    detail = f"leaf {which.index} of {made.log}, SHA-256 of its receipt.dsse.json {sha256(folder['receipt.dsse.json']).hexdigest()}"
    return _Done(order, made, StatementEvidence(f"receipt of {order}", f"receipts/{order}/receipt.html", detail))


def _open(context: Context, known: DisgorgementState, found: dict[str, LimbExamination]) -> Iterator[str]:
    for limb in known.order.retroactive:
        if not known.of_limb(limb.name):
            yield f"{limb.name} was not examined"
        for each in known.of_limb(limb.name):
            if each.order is None:
                continue
            run = Recorder(context.journal, context.clock, each.order).run
            if run.state is not OrderState.CANCELLED and (not run.history or run.state not in (OrderState.FULFILLED, OrderState.IN_PART)):
                yield f"{each.order} of {limb.name} is {run.state.value}"
        looked = found[limb.name]
        yield from (f"{name} could not be looked into ({why.reason.value})" for name, why in sorted(looked.failed.items()))
        yield from (f"{each.item} is unknown and undecided" for each in looked.unknown)


def _not_done(done: dict[str, list[_Done]]) -> Iterator[str]:
    for limb, each in ((limb, each) for limb, all_of in done.items() for each in all_of):
        for entry in each.receipt.datasets:
            if entry.outcome is Result.UNABLE:
                yield f"{entry.dataset} of {limb} failed: {entry.reason.value if entry.reason else 'error'}"


def _kept(done: list[_Done]) -> list[tuple[_Done, KeptItems]]:
    """What is kept on a ground, as the latest order tells it: those before it found the same items."""
    return [(one, each) for one in done[-1:] for each in one.receipt.kept]


def _left(context: Context, found: dict[str, LimbExamination], done: dict[str, list[_Done]]) -> Iterator[str]:
    """What is there although it should be gone: more than what is kept on a ground that lasts."""
    now = context.clock.now()
    over = hold_register.over(context)
    for limb, looked in found.items():
        for name, items in looked.items.items():
            theirs = [each for _, each in _kept(done[limb]) if each.dataset == name and (name, each.ground, each.until) not in over]
            kept = sum(each.items for each in theirs if each.until is None or each.until > now)
            if items > kept:
                yield f"{items - kept} items of {name} are there that {limb} takes"


def _forward_trouble(judged: tuple[ForwardVerdict, ...]) -> Iterator[str]:
    for each in judged:
        yield from (f"{one.product.name} {one.finding.value}" for one in each.of(ForwardFinding.VIOLATION))
        yield from (f"{one.product.name} is unknown and undecided" for one in each.of(ForwardFinding.UNKNOWN))


def _part(context: Context, known: DisgorgementState, limb: Limb, done: list[_Done]) -> LimbStatement:
    lines = [*_erased(done), *_named(known, limb, done)]
    if not lines:
        lines.append(StatementLine(0, "items were found", (StatementEvidence("what was asked of each dataset", EXAMINED),)))
    latest = known.of_limb(limb.name)
    for counted in latest[0].counted:
        detail = f"query {counted.query}, answer {counted.answer}"
        lines.append(
            StatementLine(
                counted.number, f"people: {counted.name}", (StatementEvidence("query and keyed hash of its answer", EXAMINED, detail),)
            )
        )
    lines += [
        StatementLine(each.items, f"items of {each.dataset} kept: {each.ground}{_until(each.until)}", (one.evidence,))
        for one, each in _kept(done)
    ]
    now = context.clock.now()
    excepted = [each for (name, item), each in known.excepted.items() if name == limb.name and known.stays(name, item, now)]
    notes = [
        f"{each.item} stays ({each.exemption or 'technically infeasible'}): {each.ground}; {each.authority}; signed by {each.by}"
        + _until(each.until)
        for each in excepted
    ]
    if any(not each.exemption for each in excepted):
        notes.append(f"What is technically infeasible has to be sworn to by: {limb.infeasible}")
    for ruling in (each for each in known.decided.values() if _concerns(context, limb, each.item)):
        word = "tainted" if ruling.tainted else "clean"
        notes.append(f"{ruling.item}: of unknown origin; {ruling.by} decided on {ruling.at:%Y-%m-%d} that it is {word}: {ruling.reason}")
    return LimbStatement(limb.name, limb.provision, tuple(lines), tuple(notes))


def _erased(done: list[_Done]) -> Iterator[StatementLine]:
    names = dict.fromkeys(entry.dataset for each in done for entry in each.receipt.datasets if entry.outcome is Result.ERASED)
    for name in names:
        of = [
            (each, entry.items)
            for each in done
            for entry in each.receipt.datasets
            if entry.dataset == name and entry.outcome is Result.ERASED
        ]
        yield StatementLine(sum(items for _, items in of), f"items of {name} destroyed", tuple(each.evidence for each, _ in of))


def _named(known: DisgorgementState, limb: Limb, done: list[_Done]) -> Iterator[StatementLine]:
    """How many single artefacts that was, and their names."""
    carried = {each.order for each in done}
    names: dict[str, list[str]] = {}
    for each in known.of_limb(limb.name):
        for dataset, found in each.artefacts.items() if each.order in carried else ():
            names.setdefault(dataset, []).extend(found)
    for dataset, all_of in names.items():
        yield StatementLine(
            len(set(all_of)), f"artefacts in {dataset}: {', '.join(sorted(set(all_of)))}", (StatementEvidence("what was found", EXAMINED),)
        )


def _concerns(context: Context, limb: Limb, item: str) -> bool:
    """Whether something that was decided is of a kind that the limb takes; what the map does not name may be of any."""
    dataset = context.data_map.datasets.get(item.removesuffix(UNDATED).partition("/")[0])
    return dataset is None or kind_of(dataset) in limb.takes


def _forward_part(judged: ForwardVerdict) -> LimbStatement:
    evidence = (StatementEvidence("each product, when it was made and why it is fine", FORWARD),)
    lines = [StatementLine(judged.deletions, "deletions were processed", evidence)]
    lines += [
        StatementLine(len(judged.of(each)), f"products: {each.value}", evidence)
        for each in (ForwardFinding.CLEAN, ForwardFinding.BEFORE, ForwardFinding.RELIES)
    ]
    return LimbStatement(judged.limb.name, judged.limb.provision, tuple(lines), ())


def _recipients(known: DisgorgementState, told: Sequence[Instruction]) -> LimbStatement:
    """Who was told, who has confirmed, and whom the order names although nobody here was known to be handed anything."""
    evidence = (StatementEvidence("each instruction by its digest, and how it stands", RECIPIENTS),)
    settled = [each for each in told if each.stands in SETTLED]
    lines = [
        StatementLine(len(told), "instructions to recipients", evidence),
        StatementLine(len(settled), "of them confirmed, attested or probed", evidence),
    ]
    notes = [f"{each.recipient}: {each.stands}; nothing more is shared with it until it is settled" for each in told if each not in settled]
    if known.order.recipients and not told:
        names = ", ".join(recipient.name for recipient in known.order.recipients)
        notes.append(f"The order names {names}; neither the map nor what was observed knows a recipient of what was destroyed")
    return LimbStatement("recipients", "as the order says", tuple(lines), tuple(notes))


def _due(known: DisgorgementState, done: dict[str, list[_Done]]) -> Iterator[str]:
    further = known.order.sworn.clocks.get("further") if known.order.sworn else None
    kept = [(each.until, each.dataset, each.ground) for all_of in done.values() for _, each in _kept(all_of)]
    claimed = [(each.until, each.item, each.ground) for each in known.excepted.values()]
    for until, what, ground in sorted((until, what, ground) for until, what, ground in (*kept, *claimed) if until is not None):
        due = end_of(until, further.period) if further else None
        then = f"a further statement is due by {due:%Y-%m-%d}" if due else "the order names no further statement"
        yield f"{what}, {ground}: ends {until:%Y-%m-%d}; {then}"


def _until(until: Any) -> str:
    return f", until {until:%Y-%m-%d}" if until else ""


def _judged(judged: ForwardVerdict) -> dict[str, Any]:
    products = []
    for each in judged.judged:
        created = codec.instant(each.product.created) if each.product.created else None
        told = {"product": each.product.name, "kind": each.product.kind.value, "created": created}
        products.append({**told, "finding": each.finding.value, "why": each.why})
    return {"limb": judged.limb.name, "deletions": judged.deletions, "products": products}


def _plain(value: Any) -> dict[str, Any]:
    body = codec.to_json(value)
    assert isinstance(body, dict)
    return body


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"
