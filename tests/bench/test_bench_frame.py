"""What ``make bench`` writes, and how it takes a measurement that fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import __main__ as frame
from bench.result import Result


def test_a_target_is_met_from_the_side_that_is_better() -> None:
    assert Result("speed", 210.0, "MB/s", target=200).met is True
    assert Result("speed", 190.0, "MB/s", target=200).met is False
    assert Result("time", 190.0, "ms", target=200, better="lower").met is True
    assert Result("time", 190.0, "ms").met is None


def test_a_target_of_the_ratio_needs_the_other_side() -> None:
    assert Result("time", 10.0, "s", other=8.0, target=2, of="ratio", better="lower").met is True
    assert Result("time", 10.0, "s", target=2, of="ratio", better="lower").met is None


def test_a_row_survives_the_way_through_json() -> None:
    row = Result("time", 10.0, "s", other=8.0, other_name="by hand", target=2, of="ratio", better="lower", note="twice")
    assert Result.from_json(json.loads(json.dumps(row.as_json()))) == row


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the frame with two measurements: one that works, one that raises."""
    folder = tmp_path / "bench"
    folder.mkdir()
    for path in frame.FOLDER.glob("*.py"):
        if path.stem in frame.NOT_MEASUREMENTS:
            (folder / path.name).write_bytes(path.read_bytes())
    (folder / "good.py").write_text(
        "from bench.result import Result\ndef run():\n    return [Result('n', 2.0, 's', other=4.0, other_name='x')]\n"
    )
    (folder / "sad.py").write_text("def run():\n    raise OSError('no disk')\n")
    monkeypatch.setattr(frame, "FOLDER", folder)
    return folder


@pytest.mark.usefixtures("modules")
def test_a_measurement_that_fails_is_named_and_the_others_stay(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out" / "b.json"
    assert frame.main(["--out", str(out)]) == 1
    document = json.loads(out.read_text())
    assert [row["name"] for row in document["results"]] == ["n"]
    assert document["results"][0]["ratio"] == 0.5
    assert document["failed"] == [{"name": "sad", "reason": "exit status 1"}]
    assert document["machine"]["cores"] >= 1
    assert "python" in document["versions"]
    table = out.with_suffix(".md").read_text()
    assert "| n | 2 s | 4 s (x) | 0.50 |" in table
    assert "sad | not measured" in table
    assert "measuring sad" in capfd.readouterr().err


@pytest.mark.usefixtures("modules")
def test_an_unknown_measurement_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        frame.main(["--out", str(tmp_path / "b.json"), "--only", "nothing"])
    assert ended.value.code == 2
