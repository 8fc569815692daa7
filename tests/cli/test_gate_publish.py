"""The gate's snapshot is renewed between orders, so that pipelines that ask for a young one go on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from expunge import Expunge
from expunge.errors import Busy
from expunge.gate import Subject
from tests.cli import world
from tests.cli.running import expunge


@pytest.fixture
def company(tmp_path: Path) -> Path:
    world.make(tmp_path)
    expunge("init", cwd=tmp_path)
    return tmp_path


def test_a_renewed_snapshot_is_younger_and_says_the_same(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expunge("order", "erase", "profile:p-mia", "--yes", cwd=company)
    with Expunge.open(company / "expunge.yaml") as opened:
        before = opened.gate(timedelta(days=1)).may_use(Subject("profile", "p-mia"), "train")
        ran = expunge("gate", "publish", "--json", cwd=company)
        after = opened.gate(timedelta(days=1)).may_use(Subject("profile", "p-mia"), "train")
        allowed = opened.gate(timedelta(days=1)).may_use(Subject("profile", "p-ada"), "train")
    assert (ran.code, ran.json) == (0, {"schema": "expunge.gate-published/1", "suppressed": 1})
    assert not before
    assert not after
    assert allowed
    assert before.as_of is not None
    assert after.as_of is not None
    assert before.as_of <= after.as_of


def test_a_lost_snapshot_is_made_again(company: Path) -> None:
    (company / "state" / "gate" / "snapshot").unlink()
    assert expunge("gate", "publish", cwd=company).out == "published: 0 identifiers suppressed\n"
    with Expunge.open(company / "expunge.yaml") as opened:
        assert opened.gate().may_use(Subject("profile", "p-mia"), "train")


def test_it_waits_for_whoever_is_fencing(company: Path) -> None:
    with Expunge.open(company / "expunge.yaml") as first, Expunge.open(company / "expunge.yaml") as second:
        second._journal._wait = 0.2
        with first._journal.changing(), pytest.raises(Busy):
            second.gates.publish()
