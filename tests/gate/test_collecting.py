"""A type of data may be collected when its schedule exists, and not a moment before: asked of the gate."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.retention.collection_permission import may_collect, scheduled
from expunge.core.values.periods import Period
from expunge.gate import GateReason
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
        assert opened.gate().may_collect("user.biometrics.face.iris"), "a category covers those below it"
        assert not opened.gate().may_collect("user.biometrics"), "and nothing above"


def test_a_category_is_kept_as_long_as_the_longest_of_its_datasets(home: Household) -> None:
    with_faces(home)
    home.map.write_text(home.map.read_text().replace("  transcripts: {", "  transcripts: {categories: [user.biometrics.face], ", 1))
    with Expunge.open(home.map) as opened:
        found = scheduled(opened.map)
    assert (found["faces"], found["user.biometrics.face"]) == (Period(days=10), Period(days=30))


def test_the_gate_and_the_map_agree(home: Household) -> None:
    with_faces(home)
    with home.open() as opened:
        opened.gate_publish()
        for name in ("faces", "voice", "gait", "user", "user.biometrics", "user.biometrics.face", "user.biometrics.face.iris", "user.bio"):
            assert opened.gate().may_collect(name).allowed == may_collect(opened.map, name).allowed, name


@pytest.mark.duty("DSG-08")
def test_without_a_snapshot_nothing_may_be_collected(home: Household) -> None:
    with home.open() as opened:
        gate = opened.gate()
        (home.state / "gate" / "snapshot").unlink()
        assert gate.may_collect("voice").reason is GateReason.MISSING
        with pytest.raises(ValueError, match="name the type of data"):
            gate.may_collect("")
