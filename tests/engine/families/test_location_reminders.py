"""Families are reminded every six months that whereabouts are collected, and switch that off as easily as they agreed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from expunge.bootstrap import Expunge
from expunge.core.accounts.family_events import MembershipDecided
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.accounts.staff_events import ByMachineUser
from expunge.core.journal.reminder_events import LocationReminded, LocationSwitchedOff
from expunge.engine.consent.consent_decisions import Agreement
from expunge.engine.families import location_reminders
from expunge.engine.families.location_reminders import RemindersSent
from expunge.engine.families.people import FamilyPeople
from expunge.engine.kernel.journal_streams import FAMILIES, REMINDERS, read_register, register
from expunge.engine.reports import estate_duties, late_reminders
from expunge.errors import StoreUnavailable
from tests.engine.families.company import BEN, MIA, NOW, Clock, build

MOTHER, FATHER = UUID(int=1), UUID(int=2)
SIX_MONTHS = datetime(2027, 5, 30, 12, tzinfo=UTC)
AGREED = """\
purposes:
  weather: {description: say what the weather is, needs: consent, use: collection, datasets: [places], text: weather}
texts:
  weather: [{version: 1, file: weather.md}]
"""


class Letters:
    """A mail server that keeps who was written to, and may be away. Implements the port of reminders."""

    def __init__(self) -> None:
        self.written: list[UUID] = []
        self.away = False
        self.unknown: set[UUID] = set()

    def remind(self, account: UUID, at: datetime) -> bool:
        assert at.tzinfo is not None
        if self.away:
            raise StoreUnavailable("the mail server is away", help="wait")
        if account in self.unknown:
            return False
        self.written.append(account)
        return True


class Pass:
    """An installation whose reminders a test sends by hand."""

    def __init__(self, opened: Expunge, clock: Clock) -> None:
        self.opened, self.clock, self.letters = opened, clock, Letters()

    def member(self, account: UUID, child: str = MIA, role: MembershipRole = MembershipRole.GUARDIAN) -> None:
        family = self.opened.resolve(f"profile:{child}").person.subject
        event = MembershipDecided(self.clock.now(), str(account), family, role, ByMachineUser("omar"))
        register(self.opened.context.journal, FAMILIES, event)

    def remind(self) -> RemindersSent:
        return location_reminders.remind(self.opened.context, FamilyPeople(self.opened.context).find, self.letters)

    def events(self) -> list[object]:
        return list(read_register(self.opened.context.journal, REMINDERS))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("reminded") / "company").parent


@pytest.fixture
def company(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "company"))


@pytest.fixture
def reminders(company: Path) -> Iterator[Pass]:
    clock = Clock()
    with Expunge.open(company / "expunge.yaml", clock=clock) as opened:
        yield Pass(opened, clock)


@pytest.mark.duty("DSG-11")
def test_a_family_is_reminded_after_six_months_and_again_after_six_more(reminders: Pass) -> None:
    reminders.member(MOTHER)
    reminders.member(FATHER)
    reminders.clock.at = SIX_MONTHS - timedelta(days=2)
    assert reminders.remind() == RemindersSent(not_due=1)
    reminders.clock.at = SIX_MONTHS - timedelta(days=1)
    assert reminders.remind() == RemindersSent(reminded=1)
    assert sorted(reminders.letters.written) == [MOTHER, FATHER]
    assert reminders.remind() == RemindersSent(not_due=1)
    (event,) = reminders.events()
    assert isinstance(event, LocationReminded)
    assert (event.at, event.letters) == (reminders.clock.at, 2)
    reminders.clock.at += timedelta(days=150)
    assert reminders.remind() == RemindersSent(not_due=1)
    reminders.clock.at += timedelta(days=34)
    assert reminders.remind() == RemindersSent(reminded=1)
    assert len(reminders.letters.written) == 4


@pytest.mark.duty("DSG-11")
def test_a_family_of_which_no_place_is_held_is_not_reminded(reminders: Pass, company: Path) -> None:

    reminders.member(MOTHER)
    reminders.member(FATHER, BEN)
    with sqlite3.connect(company / "world" / "app.db") as db:
        db.execute("DELETE FROM places WHERE profile_id = ?", (BEN,))
    db.close()
    reminders.clock.at = SIX_MONTHS
    assert reminders.remind() == RemindersSent(reminded=1, not_collected=1)
    assert reminders.letters.written == [MOTHER]


def test_a_former_member_is_told_nothing(reminders: Pass) -> None:
    reminders.member(MOTHER)
    reminders.member(FATHER)
    reminders.member(FATHER, role=MembershipRole.FORMER)
    reminders.clock.at = SIX_MONTHS
    reminders.remind()
    assert reminders.letters.written == [MOTHER]


@pytest.mark.duty("DSG-11")
def test_mail_that_is_away_is_tried_again_and_the_register_says_nothing_before(reminders: Pass) -> None:
    reminders.member(MOTHER)
    reminders.clock.at = SIX_MONTHS
    reminders.letters.away = True
    assert reminders.remind() == RemindersSent(later=1)
    assert reminders.events() == []
    reminders.clock.at += timedelta(days=10)
    assert late_reminders.overdue(reminders.opened.context) == 1
    reminders.letters.away = False
    assert reminders.remind() == RemindersSent(reminded=1)
    assert late_reminders.overdue(reminders.opened.context) == 0


def test_a_family_without_an_address_is_counted_and_stays_due(reminders: Pass) -> None:
    reminders.member(MOTHER)
    reminders.letters.unknown = {MOTHER}
    reminders.clock.at = SIX_MONTHS
    assert reminders.remind() == reminders.remind() == RemindersSent(unreachable=1)
    assert reminders.events() == []


def test_a_store_that_is_away_leaves_the_family_due(reminders: Pass, company: Path) -> None:
    reminders.member(MOTHER)
    found = FamilyPeople(reminders.opened.context)
    reminders.clock.at = SIX_MONTHS
    (company / "world" / "app.db").write_bytes(b"no database" * 500)
    assert location_reminders.remind(reminders.opened.context, found.find, reminders.letters) == RemindersSent(later=1)
    assert reminders.letters.written == []


@pytest.fixture
def asking(company: Path) -> Iterator[Pass]:
    """The company asks for consent before it collects places, and Mia's mother agreed."""
    (company / "weather.md").write_text("# We would like to know where you are\n\nFor the weather. You can say no.\n")
    (company / "expunge.yaml").write_text((company / "expunge.yaml").read_text().replace("guardians: {profile: 13 years}\n", "") + AGREED)
    clock = Clock()
    with Expunge.open(company / "expunge.yaml", clock=clock) as opened:
        opened.consents.give(opened.resolve(f"profile:{MIA}"), "weather", Agreement("app 4.2, weather", "pressed"))
        yield Pass(opened, clock)


@pytest.mark.duty("DSG-11")
def test_to_switch_off_takes_nothing_ends_the_consent_and_the_reminders(asking: Pass) -> None:
    asking.member(MOTHER)
    context, mia = asking.opened.context, asking.opened.resolve(f"profile:{MIA}")
    assert location_reminders.collection(context, mia.person).agreed == ("weather",)
    assert location_reminders.switch_off(context, mia) == ("weather",)
    assert not location_reminders.collection(context, mia.person)
    assert not asking.opened.consents.ask(mia, "weather").holds
    (event,) = asking.events()
    assert event == LocationSwitchedOff(NOW, mia.person.subject, ("weather",))
    # Nothing else has a ground to keep the places: an order erases them.
    scopes = [run.received.scope for run in asking.opened.orders()]
    assert [scope.datasets for scope in scopes if scope is not None] == [("places",)]
    assert location_reminders.switch_off(context, mia) == ()
    asking.clock.at = SIX_MONTHS
    assert asking.remind() == RemindersSent(not_collected=1)


@pytest.mark.duty("DSG-11")
def test_whoever_agreed_is_reminded_also_while_no_place_is_held(asking: Pass, company: Path) -> None:

    asking.member(MOTHER)
    asking.member(FATHER, BEN)
    with sqlite3.connect(company / "world" / "app.db") as db:
        db.execute("DELETE FROM places")
    db.close()
    asking.clock.at = SIX_MONTHS
    assert asking.remind() == RemindersSent(reminded=1, not_collected=1)


@pytest.mark.duty("DSG-11")
def test_the_estate_is_told_of_families_that_wait(company: Path) -> None:
    def why(opened: Expunge) -> str:
        return next(each.why for each in estate_duties.look(opened.context) if each.duty.id == "DSG-11")

    clock, path = Clock(), company / "expunge.yaml"
    with Expunge.open(path, clock=clock) as opened:
        assert "nothing writes to families" in why(opened)
    mail = "mail: {server: 'smtp://localhost', sender: privacy@nightowl.example}"
    path.write_text(f"{path.read_text()}accounts: {{origin: https://privacy.nightowl.example, {mail}}}\n")
    with Expunge.open(path, clock=clock) as opened:
        Pass(opened, clock).member(MOTHER)
        assert why(opened) == "no family waits for a reminder that whereabouts are collected"
        clock.at = SIX_MONTHS + timedelta(days=10)
        assert "1 families were not reminded" in why(opened)
