"""Issue receipts in batches: state their bytes, sign them, enter them in the log, put them on the shelf."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from expunge import telemetry
from expunge.core import merkle
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.evidence import evidence_rules, receipt
from expunge.core.evidence.plan_approvals import PlanApproval
from expunge.core.evidence.receipt import DatasetEntry, Figure, ModelEntry, Receipt
from expunge.core.journal import events as ev
from expunge.core.log import dsse, signed_head, trust
from expunge.core.log.tlog_proof import TlogProof
from expunge.core.models.model_outcomes import keyed_contents
from expunge.core.orders.run import Run
from expunge.core.pages import LATEST
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderKind
from expunge.core.values.scope import ItemScope, Reach
from expunge.core.values.signature import key_id
from expunge.core.verification import receipt_pack
from expunge.engine.evidence.verification import Entries, SubjectEntries
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder
from expunge.errors import EvidenceInvalid
from expunge.telemetry import Action, Opaque

BATCH = 1024
"""Receipts that share one checkpoint and one append to the journal."""
PACKED = 256
"""Receipts of one order that lie in one file of its shelf at most: whoever asks for one reads them all."""


@dataclass(frozen=True)
class _Signer:
    """Who signs a batch, and the policy that says so."""

    public: bytes
    policy: bytes

    @property
    def digest(self) -> str:
        return sha256(self.policy).hexdigest()


class Issuer:
    """The issuer of receipts of running orders. Work that orders and people have in common is done once."""

    def __init__(
        self, context: Context, recorders: Sequence[Recorder], entries: Sequence[Entries], scopes: Sequence[tuple[str, ...]]
    ) -> None:
        """Issue for some orders.

        Args:
            context: the composition.
            recorders: the orders.
            entries: what is said of each of their people; one for each order.
            scopes: what the receipts of each order say nothing about.
        """
        self._context = context
        self._recorders = recorders
        self._entries = entries
        self._scopes = scopes
        self._commitments = [dict(zip(recorder.run.subjects, recorder.run.received.commitments, strict=True)) for recorder in recorders]
        self._numbers = [{subject: number for number, subject in enumerate(recorder.run.subjects, start=1)} for recorder in recorders]
        self._signed: dict[str, dsse.Envelope] = {}
        """Statement -> envelope, of the present batch: each is signed once, to name its leaf and to enter it."""

    def batches(self) -> Iterable[Sequence[tuple[int, Pseudonym]]]:
        """(which order, whose) of all receipts, in groups that are issued together."""
        pairs = [(at, subject) for at, each in enumerate(self._recorders) for subject in each.run.subjects]
        return (pairs[start : start + BATCH] for start in range(0, len(pairs), BATCH))

    def state(self, batch: Sequence[tuple[int, Pseudonym]]) -> list[list[ev.OrderEvent]]:
        """Fix the bytes of the receipts that this round has not stated yet; one list of events for each order."""
        signer = self._signer()
        size = self._context.log.head().size
        self._signed = {}
        missing = [(at, subject) for at, subject in batch if not self._is_stated(self._recorders[at].run, subject, signer)]
        now = [recorder.now() for recorder in self._recorders]
        stated: list[list[ev.OrderEvent]] = [[] for _ in self._recorders]
        made = self._statements(missing, signer, now)
        envelopes = self._envelopes(made, signer)
        for (at, subject), statement, envelope in zip(missing, made, envelopes, strict=True):
            leaf = merkle.leaf_hash(dsse.leaf(envelope, signer.public)).hex()
            stated[at].append(ev.ReceiptStated(now[at], subject, statement, leaf, size))
        return stated

    def log(self, batch: Sequence[tuple[int, Pseudonym]]) -> list[list[ev.OrderEvent]]:
        """Enter the stated receipts that have no leaf yet, and put them on the shelf; one list of events for each order."""
        logged: list[list[ev.OrderEvent]] = [[] for _ in self._recorders]
        rounds = [recorder.run.current for recorder in self._recorders]
        missing = [(at, rounds[at].stated[subject]) for at, subject in batch if subject not in rounds[at].logged]
        if not missing:
            return logged
        signer, log = self._signer(), self._context.log
        envelopes = self._envelopes([each.statement for _, each in missing], signer)
        leaves = [dsse.leaf(envelope, signer.public) for envelope in envelopes]
        # Why asked first: a crash after the append and before the event must not enter a leaf twice.
        found = log.find_all([(leaf, each.log_size) for leaf, (_, each) in zip(leaves, missing, strict=True)])
        entered = iter(log.append([leaf for leaf, index in zip(leaves, found, strict=True) if index is None]))
        indexes = [next(entered) if index is None else index for index in found]
        head = log.head()
        # commit point: the leaves are in the log under a published checkpoint; crash here and they are found again by their bytes.
        packs: dict[int, dict[int, tuple[bytes, bytes]]] = {}
        now = [recorder.now() for recorder in self._recorders]
        paths = log.prove_all(indexes, head.size)
        # A receipt takes no line along that its policy does not know, such as one by a witness who was asked before and is no more.
        published = signed_head.known_lines(head.checkpoint, trust.parse(signer.policy))
        for (at, each), envelope, index, path in zip(missing, envelopes, indexes, paths, strict=True):
            # Why the proof is kept: a log key that is rotated later signs later heads, under which this receipt's policy does not hold.
            proof = TlogProof(index, path, published).encode()
            packs.setdefault(at, {})[self._numbers[at][each.subject]] = envelope.encode(), proof
            logged[at].append(ev.ReceiptLogged(now[at], each.subject, index, head.size, head.root.hex()))
        self._context.shelf.put_all([file for at, pack in packs.items() for file in _files(self._recorders[at].run, pack, signer.policy)])
        for at in packs:
            telemetry.log(Action.RECEIPT_PUBLISHED, order=Opaque(self._recorders[at].run.order), receipts=len(logged[at]))
        return logged

    def _signer(self) -> _Signer:
        return _Signer(self._context.keys.signer_public(), self._context.trust_policy().encode())

    def _is_stated(self, run: Run, subject: Pseudonym, signer: _Signer) -> bool:
        """Whether a statement is there and names the keys of now: after a rotation an older one could be signed, but never verified."""
        if subject in run.current.logged or subject not in run.current.stated:
            return subject in run.current.logged
        made = receipt.parse(run.current.stated[subject].statement.encode())
        return made.signer == key_id(signer.public) and made.policy_digest == signer.digest

    def _statements(self, missing: Sequence[tuple[int, Pseudonym]], signer: _Signer, now: Sequence[datetime]) -> list[str]:
        """The statements of some people; those of whom the same is said are built together."""
        alike: dict[tuple[int, tuple[int, ...]], list[int]] = {}
        for place, (at, subject) in enumerate(missing):
            # What is said of many people is one object: see core.judged.
            said = tuple(id(each) for part in self._entries[at][subject] for each in (*part, None))
            alike.setdefault((at, said), []).append(place)
        made = [""] * len(missing)
        for (at, _), places in alike.items():
            people = [(self._commitments[at][missing[place][1]], self._context.random(receipt.NONCE_SIZE)) for place in places]
            like = self._receipt(at, people[0], self._entries[at][missing[places[0]][1]], signer, now[at])
            for place, statement in zip(places, receipt.build_for_all(like, people), strict=True):
                made[place] = statement.decode()
        return made

    def _receipt(self, at: int, person: tuple[str, bytes], said: SubjectEntries, signer: _Signer, now: datetime) -> Receipt:
        run, kept, data_map = self._recorders[at].run, said.kept, self._context.data_map
        datasets = tuple(_told(data_map, each) for each in said.datasets)
        assert run.plan is not None
        assert run.fenced_at is not None
        erased_at, judged = run.erased_at, run.current.judged
        erased = _second(erased_at) if erased_at and any(dataset.outcome is receipt.Result.ERASED for dataset in datasets) else None
        verified = _second(max(each.at for each in judged.values())) if judged else None
        commitment, nonce = person
        made = Receipt(
            order=run.order,
            order_kind=run.received.kind,
            commitment=commitment,
            verdict=receipt.verdict_of(datasets, kept),
            times=receipt.ReceiptTimes(_second(run.received.at), _second(run.fenced_at), erased, verified),
            datasets=datasets,
            kept=kept,
            out_of_scope=self._scopes[at],
            valid_until=_second((verified or now) + self._context.reprobe_after),
            tool=receipt.Tool("expunge", self._context.version, LATEST),
            signer=key_id(signer.public),
            log=self._context.log.origin,
            policy_digest=signer.digest,
            plan_digest=run.plan.digest,
            nonce=nonce,
            models=_models(run, data_map, datasets, self._context.keys.pseudonym_key()),
            mentions=said.mentions,
            shared_values=said.shared_values,
            map_digest=run.plan.map_digest,
            unread=said.unread,
            others_text=said.others_text,
            orphaned=said.orphaned,
            issuer=_issuer(data_map),
            outside=_outside(data_map, datasets),
            reach=_reach(run.received.kind, run.plan.scope),
            approvals=_approvals(run, data_map),
        )
        evidence_rules.require(made)
        return made

    def _envelopes(self, statements: Sequence[str], signer: _Signer) -> list[dsse.Envelope]:
        """The statements, signed; the same bytes give the same envelope."""
        fresh = [each.encode() for each in dict.fromkeys(statements) if each not in self._signed]
        signatures = self._context.keys.sign_receipts([dsse.pae(each) for each in fresh])
        for statement, signature in zip(fresh, signatures, strict=True):
            self._signed[statement.decode()] = dsse.Envelope(statement, signature, key_id(signer.public))
        return [self._signed[each] for each in statements]


def _told(data_map: DataMap, entry: DatasetEntry) -> DatasetEntry:
    if entry.dataset in data_map.datasets:
        return replace(entry, holds=kind_held(data_map, entry.dataset))
    # A store of backups that goes on holding is an entry of its own.
    retaining = entry.dataset == entry.store and entry.outcome is receipt.Result.KEPT
    return replace(entry, holds=DataKind.BACKUP) if retaining else entry


def _approvals(run: Run, data_map: DataMap) -> tuple[PlanApproval, ...]:
    """Return the approvals of the plan that hold by a key that was journalled with them, or that the map has."""
    assert run.plan is not None
    found: list[PlanApproval] = []
    for event in run.approvals:
        for key in (event.key,) if event.key else data_map.approvers.get(event.approver, ()):
            with suppress(EvidenceInvalid):
                made = PlanApproval(event.approver, key, event.signature, _second(event.at), run.plan.loss.text)
                made.verify(run.order, run.plan.digest)
                found.append(made)
                break
    return tuple(found)


def _reach(kind: OrderKind, scope: Reach | None) -> receipt.ReceiptReach:
    """Return how far an order reached, from the scope of the plan that was carried out."""
    if kind in receipt.OF_A_CLASS:
        return receipt.ReceiptReach.CLASS
    if scope is None:
        return receipt.ReceiptReach.PERSON
    return receipt.ReceiptReach.ITEMS if isinstance(scope, ItemScope) else receipt.ReceiptReach.PART


def _issuer(data_map: DataMap) -> receipt.IssuingCompany | None:
    company = data_map.company
    return receipt.IssuingCompany(company.name, company.contact, company.complaints) if company.name else None


def _outside(data_map: DataMap, datasets: Sequence[DatasetEntry]) -> tuple[receipt.CopiesOutside, ...]:
    """Return the copies that the map names of the stores from which something of the person went."""
    stores = sorted({each.store for each in datasets if each.outcome in (receipt.Result.ERASED, receipt.Result.UNABLE)})
    return tuple(receipt.CopiesOutside(name, each) for name in stores if name in data_map.stores for each in data_map.stores[name].outside)


def _models(run: Run, data_map: DataMap, datasets: Sequence[DatasetEntry], key: bytes) -> tuple[ModelEntry, ...]:
    """What became of the things made from people's data, of those that the receipt lists."""
    listed = {dataset.dataset for dataset in datasets}
    return tuple(
        ModelEntry(
            dataset=name,
            act=data_map.datasets[name].on_erase.act,
            before=keyed_contents(key, run.order, each.before),
            after=each.after,
            proof=each.proof,
            figures=tuple(Figure(figure, value) for figure, value in sorted(each.figures.items())),
            said=each.said,
            network=each.network,
            membership=each.membership,
            sight=each.sight,
            stayed=each.stayed,
            fresh=each.fresh,
            again=each.again,
            weights=each.weights,
        )
        for name, each in sorted(run.remade.items())
        if name in listed and (each.before or each.stayed)
    )


def _files(run: Run, pack: dict[int, tuple[bytes, bytes]], policy: bytes) -> Iterable[tuple[OrderId, str, bytes]]:
    numbers = sorted(pack)
    for start in range(0, len(numbers), PACKED):
        some = numbers[start : start + PACKED]
        # By its first number: whose receipt was logged is in no later pack of the round, so that none replaces another.
        yield run.order, f"{_packs(run.round)}{some[0]}.pack", receipt_pack.pack(policy, {each: pack[each] for each in some})


def _packs(turn: int) -> str:
    return f"receipts-{turn}-"


def read(context: Context, order: OrderId, turn: int, number: int) -> receipt_pack.PackedReceipt | None:
    """Return one receipt as it was put on the shelf; None where it is not there.

    Args:
        context: the composition.
        order: whose shelf.
        turn: the round.
        number: 1-based position of the person in the order.
    """
    start = _packs(turn)
    firsts = (name.removeprefix(start).removesuffix(".pack") for name in context.shelf.names(order) if name.startswith(start))
    for first in sorted((int(each) for each in firsts if int(each) <= number), reverse=True):
        data = context.shelf.get(order, f"{start}{first}.pack")
        found = None if data is None else receipt_pack.unpack(data, number)
        if found is not None:
            return found
    return _apart(context, order, turn, number)


def _apart(context: Context, order: OrderId, turn: int, number: int) -> receipt_pack.PackedReceipt | None:
    """The same from files of its own, as versions before the first packs put it."""
    envelope = context.shelf.get(order, f"receipt-{turn}-{number}.dsse.json")
    proof = context.shelf.get(order, f"receipt-{turn}-{number}.tlog-proof")
    if envelope is None or proof is None:
        return None
    named = receipt.parse(dsse.parse(envelope).payload).policy_digest
    policy = context.shelf.get(order, f"trust-policy-{named[:16]}.txt")
    return None if policy is None else receipt_pack.PackedReceipt(envelope, proof, policy)


def _second(when: datetime) -> datetime:
    return when.replace(microsecond=0)
