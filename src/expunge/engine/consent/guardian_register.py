"""The register of guardians: proven authority over a child, its end when the child decides alone, disputes, and orders of guardians."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from expunge.core.consent import consent_events as ce
from expunge.core.consent.consent_rules import lacks
from expunge.core.gate.gate_entry import gate_entry
from expunge.core.orders.run import Run
from expunge.core.values.cause import ByGuardian
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.engine.gate import consent_register, fencing
from expunge.engine.intake import cancelling, person_orders
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, Recorder, orders, register
from expunge.engine.subjects import gate_identity
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import IllegalTransition, NeedsApproval, UsageError


def prove(context: Context, child: ResolvedName, guardian: ResolvedName, *, born: date, method: str, by: str, zone: str = "") -> str:
    """Enter a guardian's proof of authority over a child. Return the proof's id, which the guardian's orders and consents name.

    Args:
        context: the composition.
        child: the child.
        guardian: the person who decides for the child.
        born: the child's birthday; sealed, and destroyed when it has done its work.
        method: the way in which the authority was shown; no identifier.
        by: the reviewer who checked it.
        zone: the time zone in which the child lives (``America/Los_Angeles``): the day of majority begins there. UTC when empty.

    Raises:
        UsageError: for a zone that there is not, kinds of identity that are no child's by the map, a subject who is old enough, or a
            guardian of themself.
    """
    born = consent_register.birthday_of(born, zone)
    event = proven(context, child, guardian.person.subject, born=born, method=method, by=by, zone=zone)
    keep_birthday(context, event.proof, born)
    # commit point: from here on they decide for the child.
    register(context.journal, CONSENTS, event)
    fencing.publish(context)
    return event.proof


def proven(
    context: Context, child: ResolvedName, guardian: Pseudonym, *, born: date, method: str, by: str, zone: str = ""
) -> ce.GuardianProven:
    """Return the event of a new guardianship; the birthday is still to be kept. Raises as :func:`prove`."""
    require_child(context, child, guardian, born, zone)
    if not by.strip() or not method.strip():
        message = "a proof says how it was shown and who checked it"
        raise UsageError(message, help="--method 'birth certificate' --by NAME")
    proof = "grd-" + context.random(8).hex()
    return ce.GuardianProven(context.clock.now(), proof, child.person.subject, child.kind, guardian, method, by, zone)


def keep_birthday(context: Context, proof: str, born: date) -> None:
    """Seal when a child was born under a proof; right before the proof is entered."""
    place = OrderId(proof)
    context.shelf.put(place, consent_register.BORN, context.keys.seal(place, consent_register.BORN, born.isoformat().encode()))


def require_child(context: Context, child: ResolvedName, guardian: Pseudonym, born: date, zone: str = "") -> None:
    """Raise UsageError unless the map says that a guardian decides for a person who was born that day, where the person lives."""
    gate_identity.entry_of(context, child)
    age = context.data_map.guardians.get(child.kind)
    if age is None:
        message = f"by the map nobody decides for a {child.kind}"
        raise UsageError(message, help=f"guardians: {{{child.kind}: 13 years}} in the map, with the age that the law names")
    now = context.clock.now()
    if guardian == child.person.subject:
        message = "nobody is their own guardian"
        raise UsageError(message, help="name the guardian's own account or profile")
    if born > now.astimezone(consent_register.place(zone)).date() or now >= consent_register.decides_alone(born, age, zone):
        message = f"whoever was born then is not yet born or decides alone already: the map says {age}"
        raise UsageError(message, help="give the child's birthday as 2017-05-04")


def end(context: Context, proof: str, why: ce.EndReason, by: str) -> tuple[OrderId, ...]:
    """End an authority. Orders that stand on it and have erased nothing yet are cancelled; returns them. Raises UsageError."""
    consents = consent_register.load(context)
    known = consents.guardianships.get(proof)
    if known is None or known.ended is not None:
        message = "no authority of that proof is in force"
        raise UsageError(message, help="`expunge guardian list NAME` shows those that are")
    register(context.journal, CONSENTS, ce.GuardianEnded(context.clock.now(), proof, why, by))
    fencing.publish(context)
    return stop_orders(context)


def freeze(context: Context, child: ResolvedName, *, by: str, reason: str) -> None:
    """Let no guardian of a child see or order anything until the dispute is settled. Raises UsageError when it is frozen already."""
    consents = consent_register.load(context)
    subject = consents.of(child.person.subject)
    if subject in consents.frozen:
        message = "it is frozen already"
        raise UsageError(message, help="`expunge guardian list NAME` says since when and why")
    _named(by, reason)
    entry, key = gate_identity.entry_of(context, child), context.keys.gate_key()
    names = tuple(gate_entry(key, kind, value).hex() for kind, value in child.person.identifiers())
    register(context.journal, CONSENTS, ce.ChildFrozen(context.clock.now(), child.person.subject, entry, by, reason, names))
    fencing.publish(context)


def release(context: Context, child: ResolvedName, *, by: str, reason: str) -> None:
    """Settle a dispute. Raises UsageError when there is none, or without a name and a reason."""
    consents = consent_register.load(context)
    if consents.of(child.person.subject) not in consents.frozen:
        message = "it is not frozen"
        raise UsageError(message, help="`expunge guardian list NAME` says who decides")
    _named(by, reason)
    register(context.journal, CONSENTS, ce.ChildReleased(context.clock.now(), child.person.subject, by, reason))
    fencing.publish(context)


def _named(by: str, reason: str) -> None:
    if not by.strip() or not reason.strip():
        message = "a dispute begins and ends with somebody's name and a reason"
        raise UsageError(message, help="--by NAME --reason '...', without naming the people concerned")


def merge(context: Context, source: ResolvedName, into: ResolvedName, *, by: str, reason: str) -> None:
    """Enter that two identities are one person's. The stricter of their statements holds. Raises UsageError."""
    _named(by, reason)
    consents = consent_register.load(context)
    if consents.of(source.person.subject) == consents.of(into.person.subject):
        message = "the two are one person already"
        raise UsageError(message, help="`expunge consent show NAME` says what holds")
    both = (gate_identity.entry_of(context, source), gate_identity.entry_of(context, into))
    event = ce.SubjectsMerged(context.clock.now(), source.person.subject, into.person.subject, both, by, reason)
    register(context.journal, CONSENTS, event)
    fencing.publish(context)


def split(context: Context, subject: ResolvedName, new: ResolvedName, *, by: str, reason: str) -> None:
    """Split one identity that was two people's. The new one has agreed to nothing. Withdrawals hold for both.

    Consents that the new one had given before the two were merged no longer count. Raises UsageError.
    """
    _named(by, reason)
    if subject.person.subject == new.person.subject:
        message = "the two names mean one identity"
        raise UsageError(message, help="name the identity that is somebody else's")
    if consent_register.load(context).of(subject.person.subject) == new.person.subject:
        message = "since the two were merged, the first goes by the other name: that one cannot be the new one"
        raise UsageError(message, help="name them the other way round")
    event = ce.SubjectSplit(
        context.clock.now(), subject.person.subject, new.person.subject, gate_identity.entry_of(context, new), by, reason
    )
    register(context.journal, CONSENTS, event)
    fencing.publish(context)


def grow_up(context: Context) -> int:
    """End every authority over a child who decides alone now. Return how many ended."""
    consents, now = consent_register.load(context), context.clock.now()
    grown = []
    for guardianship in list(consents.guardianships.values()):
        until = consents.grows_up(guardianship.proven) if guardianship.ended is None else None
        if until is not None and until <= now:
            grown.append(guardianship.proven.proof)
    return _end_all(context, grown, ce.EndReason.GREW_UP)


def forget_erased(context: Context) -> int:
    """End every authority over a child whose data was all erased, and finish the work that a crash left. Return how many ended."""
    consents = consent_register.load(context)
    over = [name for name, each in list(consents.guardianships.items()) if each.ended and each.ended.why in consent_register.OVER]
    _forget(context, over)
    open_ones = [guardianship.proven for guardianship in list(consents.guardianships.values()) if guardianship.ended is None]
    erased = _erased(context) if open_ones else frozenset()
    return _end_all(context, [one.proof for one in open_ones if one.child in erased], ce.EndReason.ERASED)


def _end_all(context: Context, proofs: Sequence[str], why: ce.EndReason) -> int:
    if not proofs:
        return 0
    with context.journal.changing():
        known = consent_register.load(context).guardianships
        standing = [proof for proof in proofs if proof in known and known[proof].ended is None]
        if standing:
            register(context.journal, CONSENTS, *(ce.GuardianEnded(context.clock.now(), proof, why, "") for proof in standing))
            fencing.publish(context)
        _forget(context, proofs)
    return len(standing)


def _forget(context: Context, proofs: Sequence[str]) -> None:
    """Destroy the birthdays under proofs that have done their work; idempotent."""
    held = [OrderId(proof) for proof in proofs if context.shelf.get(OrderId(proof), consent_register.BORN) is not None]
    context.keys.destroy_orders(held)
    # commit point: nobody can read the birthdays any more.
    context.shelf.remove_all([(each, consent_register.BORN) for each in held])


def _erased(context: Context) -> frozenset[Pseudonym]:
    """Everybody of whom everything was erased."""
    runs = (Recorder(context.journal, context.clock, order).run for order in orders(context.journal))
    done = (run for run in runs if run.state is OrderState.FULFILLED and run.received.scope is None)
    return frozenset(subject for run in done for subject in run.subjects)


def require(context: Context, run: Run) -> None:
    """Before an order goes on: no dispute, and the guardian it stands on still decides; if not, the order is cancelled and that is said.

    Raises NeedsApproval, or IllegalTransition for an order that was stopped.
    """
    cause = run.received.cause
    if run.state not in _STOPPABLE or not consent_register.is_wanted(run.received.kind, cause):
        return
    consents = consent_register.load(context)
    if consents.frozen:
        consent_register.require_no_dispute(context, consents, person_orders.open_people(context, run.order))
    if not isinstance(cause, ByGuardian) or not run.erased_nothing:
        return
    for subject in run.subjects:
        why = lacks(consents, subject, cause.proof, context.clock.now())
        if why is not None:
            stopped = f"stopped: the authority of the guardian who asked for it ended before anything was erased ({why})"
            cancelling.cancel(context, run.order, stopped)
            raise IllegalTransition(stopped, help="whoever decides for the child now may order it anew")


_STOPPABLE = frozenset({OrderState.RECEIVED, OrderState.FENCED, OrderState.PLANNED, OrderState.APPROVED, OrderState.RUNNING})
"""A round that has not begun to erase is stopped as well."""


def stop_orders(context: Context) -> tuple[OrderId, ...]:
    """Cancel the orders whose guardian has lost authority before anything was erased. Return them."""
    stopped = []
    for order in orders(context.journal):
        run = Recorder(context.journal, context.clock, order).run
        if run.state in _STOPPABLE and isinstance(run.received.cause, ByGuardian):
            try:
                require(context, run)
            except IllegalTransition:
                # A round may have begun to erase meanwhile.
                if Recorder(context.journal, context.clock, order).run.state is OrderState.CANCELLED:
                    stopped.append(order)
            except NeedsApproval:
                continue
    return tuple(stopped)
