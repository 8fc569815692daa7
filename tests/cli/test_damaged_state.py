"""What is said when the state folder is damaged: what is wrong and what to restore; nothing is made anew over it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli import world
from tests.cli.running import expunge


@pytest.fixture
def company(tmp_path: Path) -> Path:
    world.make(tmp_path)
    assert expunge("init", cwd=tmp_path).code == 0
    return tmp_path


@pytest.mark.parametrize(
    ("there", "instead"),
    [(b"django_migrations", b"django_migration\xff"), (b'CREATE TABLE "django_', b'CREATE TABXE "django\xff')],
)
def test_a_schema_that_is_no_text_is_called_damaged(company: Path, there: bytes, instead: bytes) -> None:
    file = company / "state" / "state.db"
    damaged = file.read_bytes().replace(there, instead)
    file.write_bytes(damaged)
    ran = expunge("status", cwd=company)
    assert ran.code == 1
    assert "damaged" in ran.err
    assert "defect" not in ran.err
    assert file.read_bytes() == damaged


def test_lost_keys_are_not_called_a_new_installation(company: Path) -> None:
    shutil.rmtree(company / "state" / "keys")
    ran = expunge("status", cwd=company)
    assert ran.code == 1
    assert "keys" in ran.err
    assert "backup" in ran.err
    assert "expunge init" not in ran.err
    assert expunge("init", cwd=company).code == 1
    assert not (company / "state" / "keys").exists()
