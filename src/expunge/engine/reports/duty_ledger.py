"""The ledger of duties that people do: enter, list, verify, and what falls due by the map's clocks.

A record is signed with the key of the receipts and has a leaf in the log, as a receipt has. Its bytes are journalled before it is entered
in the log, and the log is asked for the leaf before it is appended again.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256

from expunge.core import merkle
from expunge.core.journal.ledger_events import LedgerLogged, LedgerStated
from expunge.core.log import dsse, trust
from expunge.core.log.tlog_proof import TlogProof
from expunge.core.values import b64
from expunge.core.values.signature import ed25519_pem, key_id
from expunge.core.verification import ledger_record
from expunge.core.verification.ledger_record import ABOUT, DOCUMENTED, LedgerKind, LedgerRecord
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import LEDGER, read_register, register
from expunge.engine.recipients import deadlines
from expunge.engine.recipients.deadlines import Deadline
from expunge.errors import EvidenceInvalid, UsageError

_WORD = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_NUMBERED = re.compile(r"[0-9]{4,}|[0-9]+-[0-9]+")
_MOST_WORDS, _LONGEST = 5, 30
_AHEAD = timedelta(days=1)
"""A day may have begun elsewhere that has not begun in UTC."""


@dataclass(frozen=True)
class NewRecord:
    """What an operator enters."""

    kind: LedgerKind
    on: date
    role: str = ""
    person: str = field(default="", repr=False)
    """Name of the person, of which a keyed pseudonym is kept and nothing else."""
    about: tuple[str, ...] = ()
    signed_by: str = ""
    document: str = ""
    """Hex SHA-256 of the paper."""


@dataclass(frozen=True)
class LedgerEntry:
    """One record as the journal knows it."""

    record: LedgerRecord
    stated: LedgerStated
    logged: LedgerLogged | None

    @property
    def envelope(self) -> dsse.Envelope:
        """The signed envelope."""
        signer = b64.decode(self.stated.signer)
        return dsse.Envelope(self.stated.statement.encode(), b64.decode(self.stated.signature), key_id(signer))

    @property
    def files(self) -> dict[str, bytes]:
        """The files of its folder in an evidence pack."""
        pem = ed25519_pem(b64.decode(self.stated.signer))
        return {ledger_record.RECORD: self.envelope.encode(), ledger_record.SIGNER: pem}

    @property
    def leaf(self) -> bytes:
        """Its leaf in the log."""
        return dsse.leaf(self.envelope, b64.decode(self.stated.signer))


def entries(context: Context) -> dict[str, LedgerEntry]:
    """Return every record, by id, oldest first."""
    found: dict[str, LedgerEntry] = {}
    for event in read_register(context.journal, LEDGER):
        if isinstance(event, LedgerStated):
            found[event.id] = LedgerEntry(ledger_record.parse(event.statement.encode()), event, None)
        elif isinstance(event, LedgerLogged):
            found[event.id] = LedgerEntry(found[event.id].record, found[event.id].stated, event)
    return found


def add(context: Context, new: NewRecord) -> LedgerEntry:
    """Enter a record: signed, journalled, and in the log when this returns.

    Raises UsageError for a role that is of another form, a date that has not come, a missing document, and records that it cannot be
    about.
    """
    known = entries(context)
    holder = _require_about(known, new)
    _require_words(context, new, holder)
    now = context.clock.now()
    person = pseudonym(context.keys.pseudonym_key(), new.person) if new.person else holder.person if holder else ""
    role = new.role or (holder.role if holder else "")
    name = "led-" + context.random(8).hex()
    record = LedgerRecord(name, now.replace(microsecond=0), new.kind, new.on, role, person, new.about, new.signed_by, new.document)
    statement = record.encode()
    signature, signer = context.keys.sign_receipt(dsse.pae(statement)), context.keys.signer_public()
    size = context.log.head().size
    stated = LedgerStated(now, name, statement.decode(), b64.encode(signature), b64.encode(signer), size)
    register(context.journal, LEDGER, stated)
    finish(context)
    return entries(context)[name]


def finish(context: Context) -> None:
    """Enter in the log what was stated and is not noted to be there, after a crash too."""
    for each in entries(context).values():
        if each.logged is None:
            # Why asked first: a crash after the append and before the event must not enter a leaf twice.
            index = context.log.find(each.leaf, each.stated.log_size)
            if index is None:
                (index,) = context.log.append([each.leaf])
            head = context.log.head()
            # commit point: the leaf is in the log under a published checkpoint; crash here and it is found again by its bytes.
            register(context.journal, LEDGER, LedgerLogged(context.clock.now(), each.record.id, index, head.size, head.root.hex()))


def verify(context: Context, trust_policy: str) -> tuple[str, ...]:
    """Return the ids of all records, once each is signed by a key of the trust policy and proven to be in the log.

    Raises EvidenceInvalid, naming every record that is not.
    """
    faults: list[str] = []
    signers = {key.key for key in trust.parse(trust_policy.encode()).signers}
    known = entries(context)
    head = context.log.head()
    for name, each in known.items():
        try:
            found = ledger_record.verify(each.files[ledger_record.RECORD], each.files[ledger_record.SIGNER])
            if found.signer not in signers:
                faults.append(f"{name} is signed by a key that the trust policy does not name")
            if each.logged is None:
                faults.append(f"{name} is not in the log yet")
                continue
            path = context.log.prove_inclusion(each.logged.index, head.size)
            merkle.verify_inclusion(found.leaf_hash, each.logged.index, head.size, path, head.root)
        except EvidenceInvalid as error:
            faults.append(f"{name}: {error.message}")
        faults += [f"{name} is about {other}, which is not there" for other in each.record.about if other not in known]
    if faults:
        message = f"the ledger does not hold: {'; '.join(faults)}"
        raise EvidenceInvalid(message, help="restore the state from its backup; what was handed out before is the proof")
    return tuple(known)


def proof(context: Context, entry: LedgerEntry) -> bytes:
    """Return the proof that a record is in the log now. Raises UsageError for one that is not."""
    if entry.logged is None:
        message = "the record is not in the log yet"
        raise UsageError(message, help="run the command again")
    head = context.log.head()
    return TlogProof(entry.logged.index, context.log.prove_inclusion(entry.logged.index, head.size), head.checkpoint).encode()


# --- what falls due -----------------------------------------------------------------------------------------


def owed(context: Context) -> tuple[Deadline, ...]:
    """Return what the map's clocks ask of people: training of each role, hand-over of each order, and the rest that is not done."""
    return tuple(_owed(context, [each.record for each in entries(context).values()]))


def _owed(context: Context, records: Sequence[LedgerRecord]) -> Iterator[Deadline]:
    by_kind: dict[LedgerKind, list[LedgerRecord]] = {kind: [] for kind in LedgerKind}
    for each in records:
        by_kind[each.kind].append(each)

    def done(kind: LedgerKind, *about: LedgerRecord) -> list[LedgerRecord]:
        return [each for each in by_kind[kind] if each.about == tuple(one.id for one in about)]

    roles = [each for each in by_kind[LedgerKind.ROLE] if not done(LedgerKind.ROLE_ENDED, each)]
    for role in roles:
        events = {"role begun": _at(role)} | _last(done(LedgerKind.TRAINING, role))
        yield from deadlines.owed(context, f"role {role.id} ({role.role})", "training", events)
        for order in by_kind[LedgerKind.ORDER]:
            if not done(LedgerKind.HAND_OVER, order, role):
                events = {"role begun": _at(role), "order entered": _at(order)}
                yield from deadlines.owed(context, f"order {order.id} for role {role.id} ({role.role})", "hand-over", events)
    for kind, answered, word, event in _ONCE:
        for each in by_kind[kind]:
            if not done(answered, each):
                yield from deadlines.owed(context, f"{kind.value} {each.id} ({each.role or each.person})", word, {event: _at(each)})
    for order in by_kind[LedgerKind.ORDER]:
        for kind, word in _AGAIN:
            events = {"order entered": _at(order)} | _last(done(kind, order))
            yield from (
                each
                for each in deadlines.owed(context, f"order {order.id} ({order.role})", word, events)
                # A clock that does not recur is settled by the first time.
                if "done" not in events or context.data_map.laws[each.clock].again is not None
            )


_ONCE = (
    (LedgerKind.ORDER, LedgerKind.ORDER_ACKNOWLEDGED, "order acknowledgement", "order entered"),
    (LedgerKind.HAND_OVER, LedgerKind.ACKNOWLEDGEMENT, "acknowledgement", "handed over"),
    (LedgerKind.REQUEST, LedgerKind.ANSWER, "request for records", "requested"),
    (LedgerKind.CHANGE, LedgerKind.NOTICE, "change notice", "changed"),
)
"""Kind, the kind that settles it, what clocks call that, and the event that they start with."""
_AGAIN = ((LedgerKind.CERTIFICATION, "certification"), (LedgerKind.REPORT, "compliance report"))


def _at(record: LedgerRecord) -> datetime:
    return datetime.combine(record.on, time(), UTC)


def _last(done: Sequence[LedgerRecord]) -> dict[str, datetime]:
    return {"done": max(map(_at, done))} if done else {}


# --- what may be entered ------------------------------------------------------------------------------------


def _require_about(known: Mapping[str, LedgerEntry], new: NewRecord) -> LedgerRecord | None:
    """Raise UsageError unless the record is about what its kind is about; return the record from which it takes role and person."""
    wanted = ABOUT.get(new.kind, ())
    missing = [name for name in new.about if name not in known]
    kinds = tuple(known[name].record.kind for name in new.about if name in known)
    if missing or kinds != wanted:
        needs = " and ".join(f"one of kind {kind.value}" for kind in wanted) or "none"
        message = f"a record of kind {new.kind.value} is about {needs}{', in this sequence' if len(wanted) > 1 else ''}"
        raise UsageError(message, help="`expunge ledger list` shows the ids: --about led-... for each")
    ended = {each.record.about[0] for each in known.values() if each.record.kind is LedgerKind.ROLE_ENDED}
    if LedgerKind.ROLE in kinds and ended & set(new.about):
        message = "that role has ended"
        raise UsageError(message, help="enter the role that the person has now")
    return known[new.about[-1]].record if new.about else None


def _require_words(context: Context, new: NewRecord, holder: LedgerRecord | None) -> None:
    for word in filter(None, (new.role, new.signed_by)):
        if not _is_role(word):
            message = f"a role is at most {_MOST_WORDS} words of small letters, digits and hyphens: no name, no date, no address"
            raise UsageError(
                message, help="--role 'deletion manager', 'ftc-v-ring'; a name belongs into --person, which keeps a pseudonym of it"
            )
    if not (new.role or new.person or holder):
        message = "the record says nobody"
        raise UsageError(message, help="give --role, --person, or both")
    if new.kind in DOCUMENTED and not new.document:
        message = f"a record of kind {new.kind.value} needs the document"
        raise UsageError(message, help="--document FILE: its SHA-256 is kept, not the file")
    if datetime.combine(new.on, time(), UTC) > context.clock.now() + _AHEAD:
        message = "the date has not come yet"
        raise UsageError(message, help="enter what was done, on the day on which it was done")


def _is_role(text: str) -> bool:
    """Return whether a text is of the form of a role: one that goes into the log for good has no room for a person's data."""
    words = text.split(" ")
    numbers = sum(word.isdecimal() for word in words)
    sound = all(_WORD.fullmatch(word) and len(word) <= _LONGEST and not _NUMBERED.search(word) for word in words)
    return sound and len(words) <= _MOST_WORDS and numbers <= 1 and words[0][0].isalpha()


def pseudonym(key: bytes, name: str) -> str:
    """Return the pseudonym of a person: ``per-`` and 16 hex digits, the same however the name is typed."""
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    return "per-" + hmac.new(key, b"expunge/ledger/1\0" + plain.encode(), sha256).hexdigest()[:16]
