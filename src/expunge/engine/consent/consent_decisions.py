"""Consent: give, withdraw, ask. A withdrawal takes effect when it is journalled. The order that it causes is journalled with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from expunge.core.consent import consent_events as ce
from expunge.core.consent import consent_receipt
from expunge.core.consent.consent import ConsentAnswer, Consents, consented
from expunge.core.consent.consent_rules import ConsentRefusal, check_surface, may_give, may_withdraw, parse_act
from expunge.core.datamap.person import Person
from expunge.core.datamap.purposes import used_for_alone
from expunge.core.evidence import commitment
from expunge.core.lineage.lineage_graph import lineage_of
from expunge.core.log import dsse
from expunge.core.values import canonical
from expunge.core.values.cause import ByWithdrawal
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderKind
from expunge.core.values.scope import Scope
from expunge.core.values.signature import key_id
from expunge.engine.consent import disclosure_texts, given_again, guardian_register
from expunge.engine.gate import consent_register, fencing
from expunge.engine.intake import person_orders
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, Recorder, orders, register
from expunge.engine.subjects import gate_identity
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import UsageError

WHO = "identifiers.sealed"
RECEIPT = "consent-receipt.dsse.json"


@dataclass(frozen=True)
class Agreement:
    """The way in which a consent was given."""

    surface: str
    act: str
    method: str = "signed in"
    """How it was established who they are."""
    proof: str = ""
    """The guardian's proof of authority; empty for the person themself."""
    shown: str = ""
    """Hex SHA-256 of the text that the surface showed, where it can say so."""
    carries_disclosure: bool = True


@dataclass(frozen=True)
class ConsentGrant:
    """The answer to a person who agreed."""

    consent: str
    receipt: bytes
    """The signed envelope."""
    opening: bytes = field(repr=False)
    """``opening.json``: shows that the receipt is theirs. Nobody else has it."""


@dataclass(frozen=True)
class WithdrawalResult:
    """The result of a withdrawal."""

    withdrawal: str
    datasets: tuple[str, ...]
    """What nothing else had a ground to keep."""
    order: OrderId | None
    """The order that erases it; None where nothing goes."""


def give(context: Context, person: ResolvedName, purpose: str, agreement: Agreement) -> ConsentGrant:
    """Enter a consent of one person to one purpose, under the text that is shown now.

    Raises UsageError for an invalid consent, or one from a person without authority; Misconfigured for a text that was altered.
    """
    guardian_register.grow_up(context)
    agreed, events = prepare(context, consent_register.load(context), person, purpose, agreement)
    # commit point: they have agreed.
    register(context.journal, CONSENTS, *events)
    fencing.publish(context)
    given_again.narrow(context)
    return agreed


def prepare(
    context: Context, consents: Consents, person: ResolvedName, purpose: str, agreement: Agreement
) -> tuple[ConsentGrant, tuple[ce.ConsentEvent, ...]]:
    """Check a consent and make its receipt; the events that enter it are the caller's to append. Raises as :func:`give`."""
    now = context.clock.now()
    subject = person.person.subject
    _require(may_give(consents, subject, purpose, agreement.proof, now, carries_disclosure=agreement.carries_disclosure))
    act, surface = _checked(agreement)
    known = context.data_map.purposes[purpose]
    newest, data = disclosure_texts.to_show(context, consents, known.text)
    shown = sha256(data).hexdigest()
    if agreement.shown and agreement.shown.lower() != shown:
        message = f"what was shown is not version {newest.version} of the text {known.text}"
        raise UsageError(message, help=f"show {newest.file} and ask again: an old or altered text is agreed to by nobody")
    digest = known.terms.digest()
    given = ce.ConsentGiven(
        now, "cns-" + context.random(8).hex(), subject, gate_identity.entry_of(context, person), purpose, known.text, newest.version, shown,
        digest, surface, act, agreement.proof, agreement.method, agreement.carries_disclosure,
    )  # fmt: skip
    opening = commitment.Opening(context.random(commitment.OPENING_SIZE), person.person.identifiers())
    statement = consent_receipt.receipt_of(given, known.terms, opening.commitment()).encode()
    envelope = dsse.Envelope(statement, context.keys.sign_receipt(dsse.pae(statement)), key_id(context.keys.signer_public())).encode()
    disclosure_texts.keep(context, data)
    context.shelf.put(OrderId(given.id), RECEIPT, envelope)
    before: list[ce.ConsentEvent] = []
    if (known.text, newest.version) not in consents.fixed:
        before.append(ce.ConsentTextFixed(now, known.text, newest.version, shown))
    if digest not in consents.terms:
        before.append(ce.ConsentTermsFixed(now, digest, known.terms))
    return ConsentGrant(given.id, envelope, opening.encode()), (*before, given)


def receipt(context: Context, consent: str) -> bytes:
    """Return the signed receipt of a consent. Raises UsageError when there is none of that id."""
    found = context.shelf.get(OrderId(consent), RECEIPT)
    if found is None:
        message = "no consent of that id was given"
        raise UsageError(message, help="`expunge consent history NAME` shows the ids")
    return found


def _checked(agreement: Agreement) -> tuple[ce.ConsentAct, str]:
    try:
        return parse_act(agreement.act), check_surface(agreement.surface)
    except ValueError as error:
        raise UsageError(
            str(error), help="ask on a surface of its own, with a box that is empty or a button that says what it does"
        ) from error


def _require(refusal: ConsentRefusal | None) -> None:
    if refusal is not None:
        raise UsageError(refusal.why, help=refusal.instead)


def withdraw(context: Context, person: ResolvedName, purpose: str, proof: str = "", account: str = "") -> WithdrawalResult:
    """End a consent at once. Data that no other purpose has a ground to keep is erased by an order.

    Args:
        context: the composition.
        person: whose data it is about.
        purpose: of the map.
        proof: the guardian's proof of authority; empty for the person themself.
        account: the random id of the account that withdraws it on the pages; empty elsewhere.

    Raises UsageError for a purpose that the map has not or that rests on something else, and for a proof without authority.
    """
    consents = consent_register.load(context)
    now = context.clock.now()
    subject = person.person.subject
    known = context.data_map.purposes.get(purpose)
    if known is None or not known.text:
        message = f"{purpose!r} is no purpose that rests on consent"
        asked = sorted(name for name, each in context.data_map.purposes.items() if each.text)
        raise UsageError(message, help=f"those that do: {', '.join(asked) or 'none'}")
    _require(may_withdraw(consents, subject, proof, now))
    entry = gate_identity.entry_of(context, person)
    name = OrderId("wdr-" + context.random(8).hex())
    datasets = reach(context, consents, subject, purpose, now)
    if datasets:
        context.shelf.put(name, WHO, context.keys.seal(name, WHO, canonical.encode(person.person.to_json())))
    # commit point: nothing may be used for the purpose any more; crash here and the next start makes the order that is owed.
    by = (ce.WithdrawalByAccount(now, name, account),) if account else ()
    register(context.journal, CONSENTS, ce.ConsentWithdrawn(now, name, subject, entry, purpose, proof, datasets), *by)
    fencing.publish(context)
    return WithdrawalResult(name, datasets, _order(context, name, purpose, datasets, received=None))


def reach(context: Context, consents: Consents, subject: Pseudonym, purpose: str, at: datetime) -> tuple[str, ...]:
    """Return the datasets of a subject that only this purpose has a ground to keep, with the datasets derived from them; sorted."""
    data_map = context.data_map
    standing = [name for name in data_map.purposes if name != purpose and consented(consents, subject, name, at).holds]
    alone = used_for_alone(data_map.purposes, purpose, standing)
    kept = {dataset for each in standing for dataset in data_map.purposes[each].datasets}
    lineage = lineage_of(data_map.datasets, data_map.identities)
    return tuple(sorted(lineage.descendants(alone, among=data_map.datasets.keys() - kept)))


def recover(context: Context) -> int:
    """Make the orders that withdrawals still owe after a crash; returns how many."""
    consents = consent_register.load(context)
    owed = [each for name, each in consents.withdrawals.items() if each.datasets and name not in consents.ordered]
    if owed:
        fencing.publish(context)
    for each in owed:
        datasets = tuple(name for name in each.datasets if name in context.data_map.datasets)
        name = OrderId(each.id)
        _order(context, name, each.purpose, datasets, received=_received(context, each))
    return len(owed)


def _order(context: Context, name: OrderId, purpose: str, datasets: tuple[str, ...], *, received: OrderId | None) -> OrderId | None:
    """Receive the order of a withdrawal, unless that was done before a crash; then what was sealed for it dies."""
    order, sealed = received, context.shelf.get(name, WHO)
    if order is None and sealed is not None and datasets:
        person = Person.from_json(canonical.decode(context.keys.open(name, WHO, sealed)))
        people = (ResolvedName("", person, known=True),)
        scope = Scope(f"consent to {purpose} withdrawn", datasets)
        request = person_orders.OrderRequest(people, "withdrawal", ByWithdrawal(name), kind=OrderKind.WITHDRAWAL, scope=scope)
        order = person_orders.receive(context, request).order
    if sealed is not None:
        context.keys.destroy_order(name)
        context.shelf.remove(name, WHO)
    if order is not None:
        # crash here and the next start finds the order by its cause.
        register(context.journal, CONSENTS, ce.WithdrawalOrdered(context.clock.now(), name, order))
    return order


def _received(context: Context, withdrawn: ce.ConsentWithdrawn) -> OrderId | None:
    """The order that was received for a withdrawal before a crash.

    Older versions let programs enter such an order in the same words: one about somebody else is not the one that is owed.
    """
    runs = (Recorder(context.journal, context.clock, order).run for order in orders(context.journal))
    mine = (run for run in runs if run.received.cause == ByWithdrawal(OrderId(withdrawn.id)))
    return next((run.order for run in mine if run.subjects == (withdrawn.subject,)), None)


def ask(context: Context, person: ResolvedName, purpose: str) -> ConsentAnswer:
    """Return whether consent allows a person's data to be used for a purpose now."""
    return consented(consent_register.load(context), person.person.subject, purpose, context.clock.now())
