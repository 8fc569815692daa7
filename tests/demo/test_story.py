"""The whole story, told with tones: what outside checkers look for is there, and every claim holds."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import subprocess
import sys
import wave
from pathlib import Path

import pytest
from rich.console import Console

from expunge.core.evidence import receipt
from expunge.core.evidence.receipt import Verdict
from expunge.core.log import dsse
from expunge.core.verification.receipt_verify import verify
from expunge.demo.company import doorbell, outside_search, services, truth
from expunge.demo.company.narration import Narrator
from expunge.demo.company.outside_search import Search
from expunge.demo.company.stage import Stage
from expunge.demo.story import erasing, opening, proving, several
from expunge.demo.story.chapters import tell
from expunge.demo.voices.speech import Tones
from expunge.errors import UsageError
from expunge.servers.processes import wait_until
from tests import exports
from tests.web.site.browser import chromium

pytestmark = pytest.mark.slow

FILES = {
    "receipt.dsse.json", "receipt.pae", "receipt.sig", "receipt.tlog-proof", "trust-policy.txt", "signer.pem", "receipt.html",
    "export", "before.json", "opening.json", "receipt.sigstore.json", "trusted-root.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stage, str]:
    folder = tmp_path_factory.mktemp("a demo")
    out = io.StringIO()
    stage = tell(folder, keep_before=True, speech=Tones(), narrator=Narrator(Console(file=out, width=300)))
    return stage, out.getvalue()


@pytest.fixture
def stage(told: tuple[Stage, str]) -> Stage:
    return told[0]


def test_the_doorbell_was_sealed_opened_refused_and_is_dark(told: tuple[Stage, str]) -> None:
    """Each in its place in the story; of the films no piece lies anywhere but in the export of the person who was filmed."""
    stage, text = told
    assert [ring.person.profile_id in stage.erased for ring in stage.rings] == [True, True, False]
    at = [
        text.index(each)
        for each in (
            "none of Expunge's own state holds a piece of any film",
            "journal before the first byte",
            "refused (consent was not given",
            "for another purpose: refused",
            "the keys of what was erased are inaccessible since",
            "today's key table: none opens",
            "today's root: 3 open",
            "the same once more: none opens",
            "every one is irrecoverable",
        )
    ]
    assert at == sorted(at)
    pieces = [ring.film[at : at + 48] for ring in stage.rings for at in range(2000, len(ring.film) - 48, len(ring.film) // 20)]
    for place in ("world", "state", "nightly", "twin", "before", "servers"):
        assert Search([], pieces).folder(stage.folder / place) == []
    exported = [path for path in stage.folder.rglob("part-1.zip") if Search([], pieces).folder(path)]
    assert len(exported) == 2, "the search sees what there is"


def test_staff_are_refused_then_shown_blocks_and_nothing_once_the_key_died(told: tuple[Stage, str]) -> None:
    """In the order of the story, by what the desk itself said; the numbers are measured on what it gave."""
    _, text = told
    at = [
        text.index(each)
        for each in (
            "a case has a key and a number",
            "The training for this purpose is missing",
            "another member of staff has to approve this, and none did",
            "the account does not have the right that this takes",
            "priya approves, and night-desk-2 begins: a lease of 10 minutes",
            "20 pictures of grey blocks, no sound",
            "staff were refused, and saw nothing (case LE-88",
            "a reviewer saw 2 s (case LE-88, harm or financial loss): pixelated, mute; approved by officer",
            "still has a lease on the film at Alice Hartley's door. Refused",
            "tries the lease once more. Refused",
            "asks anew, with case LE-88. Refused: no recording of that name can be asked for",
        )
    ]
    assert at == sorted(at)
    found = re.search(r"Of the film's detail (\d+)% is left where most is; of the film itself it is (\d+)%", text)
    assert found is not None
    assert int(found[1]) <= 15
    assert int(found[2]) >= 95


def test_a_parent_has_two_printed_pages_before_the_annex(stage: Stage) -> None:
    width, height = (millimetres * 96 / 25.4 for millimetres in (210 - 32, 297 - 32))  # A4 within the margins of the page
    with chromium() as browser:
        page = browser.new_page(viewport={"width": int(width), "height": int(height)})
        page.emulate_media(media="print")
        for folder in (stage.folder / "guardian").iterdir():
            page.goto((folder / "receipt.html").as_uri())
            box = page.locator(".annex").bounding_box()
            assert box is not None
            assert box["y"] <= 2 * height
            words = page.locator("main").inner_text().partition("Technical annex")[0]
            for said in (
                "Lantern gives this receipt",
                "voice recording",
                "transcript",
                "voiceprint",
                "you may complain to",
                "overwritten after 35 days",
            ):
                assert said in words, (folder.name, said)


def test_what_a_film_says_is_what_a_decoder_says(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    for number, film in enumerate(doorbell.films()):
        path = tmp_path / f"{number}.mp4"
        path.write_bytes(film)
        decoder, facts = cv2.VideoCapture(str(path)), doorbell.facts_of(io.BytesIO(film))
        frames = 0
        while decoder.grab():
            frames += 1
        assert frames == facts.frames
        assert facts.height == decoder.get(cv2.CAP_PROP_FRAME_HEIGHT)
    for other in (b"", b"RIFF" * 20, film[:-1], film[: len(film) // 2]):
        with pytest.raises(ValueError, match="film"):
            doorbell.facts_of(io.BytesIO(other))


def _strings(stage: Stage) -> list[list[str]]:
    return [json.loads((folder / "before.json").read_text("utf-8")) for folder in sorted((stage.folder / "guardian").iterdir())]


def test_every_claim_holds_and_every_person_has_their_folder(told: tuple[Stage, str]) -> None:
    stage, text = told
    assert stage.failures == []
    assert "✗" not in text
    assert "found in audio: exports/asr-errors-2026-10.csv.gz" in text
    assert "none of the three is in it: expunge restored says that it may serve" in text
    assert not list((stage.folder / "servers").rglob("*.dump"))
    assert {path.name for path in (stage.folder / "guardian").iterdir()} == {"1", "2", "3"}
    for folder in (stage.folder / "guardian").iterdir():
        assert {path.name for path in folder.iterdir()} == FILES


def test_every_string_of_before_is_in_before_as_plain_bytes_and_nowhere_in_world_and_state(stage: Stage) -> None:
    before = [path.read_bytes() for path in (stage.folder / "before").rglob("*") if path.is_file()]
    for strings in _strings(stage):
        assert len(strings) >= 24
        assert all(len(text) >= 8 for text in strings)
        for text in strings:
            assert any(text.encode() in data for data in before), "in the cold copy, as plain UTF-8"
        hits = [hit for place in ("world", "state") for hit in Search(strings).folder(stage.folder / place)]
        assert hits == []


def test_sounds_and_voiceprints_are_gone_too(stage: Stage) -> None:
    pieces = [piece for who in stage.erased for piece in stage.world.book.own_samples(who)]
    assert len(pieces) > 50
    assert {hit.what for hit in Search([], pieces).folder(stage.folder / "before")} == set(pieces)
    for place in ("world", "state"):
        assert Search([], pieces).folder(stage.folder / place) == []


def test_the_searches_find_what_an_ordinary_delete_leaves_in_every_store(stage: Stage) -> None:
    left = truth.by_store(stage.folder / "twin", stage.search.folder(stage.folder / "twin"))
    assert set(left) == {"app", "audio", "lake", "hub"}
    assert all(left.values())
    assert left["app"] > 50
    assert left["lake"] >= 15, "the training set"


def test_both_searches_saw_something_in_every_store_before_and_nothing_after(stage: Stage) -> None:
    assert set(stage.before) == {"app", "audio", "lake", "hub"}
    assert all(stage.before.values())
    for number in (1, 2, 3):
        said = receipt.parse(dsse.parse((stage.guardian(number) / "receipt.dsse.json").read_bytes()).payload)
        assert said.verdict is Verdict.FULFILLED
        assert verify({path.name: path.read_bytes() for path in stage.guardian(number).iterdir() if path.is_file()}).opened
        scans = [entry.scan for entry in said.datasets if entry.scan is not None and entry.items]
        assert scans
        filmed = {"doorbells"} if stage.world.requests[number - 1].person in {ring.person for ring in stage.rings} else set()
        seen = {entry.store for entry in said.datasets if entry.scan is not None and entry.scan.traces_usable}
        assert seen == {"app", "lake", "hub"} | filmed
        assert all(scan.found == 0 and scan.controls_found > 0 for scan in scans if scan.traces_usable)
        assert any("audio: names of deleted objects" in each for each in said.out_of_scope)


def test_every_server_is_stopped_and_left_its_data_whole(stage: Stage) -> None:
    assert (stage.folder / "world/postgres/PG_VERSION").is_file()
    assert not (stage.folder / "world/postgres/postmaster.pid").exists()
    assert not (stage.folder / "twin/postgres/postmaster.pid").exists()
    assert list((stage.folder / "world/s3").glob("*.dat"))
    assert not _processes(stage.folder)


def test_the_export_holds_media_byte_for_byte(stage: Stage) -> None:
    for number, request in enumerate(stage.world.requests, 1):
        held = exports.everything(stage.guardian(number) / "export")
        sounds = {name: data for name, data in held.items() if name.endswith(".wav")}
        theirs = {row["name"] for row in exports.listed(stage.guardian(number) / "export") if row.get("shared")}
        own = {name: data for name, data in sounds.items() if name not in theirs}
        assert len(own) >= 2
        assert len(sounds) > len(own), "a recording of several people"
        recorded = {recording.path.rpartition("/")[2]: recording for recording in stage.world.recordings}
        for name, data in sounds.items():
            recording = recorded[name.rpartition("/")[2]]
            assert data == recording.sound.wav()
            assert request.person in recording.who
            with wave.open(io.BytesIO(data)) as file:
                assert file.getnframes() > 0


def test_receipts_hold_no_string_of_anybody(stage: Stage) -> None:
    strings = [text for texts in _strings(stage) for text in texts]
    for number in (1, 2, 3):
        for name in FILES - {"export", "before.json", "opening.json"}:
            assert Search(strings).folder(stage.guardian(number) / name) == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_accepts_each_signature_and_refuses_a_changed_one(stage: Stage, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        assert subprocess.run(proving.openssl_line(stage.guardian(number)), capture_output=True, check=False).returncode == 0
    copy = tmp_path / "copy"
    shutil.copytree(stage.guardian(1), copy)
    (copy / "receipt.pae").write_bytes((copy / "receipt.pae").read_bytes()[:-1] + b" ")
    assert subprocess.run(proving.openssl_line(copy), capture_output=True, check=False).returncode != 0


def test_the_last_lines_can_be_typed(told: tuple[Stage, str]) -> None:
    stage, text = told
    commands = re.findall(r"\$ (.*)", text)
    assert any(line.startswith("openssl pkeyutl -verify") for line in commands)
    done = subprocess.run(
        [sys.executable, "-I", outside_search.__file__, str(stage.guardian(2) / "before.json"), str(stage.folder / "world")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split(", ")[1]) == (0, "0 found")


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        tell(tmp_path, speech=Tones(), narrator=Narrator(Console(file=io.StringIO())))
    assert (tmp_path / "diary.txt").read_text() == "mine"
    done = subprocess.run([sys.executable, "-m", "expunge.demo", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_earlier_demonstration_is_replaced(stage: Stage, tmp_path: Path) -> None:
    from expunge.demo.story.chapters import clear

    shutil.copytree(stage.folder, tmp_path / "old")
    clear(tmp_path / "old")
    assert {path.name for path in (tmp_path / "old").iterdir()} == {"demo.json"}


@pytest.mark.soak
def test_three_workers_share_the_orders_and_one_is_killed(tmp_path: Path) -> None:
    """The chapters up to the end of the orders; the others are the same with and without workers."""
    out, folder = io.StringIO(), tmp_path / "three workers"
    folder.mkdir()
    with services.running(folder / "servers", folder / "world") as running, several.state(folder, 3):
        running.announce()
        stage = opening.company(folder, Narrator(Console(file=out, width=300)), running, 7, Tones(), keep_before=False, workers=3)
        opening.undeclared(stage)
        erasing.asking(stage, None)
        erasing.erasing(stage)
        services.stopped(running.postgres, folder / "world/postgres")
    text = out.getvalue()
    assert stage.failures == []
    assert "is killed with SIGKILL in the middle of purge:app" in text
    assert re.search(r"ord-\w{20}.*running", text), "expunge status, while it runs"
    assert "nothing was done twice" in text
    assert (folder / "state/postgres/PG_VERSION").is_file()
    assert not (folder / "state/postgres/postmaster.pid").exists()
    for place in ("world", "state", "servers"):
        assert stage.search.folder(folder / place) == []


INTERRUPTED = """
import sys
from pathlib import Path
from expunge.demo.voices.speech import Tones
from expunge.demo.story.chapters import tell
tell(Path(sys.argv[1]), speech=Tones())
"""


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.soak), signal.SIGKILL])
def test_whatever_ends_the_story_no_server_is_left(tmp_path: Path, number: signal.Signals) -> None:
    folder = tmp_path / "interrupted"
    # A run in the background inherits that interrupts are ignored; whoever sits at a terminal does not.
    command = ["env", "--default-signal=INT", sys.executable, "-c", INTERRUPTED, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: (folder / "expunge.yaml").exists() or process.poll() is not None, 300)
        assert len(_processes(folder)) >= 2, "PostgreSQL and SeaweedFS"
        process.send_signal(number)
        assert process.wait(120) != 0
    finally:
        process.kill()
        process.wait()
    assert wait_until(lambda: not _processes(folder), 120), _processes(folder)


def _processes(folder: Path) -> list[str]:
    """Those that name the folder, apart from the story itself."""
    running = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in running.splitlines() if str(folder) in line and "tell(" not in line]


@pytest.mark.parametrize("workers", [1, -1])
def test_too_few_workers_for_one_to_be_killed_are_refused(tmp_path: Path, workers: int) -> None:
    with pytest.raises(UsageError, match="at least two"):
        tell(tmp_path / "new", workers=workers, speech=Tones(), narrator=Narrator(Console(file=io.StringIO())))
    assert not (tmp_path / "new").exists()


def test_the_first_page_shows_lines_of_the_story(told: tuple[Stage, str]) -> None:
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = page.partition("```text\n")[2].partition("```")[0].splitlines()
    varying = re.compile(r"prf_[0-9a-f]+|\d+(\.\d+)?")
    real = varying.sub("N", told[1])
    assert len(shown) >= 5
    assert [line for line in shown if varying.sub("N", line).strip() not in real] == []


def test_the_search_that_readers_are_told_to_run_is_there(told: tuple[Stage, str]) -> None:
    (shown,) = re.findall(r"\$ python3 (\S+) ", told[1])
    assert Path(shown).is_file()
