"""What is held about one child, in numbers, derived things included."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.datamap.artefact import DataKind
from expunge.core.families.holdings import Holdings, KindHeld, MadeFrom, NotCounted
from expunge.core.values.outcome import Reason
from expunge.engine.families import holdings
from tests.engine.families.company import BEN, MIA, NOW, Clock, build


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("families") / "company").parent


@pytest.fixture
def company(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "company"))


def counted(company: Path, profile: str = MIA, clock: Clock | None = None) -> Holdings:
    with Expunge.open(company / "expunge.yaml", clock=clock or Clock()) as opened:
        person = opened.resolve(f"profile:{profile}").person
        return holdings.count(opened.context, person, holdings.origins(opened.context))


def written(company: Path, *statements: str) -> None:
    with closing(sqlite3.connect(company / "world" / "app.db")) as db, db:
        for statement in statements:
            db.execute(statement)


def test_everything_is_counted_with_its_oldest_day_and_the_day_on_which_it_goes(company: Path) -> None:
    found = counted(company)
    assert found == Holdings(
        NOW,
        (
            KindHeld(DataKind.VOICE, 3, date(2026, 10, 1), date(2026, 12, 30)),
            KindHeld(DataKind.TRANSCRIPT, 3, date(2026, 10, 1), date(2026, 12, 30)),
            KindHeld(DataKind.VOICEPRINT, 1, date(2026, 11, 1), date(2027, 11, 1)),
            KindHeld(DataKind.LOCATION, 2, date(2026, 11, 29), date(2027, 1, 28)),
            KindHeld(DataKind.PROFILE, 1, None, None, undated=1),
        ),
        (MadeFrom(DataKind.MODEL, 1, 1),),
        (),
    )
    assert (found.items, found.oldest, found.goes, found.whole) == (10, date(2026, 10, 1), date(2026, 12, 30), True)


def test_a_child_of_whom_nothing_was_said_taught_no_model(company: Path) -> None:
    shutil.rmtree(company / "world" / "media" / "voice" / BEN)
    found = counted(company, BEN)
    assert [(each.kind, each.items) for each in found.kinds] == [
        (DataKind.VOICEPRINT, 1),
        (DataKind.LOCATION, 1),
        (DataKind.PROFILE, 1),
    ]
    # What nobody knows the origin of may have been taught by any child.
    assert found.made == (MadeFrom(DataKind.MODEL, 0, 1),)


def test_a_model_that_was_destroyed_is_not_counted(company: Path) -> None:
    (company / "world" / "models" / "intent.bin").unlink()
    (company / "world" / "models" / "orphan.bin").unlink()
    assert counted(company).made == ()


def test_a_store_that_is_away_is_not_counted_and_never_nothing(company: Path) -> None:
    with Expunge.open(company / "expunge.yaml", clock=Clock()) as opened:
        person = opened.resolve(f"profile:{MIA}").person
        known = holdings.origins(opened.context)
        (company / "world" / "app.db").write_bytes(b"no database" * 500)
        found = holdings.count(opened.context, person, known)
    assert [(each.kind, each.items) for each in found.kinds] == [(DataKind.VOICE, 3)]
    assert {each.kind for each in found.not_counted} == {
        DataKind.TRANSCRIPT, DataKind.VOICEPRINT, DataKind.LOCATION, DataKind.PROFILE,
    }  # fmt: skip
    assert all(isinstance(each, NotCounted) and isinstance(each.reason, Reason) for each in found.not_counted)
    assert not found.whole


def test_an_item_without_a_day_never_goes_by_itself_and_the_others_do(company: Path) -> None:
    written(company, "UPDATE places SET at = NULL WHERE id = 1", "UPDATE places SET at = 'soon' WHERE id = 3")
    (place,) = (each for each in counted(company).kinds if each.kind is DataKind.LOCATION)
    assert (place.items, place.undated, place.oldest) == (2, 1, date(2026, 11, 29))


def test_what_is_overdue_is_due_on_a_day_that_has_passed(company: Path) -> None:
    clock = Clock(NOW + timedelta(days=60))
    assert counted(company, clock=clock).goes == date(2026, 12, 30)


def test_items_under_a_legal_hold_do_not_go_by_themselves(company: Path) -> None:
    with Expunge.open(company / "expunge.yaml", clock=Clock()) as opened:
        mia, until = opened.resolve(f"profile:{MIA}"), NOW + timedelta(days=400)
        opened.holds.place(mia, "recordings", ground="a court asks", authority="court", until=until)
    found = {each.kind: each for each in counted(company).kinds}
    assert (found[DataKind.VOICE].items, found[DataKind.VOICE].bound, found[DataKind.VOICE].goes) == (3, 3, None)
    assert found[DataKind.VOICE].oldest == date(2026, 10, 1)
    assert found[DataKind.LOCATION].bound == 0


@pytest.mark.parametrize("years", [1, 3, 11, 40])
def test_the_oldest_day_is_exact_however_old_it_is(company: Path, years: int) -> None:
    when = datetime(2026 - years, 3, 7, 23, 59, 59, tzinfo=UTC)
    written(company, f"UPDATE places SET at = '{when:%Y-%m-%dT%H:%M:%SZ}' WHERE id = 2")
    (place,) = (each for each in counted(company).kinds if each.kind is DataKind.LOCATION)
    assert place.oldest == when.date()


def test_many_values_lead_to_the_same_day_as_few(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = counted(company)
    monkeypatch.setattr(holdings, "_MANY", 0)
    assert counted(company) == few
