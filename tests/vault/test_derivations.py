"""What was made from a recording belongs to the same people, and dies with it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile

from expunge import clock
from expunge.adapters.host.clocks import SystemClock
from expunge.bootstrap import Expunge
from expunge.core.values.order import OrderState
from expunge.errors import Refused, UsageError
from expunge.ports.clock import Clock
from expunge.vault.makers import waveform
from tests.cli.running import expunge
from tests.engine.consents import Shifted
from tests.vault.doorbells import ANNA, BELA, CARA, MAP, Doorbells, path_of, speech

DERIVED = """\
  waves:
    store: recordings
    path: "drawn/{{profile_id}}/{{recording_id}}.json"
    subject: {{through: doorbell, via: recording_id}}
    derived_from: [doorbell]
    on_erase: erase
    shared: {shared}
    retention: seen
  captions:
    store: recordings
    path: "said/{{recording_id}}/{{language}}.txt"
    subject: {{through: doorbell, via: recording_id}}
    derived_from: [doorbell]
    on_erase: erase
    shared: {shared}
    retention: seen
"""


@pytest.fixture
def home(home: Doorbells) -> Doorbells:
    """A company whose doorbells have waveforms and captions, in datasets of other paths."""
    derived(home)
    return home


def derived(home: Doorbells, shared: str = "erase") -> None:
    home.map.write_text((MAP + DERIVED).format(shared=shared, extra=""))


def sound(number: int, seconds: float = 0.5) -> bytes:
    """Noise as FLAC: nobody's, and another for each number."""
    out = io.BytesIO()
    samples = np.random.default_rng(number).integers(-20_000, 20_000, int(8000 * seconds), dtype=np.int16)
    soundfile.write(out, samples, 8000, format="FLAC")
    return out.getvalue()


def draw(home: Doorbells, one: str, name: str, clock: Clock | None = None) -> None:
    with home.open(clock) as opened:
        opened.vault.renew_gate()
        opened.derivations.derive(f"doorbell/{path_of(one, name)}", "waves", waveform, purpose="look", by="player")
        said = f"what was said in {one}/{name} ".encode() * 20
        opened.derivations.derive(f"doorbell/{path_of(one, name)}", "captions", lambda _: said, purpose="look", fields={"language": "en"})


def held(home: Doorbells) -> set[str]:
    with home.open() as opened:
        return {each.name for name in ("doorbell", "waves", "captions") for each in opened.vault.recordings(name)}


def test_an_order_takes_what_was_made(home: Doorbells):
    """The order of a person takes recording, waveform and caption, each named on the receipt; the others' stay, and open."""
    for number, one in enumerate((ANNA, BELA)):
        home.ring(one, f"r-{number}", sound(number))
        draw(home, one, f"r-{number}")
    with home.open() as opened:
        source, wave = (next(iter(opened.vault.recordings(name))) for name in ("doorbell", "waves"))
        assert (wave.at, wave.subjects) == (source.at, source.subjects)
        edges = {(each.edge.source, each.edge.target): each for each in _edges(opened)}
        assert edges["doorbell", "waves"].edge.seen
        assert edges["doorbell", "waves"].jobs == ("player",)
        assert [each.dataset for each in opened.vault.openings()].count("doorbell") == 4
        assert not [each for each in opened.check() if each.store == "recordings" and each.kind.value == "undeclared"]
    run = home.erase(ANNA)
    assert run.state is OrderState.FULFILLED, run.reasons
    entries = home.entries(run)
    assert {name: entries[name] for name in ("doorbell", "waves", "captions")} == dict.fromkeys(
        ("doorbell", "waves", "captions"), ("erased", "gone")
    )
    assert held(home) == {path_of(BELA, "r-1"), f"drawn/{BELA}/r-1.json", "said/r-1/en.txt"}
    with home.open() as opened, opened.vault.open(f"waves/drawn/{BELA}/r-1.json", purpose="look") as file:
        assert json.loads(file.read())["frames"] == 4000
    with home.open() as opened, opened.vault.open("captions/said/r-1/en.txt", purpose="look") as file:
        assert file.read().startswith(b"what was said")


def _edges(opened: Expunge):
    from expunge.core.lineage.lineage_merge import sighted
    from expunge.engine.lineage import observed_lineage

    return sighted(opened.map, observed_lineage.sightings(opened.context.journal))


class Stopped:
    """A clock that stands still."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at


def test_what_was_made_goes_when_the_recording_expires(home: Doorbells):
    """A moment after the recording's period what was made from it goes too, in the same order, though it is younger than the period."""
    old = home.ring(ANNA, "old", sound(0)).recording
    for number, one, name in ((1, BELA, "new"), (2, ANNA, "newer")):
        home.ring(one, name, sound(number))
    for one, name in ((ANNA, "old"), (BELA, "new"), (ANNA, "newer")):
        draw(home, one, name)
    with home.open(Stopped(old.at + timedelta(days=30, milliseconds=1))) as opened:
        (order,) = opened.retention.retire().orders
        opened.plan(order)
        assert opened.apply(order).state is OrderState.FULFILLED
    kept = ((BELA, "new"), (ANNA, "newer"))
    assert held(home) == {each for one, name in kept for each in (path_of(one, name), f"drawn/{one}/{name}.json", f"said/{name}/en.txt")}


def test_retention_takes_what_was_made_from_the_older_of_two_recordings(home: Doorbells):
    """Recordings of two people have one id, by which the map leads on: each waveform goes with its own recording, and no other before."""
    old = home.ring(ANNA, "r", sound(0), clock=Stopped(clock.now() - timedelta(days=20))).recording
    new = home.ring(BELA, "r", sound(1)).recording
    with home.open() as opened:
        opened.vault.renew_gate()
        for one in (ANNA, BELA):
            opened.derivations.derive(f"doorbell/{path_of(one, 'r')}", "waves", waveform, purpose="look")
    for at, left in ((old.at, {path_of(BELA, "r"), f"drawn/{BELA}/r.json"}), (new.at, set[str]())):
        with home.open(Stopped(at + timedelta(days=30, milliseconds=1))) as opened:
            (order,) = opened.retention.retire().orders
            opened.plan(order)
            run = opened.apply(order)
            assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
            assert not opened.sweep().came_back
        assert held(home) == left


def test_an_order_takes_what_was_made_from_recordings_of_the_person_alone(home: Doorbells, tmp_path: Path):
    """Recordings of two people have one id: an export has one person's, an order takes one person's, and no other order waits for that."""
    home.ring(ANNA, "r", sound(0))
    home.ring(BELA, "r", sound(1))
    with home.open() as opened:
        opened.vault.renew_gate()
        for one in (ANNA, BELA):
            opened.derivations.derive(f"doorbell/{path_of(one, 'r')}", "waves", waveform, purpose="look")
        assert not [each for each in opened.check() if each.store == "recordings" and each.kind.value == "undeclared"]
    assert home.erase(CARA).state is OrderState.FULFILLED
    assert expunge("export", f"profile:{ANNA}", "--out", tmp_path / "anna", "--map", home.map).code == 0
    assert not [name for name in ZipFile(tmp_path / "anna" / "part-1.zip").namelist() if BELA in name]
    run = home.erase(ANNA)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert home.entries(run)["waves"] == ("erased", "gone")
    assert held(home) == {path_of(BELA, "r"), f"drawn/{BELA}/r.json"}
    with home.open() as opened:
        assert not opened.sweep().came_back
    assert home.erase(BELA).state is OrderState.FULFILLED
    assert held(home) == set()


@pytest.mark.parametrize("rule", ["erase", "keep"])
def test_made_from_a_recording_of_two(home: Doorbells, rule: str):
    """It goes or stays with the recording, whoever of the two leaves, and both are in its label."""
    derived(home, rule)
    home.ring(ANNA, "together", sound(0), CARA)
    draw(home, ANNA, "together")
    home.ring(BELA, "alone", sound(1))
    draw(home, BELA, "alone")
    run = home.erase(CARA)
    kept = {path_of(BELA, "alone"), f"drawn/{BELA}/alone.json", "said/alone/en.txt"}
    if rule == "keep":
        kept |= {path_of(ANNA, "together"), f"drawn/{ANNA}/together.json", "said/together/en.txt"}
    assert held(home) == kept, run.reasons
    assert home.entries(run)["waves"][0] == ("erased" if rule == "erase" else "kept")


def test_a_recording_that_goes_while_something_is_made_from_it(home: Doorbells):
    """An order and the retention end in the middle of the making: nothing of it is kept, and no key."""
    home.ring(ANNA, "r-1", sound(0))
    home.ring(BELA, "r-2", sound(1))
    due = Shifted(SystemClock(), clock.now() + timedelta(days=40))

    def expire(_: BinaryIO) -> bytes:
        with home.open(due) as other:
            (order,) = other.retention.retire().orders
            other.plan(order)
            assert other.apply(order).state is OrderState.FULFILLED
        return b"late" * 100

    def erase(_: BinaryIO) -> bytes:
        assert home.erase(ANNA).state is OrderState.FULFILLED
        return b"late" * 100

    for one, name, make, reason in ((ANNA, "r-1", erase, "suppressed|erased meanwhile"), (BELA, "r-2", expire, "erased meanwhile")):
        with home.open() as opened:
            opened.vault.renew_gate()
            with pytest.raises(Refused, match=reason):
                opened.derivations.derive(f"doorbell/{path_of(one, name)}", "waves", make, purpose="look")
    assert held(home) == set()
    with home.open() as opened:
        assert not [each for each in opened.check() if each.store == "recordings" and each.kind.value in {"undeclared", "missing"}]


def test_a_recording_that_is_replaced_while_something_is_made_from_it(home: Doorbells):
    """It expires in the middle of the making, and another comes in by its name: what was made from the first would live as long as that."""
    home.ring(BELA, "r-1", sound(0), clock=Stopped(clock.now() - timedelta(days=40)))

    def replace(_: BinaryIO) -> bytes:
        with home.open() as other:
            (order,) = other.retention.retire().orders
            other.plan(order)
            assert other.apply(order).state is OrderState.FULFILLED
        home.ring(BELA, "r-1", sound(1))
        return b"late" * 100

    with home.open() as opened:
        opened.vault.renew_gate()
        with pytest.raises(Refused, match="replaced"):
            opened.derivations.derive(f"doorbell/{path_of(BELA, 'r-1')}", "waves", replace, purpose="look")
    assert held(home) == {path_of(BELA, "r-1")}


def test_what_may_not_be_made(home: Doorbells):
    """What the map does not say to be made so, what has another's name, and what comes by the front door is refused, unwritten."""
    home.ring(ANNA, "r-1", sound(0))
    home.ring(BELA, "r-1", sound(1))
    draw(home, ANNA, "r-1")
    before = held(home)
    recording = f"doorbell/{path_of(BELA, 'r-1')}"
    with home.open() as opened:
        for dataset, fields, said in (
            ("doorbell", {}, "does not say"),
            ("captions", {}, "fill no path"),
            ("waves", {"language": "en"}, "fill no path"),
            ("captions", {"language": "en"}, "of other people has this name"),
            ("captions", {"language": "en", "recording_id": "r-2"}, "otherwise by the recording's name"),
        ):
            with pytest.raises(UsageError, match=said):
                opened.derivations.derive(recording, dataset, lambda _: b"x", purpose="look", fields=fields)
        with pytest.raises(UsageError, match="was made from recordings of doorbell"):
            opened.vault.ingest("waves", f"drawn/{BELA}/r-1.json", io.BytesIO(b"{}"), [("profile", BELA)])
        with pytest.raises(UsageError, match="no such recording"):
            opened.derivations.derive("doorbell/doorbell/nobody/r-9.flac", "waves", waveform, purpose="look")
    assert held(home) == before


def test_what_leads_to_other_peoples_recordings_is_told(home: Doorbells):
    """A recording was lost, and another person's has its id: no order of its person finds what was made from it, so `check` says so."""
    for number, one in enumerate((ANNA, BELA)):
        home.ring(one, "r-1", sound(number))
    with home.open() as opened:
        opened.derivations.derive(f"doorbell/{path_of(ANNA, 'r-1')}", "waves", waveform, purpose="look")
        library = opened.vault._library(opened.map.datasets["doorbell"])
        hers = [each for each in library.recordings("doorbell") if ANNA in each.name]
        library.shred(hers)
        library.discard(hers)
        found = [each for each in opened.check() if each.store == "recordings" and each.kind.value == "undeclared"]
    assert len(found) == 1
    assert "lead to" in found[0].what


def test_the_command(home: Doorbells, tmp_path: Path):
    """A waveform by its own maker, a caption by a pipe; made again it is known."""
    home.ring(ANNA, "r-1", sound(0))
    recording, at = f"doorbell/{path_of(ANNA, 'r-1')}", ["--map", str(home.map)]
    done = expunge("vault", "derive", recording, "--to", "waves", "--purpose", "look", *at)
    assert "sealed: waves/drawn/" in done.out
    said = tmp_path / "said.txt"
    said.write_text("nobody is at the door")
    more = ["--content", str(said), "--field", "language=en"]
    done = expunge("vault", "derive", recording, "--to", "captions", "--purpose", "look", *more, *at)
    assert "sealed: captions/said/r-1/en.txt" in done.out
    assert "sealed already" in expunge("vault", "derive", recording, "--to", "captions", "--purpose", "look", *more, *at).out


@pytest.mark.parametrize(("frames", "pairs"), [(0, 0), (1, 1), (399, 399), (4001, 400)])
def test_a_waveform_is_what_was_heard(frames: int, pairs: int):
    """Each pair is the lowest and the highest sample of its part; together they cover the sound."""
    samples = np.random.default_rng(3).integers(-30_000, 30_000, (frames, 2), dtype=np.int16)
    out = io.BytesIO()
    soundfile.write(out, samples, 8000, format="WAV", subtype="PCM_16")
    made = json.loads(waveform(io.BytesIO(out.getvalue())))
    assert (made["rate"], made["frames"], len(made["peaks"])) == (8000, frames, pairs)
    parts = list(_parts(samples, pairs))
    assert made["peaks"] == [[int(part.min()), int(part.max())] for part in parts]
    with pytest.raises(UsageError, match="no sound"):
        waveform(io.BytesIO(speech(0)[::-1]))


def _parts(samples: np.ndarray, pairs: int) -> Iterator[np.ndarray]:
    yield from (samples[at * len(samples) // pairs : (at + 1) * len(samples) // pairs] for at in range(pairs))
