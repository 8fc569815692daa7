"""From judged results to receipts: state, sign, log, end. Each subject of an order gets one receipt and one leaf per round.

A statement's bytes are journalled before they are signed; the signature is deterministic; the log is asked for the leaf before it is
appended again. So a crash anywhere ends with the same receipt and one leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from expunge import telemetry
from expunge.core import dsse, merkle, receipt
from expunge.core import events as ev
from expunge.core.copy import FindingKind
from expunge.core.datamap import Through
from expunge.core.grounding import Grounding
from expunge.core.ids import OrderId, Pseudonym
from expunge.core.order import OrderState
from expunge.core.outcome import Reason
from expunge.core.pages import LATEST
from expunge.core.receipt import DatasetEntry, KeptItems, Receipt
from expunge.core.run import Run
from expunge.core.signature import key_id
from expunge.core.tlog_proof import TlogProof
from expunge.engine import calling, ending, judging
from expunge.engine.context import Context, Progress, Reporter
from expunge.engine.judging import Entries
from expunge.engine.recording import Recorder, append_together
from expunge.ports.leases import Lease
from expunge.ports.outbox import Notice
from expunge.telemetry import Action, Opaque

BATCH = 200
"""Receipts that share one checkpoint and one append to the journal."""
KEPT = "kept, "
"""How a reason begins that something stays on purpose."""


def conclude_all(context: Context, recorders: Sequence[Recorder], report: Reporter, lease: Lease | None = None) -> None:
    """State, sign and log what is missing of the round's receipts, and end each order; orders of a cohort share checkpoints and commits.

    Args:
        context: the composition.
        recorders: the orders; those that are not running are only finished.
        report: told of each batch.
        lease: under which this process works, where there are several.
    """
    going = [each for each in recorders if each.run.state is OrderState.RUNNING]
    entries = [judging.entries(context, each.run) for each in going]
    scopes = _scopes(context, going)
    signed = _Signed(context)
    pairs = [(at, subject) for at, each in enumerate(going) for subject in each.run.subjects]
    for start in range(0, len(pairs), BATCH):
        batch = pairs[start : start + BATCH]
        stated = _state(context, going, entries, scopes, batch, signed)
        append_together(context.journal, going, stated, lease)
        logged = _log(context, going, batch, signed)
        append_together(context.journal, going, logged, lease)
        done = sum(len(each.run.logged) for each in going)
        report(Progress("receipts", "done", done, len(pairs)))
    if going:
        ended = [[_ended(each, theirs)] for each, theirs in zip(going, entries, strict=True)]
        append_together(context.journal, going, ended, lease)
    for recorder in going:
        telemetry.log(Action.ORDER_ENDED, order=Opaque(recorder.run.order), fulfilled=recorder.run.state is OrderState.FULFILLED)
    finish_all(context, recorders)


def _scopes(context: Context, recorders: Sequence[Recorder]) -> list[tuple[str, ...]]:
    """What each order's receipts say nothing about; asked once for orders over the same stores."""
    known: dict[frozenset[str], tuple[str, ...]] = {}
    scopes = []
    for recorder in recorders:
        assert recorder.run.plan is not None
        stores = frozenset(each.store for each in recorder.run.plan.steps)
        if stores not in known:
            known[stores] = out_of_scope(context, recorder.run)
        scopes.append(known[stores])
    return scopes


def finish_all(context: Context, recorders: Sequence[Recorder]) -> None:
    """What follows the end: the notices, and the death of each order's key unless something is left to be erased with it."""
    notices: list[Notice] = []
    for run in (each.run for each in recorders):
        if run.state is OrderState.FULFILLED:
            notices.append((run.order, "done", _DONE, {"receipts": str(len(run.logged))}))
        elif run.state is OrderState.IN_PART:
            notices.append((run.order, "could-not", _COULD_NOT, {"reasons": "; ".join(run.reasons)}))
    if notices:
        context.outbox.put_all(notices)
    over = [each for each in recorders if each.run.final and not each.run.key_destroyed]
    if over:
        ending.destroy_all(context, over)


def _state(
    context: Context,
    recorders: Sequence[Recorder],
    entries: Sequence[Entries],
    scopes: Sequence[tuple[str, ...]],
    batch: Sequence[tuple[int, Pseudonym]],
    signed: _Signed,
) -> list[list[ev.OrderEvent]]:
    """Fix the bytes of the receipts that this round has not stated yet; one list of events for each order."""
    stated: list[list[ev.OrderEvent]] = [[] for _ in recorders]
    size = context.log.head().size
    policy = _policy_digest(context)
    public = context.keys.signer_public()
    commitments = [dict(zip(each.run.subjects, each.run.received.commitments, strict=True)) for each in recorders]
    for at, subject in batch:
        run, now = recorders[at].run, recorders[at].now()
        if subject in run.logged or (subject in run.stated and _still_ours(context, run.stated[subject], policy)):
            continue
        statement = receipt.build(
            _receipt(context, run, commitments[at][subject], entries[at][subject], scopes[at], (key_id(public), policy), now)
        )
        leaf = dsse.leaf(signed.envelope(statement), public)
        stated[at].append(ev.ReceiptStated(now, subject, statement.decode(), merkle.leaf_hash(leaf).hex(), size))
    return stated


def _receipt(
    context: Context,
    run: Run,
    commitment: str,
    entries: tuple[tuple[DatasetEntry, ...], tuple[KeptItems, ...]],
    scope: tuple[str, ...],
    keys: tuple[str, str],
    now: datetime,
) -> Receipt:
    datasets, kept = entries
    signer, policy = keys
    assert run.plan is not None
    assert run.fenced_at is not None
    requested = _second(run.received.at)
    erased = _second(run.erased_at) if run.erased_at and any(each.outcome is receipt.Result.ERASED for each in datasets) else None
    verified = _second(max(each.at for each in run.judged.values())) if run.judged else None
    return Receipt(
        order=run.order,
        order_kind=run.received.kind,
        commitment=commitment,
        verdict=receipt.verdict_of(datasets, kept),
        times=receipt.Times(requested, _second(run.fenced_at), erased, verified),
        datasets=datasets,
        kept=kept,
        out_of_scope=scope,
        valid_until=_second((verified or now) + context.reprobe_after),
        tool=receipt.Tool("expunge", context.version, LATEST),
        signer=signer,
        log=context.log.origin,
        policy_digest=policy,
        plan_digest=run.plan.digest,
        nonce=context.random(receipt.NONCE_SIZE),
    )


def _policy_digest(context: Context) -> str:
    return sha256(context.trust_policy().encode()).hexdigest()


def _still_ours(context: Context, stated: ev.ReceiptStated, policy: str) -> bool:
    """Whether what was stated before an interruption names the keys of now; after a rotation it could be signed, but never verified."""
    made = receipt.parse(stated.statement.encode())
    return made.signer == key_id(context.keys.signer_public()) and made.policy_digest == policy


def out_of_scope(context: Context, run: Run) -> tuple[str, ...]:
    """What the receipt says nothing about: in the words of each store, of the map, and of nobody (other systems)."""
    assert run.plan is not None
    sentences: list[str] = []
    backed_up = {each.options.get("of") for each in context.data_map.stores.values()}
    for name in sorted({each.store for each in run.plan.steps}):
        try:
            sentences += [f"{name}: {each}" for each in calling.capabilities(context.open_store(name)).out_of_scope]
        except calling.TROUBLE:
            sentences.append(f"{name}: could not be asked what it cannot reach")
        sentences += [f"{name}: {each}" for each in _lost(context, name)]
        undeclared = _undeclared(context, name)
        if undeclared:
            sentences.append(f"{name}: {undeclared} places inside it that no dataset of the map declares; nothing in them was erased")
        spec = context.data_map.stores[name]
        sentences += [f"{name}: {each}" for each in spec.outside]
        if not spec.outside and "of" not in spec.options:
            what = "replicas and exports of it" if name in backed_up else "backups, replicas and exports of it"
            sentences.append(f"{name}: {what}; the operator's map names none")
    sentences.append("every system and third party that the operator's map does not name")
    return tuple(dict.fromkeys(sentences))


def _lost(context: Context, store: str) -> list[str]:
    """What was theirs and nothing leads to any more, in a store whose bytes are not scanned: nobody can tell."""
    try:
        if calling.capabilities(context.open_store(store)).grounding >= Grounding.SCRUBBED:
            return []
    except calling.TROUBLE:
        pass
    through = [(each.name, each.subject.dataset) for each in context.data_map.datasets_of(store) if isinstance(each.subject, Through)]
    return [f"what is in {name} and nothing in {pointer} led to any more: nobody can tell whose it is" for name, pointer in through]


def _undeclared(context: Context, store: str) -> int:
    """How many places of the store nobody declared; 0 where it cannot be asked, which is said elsewhere."""
    try:
        found = calling.check(context.open_store(store), [each for each in context.data_map.ignore if each.store == store])
    except calling.TROUBLE:
        return 0
    return sum(1 for each in found if each.kind is FindingKind.UNDECLARED)


def sign(context: Context, statement: bytes) -> dsse.Envelope:
    """Sign a statement; the same bytes give the same envelope."""
    return dsse.Envelope(statement, context.keys.sign_receipt(dsse.pae(statement)), key_id(context.keys.signer_public()))


class _Signed:
    """Envelopes of the statements that were just made: each is signed once, to name its leaf and to enter it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._made: dict[bytes, dsse.Envelope] = {}

    def envelope(self, statement: bytes) -> dsse.Envelope:
        """The statement, signed; asked for the second time it is forgotten."""
        known = self._made.pop(statement, None)
        if known is None:
            known = self._made[statement] = sign(self._context, statement)
        return known


def policy_name(digest: str) -> str:
    """Name on the shelf of the trust policy that a receipt names by digest; several, where keys were rotated between two receipts."""
    return f"trust-policy-{digest[:16]}.txt"


def _log(
    context: Context, recorders: Sequence[Recorder], batch: Sequence[tuple[int, Pseudonym]], signed: _Signed
) -> list[list[ev.OrderEvent]]:
    """Enter the stated receipts that have no leaf yet, and put their files on the shelf; one list of events for each order."""
    logged: list[list[ev.OrderEvent]] = [[] for _ in recorders]
    missing = [(at, recorders[at].run.stated[subject]) for at, subject in batch if subject not in recorders[at].run.logged]
    if not missing:
        return logged
    public = context.keys.signer_public()
    envelopes = [signed.envelope(each.statement.encode()) for _, each in missing]
    leaves = [dsse.leaf(envelope, public) for envelope in envelopes]
    # Why asked first: a crash after the append and before the event must not enter a leaf twice.
    indexes = [context.log.find(leaf, each.log_size) for leaf, (_, each) in zip(leaves, missing, strict=True)]
    fresh = [number for number, index in enumerate(indexes) if index is None]
    for place, entered in zip(fresh, context.log.append([leaves[each] for each in fresh]) if fresh else (), strict=True):
        indexes[place] = entered
    head = context.log.head()
    # commit point: the leaves are in the log under a published checkpoint; crash here and they are found again by their bytes.
    policy = policy_name(_policy_digest(context)), context.trust_policy().encode()
    files: list[tuple[OrderId, str, bytes]] = []
    numbers = {
        at: {subject: number for number, subject in enumerate(recorders[at].run.subjects, start=1)} for at in {at for at, _ in missing}
    }
    for (at, each), envelope, index in zip(missing, envelopes, indexes, strict=True):
        run, number = recorders[at].run, numbers[at][each.subject]
        assert index is not None
        proof = TlogProof(index, context.log.prove_inclusion(index, head.size), head.checkpoint)
        files.append((run.order, f"receipt-{run.round}-{number}.dsse.json", envelope.encode()))
        # Why the proof is kept: a log key that is rotated later signs later heads, under which this receipt's policy does not hold.
        files.append((run.order, f"receipt-{run.round}-{number}.tlog-proof", proof.encode()))
        logged[at].append(ev.ReceiptLogged(recorders[at].now(), each.subject, index, head.size, head.root.hex()))
    files += [(recorders[at].run.order, *policy) for at in numbers]
    context.shelf.put_all(files)
    for at in numbers:
        telemetry.log(Action.RECEIPT_PUBLISHED, order=Opaque(recorders[at].run.order), receipts=len(logged[at]))
    return logged


def _ended(recorder: Recorder, entries: Entries) -> ev.OrderEvent:
    reasons: dict[str, None] = {}
    for datasets, kept in entries.values():
        reasons.update(dict.fromkeys(f"{each.dataset}: {each.reason.value}" for each in datasets if each.reason is not None))
        reasons.update(dict.fromkeys(f"{each.dataset}: {KEPT}{each.ground}" for each in kept))
    state = OrderState.IN_PART if reasons else OrderState.FULFILLED
    if state is OrderState.FULFILLED and any(not each.done for datasets, _ in entries.values() for each in datasets):
        state, reasons = OrderState.IN_PART, {Reason.ERROR.value: None}
    final = all(each.done or each.outcome is receipt.Result.KEPT for datasets, _ in entries.values() for each in datasets)
    final = final and all(each.until is None for _, kept in entries.values() for each in kept)
    return ev.Ended(recorder.now(), state, tuple(reasons), final)


def _second(when: datetime) -> datetime:
    return when.replace(microsecond=0)


_DONE = (
    "What was ordered is done. Your receipt says for every place what was erased, how deeply, how it was checked, and what it says nothing "
    "about. Anybody can check it without us."
)
_COULD_NOT = (
    "A part of what was ordered could not be done yet, or stays for a stated reason. Your receipt says which part, and why. We go on "
    "trying where the reason can pass, and will tell you when it is done."
)
