"""No new type of data before its schedule exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge import survey
from expunge.errors import ExpungeError

MAPS = Path(__file__).parents[2] / "vectors" / "maps"


@pytest.mark.duty("DSG-08")
def test_only_what_has_a_schedule_may_be_collected() -> None:
    found = survey.may_collect("recordings", MAPS / "sound.yaml")
    assert found
    assert (found.schedule, found.period, found.purpose, found.need) == ("voice", "90 days", "answer the request", "the service itself")
    refused = survey.may_collect("gait", MAPS / "sound.yaml")
    assert not refused
    assert "no dataset of the map declares it" in refused.reason


@pytest.mark.duty("DSG-08")
@pytest.mark.parametrize(
    ("category", "allowed"),
    [
        ("user.biometrics.voice", True),
        ("user.biometrics.voice.pitch", True),
        ("user.biometrics", False),
        ("user.biometrics.voices", False),
        ("user.location", False),
        ("", False),
    ],
)
def test_a_category_covers_those_below_it_and_nothing_above(category: str, allowed: bool) -> None:
    assert bool(survey.may_collect(category, MAPS / "sound.yaml")) is allowed


@pytest.mark.duty("DSG-08")
@pytest.mark.parametrize("name", ["forever", "no-retention"])
def test_a_map_with_a_fault_lets_nothing_be_collected(name: str) -> None:
    with pytest.raises(ExpungeError):
        survey.may_collect("recordings", MAPS / "faults" / f"{name}.yaml")
