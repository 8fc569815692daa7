"""A child's timeline: every recording with its time, what was said and by which device; nothing of another child, nothing read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from expunge.core.datamap.artefact import DataKind
from expunge.core.families.timeline import TimelineFilter, page_of
from expunge.errors import ItemGone, UsageError
from tests.engine.families.recorded_company import ANNA, BELA, OTHER_ACCOUNT, OTHER_SESSION, Company, build, of, viewing
from tests.moment import of_the_machine


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return build(tmp_path)


def test_each_recording_has_time_kind_size_words_and_device(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1", "the purple hedgehog sleeps", "kitchen")
    path = company.speak(ANNA, "2026-05-03", "r-2", device="nursery")
    company.speak(BELA, "2026-05-02", "r-3", "nothing for anna")
    company.talk("t-1", ANNA, BELA)
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        company.ring(view.opened, BELA, "g-2")
        items = view.timeline.items
        assert [each.kind for each in items] == [DataKind.VOICE, DataKind.VOICE, DataKind.VOICE, DataKind.VIDEO]
        talk, second, first, film = items
        assert (first.at, first.transcript, first.device) == (datetime(2026, 5, 1, tzinfo=UTC), "the purple hedgehog sleeps", "kitchen")
        assert (second.at, second.transcript, second.device) == (datetime(2026, 5, 3, tzinfo=UTC), "", "nursery")
        assert second.size == path.stat().st_size
        assert (film.at, film.seconds) == (datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC), 4.5)
        assert talk.at is not None
        assert abs((of_the_machine() - talk.at).total_seconds()) < 60, "where nothing says when it was made, when it was written"
        assert not view.opened.vault.openings(), "a list opens nothing"


def test_it_is_filtered_by_time_kind_and_words_in_any_case(company: Company) -> None:
    for day, text in ((1, "Straße nach Köln"), (2, "tell me a story"), (3, "another STORY of Köln")):
        company.speak(ANNA, f"2026-05-0{day}", f"r-{day}", text)
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
        items = view.timeline.items

        def days(**wanted: object) -> list[int]:
            return [each.at.day for each in TimelineFilter(**wanted).chosen(items) if each.at]  # type: ignore[arg-type]

        assert days() == [3, 2, 1, 4]
        assert days(text="KÖLN") == [3, 1]
        assert days(text="köln story") == [3]
        assert days(text="strasse") == [1]
        assert days(kinds=frozenset({DataKind.VIDEO})) == [4]
        assert days(since=datetime(2026, 5, 2, tzinfo=UTC)) == [3, 2]
        assert days(since=datetime(2026, 5, 1, tzinfo=UTC), until=datetime(2026, 5, 2, tzinfo=UTC)) == [1]


def test_pages_go_on_where_the_last_one_ended(company: Company) -> None:
    for number in range(1, 8):
        company.speak(ANNA, f"2026-05-0{number}", f"r-{number}")
    with viewing(company) as view:
        items, seen, after = view.timeline.items, list[str](), ""
        while True:
            page = page_of(items, TimelineFilter(), after, 3)
            assert (page.total, page.held, page.first) == (7, 7, len(seen) + 1)
            seen += [each.handle for each in page.items]
            if not page.following:
                break
            after = page.following
        assert seen == [each.handle for each in items]
        assert page_of(items, TimelineFilter(), seen[5], 3).previous == seen[2]
        assert page_of(items, TimelineFilter(), "0" * 32, 3).first == 1, "an item that is gone leads to the first page"


def test_a_handle_is_of_one_account_session_and_process(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1")
    company.speak(BELA, "2026-05-01", "r-2")
    with viewing(company) as view:
        handles = {view.handle()}
        for other in (
            of(view.opened, view.kept, account=OTHER_ACCOUNT),
            of(view.opened, view.kept, session=OTHER_SESSION),
            of(view.opened, view.kept, BELA),
        ):
            with pytest.raises(ItemGone):
                other.timeline.item(view.handle())
            handles.add(other.handle())
        assert len(handles) == 4
        before = view.handle()
    with viewing(company) as view, pytest.raises(ItemGone):
        view.timeline.item(before)


def test_chosen_recordings_are_a_selection_of_their_keys(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1", "a story")
    company.speak(ANNA, "2026-05-02", "r-2", "another story")
    company.talk("t-1", ANNA)
    with viewing(company) as view:
        talk, second, first = (each.handle for each in view.timeline.items)
        chosen = view.timeline.chosen([first, talk, first])
        assert chosen.keys == {"voice": (f"voice/{ANNA}/2026-05-01/kitchen/r-1.wav",), "shared": ("shared/t-1.wav",)}
        found = view.timeline.all_of(TimelineFilter(text="story"))
        assert {name: len(keys) for name, keys in found.keys.items()} == {"voice": 2}
        with pytest.raises(ItemGone):
            view.timeline.chosen([second, "f" * 32])
        with pytest.raises(UsageError):
            view.timeline.all_of(TimelineFilter(text="nobody said this"))


def test_a_list_is_asked_of_the_stores_anew_once_something_is_gone(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1")
    path = company.speak(ANNA, "2026-05-02", "r-2")
    with viewing(company) as view:
        before = view.timeline
        path.unlink()
        assert view.timeline is before, "kept for a moment"
        view.kept.stale(view.viewer)
        assert [each.at.day for each in view.timeline.items if each.at] == [1]


def test_a_store_that_cannot_be_read_hides_no_other_and_is_named(company: Company) -> None:
    company.speak(ANNA, "2026-05-01", "r-1", "words")
    with viewing(company) as view:
        company.ring(view.opened, ANNA, "g-1")
    (company.world / "vault").rename(company.world / "away")
    company.sql("DROP TABLE transcripts")
    with viewing(company) as view:
        assert [each.kind for each in view.timeline.items] == [DataKind.VOICE]
        assert set(view.timeline.could_not) == {DataKind.VIDEO, DataKind.TRANSCRIPT}


def test_names_in_every_script_and_links_that_lead_elsewhere(company: Company) -> None:
    secret = company.folder / "secret.wav"
    secret.write_bytes(b"RIFF....WAVE not hers")
    for number, name in enumerate(("録音", "запись", "تسجيل", "é\u0301", "a\nb", "<img src=x>", "..wav", "-rf")):
        company.speak(ANNA, f"2026-05-0{number + 1}", name, f"said {name}", device=f"ガ{number}")
    (company.media / "voice" / ANNA / "2026-05-01" / "ガ0" / "link.wav").symlink_to(secret)
    with viewing(company) as view:
        items = view.timeline.items
        assert len(items) == 8
        assert {each.transcript for each in items} >= {"said 録音", "said <img src=x>", "said a\nb"}
