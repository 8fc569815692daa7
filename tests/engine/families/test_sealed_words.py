"""Words of a film that lie sealed: shown beside their recording within an opening, told under who looked, closed by an order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from expunge import clock
from expunge.adapters.clerk import recording_requests as wire
from expunge.bootstrap.clerk.household import KeptHousehold
from expunge.bootstrap.clerk.recordings import LocalRecordings
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.families.timeline import TimelineFilter
from expunge.core.values.ids import Pseudonym
from expunge.errors import OpeningNeeded
from expunge.ports.accounts.account_register import AccountRecord
from expunge.ports.families.recording_door import RecordingCard
from tests.engine.families.recorded_company import ACCOUNT, ANNA, OTHER_SESSION, SESSION, Company, build

SAID = "the fox at the door has a red scarf"


@pytest.fixture
def company(tmp_path: Path) -> Company:
    made = build(tmp_path)
    with made.open() as opened:
        made.ring(opened, ANNA, "g-1")
        made.hear(opened, ANNA, "g-1", SAID)
        made.ring(opened, ANNA, "g-2")
    return made


@contextmanager
def door(company: Company) -> Iterator[tuple[LocalRecordings, Pseudonym]]:
    """The clerk's door to recordings, within an opening of Anna's guardian."""
    with closing(KeptHousehold(company.folder / "expunge.yaml")) as kept, kept.used() as household:
        family = household.expunge.resolve(f"profile:{ANNA}").person.subject
        household.register.open_account(AccountRecord(ACCOUNT, ACCOUNT.bytes, "en", clock.now()))
        household.register.set_membership(Membership(ACCOUNT, family, MembershipRole.GUARDIAN, clock.now()))
        household.openings.begin(ACCOUNT, family, SESSION)
        yield LocalRecordings(household), family


def cards(doors: LocalRecordings, family: Pseudonym) -> list[RecordingCard]:
    """Each recording as its page is given it, over the wire."""
    handlers = wire.RecordingDesk(lambda: nullcontext(doors)).handlers()
    page = doors.timeline(ACCOUNT, family, SESSION, TimelineFilter(), "", 10)
    asks = [wire.OneRecording(str(ACCOUNT), family, SESSION.hex(), each.handle) for each in page.items]
    return [wire.read_recording(json.loads(handlers[wire.OneRecording](None, ask, b"").body)) for ask in asks]  # type: ignore[arg-type]


def test_the_page_of_a_recording_has_what_was_said_and_a_list_has_not(company: Company) -> None:
    with door(company) as (doors, family):
        page = doors.timeline(ACCOUNT, family, SESSION, TimelineFilter(), "", 10)
        assert [each.transcript for each in page.items] == ["", ""]
        assert doors.looks(ACCOUNT, family, SESSION, None, 10).total == 0
        shown = cards(doors, family)
        assert sorted(each.item.transcript for each in shown) == ["", SAID]
        assert not any(each.words_closed for each in shown)
        (look,) = doors.looks(ACCOUNT, family, SESSION, None, 10).looks
        of = next(each.item.handle for each in shown if each.item.transcript)
        assert look.item is not None
        assert look.item.handle == of, "the look at the words is one at their recording"


def test_without_an_opening_nothing_is_read(company: Company) -> None:
    with door(company) as (doors, family):
        handle = doors.timeline(ACCOUNT, family, SESSION, TimelineFilter(), "", 10).items[0].handle
        with pytest.raises(OpeningNeeded):
            doors.recording(ACCOUNT, family, OTHER_SESSION, handle)
        assert doors.looks(ACCOUNT, family, SESSION, None, 10).total == 0


def test_words_that_cannot_be_opened_are_said_to_be_closed(company: Company) -> None:
    with door(company) as (doors, family):
        assert any(each.item.transcript for each in cards(doors, family))
        company.order(ANNA)
        shown = cards(doors, family)
        assert [each.item.transcript for each in shown] == ["", ""]
        assert sorted(each.words_closed for each in shown) == [False, True]
