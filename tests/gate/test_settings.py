"""``gate.toml``: what is wrong with it is said, and nobody is allowed by a half of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from expunge.adapters.files.gate_pipelines import issue
from expunge.adapters.keys.local_keystore import LocalKeys, create
from expunge.errors import Misconfigured
from expunge.gate import settings
from tests.gate.world import NOW


@pytest.fixture
def keys(tmp_path: Path) -> LocalKeys:
    return create(tmp_path / "keys")


@pytest.fixture
def folder(tmp_path: Path, keys: LocalKeys) -> Path:
    issue(tmp_path / "pipeline", "train", tmp_path / "snapshot", keys, NOW)
    return tmp_path / "pipeline"


def test_what_was_issued_is_read(folder: Path, tmp_path: Path, keys: LocalKeys) -> None:
    read = settings.read({"EXPUNGE_GATE": str(folder / "gate.toml")}, tmp_path)
    assert (read.snapshot, read.key, read.signers) == (tmp_path / "snapshot", keys.gate_key(), keys.signer_publics())
    assert read.max_age == timedelta(seconds=60)
    assert read.pipeline is not None
    assert read.pipeline.certificate.name == "train"
    assert keys.gate_key().hex() not in repr(read)


def test_the_environment_stands_for_single_lines(folder: Path, tmp_path: Path) -> None:
    environ = {"EXPUNGE_GATE": str(folder / "gate.toml"), "EXPUNGE_GATE_MAX_AGE": "5.5", "EXPUNGE_GATE_SNAPSHOT": "other"}
    read = settings.read(environ, tmp_path)
    assert (read.max_age, read.snapshot) == (timedelta(seconds=5.5), folder / "other")


def test_it_is_found_in_a_folder_above(folder: Path) -> None:
    inner = folder / "src" / "train"
    inner.mkdir(parents=True)
    assert settings.find({}, inner) == folder / "gate.toml"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("snapshot = ", "snap = ", "does not say where"),
        ("snapshot = ", "snapshot = 1 #", "not text"),
        ("signers = [", "signers = [] # ", "names no signers"),
        ("signers = [", 'signers = "', "TOML"),
        ('signers = ["', 'signers = ["zz', "32 bytes"),
        ("max_age = 60", "max_age = 0", "max_age"),
        ("max_age = 60", 'max_age = "soon"', "max_age"),
        ("max_age = 60", "max_age = 1e9", "max_age"),
        ('key = "gate.key"', "", "names no gate key"),
        ('key = "gate.key"', 'key = "none.key"', "cannot be read"),
        ('key = "gate.key"', 'key = "pipeline.json"', "32 bytes"),
        ('key = "pipeline.key"', 'key = "gate.key"', "do not belong together"),
        ('"pipeline.json"', '"none.json"', "does not hold"),
        ('"pipeline.json"', '"gate.key"', "does not hold"),
        ("[pipeline]", "pipeline = 1\n[other]", "no table"),
        ("max_age = 60", "max_age = ", "TOML"),
    ],
)
def test_what_is_wrong_is_said_and_what_to_do(folder: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    path = folder / "gate.toml"
    text = path.read_text()
    assert old in text
    head, found, tail = text.partition(old)
    path.write_text(head + new + tail if found else text)
    with pytest.raises(Misconfigured, match=said) as error:
        settings.read({"EXPUNGE_GATE": str(path)}, tmp_path)
    assert "gate key" in error.value.help or "60" in error.value.help


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        settings.read({"EXPUNGE_GATE": str(tmp_path / "none")}, tmp_path)


def test_a_certificate_by_somebody_else_is_refused(folder: Path, tmp_path: Path) -> None:
    other = create(tmp_path / "other keys")
    issue(tmp_path / "other", "train", tmp_path / "snapshot", other, NOW)
    (folder / "pipeline.json").write_bytes((tmp_path / "other" / "pipeline.json").read_bytes())
    with pytest.raises(Misconfigured, match="does not hold"):
        settings.read({"EXPUNGE_GATE": str(folder / "gate.toml")}, tmp_path)
