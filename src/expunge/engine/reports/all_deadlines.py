"""List all that is due: orders, appeals, holds, recipients, unused profiles, items past their period, data without a ground, limbs."""

from __future__ import annotations

from datetime import datetime, timedelta

from expunge.core.consent.use_records import RecordKind
from expunge.core.datamap.clocks import ClockState
from expunge.core.disgorgement.disgorgement import Limb, LimbDeadline
from expunge.core.disgorgement.disgorgement_events import DisgorgementState as Entered
from expunge.core.disgorgement.disgorgement_events import LimbExamined
from expunge.core.journal.policy_events import ViewsReplayed
from expunge.core.journal.recipient_ledger import SETTLED, InstructionState
from expunge.core.journal.review_events import ViewServed
from expunge.core.values.order import OrderState
from expunge.core.values.periods import end_of
from expunge.engine.accounts import staff_review
from expunge.engine.cohorts import customers
from expunge.engine.consent import data_without_ground, parental_consent
from expunge.engine.destruction import disgorgement_orders
from expunge.engine.gate import use_records
from expunge.engine.incidents import owed as incidents
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import POLICIES, REVIEWS, Recorder, read_register
from expunge.engine.noticing import deciding
from expunge.engine.recipients import deadlines, instruction_ledger, instructions
from expunge.engine.recipients.deadlines import Deadline
from expunge.engine.reports import duty_ledger, emergency_views, record_periods
from expunge.engine.retention import inactive_profiles, overdue_items
from expunge.engine.threads import appeals
from expunge.engine.vault import reviewing
from expunge.ports.optional.sealed_items import SealedItems

ENTRY, DELETE, STATEMENT = "entry", "delete", "statement"
"""The event that an order of destruction starts its clocks with, and the clocks that Expunge knows the end of."""


def everything(context: Context) -> tuple[Deadline, ...]:
    """Overdue first, then by date; clocks that have not started come last."""
    ours = (*deadlines.of_orders(context), *deadlines.of_holds(context), *instructions.owed(context), *inactive_profiles.owed(context))
    found = (*ours, *of_disgorgements(context), *of_groundless(context), *of_use_records(context), *of_askings(context))
    found = (
        *found,
        *overdue_items.owed(context),
        *record_periods.owed(context),
        *duty_ledger.owed(context),
        *of_epochs(context),
        *of_openings(context),
        *of_readings_past_the_desk(context),
        *of_views(context),
        *staff_review.owed(context),
        *appeals.owed(context),
        *emergency_views.owed(context),
        *deciding.owed(context),
        *incidents.owed(context),
        *customers.owed(context),
    )
    return deadlines.soonest_first(found)


_EPOCHS = "`epochs:` of the vault"
_VAULT = "vault"


def of_epochs(context: Context) -> tuple[Deadline, ...]:
    """Return when each living epoch of a vault's keys is due to be destroyed, so that shredded keys become irrecoverable."""
    found: dict[str, Deadline] = {}
    now = context.clock.now()
    for name in (each.name for each in context.data_map.stores.values() if each.kind == _VAULT):
        try:
            store = context.open_store(name)
            if not isinstance(store, SealedItems):
                continue
            for each in store.key_epochs():
                at = each.made + store.epoch_lifetime()
                what = f"epoch {each.number} of the vault"
                duty = "destroy it, with two approvals" if each.destroyable else "rotate, then destroy it, with two approvals"
                standing = ClockState.OVERDUE if at <= now else ClockState.RUNNING
                found[what] = Deadline(what, duty, "epochs", _EPOCHS, at, standing, "what was shredded is not irrecoverable before")
        except store_calls.TROUBLE:
            why = "the keys of the vault could not be asked how old they are"
            found[name] = Deadline(f"epochs of {name}", "look again", "epochs", _EPOCHS, None, ClockState.NOT_STARTED, why)
    return tuple(found.values())


def of_openings(context: Context) -> tuple[Deadline, ...]:
    """Return when openings of recordings are due to be reviewed: twelve months after the last review, or after the first opening."""
    if all(each.kind != _VAULT for each in context.data_map.stores.values()):
        return ()
    reviewed, first = reviewing.last(context)
    began = reviewed.at if reviewed is not None else first
    if began is None:
        return ()
    at = began + reviewing.YEAR
    standing = ClockState.OVERDUE if at <= context.clock.now() else ClockState.RUNNING
    duty = "`expunge vault review --by NAME`"
    why = "" if reviewed is not None else "it was never reviewed"
    return (Deadline("openings of recordings", duty, "openings", _REVIEWS, at, standing, why),)


_REVIEWS = "FTC v. Ring, III.E.2"
LOOKED_AT_WITHIN = timedelta(days=7)
"""The time within which a person looks at what the vault's door refused, or saw past the review desk."""


def of_readings_past_the_desk(context: Context) -> tuple[Deadline, ...]:
    """Return the alert about readings of recordings past the review desk, from the moment of the first one until they are reviewed."""
    if context.data_map.review is None:
        return ()
    found = reviewing.past_the_desk(context)
    if found.first is None:
        return ()
    at = found.first + LOOKED_AT_WITHIN
    standing = ClockState.OVERDUE if at <= context.clock.now() else ClockState.RUNNING
    why = (
        f"{found.refused} refused, {found.for_review} for review by people, which belongs to the desk; `expunge vault openings` lists them"
    )
    duty = "`expunge vault review --by NAME`"
    return (Deadline("readings of recordings past the review desk", duty, "openings", "FTC v. Ring, III.E.5", at, standing, why),)


def of_views(context: Context) -> tuple[Deadline, ...]:
    """Return when views of staff are due to be held against the policies: twelve months after the last time, or after the first view."""
    replayed = [each.at for each in read_register(context.journal, POLICIES) if isinstance(each, ViewsReplayed)]
    seen = (each.at for each in read_register(context.journal, REVIEWS) if isinstance(each, ViewServed))
    began = replayed[-1] if replayed else next(seen, None)
    if began is None:
        return ()
    at = began + reviewing.YEAR
    standing = ClockState.OVERDUE if at <= context.clock.now() else ClockState.RUNNING
    why = "" if replayed else "they never were"
    return (Deadline("views of staff", "`expunge access replay --by NAME`", "views", _REVIEWS, at, standing, why),)


def prompt(context: Context) -> tuple[Deadline, ...]:
    """Return the deadlines of what a rule wants gone without a number: orders, and what is kept of parents who were asked."""
    return (*deadlines.of_orders(context), *of_askings(context))


_PAPER = "signed form"
"""The way of asking whose evidence is no identity document: it is kept as long as the form has to be shown."""


def of_askings(context: Context) -> tuple[Deadline, ...]:
    """Return what is kept of parents who were asked: contact data without an answer, and documents that they showed."""
    found: list[Deadline] = []
    for name, one in parental_consent.pending(context).items():
        if one.ended is None:
            found += deadlines.owed(context, f"asking {name}", "pending consent", {"contact collected": one.asked.at})
        if one.evidence is not None and not one.evidence_gone and one.asked.method != _PAPER:
            found += deadlines.owed(context, f"asking {name}", "consent evidence", {"verified": one.evidence.at})
    return tuple(found)


_SOURCE = {RecordKind.REVIEW: "Amazon order VI.E.1", RecordKind.ASSURANCE: "16 CFR 312.8(c)"}
_WHAT = {RecordKind.REVIEW: "use of location", RecordKind.ASSURANCE: "recipient"}
_DO = {RecordKind.REVIEW: "review it", RecordKind.ASSURANCE: "get its written assurance for children's data"}


def of_use_records(context: Context) -> tuple[Deadline, ...]:
    """Return the records that uses and disclosures need: when each lapses, and those that do not hold, for which the gate refuses."""
    return tuple(
        Deadline(
            f"{_WHAT[each.kind]} {each.about}",
            f"{_DO[each.kind]}{' again' if each.until else ''}",
            each.kind.value,
            _SOURCE[each.kind],
            each.until,
            ClockState.OVERDUE if each.lack else ClockState.RUNNING,
            f"{each.lack}; the gate refuses it" if each.lack else "it holds until then",
        )
        for each in use_records.standings(context)
    )


def of_groundless(context: Context) -> tuple[Deadline, ...]:
    """Return data that nothing has a ground to keep, as the last sweep found it: overdue since then."""
    return tuple(
        Deadline(
            f"data in {each.dataset}",
            "ask for consent, or erase it",
            "consent",
            "the map's `purposes`",
            each.since,
            ClockState.OVERDUE,
            f"{each.people} {'person' if each.people == 1 else 'people'}: {each.why.value}",
        )
        for each in data_without_ground.known_now(context)
    )


def of_disgorgements(context: Context) -> tuple[Deadline, ...]:
    """Return the unmet clock rules of orders of destruction: items of a limb are not gone, or the statement is not drafted.

    A clock rule whose starting event was not entered is shown as not started.
    """
    now = context.clock.now()
    found: list[Deadline] = []
    for entered in disgorgement_orders.standings(context).values():
        for limb in entered.order.retroactive:
            clock = limb.clocks.get(DELETE)
            if clock is not None and not _gone(context, entered, limb):
                found.append(_owed(entered, clock, now, f"destroy what {limb.name} takes", limb.provision))
        found += _of_recipients(context, entered, now)
        sworn = entered.order.sworn
        clock = sworn.clocks.get(STATEMENT) if sworn else None
        if clock is not None and not entered.drafted:
            found.append(_owed(entered, clock, now, "draft the sworn statement, and have it signed", "statement"))
    return tuple(found)


def _of_recipients(context: Context, entered: Entered, now: datetime) -> list[Deadline]:
    """The clocks of an order that recipients of what its limbs take be told, and confirm."""
    ledger = instruction_ledger.ledger(context)
    found: list[Deadline] = []
    for recipient in entered.order.recipients:
        orders = {look.order for limb in recipient.limbs for look in entered.of_limb(limb)}
        told = [each for (order, _), each in ledger.instructions.items() if order in orders]
        waiting = [each for each in told if each.stands is InstructionState.TO_SEND]
        limbs = [each for each in entered.order.limbs if each.name in recipient.limbs]
        looked = all(_gone(context, entered, each) for each in limbs)
        for name, clock in sorted(recipient.clocks.items()):
            if name == CONFIRM:
                open_ones = [each for each in told if each.stands not in SETTLED]
                start = max((each.at for each in open_ones), default=None)
                if start is not None:
                    at = end_of(start, clock.period)
                    standing = ClockState.OVERDUE if now >= at else ClockState.RUNNING
                    why = f"{len(open_ones)} instructions without a settled answer; {clock.period} after the last was made"
                    what = f"order of destruction {entered.id}"
                    found.append(Deadline(what, f"have {recipient.name} confirm", recipient.name, entered.order.name, at, standing, why))
            elif not told or waiting or not looked:
                duty = f"{'instruct' if name == INSTRUCT else name} {recipient.name}, who had what {', '.join(recipient.limbs)} takes"
                found.append(_owed(entered, clock, now, duty, recipient.name))
    return found


INSTRUCT, CONFIRM = "instruct", "confirm"


def _gone(context: Context, entered: Entered, limb: Limb) -> bool:
    """Whether the limb was looked at, and every order that was made of it has ended as far as it ever will.

    An order that was cancelled counts only where a later look took its place; what an exception lets stay no longer has to be looked at.
    """
    looks = entered.of_limb(limb.name)
    runs = [(look, Recorder(context.journal, context.clock, look.order).run) for look in looks if look.order is not None]
    counting = [run for each, run in runs if run.state is not OrderState.CANCELLED or each is looks[-1]]
    over = all(run.final or run.state is OrderState.FULFILLED for run in counting)
    settled = bool(looks) and not looks[-1].failed and not _undecided(entered, looks[-1])
    return settled and over and not _lapsed(context, entered, limb, looks[-1].at)


def _undecided(entered: Entered, look: LimbExamined) -> bool:
    """Whether the look left something that nobody has decided, or that was decided to go since and was not looked at again."""
    decided = {item: each for item, each in entered.decided.items() if not each.tainted or each.at <= look.at}
    return not decided.keys() >= set(look.unknown)


def _lapsed(context: Context, entered: Entered, limb: Limb, looked: datetime) -> bool:
    """Whether something may stay no longer since the limb was looked at last."""
    ends = (each.until for (name, _), each in entered.excepted.items() if name == limb.name and each.until is not None)
    return any(looked < end <= context.clock.now() for end in ends)


def _owed(entered: Entered, clock: LimbDeadline, now: datetime, duty: str, provision: str) -> Deadline:
    at = clock.due({ENTRY: entered.order.entered})
    standing = ClockState.NOT_STARTED if at is None else ClockState.OVERDUE if now >= at else ClockState.RUNNING
    why = f"{clock.period} after {clock.start}" if at else f"waits for {clock.start}"
    return Deadline(f"order of destruction {entered.id}", duty, provision, entered.order.name, at, standing, why)
