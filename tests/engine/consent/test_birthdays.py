"""Birthdays and ends that do not fall on a plain day in UTC: right where the person lives, or refused in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from expunge.core.values.periods import parse_period
from expunge.engine.gate import consent_register
from expunge.errors import UsageError
from tests.cli.running import expunge
from tests.engine.consents import CHILD, PARENT, asking, later
from tests.engine.household import Household

AGE = parse_period("13 years")


@pytest.fixture
def family(home: Household) -> Household:
    return asking(home)


@pytest.mark.parametrize(
    ("born", "zone", "begins"),
    [
        (date(2018, 5, 4), "", datetime(2031, 5, 4, tzinfo=UTC)),
        (date(2018, 5, 4), "America/Los_Angeles", datetime(2031, 5, 4, 7, tzinfo=UTC)),
        (date(2018, 5, 4), "Pacific/Auckland", datetime(2031, 5, 3, 12, tzinfo=UTC)),
        (date(2020, 2, 29), "", datetime(2033, 3, 1, tzinfo=UTC)),
        (date(2020, 2, 29), "America/Los_Angeles", datetime(2033, 3, 1, 8, tzinfo=UTC)),
        (date(2019, 2, 28), "", datetime(2032, 2, 28, tzinfo=UTC)),
    ],
)
def test_the_day_of_majority_begins_where_the_child_lives_and_not_before_the_last_year_is_over(
    born: date, zone: str, begins: datetime
) -> None:
    assert consent_register.decides_alone(born, AGE, zone) == begins


def test_on_29_february_an_age_that_falls_on_a_leap_year_is_that_day() -> None:
    assert consent_register.decides_alone(date(2020, 2, 29), parse_period("16 years")) == datetime(2036, 2, 29, tzinfo=UTC)


@pytest.mark.duty("COP-11")
def test_a_guardian_decides_until_the_last_hour_of_the_childs_own_day(family: Household) -> None:
    with family.open() as opened:
        now = datetime(2031, 1, 1, tzinfo=UTC)
        later(opened, now)
        child, parent = opened.resolve(CHILD), opened.resolve(PARENT)
        prove = opened.consents.prove
        proof = prove(child, parent, born=date(2020, 2, 29), method="birth certificate", by="priya", zone="America/Los_Angeles")
        subject = child.person.subject

        def decide(at: datetime) -> list[str]:
            return [each.proven.proof for each in opened.consents.register().guardians_of(subject, at)]

        assert decide(datetime(2033, 3, 1, 7, 59, tzinfo=UTC)) == [proof]
        assert decide(datetime(2033, 3, 1, 8, tzinfo=UTC)) == []


def test_a_birthday_that_comes_with_a_time_is_a_day_and_no_traceback(family: Household) -> None:
    with family.open() as opened:
        child, parent = opened.resolve(CHILD), opened.resolve(PARENT)
        west = timezone(timedelta(hours=-7))
        for born in (datetime(2020, 5, 4, 23, 30), datetime(2020, 5, 4, 23, 30, tzinfo=west)):  # noqa: DTZ001 - as a form hands it over
            proof = opened.consents.prove(child, parent, born=born, method="paper", by="priya", zone="America/Los_Angeles")
            assert consent_register._born(opened.context, proof) == date(2020, 5, 4)
        for wrong in (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), date(2999, 1, 1)):
            with pytest.raises(UsageError):
                opened.consents.prove(child, parent, born=wrong, method="paper", by="priya")
        with pytest.raises(UsageError, match="no time zone"):
            opened.consents.prove(child, parent, born=date(2020, 5, 4), method="paper", by="priya", zone="Mars/Olympus")


@pytest.mark.duty("DSG-04")
def test_a_hold_without_a_zone_or_beyond_all_time_is_refused_in_words(family: Household) -> None:
    with family.open() as opened:
        person = opened.resolve(CHILD)
        beyond = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-12)))
        for until, why in ((datetime(2999, 1, 1), "has a time zone"), (beyond, "years 1 to 9999")):  # noqa: DTZ001 - what is refused
            with pytest.raises(UsageError, match=why):
                opened.holds.place(person, "voice", ground="a dispute", authority="counsel", until=until)
    told = ("--dataset", "voice", "--ground", "g", "--authority", "a", "--until", "9999-12-31T23:59:59-12:00", "--map", str(family.map))
    refused = expunge("hold", "add", CHILD, *told)
    assert (refused.code, "Traceback" in refused.err) == (2, False)
