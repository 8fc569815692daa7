"""What models learnt from, noted in a real MLflow: a commitment there, the people in the ledger, and runs that say nothing are dark."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
import tomllib
import warnings
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from expunge.errors import StoreUnavailable, UsageError
from expunge.faults import arm
from expunge.learn.provenance.ledger import Ledger, Training
from expunge.learn.provenance.tracking import Record, log_derived, log_training, manifest_of
from expunge.learn.records.record_hashes import contents
from expunge.learn.records.records import Records
from expunge.learn.records.refusals import BadInput, FileRefused
from tests.moment import beside

ROOT = Path(__file__).parents[2]
KEY = b"of this company's trainings"
KID = "kid-7f3a9c2e51"


def record(name, *subjects):
    return Record(name, sha256(name.encode()).digest(), subjects)


RECORDS = [record("clip-1", KID), record("clip-2", KID, "dad-1"), record("clip-3", "mum-2")]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A tracking database of MLflow's own, made once: its migrations take seconds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        folder = tmp_path_factory.mktemp("tracking")
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.create_experiment("voice", artifact_location=f"file://{folder}/mlartifacts")
        mlflow.set_experiment("voice")
        yield mlflow
        for engine in SqlAlchemyStore._engine_map.values():
            engine.dispose()


@pytest.fixture
def run(server):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with server.start_run() as started:
            yield lambda: server.get_run(started.info.run_id)


def test_a_manifest_is_of_the_set_and_of_nothing_else():
    pairs = [(each.id, each.content) for each in RECORDS]
    shuffled = random.Random(7).sample(pairs, 3)
    assert manifest_of(pairs) == manifest_of(shuffled) == manifest_of([*pairs, pairs[0]])
    assert manifest_of(pairs) != manifest_of(pairs[:2])
    assert manifest_of([("ab", bytes(32))]) != manifest_of([("a", b"b" + bytes(31))])


@pytest.mark.parametrize("records", [[], [("a", b"short")], [("a", bytes(32)), ("a", b"\1" * 32)]])
def test_records_that_say_nothing_or_contradict_one_another_are_refused(records):
    with pytest.raises(BadInput):
        manifest_of(records)


def test_the_run_gets_a_commitment_and_an_input_and_the_ledger_the_people(server, run, tmp_path):
    data = server.data.from_numpy(np.ones((3, 2)), source="s3://clips/2026", name="clips")
    manifest = log_training(RECORDS, ledger=tmp_path / "ledger", key=KEY, datasets=["recordings"], dataset=data)
    tags = run().data.tags
    assert tags["expunge.manifest_sha256"] == manifest
    assert tags["expunge.lineage"] == "ok"
    assert tags["expunge.records"] == "3"
    assert tags["expunge.datasets"] == '["recordings"]'
    (entry,) = run().inputs.dataset_inputs
    assert entry.dataset.name == "clips"
    assert {each.key: each.value for each in entry.tags}["expunge.manifest_sha256"] == manifest
    assert not any(who in repr(run().to_dictionary()) for who in (KID, "dad-1", "mum-2", "clip-1"))
    training = Ledger(tmp_path / "ledger").read(manifest)
    assert training.records == 3
    assert training.run == run().info.run_id
    assert training.used(KEY, KID)
    assert not training.used(KEY, "stranger")
    assert not training.used(b"another key", KID)


def test_the_ledger_names_nobody_and_belongs_to_its_owner(tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    ledger.add(Training("ab" * 32, 1, frozenset({bytes(16)}), "run"))
    (file,) = (tmp_path / "ledger").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "ledger").stat().st_mode) == 0o700
    assert ledger.read("cd" * 32) is None
    ledger.remove("ab" * 32)
    ledger.remove("ab" * 32)
    assert list((tmp_path / "ledger").iterdir()) == []
    with pytest.raises(ValueError, match="64"):
        ledger.read("../../etc/passwd")


def test_an_altered_file_of_the_ledger_is_refused(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.add(Training("ab" * 32, 1, frozenset()))
    (tmp_path / f"{'ab' * 32}.json").write_text('{"schema": "expunge.training-ledger/1"}')
    with pytest.raises(FileRefused):
        ledger.read("ab" * 32)


def test_a_withdrawal_finds_the_trainings_that_used_a_person(server, run, tmp_path):
    ledger = Ledger(tmp_path)
    manifest = log_training(RECORDS, ledger=ledger, key=KEY)
    ledger.add(Training("ab" * 32, 1, frozenset({bytes(16)})))
    assert [each.manifest for each in ledger.using(KEY, KID)] == [manifest]
    assert list(ledger.using(KEY, "stranger")) == []


def test_saying_it_twice_is_harmless_and_saying_something_else_is_refused(run, tmp_path):
    first = log_training(RECORDS, ledger=tmp_path, key=KEY)
    assert log_training(RECORDS[::-1], ledger=tmp_path, key=KEY) == first
    with pytest.raises(UsageError, match="other records"):
        log_training(RECORDS[:1], ledger=tmp_path, key=KEY)
    assert run().data.tags["expunge.manifest_sha256"] == first


def test_the_records_of_an_estimator_are_taken_as_they_are(run, tmp_path):
    records = Records(KEY)
    features = np.arange(6.0).reshape(3, 2)
    records.add(contents(features, None), [KID, "mum-2", KID], ["a", "b", "c"])
    manifest = log_training(records, ledger=tmp_path, key=KEY)
    training = Ledger(tmp_path).read(manifest)
    assert (training.records, len(training.subjects)) == (3, 2)
    assert training.used(KEY, KID)


def test_without_a_run_nothing_is_noted_anywhere(server, tmp_path):
    with pytest.raises(UsageError, match="run"):
        log_training(RECORDS, ledger=tmp_path / "ledger", key=KEY)
    assert not (tmp_path / "ledger").exists()


def test_a_server_that_refuses_is_said_without_its_words(run, tmp_path):
    with pytest.raises(StoreUnavailable) as caught:
        log_training(RECORDS, ledger=tmp_path, key=KEY, run_id="f" * 32)
    assert "f" * 32 not in str(caught.value)


def test_a_ledger_that_cannot_be_written_leaves_the_run_dark(run, tmp_path):
    with arm("learn.ledger.write.swap:before", "full"), pytest.raises(OSError):  # noqa: PT011 - the kind is the point
        log_training(RECORDS, ledger=tmp_path, key=KEY)
    assert run().data.tags.get("expunge.lineage") != "ok"
    assert "expunge.manifest_sha256" not in run().data.tags


def test_models_made_from_models_name_them_by_version(run):
    log_derived(["models:/intent/3"], how="quantised from")
    log_derived(["models:/m-" + "a" * 32], how="quantised from")
    assert run().data.tags["expunge.derived_from"] == f'["models:/intent/3", "models:/m-{"a" * 32}"]'
    for vague in (["models:/intent@prod"], ["intent"], []):
        with pytest.raises(UsageError, match="version"):
            log_derived(vague, how="distilled from")


PLUGIN = """
import sys, warnings
warnings.simplefilter("ignore")
import mlflow
from tests.moment import beside
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("voice")
with mlflow.start_run() as run:
    pass
print("TAG", mlflow.get_run(run.info.run_id).data.tags.get("expunge.lineage"))
"""


@pytest.mark.soak
def test_every_run_of_an_installed_plugin_begins_dark(server, tmp_path):
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    installed = tmp_path / "expunge-99.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: expunge\nVersion: 99\n")
    lines = [f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in each.items()) for group, each in points.items()]
    (installed / "entry_points.txt").write_text("\n".join(lines))
    environ = {**os.environ, "PYTHONPATH": beside(tmp_path, ROOT / "src")}
    ended = subprocess.run(  # noqa: PLW1510 - its words say more than its code
        [sys.executable, "-c", PLUGIN, server.get_tracking_uri()], env=environ, capture_output=True, text=True, timeout=600, cwd=tmp_path
    )
    assert "TAG missing" in ended.stdout, ended.stderr
