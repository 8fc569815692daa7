"""A kind of data may be collected when its schedule exists, and not a moment before: asked of the gate, over HTTP, on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.collection import schedules
from expunge.core.retention import Period
from expunge.gate import GateReason
from tests.cli.running import expunge as command
from tests.engine.household import Household, build

FACES = """\
  faces:
    store: media
    path: "faces/{profile_id}.vec"
    subject: {profile: profile_id}
    retention: faces
    categories: [user.biometrics.face]
"""


@pytest.fixture
def home(tmp_path: Path) -> Household:
    return build(tmp_path / "home")


def with_faces(home: Household) -> None:
    home.write_map(more=FACES)
    text = home.map.read_text()
    rule = "  faces: {period: 10 days, from: seen_at, purpose: open the door, need: the lock knows who lives there}\n"
    home.map.write_text(text.replace("retention:\n", f"retention:\n{rule}", 1))


@pytest.mark.duty("DSG-08")
def test_a_new_kind_of_data_waits_for_its_schedule(home: Household) -> None:
    with home.open() as opened:
        opened.gate_publish()
        refused = opened.gate().may_collect("user.biometrics.face")
        assert (refused.allowed, refused.reason) == (False, GateReason.UNSCHEDULED)
        assert opened.gate().may_collect("voice").reason is GateReason.SCHEDULED
    with_faces(home)
    with home.open() as opened:
        opened.gate_publish()
        assert opened.gate().may_collect("user.biometrics.face")
        assert opened.gate().may_collect("faces")
        assert opened.gate().may_collect("user.biometrics"), "what is broader is scheduled as what it holds is"
        assert not opened.gate().may_collect("user.biometrics.voice")
        assert not opened.gate().may_collect("user")


def test_a_category_is_kept_as_long_as_the_longest_of_its_datasets(home: Household) -> None:
    with_faces(home)
    home.map.write_text(home.map.read_text().replace("  transcripts: {", "  transcripts: {categories: [user.biometrics.face], ", 1))
    with Expunge.open(home.map) as opened:
        found = schedules(opened.map)
    assert (found["faces"].period, found["user.biometrics.face"].period) == (Period(days=10), Period(days=30))
    assert found["user.biometrics"].purposes == ("keep the account: contract", "open the door: the lock knows who lives there")


@pytest.mark.duty("DSG-08")
def test_without_a_snapshot_nothing_may_be_collected(home: Household) -> None:
    with home.open() as opened:
        gate = opened.gate()
        (home.state / "gate" / "snapshot").unlink()
        assert gate.may_collect("voice").reason is GateReason.MISSING
        with pytest.raises(ValueError, match="name the kind of data"):
            gate.may_collect("")


def test_a_release_is_stopped_by_an_exit_code(home: Household) -> None:
    with home.open() as opened:
        opened.gate_publish()
    good = command("gate", "may-collect", "voice", "profiles", "--map", home.map)
    assert good.code == 0
    bad = command("gate", "may-collect", "voice", "gait", "--map", home.map)
    assert bad.code == 1
    assert "gait: no, it has no schedule" in bad.out
    assert command("gate", "may-collect", "gait", "--map", home.map, "--json").json["answers"][0]["allowed"] is False
