"""Each worked example, run small as a reader would run it: what it leaves behind, looked at anew."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from hashlib import sha256
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest

from expunge.demo.voices import synthesis

ROOT = Path(__file__).resolve().parents[2]
NEEDED = ("matplotlib", "sklearn", "safetensors")

pytestmark = pytest.mark.skipif(any(find_spec(each) is None for each in NEEDED), reason="extra examples is not installed")


def example(name: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"examples.{name}", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=900)


def made(name: str, folder: Path) -> Path:
    done = example(name, str(folder), "--small", EXPUNGE_CACHE=str(folder.parent / "cache"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout
    return folder


class Page(HTMLParser):
    """What a page needs from elsewhere, and what of it cannot be read aloud."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts, self.fetched, self.silent, self.links, self.headings = 0, [], 0, [], 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.scripts += tag == "script"
        self.headings += tag == "h2"
        source = given.get("src") or (given.get("href") if tag == "link" else None)
        if source and not source.startswith("data:"):
            self.fetched.append(source)
        if tag == "img" and not given.get("alt"):
            self.silent += 1
        if tag == "a" and given.get("href"):
            self.links.append(str(given["href"]))


def check_page(folder: Path, figures: int) -> str:
    text = (folder / "index.html").read_text("utf-8")
    page = Page(text)
    assert page.scripts == 0
    assert page.fetched == []
    assert page.silent == 0
    assert page.headings >= 6
    for each in page.links:
        if each.startswith("#"):
            assert f'id="{each[1:]}"' in text, each
        else:
            assert (folder / each).is_file(), each
    drawn = sorted((folder / "plots").iterdir())
    assert len(drawn) == 2 * figures
    for each in drawn:
        assert each.read_bytes().startswith(b"\x89PNG" if each.suffix == ".png" else b"<?xml"), each.name
    return text


def check_receipt(folder: Path, receipt: str) -> None:
    """It verifies against the keys that were published, and not with one word changed."""

    def verified() -> int:
        command = [sys.executable, "-m", "expunge", "receipt", "verify", receipt, "--trust", "published-policy.txt"]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode

    assert verified() == 0
    page = folder / receipt / "receipt.html"
    before = page.read_text("utf-8")
    page.write_text(before.replace("scrubbed", "perfect", 1), "utf-8")
    assert verified() == 6
    page.write_text(before, "utf-8")


def check_equal(folder: Path, files: dict[str, str]) -> None:
    """What serves is what a fresh process made without the person."""
    for name, path in files.items():
        serves, fresh = ((each).read_bytes() for each in (folder / "world" / path, folder / "fresh" / name))
        assert sha256(serves).digest() == sha256(fresh).digest(), name


def check_gone(folder: Path, *names: str) -> None:
    """No file of the stores, of the state or of what was drawn holds any of these."""
    for place in ("world", ".expunge", "plots"):
        for path in (each for each in (folder / place).rglob("*") if each.is_file()):
            data = path.read_bytes()
            assert [each for each in names if each.encode() in data] == [], path


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.skipif(
    not (os.environ.get("EXPUNGE_SPEECH") or synthesis.available()), reason="no folder of speech, and extra speech is not installed"
)
def test_a_childs_voice_leaves_recordings_training_set_and_models(tmp_path: Path) -> None:
    folder = made("voice", tmp_path / "out")
    check_page(folder, 4)
    check_receipt(folder, "receipts/1")
    models = {each.stem: f"models/{each.name}" for each in (folder / "world/models").iterdir()}
    assert set(models) == ({"integer_head", "network_shards"} if find_spec("torch") else {"integer_head"})
    check_equal(folder, models)
    check_gone(folder, "p-mia", "mia@wren.example", "mia-0001")


@pytest.mark.soak
@pytest.mark.slow
def test_a_childs_whereabouts_leave_visits_models_and_what_is_published(tmp_path: Path) -> None:
    folder = made("whereabouts", tmp_path / "out")
    check_page(folder, 5)
    check_receipt(folder, "receipts/1")
    check_equal(
        folder,
        {"heatmap": "models/heatmap.safetensors", "next_place": "models/next_place.safetensors", "published": "site/heatmap.json"},
    )
    opening = json.loads((folder / "receipts/1/opening.json").read_bytes())
    (child,) = set(re.findall(r"p-\d{4}-\d", json.dumps(opening)))
    check_gone(folder, child)
    published = json.loads((folder / "world/site/heatmap.json").read_bytes())
    assert published["k"] == 10
    assert published["cells"]
    assert all(each["people"] >= 10 and each["people"] % 5 == 0 for each in published["cells"])


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.skipif(
    any(find_spec(each) is None for each in ("cv2", "skvideo", "faiss")), reason="extras examples and faiss are not installed"
)
def test_an_order_takes_what_was_looked_at_and_what_it_taught(tmp_path: Path) -> None:
    folder = made("camera", tmp_path / "out")
    check_page(folder, 5)
    for each in (folder / "receipts").iterdir():
        check_receipt(folder, f"receipts/{each.name}/1")
    assert len(list((folder / "receipts").iterdir())) == 3
    assert {each.stem for each in (folder / "world/registry/models").iterdir()} == {"faces-2018", "motion-2017"}
    assert (folder / "statement/statement.html").is_file()


def test_a_folder_that_no_example_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    for name in ("voice", "camera", "whereabouts"):
        done = example(name, str(tmp_path))
        assert done.returncode == 2
        assert "is not empty, and no example made it" in done.stderr
    assert (tmp_path / "diary.txt").read_text() == "mine"
    assert example("voice", str(tmp_path / "diary.txt")).returncode == 2


@pytest.mark.parametrize(
    "given", [pytest.param("nothing", marks=pytest.mark.soak), pytest.param("no sound", marks=pytest.mark.soak), "too few"]
)
def test_a_folder_of_speech_that_cannot_be_used_is_named_with_what_to_do(given: str, tmp_path: Path) -> None:
    speech = tmp_path / "speech"
    speech.mkdir()
    if given != "nothing":
        (speech / "SPEAKERS.TXT").write_text("".join(f"{each} | {'FM'[each % 2]} | x\n" for each in range(20)))
        for each in range(20 if given == "no sound" else 3):
            (speech / f"{each}-0.wav").write_bytes(b"RIFF nonsense")
    done = example("voice", str(tmp_path / "out"), "--small", EXPUNGE_SPEECH=str(speech))
    assert done.returncode == 2
    assert {"nothing": "holds no SPEAKERS.TXT", "no sound": "cannot be read as sound", "too few": "too few to learn from"}[
        given
    ] in done.stderr
    assert "help:" in done.stderr
    assert "Traceback" not in done.stderr
