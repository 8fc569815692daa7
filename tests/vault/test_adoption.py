"""What lies in the clear goes into the vault: sealed and proven first, erased then, and never lost on the way."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from expunge import clock
from expunge.bootstrap.vault.adopting import adoption
from expunge.bootstrap.vault.adopting.adoption import AdoptionSummary
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Unable
from expunge.engine.consent.consent_decisions import Agreement
from expunge.errors import StoreUnavailable, UsageError
from expunge.faults import arm, record
from expunge.testing.forked import in_child
from tests.cli.running import expunge
from tests.vault.doorbells import ANNA, BELA, CARA, Doorbells, copy, path_of, speech
from tests.vault.test_opening import CONSENT

CLEAR = "doorbell_clear"
WRITTEN = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "PAUSE_S", 0.01)


@pytest.fixture
def both(home: Doorbells) -> Doorbells:
    """The company as it was before it had a vault: recordings lie in a folder. The map declares both places."""
    declare(home)
    return home


def declare(home: Doorbells, extra: str = "") -> None:
    home.write_map(extra=extra)
    text = home.map.read_text().replace("  notes: {kind", "  media: {kind: files, url: ./world/media}\n  notes: {kind")
    clear = f'  {CLEAR}: {{store: media, path: "doorbell/{{profile_id}}/{{recording_id}}.flac", subject: {{profile: profile_id}}, '
    home.map.write_text(text + clear + "categories: [user.biometrics.voice], retention: seen}\n")
    (home.folder / "world" / "media").mkdir(exist_ok=True)


def clear(home: Doorbells, one: str, name: str) -> Path:
    return home.folder / "world" / "media" / path_of(one, name)


def put(home: Doorbells, one: str, name: str, data: bytes) -> bytes:
    """A recording in the clear."""
    path = clear(home, one, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (WRITTEN.timestamp(), WRITTEN.timestamp()))
    return data


def adopt(home: Doorbells) -> AdoptionSummary:
    with home.open() as opened:
        return opened.adoption.adopt("doorbell", CLEAR)


def sealed(home: Doorbells, one: str, name: str) -> bytes | None:
    """The recording as the vault opens it; None where it has none."""
    with home.open() as opened:
        service = opened.vault
        library = service._library(opened.map.datasets["doorbell"])
        found = [each for each in service.recordings("doorbell") if each.name == path_of(one, name) and library.is_whole(each)]
        assert len(found) < 2 or len({each.digest for each in found}) == 1
        return library.open(found[0]).read() if found else None


def in_the_clear(home: Doorbells) -> list[Path]:
    return sorted(path for path in (home.folder / "world" / "media").rglob("*") if path.is_file())


def counts(summary: AdoptionSummary) -> tuple[int, int, int]:
    return summary.sealed, summary.known, sum(summary.left.values())


def test_a_company_moves_into_its_vault(both: Doorbells):
    """Real speech: byte for byte the same behind the gate, under the same names, as old as it was; nothing is left in the clear."""
    said = {(one, f"r-{number}"): put(both, one, f"r-{number}", speech(number)) for number, one in enumerate((ANNA, ANNA, BELA, CARA))}
    ran = expunge("vault", "adopt", "doorbell", "--from", CLEAR, "--dry-run", "--map", both.map, "--json")
    size = sum(map(len, said.values()))
    assert (ran.json["recordings"], ran.json["bytes"], ran.json["people"], ran.json["left"]) == (4, size, 3, [])
    assert ran.json["minutes"] >= 0
    assert len(in_the_clear(both)) == 4

    ran = expunge("vault", "adopt", "doorbell", "--from", CLEAR, "--map", both.map, "--json")
    assert ran.json == {"schema": "expunge.adopted/1", "sealed": 4, "known": 0, "bytes": size, "left": [], "unpurged": ""}
    assert ran.code == 0
    for (one, name), data in said.items():
        assert both.read(one, name) == data
        assert both.places(data) == []
    assert not any(one in str(path) for path in both.folder.rglob("*") for one in (ANNA, BELA, CARA)), "nor a folder that names anybody"
    with both.open() as opened:
        recordings = opened.vault.recordings("doorbell")
    assert {each.at for each in recordings} == {WRITTEN}
    assert all(each.clear_before for each in recordings)
    assert counts(adopt(both)) == (0, 0, 0), "twice is success"
    assert both.erase(ANNA).state is OrderState.FULFILLED
    assert both.read(BELA, "r-2") == said[BELA, "r-2"]


POINTS = (
    "vault.ingest.data:after",
    "keytable.commit:after",
    "vault.ingest.swap:after",
    "files.erase.unlink:before",
    "files.erase.unlink:after",
)


@pytest.mark.parametrize("some", ["points", pytest.param("all", marks=pytest.mark.soak)])
def test_killed_anywhere_each_recording_is_in_one_place_or_in_both(both: Doorbells, tmp_path: Path, some: str):
    """Never in none, never with other bytes; the next run goes on, and an order in between leaves nothing in either."""
    said = {(ANNA, "r-0"): put(both, ANNA, "r-0", speech(0)), (BELA, "r-1"): put(both, BELA, "r-1", speech(1))}
    dry = copy(both, tmp_path / "dry")
    with record() as passed:
        assert counts(adopt(dry)) == (2, 0, 0)
    points = sorted({name for name in passed if name.startswith(("vault.", "keytable", "files.", "journal.exclusive"))})
    assert set(points) > set(POINTS)
    for number, point in enumerate(points if some == "all" else POINTS):
        # Why the last pass: the first recording has gone the whole way by then.
        for nth in sorted({1, passed.count(point)}) if some == "all" else (passed.count(point),):
            at = copy(both, tmp_path / f"{number}-{nth}")
            assert in_child(partial(_die, at, point, nth)).killed_by == signal.SIGKILL, point
            for (one, name), data in said.items():
                path = clear(at, one, name)
                here = [held for held in (path.read_bytes() if path.exists() else None, sealed(at, one, name)) if held is not None]
                assert here in ([data], [data, data]), point
            again = copy(at, tmp_path / f"{number}-{nth}-order")
            summary = adopt(at)
            assert sum(summary.left.values()) == 0, point
            assert in_the_clear(at) == [], point
            assert {key: sealed(at, *key) for key in said} == said, point
            if some == "all" or point == "files.erase.unlink:before":
                assert again.erase(ANNA).state is OrderState.FULFILLED, point
                assert again.places(said[ANNA, "r-0"]) == [], point


def _die(at: Doorbells, point: str, nth: int) -> None:
    with arm(point, "kill", nth):
        adopt(at)


@pytest.mark.parametrize("together", [1, 128])
def test_an_order_in_the_middle_erases_in_both_places(both: Doorbells, monkeypatch: pytest.MonkeyPatch, together: int):
    """Received while recordings lie in both: the run begins when this turn has ended, and finds what is there then."""
    monkeypatch.setattr(adoption, "TOGETHER", together)
    said = [put(both, ANNA, f"r-{number}", speech(number)) for number in range(2)]
    stays = put(both, BELA, "r-5", speech(5))
    orders: list[str] = []
    with arm("files.erase.unlink:before", lambda: orders.append(_receive(both, ANNA))):
        summary = adopt(both)
    if together == 1:
        assert summary.sealed == 2
        assert [(why.split(":")[0], count) for why, count in summary.left.items()] == [("a person in it is suppressed", 1)]
        assert len(in_the_clear(both)) == 1, "left for its order, and not lost"
    else:
        assert counts(summary) == (3, 0, 0), "all keys were durable before the order came: it finds them in the vault"
    with both.open() as opened:
        opened.plan(orders[0])
    run = both.apply(orders[0])
    assert run.state is OrderState.FULFILLED
    found = {name: both.entries(run)[name][0] for name in ("doorbell", CLEAR)}
    assert found == {"doorbell": "erased", CLEAR: "erased" if together == 1 else "absent"}
    assert [both.places(data) for data in said] == [[], []]
    assert both.read(BELA, "r-5") == stays


def _receive(home: Doorbells, one: str) -> str:
    with home.open() as opened:
        return opened.order_erase([opened.resolve(one)]).order


def test_whoever_may_not_come_in_stays_in_the_clear_and_holds_nobody_up(both: Doorbells):
    """The suppressed, and recordings without the consent that the map wants to store them: named by count, left for their orders."""
    (both.folder / "store.md").write_text("# We would like to keep what your doorbell records\n\nYou can say no.\n")
    declare(both, extra=CONSENT.replace("datasets: [doorbell]", f"datasets: [doorbell, {CLEAR}]"))
    put(both, ANNA, "r-0", speech(0))
    put(both, BELA, "r-1", speech(1))
    data = put(both, CARA, "r-2", speech(2))
    with both.open() as opened:
        opened.consents.give(opened.resolve(CARA), "store", Agreement("app 4.2", "pressed"))
    order = both.order(BELA)
    with both.open() as opened:
        forecast = opened.adoption.forecast("doorbell", CLEAR)
    assert (forecast.recordings, sorted(forecast.left.values())) == (1, [1, 1])
    summary = adopt(both)
    assert counts(summary) == (1, 0, 2)
    assert sorted(why.split(":")[0] for why in summary.left) == ["a person in it does not permit it", "a person in it is suppressed"]
    assert sealed(both, CARA, "r-2") == data
    assert both.apply(order).state is OrderState.FULFILLED
    assert in_the_clear(both) == [clear(both, ANNA, "r-0")]


@pytest.mark.parametrize("moment", ["vault.ingest.data:after", "vault.ingest.folder:after"])
@pytest.mark.parametrize("how", ["appended", "replaced", "open"])
def test_what_is_written_to_meanwhile_is_not_erased(both: Doorbells, moment: str, how: str):
    """While it is sealed, and between sealing and erasing: it stays, the others go, and the next run takes it as it is then."""
    put(both, ANNA, "r-0", speech(0))
    put(both, BELA, "r-1", speech(1))
    path = clear(both, ANNA, "r-0")
    writers = []

    def write() -> None:
        if how == "appended":
            with path.open("ab") as file:
                file.write(b"and more")
        elif how == "replaced":
            path.with_suffix(".new").write_bytes(speech(6))
            path.with_suffix(".new").replace(path)
        else:
            writers.append(path.open("ab"))

    # Why the second: then both are sealed, in whichever order.
    with arm(moment, write, at=2 if moment == "vault.ingest.data:after" else 1):
        summary = adopt(both)
    assert counts(summary) == (1, 0, 1)
    assert "written to meanwhile" in next(iter(summary.left))
    assert in_the_clear(both) == [path]
    data = path.read_bytes()
    for each in writers:
        each.close()
    again = adopt(both)
    if moment == "vault.ingest.data:after" or how == "open":
        assert counts(again)[2] == 0
        assert sealed(both, ANNA, "r-0") == data
    else:
        # Two recordings of one name: which of them is right, a person knows.
        assert "other bytes" in next(iter(again.left))
        assert path.read_bytes() == data


@pytest.mark.parametrize("how", ["other content", "a link to another's", "a folder that leads elsewhere", "gone and back"])
def test_what_takes_the_place_of_one_while_another_goes_is_not_erased(both: Doorbells, tmp_path: Path, how: str):
    """All of a batch was proven, and the first name goes: each further one is looked at again right before it goes."""
    said = {name: put(both, ANNA, name, speech(number)) for number, name in enumerate(("r-0", "r-1", "r-2"))}
    path = clear(both, ANNA, "r-1")
    other = tmp_path / "elsewhere"

    def intrude() -> None:
        if how == "other content":
            path.with_suffix(".new").write_bytes(speech(6))
            path.with_suffix(".new").replace(path)
        elif how == "a link to another's":
            other.write_bytes(speech(6))
            path.unlink()
            path.symlink_to(other)
        elif how == "a folder that leads elsewhere":
            path.parent.rename(tmp_path / "away")
            other.mkdir()
            for name in said:
                (other / f"{name}.flac").write_bytes(speech(6))
            path.parent.symlink_to(other)
        else:
            path.unlink()
            path.write_bytes(said["r-1"])

    with arm("files.erase.unlink:after", intrude):
        summary = adopt(both)
    # The name that went is there again where the whole folder was exchanged.
    assert sum(summary.left.values()) == (3 if how == "a folder that leads elsewhere" else 1)
    assert path.read_bytes() == (said["r-1"] if how == "gone and back" else speech(6))
    if how == "a folder that leads elsewhere":
        assert {each.name for each in other.iterdir()} == {f"{name}.flac" for name in said}
    assert {name: sealed(both, ANNA, name) for name in said} == said


def test_a_recording_that_does_not_come_back_stays(both: Doorbells):
    """A bit of the sealed file flips before it is read back: the clear one is not touched, and the next run seals it anew."""
    data = put(both, ANNA, "r-0", speech(0))

    def flip() -> None:
        (path,) = [path for path in both.vault.rglob("*") if path.is_file()]
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    with arm("vault.ingest.folder:after", flip):
        summary = adopt(both)
    assert counts(summary) == (0, 0, 1)
    assert clear(both, ANNA, "r-0").read_bytes() == data
    assert counts(adopt(both)) == (1, 0, 0)
    assert sealed(both, ANNA, "r-0") == data


def test_a_full_disk_ends_the_run_and_loses_nothing(both: Doorbells):
    """Whichever write does not fit."""
    data = put(both, ANNA, "r-0", speech(0))
    for point in ("vault.ingest.data:before", "keytable.commit:before", "vault.ingest.swap:before"):
        with both.open() as opened:
            opened.vault.recordings("doorbell")
            with arm(point, "full"), pytest.raises(StoreUnavailable, match="no space left"):
                opened.adoption.adopt("doorbell", CLEAR)
        assert clear(both, ANNA, "r-0").read_bytes() == data
    assert counts(adopt(both))[2] == 0
    assert sealed(both, ANNA, "r-0") == data


def test_links_and_files_that_cannot_go_stay_and_are_told(both: Doorbells, tmp_path: Path):
    """A link, a further name outside the store, a file that nobody may read, a pipe: each with its reason; the rest goes."""
    data = put(both, ANNA, "r-0", speech(0))
    put(both, BELA, "linked", speech(1))
    os.link(clear(both, BELA, "linked"), tmp_path / "outside")
    clear(both, BELA, "symbolic").symlink_to(tmp_path / "outside")
    os.mkfifo(clear(both, BELA, "pipe"))
    unread = put(both, CARA, "unread", speech(2)) if os.geteuid() else b""
    if unread:
        clear(both, CARA, "unread").chmod(0)
    strange = both.folder / "world" / "media" / "readme.txt"
    strange.write_text("nobody's")
    summary = adopt(both)
    assert counts(summary) == (1, 0, 4 if unread else 3)
    reasons = " ".join(summary.left)
    assert all(word in reasons for word in ("symbolic link", "hard link", "not a regular file"))
    assert sealed(both, ANNA, "r-0") == data
    assert sealed(both, BELA, "linked") is None
    assert strange.exists(), "a name that fits no path is nobody's recording: `expunge check` has it"


def test_what_a_hold_keeps_stays_where_it_is(both: Doorbells):
    """A hold names what lies in the clear: the item, or all of a person's, also one that is placed when it is sealed already."""
    put(both, ANNA, "r-0", speech(0))
    put(both, BELA, "r-1", speech(1))

    def hold(one: str) -> None:
        with both.open() as opened:
            until = clock.now() + timedelta(days=30)
            opened.holds.place(opened.resolve(one), CLEAR, ground="a matter", authority="a court", until=until)

    hold(ANNA)
    with arm("vault.ingest.folder:after", lambda: hold(BELA)):
        summary = adopt(both)
    assert counts(summary) == (0, 0, 2)
    assert list(summary.left) == ["a hold keeps it where it is"]
    assert len(in_the_clear(both)) == 2


def test_a_recording_that_came_in_sealed_is_sealed_again_as_one_that_lay_in_the_clear(both: Doorbells):
    """The same recording lies in the vault, streamed in, with a further person in it: it stays theirs as well, and says where it lay."""
    data = put(both, ANNA, "r-0", speech(0))
    both.ring(ANNA, "r-0", data, CARA)
    assert counts(adopt(both)) == (1, 0, 0)
    with both.open() as opened:
        (recording,) = opened.vault.recordings("doorbell")
    assert recording.clear_before
    assert {value for _, value in recording.subjects} == {ANNA, CARA}
    assert len([path for path in both.vault.rglob("*") if path.is_file()]) == 1
    assert both.read(ANNA, "r-0") == data
    assert both.erase(CARA).state is OrderState.FULFILLED
    assert both.places(data) == []


def test_places_that_do_not_fit_together_are_refused(both: Doorbells):
    """Another path, a dataset that is none, a place that is no folder: said before anything is touched."""
    put(both, ANNA, "r-0", speech(0))
    with both.open() as opened:
        for source, what in (("remarks", "do not fit"), ("nothing", "no dataset"), ("profiles", "kind sqlite"), ("doorbell", "kind vault")):
            with pytest.raises(UsageError, match=what):
                opened.adoption.adopt("doorbell", source)
        with pytest.raises(UsageError, match="lies in a vault"):
            opened.adoption.adopt(CLEAR, CLEAR)
    assert len(in_the_clear(both)) == 1


def test_a_reader_who_has_a_clear_file_open_is_told_of(both: Doorbells):
    """Its bytes stay as long as it reads: the purge says so, and the next run, when it has closed it, says nothing more."""
    put(both, ANNA, "r-0", speech(0))
    with clear(both, ANNA, "r-0").open("rb"):
        summary = adopt(both)
        assert summary.sealed == 1
        assert isinstance(summary.purged, Unable)
    assert not isinstance(adopt(both).purged, Unable)
