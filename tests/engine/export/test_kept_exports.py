"""Exports that wait to be fetched: sealed on the device, open for a week, and gone with the person's data."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.datamap.artefact import DataKind
from expunge.core.export.export_words import Language
from expunge.core.export.wanted_export import EVERYTHING, ExportProgress, WantedExport
from expunge.core.journal.export_events import ExportEnd
from expunge.core.values.ids import OrderId
from expunge.core.values.scope import Scope
from expunge.engine.export import kept_exports
from expunge.errors import ExportPaused, KeyDestroyed, NeedsApproval, Refused
from expunge.faults import arm
from expunge.testing.forked import in_child
from tests.engine.consents import later
from tests.engine.export import company
from tests.engine.export.company import CHILD
from tests.engine.household import Household, wav

ACCOUNT = str(uuid4())


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return company.build(tmp_path)


def made(opened: Expunge, wanted: WantedExport = EVERYTHING, account: str = ACCOUNT) -> OrderId:
    person = opened.resolve(f"profile:{CHILD}")
    export = opened.exports.begin(person, wanted, account)
    opened.exports.build(export, person, wanted)
    return export


def whole(opened: Expunge, export: OrderId, part: int = 1) -> bytes:
    """A part, read in ranges that are entered."""
    (state,) = [each for each in opened.exports.states(opened.resolve(f"profile:{CHILD}")) if each.export == export]
    size, found = state.parts[part - 1], b""
    opened.exports.fetch(export, part, 0, size)
    key = opened.exports.key(export)
    while len(found) < size:
        found += opened.exports.read(export, key, part, len(found), 10_007)
    return found


def end_of(opened: Expunge, export: OrderId) -> ExportEnd | None:
    (state,) = [each for each in opened.exports.states(opened.resolve(f"profile:{CHILD}")) if each.export == export]
    return state.ended


def left(home: Household) -> list[Path]:
    return [path for path in (home.state / "exports").rglob("*") if path.is_file()]


def refused(opened: Expunge, export: OrderId) -> None:
    """Nothing of an export is given out, and its key is nowhere."""
    with pytest.raises(Refused):
        opened.exports.fetch(export, 1, 0, 10)
    with pytest.raises((Refused, KeyDestroyed)):
        opened.exports.key(export)


def test_it_lies_sealed_and_opens_with_its_own_key_alone(home: Household) -> None:
    with home.open() as opened:
        export = made(opened)
        data = whole(opened, export)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            assert archive.read(f"part-1/data/voice/voice/{CHILD}/morning.wav") == wav("morning")
        windows = [wav("morning")[at : at + 24] for at in range(100, 4000, 500)]
        windows += [CHILD.encode(), b"the heron number", b"part-1/data"]
        assert not any(window in path.read_bytes() for path in left(home) for window in windows)
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in left(home) if path.name == "key")
        assert all(path.stat().st_mode & 0o077 == 0 for path in (home.state / "exports").rglob("*"))
        other = made(opened, WantedExport(frozenset({DataKind.TRANSCRIPT})))
        with pytest.raises(Exception, match="does not open under this key"):
            opened.exports.read(export, opened.exports.key(other), 1, 0, 10)


def test_it_can_be_fetched_for_a_week(home: Household) -> None:
    with home.open() as opened:
        export = made(opened)
        assert opened.exports.sweep() == 0
        whole(opened, export)
    with home.open() as opened:
        later(opened, clock.now() + kept_exports.KEPT_FOR + timedelta(seconds=1))
        with pytest.raises(Refused):
            opened.exports.fetch(export, 1, 0, 10)
        assert left(home), "its time is over before a sweep finds it"
        assert opened.exports.sweep() == 1
        assert end_of(opened, export) is ExportEnd.EXPIRED
        refused(opened, export)
    assert not left(home)


def test_each_byte_can_be_fetched_a_few_times(home: Household) -> None:
    with home.open() as opened:
        export = made(opened)
        size = len(whole(opened, export))
        for _ in range(kept_exports.COPIES - 1):
            opened.exports.fetch(export, 1, 0, size // 2)
            opened.exports.fetch(export, 1, size // 2, size)
        with pytest.raises(Refused, match="as often as it may"):
            opened.exports.fetch(export, 1, 1, 2)
        for part, first, last in ((0, 0, 1), (2, 0, 1), (1, 5, 5), (1, 0, size + 1), (1, -1, 5)):
            with pytest.raises(Refused):
                opened.exports.fetch(export, part, first, last)


@pytest.mark.duty("AMZ-04")
def test_an_order_to_erase_ends_it_at_once(home: Household) -> None:
    with home.open() as opened:
        export = made(opened)
        opened.order_erase([opened.resolve(f"profile:{CHILD}")])
        assert end_of(opened, export) is ExportEnd.ERASED
        refused(opened, export)
    assert not left(home)


def test_one_made_after_the_order_ends_when_the_order_runs(home: Household) -> None:
    with home.open() as opened:
        order = opened.order_erase([opened.resolve(f"profile:{CHILD}")]).order
        export = made(opened)
        whole(opened, export)
        opened.plan(order)
        opened.apply(order)
        refused(opened, export)
    assert not left(home)
    assert home.search("the heron number 0", CHILD) == [], "nothing of the person is left, in the state folder either"


def test_an_order_for_a_part_of_the_data_ends_it_too(home: Household) -> None:
    from expunge.core.values.cause import OnRequest
    from expunge.engine.intake.person_orders import OrderRequest

    with home.open() as opened:
        export = made(opened)
        person = opened.resolve(f"profile:{CHILD}")
        opened.scoped.within(OrderRequest((person,), "library", OnRequest("asked"), scope=Scope("asked for these", ("transcripts",))))
        assert end_of(opened, export) is ExportEnd.ERASED
        refused(opened, export)


def test_an_order_for_another_person_leaves_it(home: Household) -> None:
    with home.open() as opened:
        export = made(opened)
        opened.order_erase([opened.resolve(f"profile:{company.OTHER}")])
        whole(opened, export)
        assert end_of(opened, export) is None


def test_one_that_is_being_made_stops_when_an_order_comes(home: Household) -> None:
    with home.open() as opened:
        person = opened.resolve(f"profile:{CHILD}")
        export = opened.exports.begin(person, EVERYTHING, ACCOUNT)

        def ordered() -> None:
            opened.order_erase([person])

        with arm("store.export:before", ordered), pytest.raises(Refused, match="ended while it was made"):
            opened.exports.build(export, person, EVERYTHING)
        assert end_of(opened, export) is ExportEnd.ERASED
        refused(opened, export)
    assert not left(home)


@pytest.mark.parametrize("point", ["exports.part:before", "exports.part:after", "exports.key.swap:before", "exports.folder:after"])
def test_what_a_crash_left_is_swept(home: Household, point: str) -> None:
    import os
    import signal

    def crash() -> None:
        with home.open() as opened, arm(point, lambda: os.kill(os.getpid(), signal.SIGKILL)):
            made(opened)

    assert in_child(crash).killed_by == signal.SIGKILL
    assert left(home)
    with home.open() as opened:
        assert opened.exports.sweep() == 0, "another process may be making it"
        assert opened.exports.sweep(frozenset()) == 1
        (state,) = opened.exports.states(opened.resolve(f"profile:{CHILD}"))
        assert state.ended is ExportEnd.FAILED
        refused(opened, state.export)
    assert not left(home)


@pytest.mark.parametrize("point", ["exports.part:before", "exports.key.swap:before", "exports.folder:after", "journal.commit:before"])
def test_an_export_that_a_crash_interrupted_is_made_anew(home: Household, point: str) -> None:
    import os
    import signal

    wanted = WantedExport(frozenset({DataKind.VOICE}), 4_000_000, Language.SPANISH)

    def crash() -> None:
        with home.open() as opened:
            person = opened.resolve(f"profile:{CHILD}")
            export = opened.exports.begin(person, wanted, ACCOUNT)
            with arm(point, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                opened.exports.build(export, person, wanted)

    assert in_child(crash).killed_by == signal.SIGKILL
    with home.open() as opened:
        (state,) = opened.exports.interrupted(())
        assert (state.wanted, state.until, state.is_open(clock.now())) == (wanted, None, False), "it is never called ready"
        with pytest.raises(Refused):
            opened.exports.fetch(state.export, 1, 0, 10)
        assert opened.exports.interrupted({state.export}) == (), "one that this process makes is not interrupted"
        assert opened.exports.again(state)
        opened.exports.build(state.export, opened.resolve(f"profile:{CHILD}"), wanted)
        with zipfile.ZipFile(io.BytesIO(whole(opened, state.export))) as archive:
            assert archive.testzip() is None
        assert opened.exports.interrupted(()) == ()
        assert [each.export for each in opened.exports.untold()] == [state.export]
        opened.exports.told(state.export)
        assert opened.exports.untold() == ()


def test_an_export_that_ends_its_process_each_time_is_made_three_times_at_most(home: Household) -> None:
    with home.open() as opened:
        export = opened.exports.begin(opened.resolve(f"profile:{CHILD}"), EVERYTHING, ACCOUNT)
        for _ in range(kept_exports.MOST_TRIES - 1):
            (state,) = opened.exports.interrupted(())
            assert opened.exports.again(state)
        (state,) = opened.exports.interrupted(())
        assert not opened.exports.again(state)
        assert opened.exports.sweep(()) == 1
        assert end_of(opened, export) is ExportEnd.FAILED


def test_an_export_that_its_process_lays_down_is_not_ended(home: Household) -> None:
    def ends(_: ExportProgress) -> None:
        raise ExportPaused("the clerk ends", help="the next one makes the export anew")

    with home.open() as opened:
        person = opened.resolve(f"profile:{CHILD}")
        export = opened.exports.begin(person, EVERYTHING, ACCOUNT)
        with pytest.raises(ExportPaused):
            opened.exports.build(export, person, EVERYTHING, ends)
        assert end_of(opened, export) is None
        (state,) = opened.exports.interrupted(())
        assert opened.exports.again(state)
        opened.exports.build(export, person, EVERYTHING)
        assert whole(opened, export)


def test_an_export_whose_files_are_gone_is_not_called_ready(home: Household) -> None:
    with home.open() as opened:
        export = made(opened)
        shutil.rmtree(home.state / "exports" / export)
        assert opened.exports.sweep() == 1
        assert end_of(opened, export) is ExportEnd.FAILED


def test_a_crash_between_the_end_and_the_removal_is_swept(home: Household) -> None:
    with home.open() as opened:
        export = made(opened)
        kept = {path: path.read_bytes() for path in left(home)}
        opened.exports.end(export)
        for path, data in kept.items():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        refused(opened, export)
        assert opened.exports.sweep() == 1
    assert not left(home)


def test_a_full_disk_is_said_and_leaves_nothing(home: Household) -> None:
    with home.open() as opened:

        def full() -> None:
            raise OSError(28, "no space left on device")

        with arm("exports.part:before", full), pytest.raises(OSError, match="no space"):
            made(opened)
        (state,) = opened.exports.states(opened.resolve(f"profile:{CHILD}"))
        assert state.ended is ExportEnd.NO_ROOM
        assert not left(home)
        shelf = opened.context.exports
        assert shelf is not None
        free = shelf.free()
        assert free > 0
    film = home.world / "media" / "voice" / CHILD / "film.mp4"
    with film.open("wb") as file:
        file.truncate(free + 10**9)
    with home.open() as opened, pytest.raises(Refused, match="no room"):
        opened.exports.begin(opened.resolve(f"profile:{CHILD}"), EVERYTHING, ACCOUNT)


def test_an_account_has_a_few_at_a_time(home: Household) -> None:
    wanted = WantedExport(frozenset({DataKind.PROFILE}))
    with home.open() as opened:
        held = [made(opened, wanted) for _ in range(kept_exports.MOST_LIVING)]
        with pytest.raises(Refused, match="copies already"):
            made(opened, wanted)
        made(opened, wanted, str(uuid4()))
        opened.exports.end(held[0])
        made(opened, wanted)


@pytest.fixture
def frozen(home: Household) -> Iterator[Expunge]:
    home.map.write_text(home.map.read_text().replace("stores:\n", "guardians: {profile: 13 years}\nstores:\n", 1))
    with home.open() as opened:
        yield opened


def test_while_guardians_are_in_dispute_none_is_made(frozen: Expunge) -> None:
    person = frozen.resolve(f"profile:{CHILD}")
    frozen.consents.freeze(person, by="priya", reason="two court papers")
    with pytest.raises(NeedsApproval):
        frozen.exports.begin(person, EVERYTHING, ACCOUNT)
    frozen.consents.release(person, by="priya", reason="settled")
    export = frozen.exports.begin(person, EVERYTHING, ACCOUNT)
    frozen.consents.freeze(person, by="priya", reason="two court papers")
    with pytest.raises(NeedsApproval):
        frozen.exports.build(export, person, EVERYTHING)
    refused(frozen, export)
