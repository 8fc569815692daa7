"""Who looked: every opening by family, program and export, each refusal, with counts alone outside an opening."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge.core.families.looks import LookedBy, LookPage
from expunge.core.journal.opening_events import OpeningRefused, RecordingOpened
from expunge.engine.kernel.journal_streams import OPENINGS, register
from expunge.errors import Refused
from tests.engine.families.recorded_company import ACCOUNT, ANNA, BELA, OTHER_ACCOUNT, Company, Viewing, build, of, viewing


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return build(tmp_path)


def looks(view: Viewing, before: int | None = None, most: int = 50) -> LookPage:
    found = view.timeline
    items = {each.handle: each for each in found.items}
    recordings = {(held.dataset, held.recording): items[handle] for handle, held in found.held.items()}
    return view.kept.looks.page(found.subjects, view.viewer.account, recordings, before, most)


def test_programs_family_and_exports_are_told_with_reason_range_and_recording(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1")
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        company.ring(view.opened, BELA, "g-2")
        voice, film = (each.handle for each in view.timeline.items)
        view.opened.vault.open(f"bell/bell/{ANNA}/g-1.mp4", purpose="teach the bell", program="trainer", first=10, last=500).close()
        view.opened.vault.open(f"bell/bell/{BELA}/g-2.mp4", purpose="teach the bell", program="trainer").close()
        view.read(voice, 0, 10)
        of(view.opened, view.kept, account=OTHER_ACCOUNT).read(of(view.opened, view.kept, account=OTHER_ACCOUNT).handle(1), 0, 10)
        view.opened.export(view.opened.resolve(f"profile:{ANNA}"), company.folder / "export")
        page = looks(view)
        told = [(each.by, each.name, each.purpose, each.item.handle if each.item else "") for each in page.looks]
        assert told == [
            (LookedBy.EXPORT, "", "subject access", film),
            # A dataset that does not lie sealed is entered as a whole.
            (LookedBy.EXPORT, "", "subject access", ""),
            (LookedBy.FAMILY, "", "recordings of one's own", film),
            (LookedBy.YOU, "", "recordings of one's own", voice),
            (LookedBy.PROGRAM, "trainer", "teach the bell", film),
        ]
        assert (page.looks[4].first, page.looks[4].last) == (10, 500)
        assert page.total == 5
        counts = {(each.by, each.purpose): (each.opened, each.bytes) for each in page.counts}
        assert counts[LookedBy.PROGRAM, "teach the bell"] == (1, 490)


def test_refused_attempts_are_told_as_well(company: Company) -> None:
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        handle = view.handle()
        company.order(ANNA)
        with pytest.raises(Refused):
            view.opened.vault.open(f"bell/bell/{ANNA}/g-1.mp4", purpose="teach", program="trainer")
        with pytest.raises(Refused):
            view.read(handle, 0, 10)
        page = looks(view)
        assert [(each.by, bool(each.refused)) for each in page.looks] == [(LookedBy.YOU, True), (LookedBy.PROGRAM, True)]
        assert sum(each.refused for each in page.counts) == 2
        assert not any(each.opened for each in page.counts)


def test_without_an_opening_counts_alone_are_told(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1")
    with viewing(company) as view:
        view.read(view.handle(), 0, 10)
        page = view.kept.looks.page(view.timeline.subjects, str(ACCOUNT))
        assert not page.looks
        assert [(each.by, each.opened) for each in page.counts] == [(LookedBy.YOU, 1)]


def test_it_goes_on_page_by_page_and_fast_for_ten_thousand(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1")
    with viewing(company) as view:
        anna, bela = view.person.subject, of(view.opened, view.kept, BELA).person.subject
        at = datetime(2026, 1, 1, tzinfo=UTC)
        entries = [
            RecordingOpened(
                at + timedelta(minutes=n),
                f"{n:016x}",
                "bell",
                f"{n:032x}",
                (bela if n % 5 == 0 else anna,),
                "teach",
                "u",
                f"p-{n % 900}",
                0,
                n,
            )
            for n in range(10_000)
        ]
        register(view.opened.context.journal, OPENINGS, *entries)
        began = time.perf_counter()
        page = looks(view, most=100)
        first = time.perf_counter() - began
        assert (page.total, page.first, len(page.looks)) == (8_000, 1, 100)
        assert page.looks[0].last == 9_999
        assert len(page.counts) == 501, "beyond some hundred readers, programs count together"
        began = time.perf_counter()
        following = looks(view, page.following, most=100)
        assert following.first == 101
        assert following.looks[0].at < page.looks[-1].at
        again = time.perf_counter() - began
        assert first < 5
        assert again < 1
        seen, before = 0, None
        while True:
            found = looks(view, before, most=100)
            seen += len(found.looks)
            if found.following is None:
                break
            before = found.following
        assert seen == 8_000
        register(view.opened.context.journal, OPENINGS, OpeningRefused(at, "bell", "0" * 32, (anna,), "teach", "u", "p", "no", 2))
        assert looks(view).looks[0].more == 2
