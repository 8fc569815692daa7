"""PyTorch datasets: a job never gets a sample of somebody who may not be used, whenever they said so."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from expunge.core.gate.training_manifest import parse_manifest
from expunge.gate import ManifestWriter, Subject, was_in
from expunge.gate.training import Refused, iterable, map_style
from tests.gate.torch_stand_in import torch
from tests.gate.world import AGREED, GONE, KEY, NOW, PUBLIC, SILENT, contents, gate, pipeline, publish

__all__ = ["torch"]

pytestmark = pytest.mark.torch

SUBJECTS = [AGREED, GONE, SILENT, None, AGREED]
SAMPLES = [f"sample {at}" for at in range(len(SUBJECTS))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return publish(tmp_path / "snapshot")


def test_a_dataset_is_as_long_as_what_was_let_in(path: Path, torch: ModuleType) -> None:
    dataset = map_style(SAMPLES, SUBJECTS, "profile", "answer", gate(path))
    assert isinstance(dataset, torch.Dataset)
    assert [dataset[at] for at in range(len(dataset))] == ["sample 0", "sample 2", "sample 4"]
    assert dataset.tally.as_json() == {"allowed": 3, "suppressed": 1, "no_subject": 1}


def test_a_sample_of_somebody_erased_meanwhile_is_refused_and_left_out_of_the_next_epoch(path: Path, torch: ModuleType) -> None:
    dataset = map_style(SAMPLES, SUBJECTS, "profile", "answer", gate(path))
    publish(path, contents([GONE, SILENT]))
    time.sleep(0.002)
    assert dataset[0] == "sample 0"
    with pytest.raises(Refused, match="suppressed") as error:
        dataset[1]
    assert "refresh" in error.value.help
    dataset.refresh()
    assert [dataset[at] for at in range(len(dataset))] == ["sample 0", "sample 4"]


def test_a_stream_of_samples_leaves_out_whoever_is_erased_while_it_runs(path: Path, torch: ModuleType) -> None:
    dataset = iterable(list(zip(SUBJECTS, SAMPLES, strict=True)), lambda sample: sample[0], "profile", "answer", gate(path))
    assert isinstance(dataset, torch.IterableDataset)
    assert [sample for _, sample in dataset] == ["sample 0", "sample 2", "sample 4"]
    epoch = iter(dataset)
    assert next(epoch) == (AGREED, "sample 0")
    publish(path, contents([GONE, SILENT]))
    time.sleep(0.002)
    assert [sample for _, sample in epoch] == ["sample 4"]
    assert dataset.tally.as_json() == {"allowed": 2, "suppressed": 2, "no_subject": 1}


def test_subjects_may_come_with_their_kind(path: Path, torch: ModuleType) -> None:
    samples = [Subject("profile", GONE), Subject("account", GONE)]
    assert list(iterable(samples, lambda sample: sample, "profile", "answer", gate(path))) == samples[1:]


def test_a_gate_that_knows_nothing_ends_the_job_instead_of_an_empty_epoch(path: Path, torch: ModuleType) -> None:
    dataset = map_style(SAMPLES, SUBJECTS, "profile", "answer", gate(path))
    streamed = iterable(SUBJECTS, lambda sample: sample, "profile", "answer", gate(path))
    path.unlink()
    time.sleep(0.002)
    for act in (dataset.refresh, lambda: dataset[0], lambda: list(streamed)):
        with pytest.raises(Refused, match="no snapshot"):
            act()
    with pytest.raises(Refused):
        map_style(SAMPLES, SUBJECTS, "profile", "answer", gate(path))


def test_each_sample_has_a_subject(path: Path, torch: ModuleType) -> None:
    with pytest.raises(ValueError, match="one subject for each"):
        map_style(SAMPLES, SUBJECTS[:-1], "profile", "answer", gate(path))


def test_the_manifest_knows_who_was_in_either_kind(path: Path, torch: ModuleType) -> None:
    for build in (map_style, iterable):
        writer = ManifestWriter(pipeline(), "intent 7", "answer", lambda: NOW)
        if build is map_style:
            dataset = map_style(SAMPLES, SUBJECTS, "profile", "answer", gate(path), manifest=writer)
        else:
            dataset = iterable(SUBJECTS, lambda sample: sample, "profile", "answer", gate(path), manifest=writer)
            list(dataset)
        manifest = parse_manifest(writer.finish(dataset.tally), [PUBLIC])
        assert [was_in(manifest, KEY, Subject("profile", name)) for name in (AGREED, SILENT, GONE)] == [True, True, False]


def test_the_gate_does_not_need_pytorch_before_a_dataset_is_made() -> None:
    code = "import sys; sys.modules['torch'] = None; import expunge.gate.training; print('fine')"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "fine\n"
