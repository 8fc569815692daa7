"""A model that nobody looks into is another one after somebody is forgotten, or it is gone."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as safetensors

from expunge import faults, permit
from expunge.adapters.commands.local_commands import LocalCommands
from expunge.core.values.outcome import Reason, Unable
from expunge.errors import TakenOver
from expunge.learn.features.frozen_encoder import LONGEST, Frozen, tree_digest
from expunge.learn.opaque import Opaque, OpaqueReport
from expunge.learn.records.refusals import FileRefused
from expunge.learn.retraining import Manifest
from expunge.ports.commands import CommandLimits, Ran
from expunge.testing.forked import in_child
from tests.learn import trainers

RECORDS: dict[str, str | list[str]] = {"r1": "anna", "r2": "anna", "r3": "ben", "r4": ["ben", "anna"], "r5": "cleo"}
TAUGHT = b'["r1", "r2", "r3", "r4", "r5"]'
Trainer = Callable[[Manifest], None]


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "models" / "intent.bin"
    path.parent.mkdir()
    path.write_bytes(TAUGHT)
    return path


def opaque(model: Path, trainer: Trainer | str | None, **more: object) -> Opaque:
    limits = more.pop("limits", CommandLimits(60.0, 1 << 30))
    return Opaque(model, RECORDS, trainer, LocalCommands(model.parent), limits=limits, **more)  # type: ignore[arg-type]


def there(model: Path) -> list[str]:
    """Names of what is there, without what the last training is remembered by."""
    return sorted(each.name for each in model.parent.rglob("*") if not each.match(".expunge-*") and each.name != "memory.json")


def test_the_model_is_made_from_the_records_of_everybody_else(model: Path) -> None:
    shown: list[float] = []
    it = opaque(model, trainers.honest)
    report = it.forget(["anna", "nobody"], shown.append, missing="ignore")
    assert model.read_bytes() == b'["r3", "r5"]'
    assert isinstance(report.outcome, Ran)
    assert (report.subjects, report.records, report.unknown, report.recomputed, report.monolith) == (1, 3, ("nobody",), 2, 2)
    assert report.destroyed == (digest(TAUGHT),)
    assert report.after == (digest(b'["r3", "r5"]'),)
    assert shown == [0.5, 1.0]
    assert there(model) == ["intent.bin"]
    # One after the other.
    it.forget("cleo")
    assert model.read_bytes() == b'["r3"]'


def test_nobody_it_knows_changes_nothing(model: Path) -> None:
    report = opaque(model, trainers.fails).forget(["nobody"], missing="ignore")
    assert report == OpaqueReport(0, 0, ("nobody",), after=(digest(TAUGHT),))
    assert model.read_bytes() == TAUGHT


def test_a_command_gets_the_manifest_on_standard_input(model: Path) -> None:
    program = model.with_name("train.py")
    program.write_text(
        "import json, sys; asked = json.load(sys.stdin); json.dump([asked['schema'], asked['records']], open(asked['out'], 'w'))"
    )
    assert isinstance(opaque(model, f"{sys.executable} train.py").forget("anna").outcome, Ran)
    assert json.loads(model.read_text()) == ["expunge.retrain/1", ["r3", "r5"]]


@pytest.mark.parametrize(
    ("trainer", "limits", "reason"),
    [
        (trainers.lazy, CommandLimits(60.0, 1 << 30), Reason.SAME_AS_BEFORE),
        (trainers.hangs, CommandLimits(2.0, 1 << 30), Reason.TOO_LONG),
        (trainers.fails, CommandLimits(60.0, 1 << 30), Reason.COMMAND_FAILED),
        (trainers.eats, CommandLimits(60.0, 300 << 20), Reason.TOO_MUCH_MEMORY),
        (trainers.leaves_nothing, CommandLimits(60.0, 1 << 30), Reason.COMMAND_FAILED),
        (trainers.leaves_a_link, CommandLimits(60.0, 1 << 30), Reason.COMMAND_FAILED),
        ("no-such-program", CommandLimits(60.0, 1 << 30), Reason.COMMAND_FAILED),
    ],
)
def test_a_training_that_does_not_end_well_costs_the_model(
    model: Path, trainer: Trainer | str, limits: CommandLimits, reason: Reason
) -> None:
    report = opaque(model, trainer, limits=limits).forget("anna")
    assert isinstance(report.outcome, Unable)
    assert report.outcome.reason is reason
    assert "anna" not in report.outcome.detail
    assert "r1" not in report.outcome.detail
    assert (report.after, report.destroyed, report.recomputed) == ((), (digest(TAUGHT),), 0)
    assert there(model) == []


def test_the_old_weights_under_another_header_are_the_old_weights(model: Path) -> None:
    path = model.with_suffix(".safetensors")
    model.replace(path)
    path.write_bytes(safetensors({"head": np.arange(6, dtype=np.float32)}, metadata={"version": "old"}))
    report = opaque(path, trainers.lazy_and_sly).forget("anna")
    assert isinstance(report.outcome, Unable)
    assert report.outcome.reason is Reason.SAME_AS_BEFORE
    assert there(path) == []


def test_without_a_trainer_or_with_nobody_left_the_model_goes(model: Path) -> None:
    report = Opaque(model, RECORDS).forget("cleo")
    assert (report.outcome, report.after, report.emptied) == (None, (), False)
    assert there(model) == []
    model.write_bytes(TAUGHT)
    report = opaque(model, trainers.honest).forget(["anna", "ben", "cleo"])
    assert (report.outcome, report.after, report.emptied, report.recomputed) == (None, (), True, 0)
    assert there(model) == []


def test_what_was_made_from_the_model_goes_with_it(model: Path) -> None:
    export, checkpoints = model.with_name("intent.onnx"), model.with_name("checkpoints")
    export.write_bytes(b"exported")
    (checkpoints / "epoch-1").mkdir(parents=True)
    (checkpoints / "epoch-1" / "state.pt").write_bytes(b"a checkpoint")
    report = opaque(model, trainers.honest, derived=[export, checkpoints]).forget("anna")
    assert there(model) == ["intent.bin"]
    assert set(report.destroyed) == {digest(TAUGHT), digest(b"exported"), digest(b"a checkpoint")}


def folder_model(model: Path) -> Path:
    folder = model.with_name("intent")
    manifest = Manifest(tuple(RECORDS), folder)
    trainers.in_a_folder(manifest)
    return folder


def test_a_folder_is_a_model_too_and_its_frozen_encoder_may_stay_the_same(model: Path) -> None:
    model.unlink()
    folder = folder_model(model)
    encoder = Frozen.of(folder / "encoder.onnx", name="encoder X", licence="Apache-2.0", learnt_from="LibriSpeech, by its authors")
    report = opaque(folder, trainers.in_a_folder, frozen=[encoder]).forget("anna")
    assert isinstance(report.outcome, Ran)
    assert (folder / "head" / "weights.bin").read_text() == '["r3", "r5"]'
    assert report.said == (encoder.sentence,)
    assert there(folder) == ["encoder.onnx", "head", "intent", "labels.json", "weights.bin"]
    encoder.check(folder / "encoder.onnx")
    # Nobody said that it was frozen: then it is what was there before.
    report = opaque(folder, trainers.in_a_folder).forget("ben")
    assert isinstance(report.outcome, Unable)
    assert report.outcome.reason is Reason.SAME_AS_BEFORE


def test_an_encoder_alone_is_no_model(model: Path) -> None:
    model.unlink()
    folder = folder_model(model)
    encoder = Frozen.of(folder / "encoder.onnx", name="encoder X", licence="Apache-2.0", learnt_from="nobody says")
    report = opaque(folder, trainers.only_the_encoder, frozen=[encoder]).forget("anna")
    assert isinstance(report.outcome, Unable)
    assert there(folder) == []


def test_what_a_trainer_leaves_lying_about_is_cleared_away_and_nothing_else(model: Path) -> None:
    assert isinstance(opaque(model, trainers.leaves_a_mess).forget("anna").outcome, Ran)
    assert there(model) == ["intent.bin"]
    assert Path("/etc").is_dir()


@pytest.mark.parametrize("kind", ["symbolic", "hard", "inside"])
def test_links_are_refused_before_anything_is_done_since_what_they_lead_to_would_stay(model: Path, kind: str) -> None:
    other = model.with_name("other.bin")
    if kind == "symbolic":
        model.replace(other)
        model.symlink_to(other)
    elif kind == "hard":
        other.hardlink_to(model)
    else:
        folder = folder_model(model)
        (folder / "blob").symlink_to(model)
        model = folder
    before = there(model)
    with pytest.raises(FileRefused, match="links"):
        opaque(model, trainers.honest).forget("anna")
    assert there(model) == before


def test_a_function_that_no_other_process_could_find_is_refused_at_once(model: Path) -> None:
    def inner(manifest: Manifest) -> None:
        manifest.out.touch()

    for each in (inner, lambda manifest: manifest.out.touch()):
        with pytest.raises(ValueError, match="top level of a module"):
            opaque(model, each)
    with pytest.raises(ValueError, match="LocalCommands"):
        Opaque(model, RECORDS, trainers.honest)


def test_a_function_of_the_script_that_was_started_is_found(model: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from expunge.adapters.commands.local_commands import LocalCommands\nfrom expunge.learn.opaque import Opaque\n"
        "def retrain(manifest): manifest.out.write_text(' '.join(manifest.records))\n"
        "if __name__ == '__main__':\n"
        "    commands = LocalCommands(Path(sys.argv[1]).parent)\n"
        "    Opaque(sys.argv[1], {'r1': 'anna', 'r2': 'ben'}, retrain, commands).forget('anna')\n"
    )
    assert isinstance(LocalCommands(tmp_path).run(f"{sys.executable} script.py {model}", b"", CommandLimits(), print), Ran)
    assert model.read_text() == "r2"


def test_a_step_that_was_taken_over_destroys_nothing(model: Path) -> None:
    def ask() -> None:
        raise TakenOver("somebody else has it")

    with permit.required(ask), pytest.raises(TakenOver):
        opaque(model, trainers.honest).forget("anna")
    assert model.read_bytes() == TAUGHT


@pytest.mark.parametrize("folder", [pytest.param(False, marks=pytest.mark.soak), True], ids=["file", "folder"])
def test_killed_at_any_point_the_model_is_old_new_or_gone_and_a_repeat_ends_it(tmp_path: Path, *, folder: bool) -> None:
    encoder = Frozen("encoder X", digest(b"a public encoder"), "Apache-2.0", "nobody says")

    def prepared(name: str) -> tuple[Path, Path]:
        place = tmp_path / name
        place.mkdir()
        path, export = place / ("intent" if folder else "intent.bin"), place / "intent.onnx"
        export.write_bytes(b"exported")
        (trainers.in_a_folder if folder else trainers.honest)(Manifest(tuple(RECORDS), path))
        return path, export

    trainer = trainers.in_a_folder if folder else trainers.honest
    dry, export = prepared("dry")
    old = tree_digest(dry)
    with faults.record() as passed:
        opaque(dry, trainer, derived=[export], frozen=[encoder]).forget("anna")
    new, names_there = tree_digest(dry), there(dry)
    # Those of the command are the command's own tests, and before one point is after another.
    names = sorted({name for name in passed if name.endswith(":after") and not name.startswith("commands.")})
    assert {"learn.opaque.away:after", "learn.opaque.swap:after", "learn.wipe.name:after"} <= set(names)
    for number, name in enumerate(names):
        path, export = prepared(f"p{number}")

        def die(name: str = name, path: Path = path, export: Path = export) -> None:
            with faults.arm(name, "kill"):
                opaque(path, trainer, derived=[export], frozen=[encoder]).forget("anna")

        assert in_child(die).killed_by == signal.SIGKILL, name
        assert not path.exists() or tree_digest(path) in {old, new}, name
        report = opaque(path, trainer, derived=[export], frozen=[encoder]).forget("anna")
        assert not isinstance(report.outcome, Unable), (name, report.outcome)
        assert tree_digest(path) == new, name
        assert [each.replace(path.name, dry.name) for each in there(path)] == names_there, name


def test_a_lazy_trainer_is_caught_after_a_crash_too(model: Path) -> None:
    for name in ("learn.opaque.memory.swap:after", "commands.run:before", "commands.run:after"):
        model.write_bytes(TAUGHT)

        def die(name: str = name) -> None:
            with faults.arm(name, "kill"):
                opaque(model, trainers.honest).forget("anna")

        assert in_child(die).killed_by == signal.SIGKILL
        report = opaque(model, trainers.lazy).forget("anna")
        assert isinstance(report.outcome, Unable), name
        assert report.outcome.reason is Reason.SAME_AS_BEFORE
        assert there(model) == []


def test_old_weights_out_of_a_cache_are_known_after_a_crash_when_the_old_model_is_gone(model: Path) -> None:
    def die() -> None:
        with faults.arm("learn.opaque.away:after", "kill"):
            opaque(model, trainers.honest).forget("anna")

    assert in_child(die).killed_by == signal.SIGKILL
    assert not model.exists()
    report = opaque(model, trainers.from_a_cache).forget("anna")
    assert isinstance(report.outcome, Unable)
    assert report.outcome.reason is Reason.SAME_AS_BEFORE
    assert there(model) == []


# Frozen


def test_what_stays_is_named_with_what_is_known_of_its_own_data(tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"a")
    (folder / "b.bin").write_bytes(b"b")
    frozen = Frozen.of(folder, name="Resemblyzer 0.1.4", licence="Apache-2.0", learnt_from="LibriSpeech-other, VoxCeleb")
    assert frozen.hashes == {digest(b"a"), digest(b"b")}
    for each in ("Resemblyzer 0.1.4", frozen.digest[:16], "Apache-2.0", "LibriSpeech-other, VoxCeleb"):
        assert each in frozen.sentence
    frozen.check(folder)
    (folder / "b.bin").replace(folder / "c.bin")
    with pytest.raises(FileRefused, match="Resemblyzer"):
        frozen.check(folder)
    (folder / "c.bin").unlink()
    with pytest.raises(FileRefused):
        frozen.check(folder)


@pytest.mark.parametrize(
    ("name", "hexes", "licence", "learnt_from"),
    [
        ("X", "not a digest", "MIT", "nothing known"),
        ("X", "a" * 64, "", "nothing known"),
        ("X", "a" * 64, "MIT", " "),
        ("X\n", "a" * 64, "MIT", "nothing known"),
        ("X", "a" * 64, "MIT", "y" * LONGEST),
    ],
)
def test_what_is_stated_of_it_is_whole_and_fits_a_receipt(name: str, hexes: str, licence: str, learnt_from: str) -> None:
    with pytest.raises(ValueError, match=r"digest|stated|longer"):
        Frozen(name, hexes, licence, learnt_from)


def test_one_file_has_the_hash_of_its_bytes(model: Path) -> None:
    assert tree_digest(model) == digest(TAUGHT)
