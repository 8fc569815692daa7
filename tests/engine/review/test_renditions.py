"""The desk hands out renditions alone: as clear as the entered view, marked, and nothing of one whose lease ended meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from expunge.adapters.rendering.renderer import ClosedRenderer
from expunge.bootstrap.desk.renditions import DeskRenditions, style_of
from expunge.core.journal.review_events import ViewGiven, ViewServed
from expunge.core.journal.review_words import Clarity, Sound
from expunge.engine.review import requesting
from expunge.engine.review.refusals import ReviewRefused
from expunge.errors import Unplayable
from expunge.ports.review.recordings import ReviewSource
from tests.adapters.rendering.recorded import decoded, film
from tests.engine.families.recorded_company import ANNA
from tests.engine.review.desk_company import BELL, OFFICER, SECOND_OFFICER, DeskCompany
from tests.engine.review.test_desk import leased

DOOR = BELL.replace("ring-1", "ring-2")


@pytest.fixture(scope="module")
def renditions() -> Iterator[DeskRenditions]:
    renderer = ClosedRenderer(most=1, seconds=120)
    yield DeskRenditions(renderer)
    renderer.close()


def given(office: DeskCompany) -> list[int]:
    office.desk.views.flush()
    return [event.bytes for event in office.events() if isinstance(event, ViewGiven)]


def test_what_is_fetched_is_a_rendition_of_the_granted_range(office: DeskCompany, renditions: DeskRenditions) -> None:
    content = film(4.0, 160, 120, "mp4", "libx264", "aac")
    office.company.ring(office.expunge, ANNA, "ring-2", content)
    lease = leased(office, OFFICER, SECOND_OFFICER, name=DOOR).begun.lease
    data = office.viewing.fetch(office.seat(), lease, 1000, 3000, renditions)
    shown = decoded(data)
    assert (shown.times[0], shown.end, shown.kinds) == (pytest.approx(1.0), pytest.approx(3.0), {"video"})
    assert shown.colours <= 3
    assert given(office) == [len(data)]
    assert content[2000:2064] not in data
    office.viewing.step(office.seat(), lease, Clarity.CLEAR, Sound.CLEAR)
    clear = decoded(office.viewing.fetch(office.seat(), lease, 1000, 3000, renditions))
    assert (clear.colours > 20, clear.kinds) == (True, {"video", "audio"})


def test_the_mark_names_reviewer_case_and_time(office: DeskCompany) -> None:
    leased_view = leased(office)
    office.fetch(leased_view.begun.lease)
    (view,) = (event for event in office.events() if isinstance(event, ViewServed))
    reviewer, case, at = style_of(view).tile.lines
    assert reviewer == f"reviewer {view.reviewer[:13]}"
    assert case == "support LE-88"
    assert at.startswith(view.at.strftime("%Y-%m-%d %H:%M:"))


@dataclass
class Revoking:
    """A source whose lease ends at its third range, as when a family withdraws while a segment is made."""

    source: ReviewSource
    office: DeskCompany
    request: str
    reads: int = 0

    @property
    def size(self) -> int:
        return self.source.size

    def read(self, first: int, last: int) -> bytes:
        self.reads += 1
        if self.reads == 2:
            requesting.revoke(self.office.desk, self.request, OFFICER)
        return self.source.read(first, last)

    def close(self) -> None:
        self.source.close()


def test_a_lease_that_ends_while_a_segment_is_made_gives_nothing(office: DeskCompany, renditions: DeskRenditions) -> None:
    office.company.ring(office.expunge, ANNA, "ring-2", film(6.0, 320, 240))
    lease = leased(office, name=DOOR).begun

    def render(source: ReviewSource, view: ViewServed) -> bytes:
        return renditions(Revoking(source, office, lease.request), view)

    with pytest.raises(ReviewRefused):
        office.viewing.fetch(office.seat(), lease.lease, 4000, 6000, render)
    assert given(office) == [0]


def test_a_damaged_recording_is_told_and_the_view_stays_entered(office: DeskCompany, renditions: DeskRenditions) -> None:
    lease = leased(office).begun.lease
    with pytest.raises(Unplayable, match="damaged"):
        office.viewing.fetch(office.seat(), lease, 0, 2000, renditions)
    assert given(office) == [0]
