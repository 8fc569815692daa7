"""The disk of the recordings is away and leaves an empty folder: each page says that it could not look, never that nothing is held."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from expunge.bootstrap import Expunge
from expunge.core.datamap.artefact import DataKind
from expunge.core.families.deletion import Unread
from expunge.core.families.holdings import NotCounted
from expunge.core.families.selection import Everything
from expunge.core.values.copy import FindingKind
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.engine.families import deleting, holdings
from expunge.engine.families.recordings import timelines
from tests.engine.families.company import BEN, MIA, Clock, build

PARENT = UUID(int=1)


class Disk:
    """The folder of recordings, as a disk that comes and goes."""

    def __init__(self, company: Path) -> None:
        self.folder = company / "world" / "media"
        self._away = company / "away"

    def unmount(self) -> None:
        self.folder.rename(self._away)
        self.folder.mkdir()

    def mount(self) -> None:
        self.folder.rmdir()
        self._away.rename(self.folder)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("emptied") / "company").parent


@pytest.fixture
def company(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "company"))


def looked(opened: Expunge) -> list[DataKind]:
    """The kinds of which Mia's page names a number; what it names as not counted is checked to be away."""
    found = holdings.count(opened.context, opened.resolve(f"profile:{MIA}").person, holdings.origins(opened.context))
    assert {each.reason for each in found.not_counted} <= {Reason.UNREACHABLE}
    assert not {each.kind for each in found.kinds} & {each.kind for each in found.not_counted}
    return [each.kind for each in found.kinds]


def counted(opened: Expunge, _: Path) -> None:
    found = holdings.count(opened.context, opened.resolve(f"profile:{MIA}").person, holdings.origins(opened.context))
    assert NotCounted(DataKind.VOICE, Reason.UNREACHABLE) in found.not_counted
    assert DataKind.VOICE not in {each.kind for each in found.kinds}


def listed(opened: Expunge, _: Path) -> None:
    person = opened.resolve(f"profile:{MIA}").person
    found = timelines.make(opened.context, person, lambda dataset, key: f"{dataset} {key}")
    assert (found.items, DataKind.VOICE.value in found.could_not) == ((), True)


def previewed(opened: Expunge, _: Path) -> None:
    prepared = deleting.prepare(opened.context, opened.resolve(f"profile:{MIA}"), PARENT, Everything())
    assert Unread(DataKind.VOICE, Reason.UNREACHABLE) in prepared.preview.unread
    assert DataKind.VOICE not in {each.kind for each in prepared.preview.going}


def exported(opened: Expunge, folder: Path) -> None:
    summary = opened.export(opened.resolve(f"profile:{MIA}"), folder / "copy")
    assert summary.failed["recordings"].reason is Reason.UNREACHABLE


def checked(opened: Expunge, _: Path) -> None:
    told = [each for each in opened.check() if each.store == "media" and each.kind is FindingKind.MISSING]
    assert any("expunge restored media --empty" in each.mend for each in told)


@pytest.mark.parametrize("shows", [counted, listed, previewed, exported, checked], ids=lambda each: each.__name__)
def test_an_empty_folder_that_is_another_one_is_not_nothing(company: Path, tmp_path: Path, shows: Callable[[Expunge, Path], None]) -> None:
    disk = Disk(company)
    with Expunge.open(company / "expunge.yaml", clock=Clock()) as opened:
        assert DataKind.VOICE in looked(opened)
        disk.unmount()
        shows(opened, tmp_path)
    with Expunge.open(company / "expunge.yaml", clock=Clock()) as again:
        (tmp_path / "again").mkdir()
        shows(again, tmp_path / "again")
        disk.mount()
        assert DataKind.VOICE in looked(again)


@pytest.mark.parametrize("when", ["before the plan", "after the plan"])
def test_an_order_waits_for_the_disk_and_is_fulfilled_once_it_is_back(company: Path, when: str) -> None:
    disk = Disk(company)
    with Expunge.open(company / "expunge.yaml") as opened:
        order = opened.order_erase([opened.resolve(f"profile:{MIA}")]).order
        if when == "after the plan":
            opened.plan(order)
        else:
            looked(opened)
        disk.unmount()
        if when == "before the plan":
            opened.plan(order)
        run = opened.apply(order)
        assert run.state is OrderState.IN_PART
        assert "recordings: unreachable" in run.reasons
        disk.mount()
        assert list(disk.folder.rglob(f"{MIA}/*/*.wav"))
        opened.apply(order)
        assert not list(disk.folder.rglob(f"{MIA}/*/*.wav"))


def test_what_was_emptied_on_purpose_stays_readable(company: Path) -> None:
    """By the company's own programs, by orders for all people, and by an operator who says so."""
    voices = company / "world" / "media" / "voice"
    with Expunge.open(company / "expunge.yaml") as opened:
        assert DataKind.VOICE in looked(opened)
        shutil.rmtree(voices / MIA)
        opened.plan(last := opened.order_erase([opened.resolve(f"profile:{BEN}")]).order)
        opened.apply(last)
        assert list(voices.iterdir()) == []
        found = holdings.count(opened.context, opened.resolve(f"profile:{MIA}").person, holdings.origins(opened.context))
        assert DataKind.VOICE not in {each.kind for each in (*found.kinds, *found.not_counted)}
        voices.rmdir()
        assert DataKind.VOICE not in looked(opened)
        assert "recordings" in opened.locate([opened.resolve(f"profile:{MIA}")]).failed
        opened.restored("media", empty=True)
        assert opened.locate([opened.resolve(f"profile:{MIA}")]).failed == {}
