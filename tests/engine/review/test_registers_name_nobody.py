"""What a request, its refusals, a view and its result leave in state, journal, log and messages: nothing that names a person."""

from __future__ import annotations

import logging

import pytest

from expunge.core.journal.review_words import Clarity, DeskAct, ReviewOutcome, Sound
from expunge.demo.company.outside_search import Search
from expunge.engine.review import requesting
from expunge.errors import DeskRefused
from tests.engine.families.recorded_company import ANNA
from tests.engine.review.desk_company import BELL, OFFICER, REVIEWER, VOICE, WHY, DeskCompany

NOTE = "she sings to the walnut tree"
NEVER = (ANNA, BELL, VOICE, "porch/rec-1", WHY, NOTE, f"bell/{ANNA}/no-such-ring.mp4")


@pytest.mark.duty("NST-07")
def test_a_view_and_its_refusals_leave_no_name_of_a_person_or_recording(office: DeskCompany, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for dataset, name in (("bell", BELL), ("voice", VOICE)):
        new = office.new(dataset=dataset, name=name, clarity=Clarity.FACES_HIDDEN, sound=Sound.MUTE)
        request = requesting.ask(office.desk, office.seat(), new).id
        requesting.approve(office.desk, office.seat(OFFICER, b"o" * 32), request)
        lease = office.viewing.activate(office.seat(), request).begun.lease
        office.fetch(lease)
        office.policy.refuses = {each.value for each in DeskAct}
        with pytest.raises(DeskRefused) as refused:
            office.fetch(lease)
        said.append(f"{refused.value} {refused.value.help}")
        office.policy.refuses = set()
        requesting.enter_outcome(office.desk, REVIEWER, request, ReviewOutcome.RESOLVED, NOTE)
    with pytest.raises(DeskRefused) as unknown:
        requesting.ask(office.desk, office.seat(), office.new(name=NEVER[-1]))
    said.append(f"{unknown.value} {unknown.value.help}")
    assert (len(office.rendered), len(said)) == (2, 3)
    state = office.company.folder / "state"
    assert [f"{hit.path} ({hit.how})" for hit in Search(NEVER).folder(state)] == []
    told = "\n".join((*said, *(f"{each.getMessage()} {each.__dict__!r}" for each in caplog.records), repr(office.events())))
    assert [each for each in NEVER if each in told] == []
