"""What a family is shown before it deletes, how its order is carried out, and what it is told meanwhile."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge import clock, faults
from expunge.bootstrap import Expunge
from expunge.bootstrap.clerk.desks.local_deletions import LocalDeletions
from expunge.bootstrap.clerk.household import Household as Clerk
from expunge.bootstrap.clerk.household import KeptHousehold
from expunge.bootstrap.clerk.rounds.order_carrier import OrderCarrier
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.consent.consent_events import EndReason
from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.person import Person
from expunge.core.families.deletion import DeletionStatus, PlaceState, Stage, StayReason
from expunge.core.families.selection import ChosenItems, Everything, TimeRange
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.values.cause import ByGuardian
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.engine.consent import parental_consent
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import IllegalTransition, NeedsApproval, NotPermitted, OpeningNeeded, UsageError
from expunge.ports.accounts.account_register import AccountRecord
from expunge.testing.forked import in_child
from tests.engine.consents import asking
from tests.engine.household import ANNA, BELA, Household, shorten_pauses

MUM, DAD, STRANGER = (UUID(int=number) for number in (1, 2, 3))
SESSION = b"s" * 32
FORM = "a form that was drawn once"
ONE = ChosenItems({"voice": (f"voice/{ANNA}/rec-anna-1-X7.wav",)})


@contextmanager
def clerk(home: Household) -> Iterator[LocalDeletions]:
    """The clerk's doors over a household, whose parents are guardians of Anna; nothing is carried out by itself."""
    with closing(KeptHousehold(home.map)) as kept, kept.used() as household:
        opened = household.expunge
        shorten_pauses(opened)
        for account in (MUM, DAD, STRANGER):
            household.register.open_account(AccountRecord(account, account.bytes, "en", clock.now()))
        for account in (MUM, DAD):
            guards(household, account, MembershipRole.GUARDIAN)
            household.openings.begin(account, anna(opened), SESSION)
        yield LocalDeletions(household, OrderCarrier(lambda: pytest.fail("no thread was started")))


def anna(opened: Expunge) -> Pseudonym:
    return opened.resolve(f"profile:{ANNA}").person.subject


def guards(household: Clerk, account: UUID, role: MembershipRole) -> None:
    household.register.set_membership(Membership(account, anna(household.expunge), role, clock.now()))


def family(doors: LocalDeletions) -> Pseudonym:
    return anna(doors.household.expunge)


def everything(doors: LocalDeletions, account: UUID = MUM, cooling_off: timedelta | None = None) -> OrderId:
    """An order for everything, as it is received once the keeper has used up the permit."""
    shown = doors.preview(account, family(doors), SESSION, Everything())
    answer = doors._receive(account, family(doors), Everything(), FORM, shown.digest)
    assert answer.order is not None
    return answer.order


def one(doors: LocalDeletions, account: UUID = MUM, form: str = FORM) -> OrderId:
    shown = doors.preview(account, family(doors), SESSION, ONE)
    answer = doors.delete(account, family(doors), SESSION, ONE, form, shown.digest)
    assert answer.order is not None
    return answer.order


def called_off(doors: LocalDeletions, order: OrderId, account: UUID = DAD) -> DeletionStatus:
    """The order, called off as it is once the keeper has used up the permit."""
    return doors._call_off(account, family(doors), order, lambda: None)


def carried(doors: LocalDeletions, times: int = 8) -> None:
    for _ in range(times):
        doors.carrier.look(doors.household)


# --- before ---------------------------------------------------------------------------------------


@pytest.mark.duty("COP-11", "AMZ-07")
def test_the_preview_counts_what_goes_by_kind(home: Household) -> None:
    with clerk(home) as doors:
        shown = doors.preview(MUM, family(doors), SESSION, Everything())
        assert {each.kind: each.items for each in shown.going}[DataKind.TRANSCRIPT] == 2
        only = doors.preview(MUM, family(doors), SESSION, ONE)
        assert only.items == 2, "the recording and its transcript"
        assert doors.household.expunge.orders() == (), "nothing is received by looking"


def test_the_preview_says_what_stays_why_and_until_when(home: Household) -> None:
    with clerk(home) as doors:
        opened = doors.household.expunge
        until = datetime(2031, 5, 1, tzinfo=UTC)
        person = opened.resolve(f"profile:{ANNA}")
        opened.holds.place(person, "voice", ground="tax law", authority="an office", until=until, items=[ONE.keys["voice"][0]])
        (stays,) = [each for each in doors.preview(MUM, family(doors), SESSION, ONE).staying if each.reason is StayReason.GROUND]
        assert (stays.items, stays.ground, stays.until) == (1, "tax law", until)


def test_data_that_cannot_be_read_is_not_called_nothing(home: Household) -> None:
    shutil.move(home.world / "media", home.world / "away")
    with clerk(home) as doors:
        shown = doors.preview(MUM, family(doors), SESSION, Everything())
        assert shown.unread, "the folder of recordings is away"


def test_a_plan_that_changed_since_is_shown_again_and_nothing_is_done(home: Household) -> None:
    with clerk(home) as doors:
        shown = doors.preview(MUM, family(doors), SESSION, Everything())
        with closing(sqlite3.connect(home.database)) as database, database:
            database.execute("INSERT INTO transcripts (recording_id, text) VALUES ('rec-anna-1-X7', 'one more word')")
        answer = doors._receive(MUM, family(doors), Everything(), FORM, shown.digest, lambda: pytest.fail("the permit was used up"))
        assert answer.order is None
        assert answer.preview is not None
        assert answer.preview.items == shown.items + 1
        assert doors.household.expunge.orders() == ()


def test_a_form_that_is_posted_twice_makes_one_order(home: Household) -> None:
    with clerk(home) as doors:
        shown = doors.preview(MUM, family(doors), SESSION, ONE)
        answers = [doors.delete(MUM, family(doors), SESSION, ONE, FORM, shown.digest) for _ in range(2)]
        assert answers[0] == answers[1]
        carried(doors)
        assert doors.delete(MUM, family(doors), SESSION, ONE, FORM, shown.digest) == answers[0], "also once it is erased"
        assert len(doors.household.expunge.orders()) == 1


def test_items_take_an_opening_and_everything_an_ask_of_its_own(home: Household) -> None:
    with clerk(home) as doors:
        doors.household.openings.end(MUM, family(doors), SESSION)
        with pytest.raises(OpeningNeeded):
            doors.preview(MUM, family(doors), SESSION, ONE)
        with pytest.raises(OpeningNeeded):
            doors.delete(MUM, family(doors), SESSION, ONE, FORM, "0" * 64)
        with pytest.raises(UsageError, match="ask of its own"):
            doors.delete(MUM, family(doors), SESSION, Everything(), FORM, "0" * 64)


def test_an_account_without_a_role_sees_and_does_nothing(home: Household) -> None:
    stranger = STRANGER
    with clerk(home) as doors:
        order = one(doors)
        acts = (
            lambda: doors.preview(stranger, family(doors), SESSION, Everything()),
            lambda: doors.delete(stranger, family(doors), SESSION, ONE, FORM, "0" * 64),
            lambda: doors.status(stranger, family(doors), order),
            lambda: doors.under_way(stranger, family(doors)),
            lambda: called_off(doors, order, stranger),
        )
        for act in acts:
            with pytest.raises(NotPermitted):
                act()
        other = doors.household.expunge.resolve(f"profile:{BELA}").person.subject
        doors.household.register.set_membership(Membership(stranger, other, MembershipRole.GUARDIAN, clock.now()))
        with pytest.raises(NotPermitted, match="no such order"):
            doors.status(stranger, other, order)


def test_a_range_of_time_takes_the_kind_that_was_chosen(home: Household) -> None:
    with clerk(home) as doors, pytest.raises(UsageError, match="collected by itself"):
        doors.preview(MUM, family(doors), SESSION, TimeRange(frozenset({DataKind.TRANSCRIPT}), until=clock.now()))


# --- carried out ----------------------------------------------------------------------------------


@pytest.mark.duty("COP-11", "AMZ-04", "TIM-04")
def test_everything_is_erased_and_verified_and_each_place_says_so(home: Household) -> None:
    with clerk(home) as doors:
        order = everything(doors)
        first = doors.status(MUM, family(doors), order)
        assert (first.stage, first.may_cancel, first.everything) == (Stage.WAITING, True, True)
        carried(doors)
        after = doors.status(MUM, family(doors), order)
        assert after.stage is Stage.DONE, doors.household.expunge.status(order).reasons
        assert {each.state for each in after.places} == {PlaceState.VERIFIED}
        assert after.done == len(after.places) > 3
        assert not after.may_cancel
        assert after.version > first.version
    assert home.search(ANNA, "rec-anna-0-X7") == []


def test_items_go_and_the_child_stays_at_the_page(home: Household) -> None:
    with clerk(home) as doors:
        order = one(doors)
        carried(doors)
        after = doors.status(MUM, family(doors), order)
        assert (after.stage, after.everything, sum(each.items for each in after.places)) == (Stage.DONE, False, 2)
        assert doors.household.person(family(doors)).known


def test_until_the_time_to_call_off_is_over_nothing_begins(home: Household) -> None:
    home.write_map(extra="cooling_off: 2 days\n")
    with clerk(home) as doors:
        order = one(doors)
        carried(doors)
        status = doors.status(DAD, family(doors), order)
        assert status.stage is Stage.COOLING
        assert status.begins - status.asked == timedelta(days=2)
        assert {each.state for each in status.places} == {PlaceState.WAITING}, "planned, so that the family sees what will go"
        assert doors.under_way(DAD, family(doors)) == (status,)


def test_one_guardian_calls_off_what_the_other_ordered(home: Household) -> None:
    """Opposite wishes: while nothing was erased, the one who wants to keep it is heard. Calling off twice changes nothing."""
    home.write_map(extra="cooling_off: 2 days\n")
    before = home.logical()
    with clerk(home) as doors:
        order = one(doors, MUM)
        assert called_off(doors, order).stage is Stage.CANCELLED
        assert called_off(doors, order).stage is Stage.CANCELLED
        carried(doors)
        assert doors.under_way(MUM, family(doors)) == ()
    assert home.logical() == before


def test_what_was_erased_cannot_be_called_off(home: Household) -> None:
    with clerk(home) as doors:
        order = one(doors)
        carried(doors)
        with pytest.raises(IllegalTransition):
            called_off(doors, order)


def test_a_role_that_ends_before_anything_was_erased_ends_the_order(home: Household) -> None:
    before = home.logical()
    with clerk(home) as doors:
        order = everything(doors)
        guards(doors.household, MUM, MembershipRole.FORMER)
        carried(doors)
        assert doors.status(DAD, family(doors), order).stage is Stage.CANCELLED
    assert home.logical() == before


def test_the_order_of_a_proven_guardian_names_the_proof_and_ends_with_it(home: Household) -> None:
    asking(home)
    with clerk(home) as doors:
        opened = doors.household.expunge
        guardian = ResolvedName("account", Person(parental_consent.guardian_of(opened.context, str(MUM)), {}, {}), known=True)
        born = clock.today() - timedelta(days=3000)
        proof = opened.consents.prove(opened.resolve(f"profile:{ANNA}"), guardian, born=born, method="signed form", by="officer")
        order = one(doors)
        cause = opened.status(order).received.cause
        assert isinstance(cause, ByGuardian)
        assert cause.proof == proof
        opened.consents.end(proof, EndReason.CUSTODY, "officer")
        assert doors.status(DAD, family(doors), order).stage is Stage.CANCELLED


def test_during_a_dispute_nothing_is_shown_or_ordered(home: Household) -> None:
    with clerk(home) as doors:
        opened = doors.household.expunge
        opened.consents.freeze(opened.resolve(f"profile:{ANNA}"), by="officer", reason="two guardians")
        with pytest.raises(NeedsApproval):
            doors.preview(MUM, family(doors), SESSION, Everything())


def test_an_order_that_the_company_has_to_approve_says_so(home: Household) -> None:
    key = VerifierKey("officer", Algorithm.ED25519, Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    home.write_map(extra=f'approvers: {{officer: "{key}"}}\n')
    with clerk(home) as doors:
        order = one(doors)
        carried(doors)
        assert doors.status(MUM, family(doors), order).stage is Stage.COMPANY


# --- faults ---------------------------------------------------------------------------------------


def test_a_store_that_is_away_holds_up_no_other_and_is_tried_again(home: Household) -> None:
    with clerk(home) as doors:
        order = everything(doors)
        shutil.move(home.world / "lake", home.world / "lake-away")
        carried(doors)
        status = doors.status(MUM, family(doors), order)
        assert status.stage is Stage.IN_PART
        waiting = [each for each in status.places if each.state is PlaceState.NOT_YET]
        assert waiting
        assert all(isinstance(each.reason, Reason) for each in waiting)
        assert any(each.state is PlaceState.VERIFIED for each in status.places)
        shutil.move(home.world / "lake-away", home.world / "lake")
        doors.household.expunge.submit(order, hurry=True)
        carried(doors)
        assert doors.status(MUM, family(doors), order).stage is Stage.DONE


@pytest.mark.parametrize("point", ["store.erase:after", "journal.append:after"])
def test_a_clerk_that_died_in_the_middle_goes_on_at_its_next_start(home: Household, point: str) -> None:
    with clerk(home) as doors:
        order = one(doors)
        doors.carrier.look(doors.household)

    def doomed() -> None:
        with clerk(home) as doors, faults.arm(point, "kill", 2):
            carried(doors)

    assert in_child(doomed).killed_by == 9
    with clerk(home) as doors:
        carried(doors)
        assert doors.status(MUM, family(doors), order).stage is Stage.DONE


def test_another_command_that_runs_orders_is_waited_for(home: Household) -> None:
    with clerk(home) as doors:
        order = one(doors)
        with home.open() as other, other.context.journal.exclusive():
            pause = doors.carrier.look(doors.household)
            assert pause <= 2.0
            assert doors.household.expunge.status(order).state is OrderState.FENCED
        carried(doors)
        assert doors.status(MUM, family(doors), order).stage is Stage.DONE


def test_a_hold_that_came_after_the_confirmation_is_planned_anew(home: Household) -> None:
    with clerk(home) as doors:
        opened = doors.household.expunge
        order = one(doors)
        doors.carrier.look(doors.household)
        person = opened.resolve(f"profile:{ANNA}")
        until = opened.context.clock.now() + timedelta(days=9)
        opened.holds.place(person, "voice", ground="tax law", authority="an office", until=until, items=[ONE.keys["voice"][0]])
        carried(doors)
        status = doors.status(MUM, family(doors), order)
        assert status.stage is Stage.IN_PART
        (kept,) = [each for each in status.places if each.state is PlaceState.KEPT and each.kind is not DataKind.TRANSCRIPT]
        assert kept.ground == "tax law"


def test_a_preview_has_one_digest_and_another_where_anything_differs(home: Household) -> None:
    with clerk(home) as doors:
        shown = doors.preview(MUM, family(doors), SESSION, Everything())
        assert shown.digest == doors.preview(DAD, family(doors), SESSION, Everything()).digest
        assert replace(shown, others=7).digest != shown.digest
        assert replace(shown, cooling_seconds=1).digest != shown.digest
