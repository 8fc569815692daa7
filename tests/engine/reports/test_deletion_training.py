"""Who carries out orders is trained every year, where a clock of the map asks for it; without it the right does not count."""

from __future__ import annotations

import getpass
from datetime import UTC, date, datetime, time, timedelta

import pytest

from expunge import Expunge, clock
from expunge.core.accounts.staff import RIGHTS, JobFunction, StaffRight
from expunge.core.accounts.staff_events import ByMachineUser, RightsConfirmed, StaffEnrolled, StaffInvited, StaffReason, StaffSeen
from expunge.core.review.people import RecordStanding
from expunge.core.review.statements import DELETION_ROLE
from expunge.engine.kernel.journal_streams import STAFF, register
from expunge.engine.recipients.deadlines import Deadline
from expunge.engine.reports.deletion_training import DeletionTraining
from expunge.errors import Refused, UsageError
from tests.cli.running import expunge as command
from tests.engine.household import ANNA, Household
from tests.engine.reports.packs import Set

GRANTED = datetime(2030, 5, 10, 8, tzinfo=UTC)
OPERATOR, RIGHT = "00000000-0000-4000-8000-000000000001", StaffRight.EXECUTE_ORDERS
LAWS = "laws: [alexa-training]\n"


def at(home: Household, when: datetime) -> Expunge:
    return Expunge.open(home.map, clock=Set(when))


def employ(home: Household, granted: datetime, user: str = "") -> None:
    """Enter an operator, whose rights were confirmed half a year later."""
    rights, by = tuple(sorted(RIGHTS[JobFunction.OPERATOR])), ByMachineUser("omar")
    with at(home, granted + timedelta(days=200)) as opened:
        register(
            opened.context.journal,
            STAFF,
            StaffInvited(
                granted, OPERATOR, "desk-1", JobFunction.OPERATOR, rights, by, "0" * 64, granted + timedelta(hours=72), user, first=False
            ),
            StaffEnrolled(granted, OPERATOR, "0" * 64),
            RightsConfirmed(granted + timedelta(days=180), OPERATOR, JobFunction.OPERATOR, rights, (), by, StaffReason.NEEDED, ""),
        )


def may(home: Household, when: datetime) -> bool:
    """Whether the register says at a time that the operator may carry out orders, in each way that it is asked."""
    with at(home, when) as opened:
        register(opened.context.journal, STAFF, StaffSeen(datetime.combine(when.date(), time(), UTC), OPERATOR))
        directory = opened.staff.directory()
        member = directory.member(OPERATOR)
        assert member is not None
        assert StaffRight.ENTER_ORDERS in member.rights, "other rights count on"
        answers = {RIGHT in member.rights, directory.may(OPERATOR, RIGHT), RIGHT in directory.rights(OPERATOR)}
        if answers == {True}:
            directory.note_use(OPERATOR, RIGHT)
        else:
            with pytest.raises(Refused, match="training has lapsed"):
                directory.note_use(OPERATOR, RIGHT)
    (answer,) = answers
    return answer


@pytest.mark.duty("AMZ-15")
def test_the_right_to_carry_out_orders_ends_with_the_yearly_training_and_comes_back_with_the_next(home: Household) -> None:
    home.write_map(extra=LAWS)
    employ(home, GRANTED)
    assert may(home, datetime(2031, 5, 9, tzinfo=UTC)), "the first training is owed within twelve months"
    late = datetime(2031, 5, 11, tzinfo=UTC)
    assert not may(home, late)
    with at(home, late) as opened:
        (duty,) = opened.reviewers.overview()
        assert (duty.role, duty.on, duty.standing, duty.needed) == (DELETION_ROLE, None, RecordStanding.LAPSED, True)
        with pytest.raises(UsageError):
            opened.reviewers.train("desk-1", "deletion manager", late.date())
        opened.reviewers.train("desk-1", DELETION_ROLE, late.date())
        (duty,) = opened.reviewers.overview()
        assert (duty.lapses, duty.standing) == (date(2032, 5, 11), RecordStanding.CURRENT)
    assert may(home, late)
    assert may(home, datetime(2031, 6, 11, tzinfo=UTC))
    assert "alexa-training" in {each.clock for each in owed(home, datetime(2032, 5, 12, tzinfo=UTC)) if each.standing.overdue}
    with at(home, datetime(2032, 5, 11, tzinfo=UTC)) as opened:
        account = opened.staff.accounts()[0]
        assert DeletionTraining.of(opened.context).withheld(account, datetime(2032, 5, 11, tzinfo=UTC)) == {RIGHT}
        assert DeletionTraining.of(opened.context).withheld(account, datetime(2032, 5, 10, 23, tzinfo=UTC)) == set()


def owed(home: Household, when: datetime) -> list[Deadline]:
    with at(home, when) as opened:
        return list(opened.dues.all())


def test_where_no_clock_asks_for_training_the_right_counts_on(home: Household) -> None:
    home.write_map(extra="laws: [ring-certification]\n")
    employ(home, GRANTED)
    assert may(home, datetime(2031, 5, 11, tzinfo=UTC))
    with at(home, datetime(2031, 5, 11, tzinfo=UTC)) as opened:
        assert opened.reviewers.overview() == ()


@pytest.mark.duty("AMZ-15")
def test_a_person_whose_training_has_lapsed_carries_out_nothing_at_the_machine(home: Household) -> None:
    home.write_map(extra=LAWS)
    employ(home, clock.now() - timedelta(days=400), getpass.getuser())
    with Expunge.open(home.map) as opened:
        order = opened.order_erase([opened.resolve(ANNA)]).order
        opened.plan(order)
    refused = command("apply", order, "--yes", "--map", home.map)
    assert refused.code == 1
    assert "training about deletion of desk-1 has lapsed" in refused.err
    assert "lapsed" in command("staff", "training", "--open", "--map", home.map).out
    assert command("staff", "train", "desk-1", "--for", DELETION_ROLE, "--map", home.map).code == 0
    assert command("apply", order, "--yes", "--map", home.map).code == 0
