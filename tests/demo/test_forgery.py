"""Both ways of cheating are refused; the better one only by keys got elsewhere, which is why there is --trust."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.core.verification import receipt_folder
from expunge.core.verification.receipt_verify import verify
from expunge.demo.story.forgery import resigned, tampered
from expunge.errors import EvidenceInvalid
from tests import evidence_kit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    real = tmp_path / "real"
    real.mkdir()
    for name, data in evidence_kit.issue(evidence_kit.fulfilled()).items():
        (real / name).write_bytes(data)
    return real


def _read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_changed_character_is_refused(folder: Path, tmp_path: Path) -> None:
    tampered(folder, tmp_path / "tampered")
    verify(_read(folder))
    with pytest.raises(EvidenceInvalid):
        verify(_read(tmp_path / "tampered"))


def test_a_forgery_by_another_key_is_sound_in_itself_and_refused_by_the_right_keys(folder: Path, tmp_path: Path) -> None:
    resigned(folder, tmp_path / "forged")
    verified = verify(_read(tmp_path / "forged"))
    assert not verified.trusted
    assert verified.receipt.valid_until > evidence_kit.fulfilled().valid_until
    trust = (folder / receipt_folder.POLICY).read_bytes()
    assert verify(_read(folder), trust).trusted
    with pytest.raises(EvidenceInvalid):
        verify(_read(tmp_path / "forged"), trust)
