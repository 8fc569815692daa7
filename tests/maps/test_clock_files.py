"""Clocks as files: those that are shipped say where they come from, and a faulty one of somebody's own is explained, all of it at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge.core.datamap.clocks import due
from expunge.errors import Misconfigured
from expunge.maps import MapFaults
from expunge.maps.sections.clocks import read_clocks, shipped_clocks

START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.duty("TIM-06")
def test_every_shipped_clock_names_its_source_and_starts_from_something() -> None:
    shipped = shipped_clocks()
    assert {each.law for each in shipped.values()} >= {"GDPR", "CCPA", "COPPA", "state laws", "biometric laws", "Delete Act", "DPDP"}
    for each in shipped.values():
        assert each.source
        assert each.duty
        assert each.applies
        assert due(each, dict.fromkeys(each.events() - {"done"}, START)).at is not None


@pytest.mark.parametrize(
    ("clock", "start", "end"),
    [
        pytest.param("gdpr-answer", "received", "2026-04-02", marks=pytest.mark.duty("TIM-01")),
        pytest.param("ccpa-confirm", "received", "2026-03-16", marks=pytest.mark.duty("TIM-03")),
        pytest.param("ccpa-answer", "received", "2026-04-16", marks=pytest.mark.duty("TIM-03")),
        ("us-state-answer", "received", "2026-04-16"),
        pytest.param("drop-fetch", "registered", "2026-04-16", marks=pytest.mark.duty("TIM-05")),
        ("alexa-inactive-profile", "flagged", "2026-05-31"),
        pytest.param("hold-further-statement", "hold ended", "2026-04-01", marks=pytest.mark.duty("DSG-04")),
        ("ring-recordings", "entered", "2026-04-01"),
        ("ring-embeddings", "entered", "2026-05-31"),
    ],
)
def test_the_shipped_clocks_end_when_their_law_says(clock: str, start: str, end: str) -> None:
    found = due(shipped_clocks()[clock], {start: START})
    assert found.at is not None
    assert abs(found.at - datetime.fromisoformat(end).replace(hour=9, tzinfo=UTC)) <= timedelta(hours=1)


def test_a_faulty_file_is_explained_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        """\
law: ours
zone: Mars/Olympus
clocks:
  a: {duty: answer, source: policy 7, applies: erasure, within: soon, from: received}
  b: {duty: answer, source: policy 8, applies: erasure, within: 3 days}
  c: {duty: answer, source: policy 9, applies: erasure, any: [{within: 3 days, from: received}]}
  d: {duty: answer, source: policy 9, applies: erasure, within: 3 days, from: received, bound: middle}
  e: {duty: answer, applies: erasure, within: 3 days, from: received, wihtin: 4 days}
"""
    )
    with pytest.raises(MapFaults) as faults:
        read_clocks([path])
    said = [(each.line, each.what) for each in faults.value.faults]
    assert [line for line, _ in said] == [2, 4, 5, 6, 7, 8, 8]
    assert "lacks 'from'" in said[2][1]
    assert "no list of two branches" in said[3][1]


def test_a_file_that_is_not_there_and_a_name_that_is_taken(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_clocks([tmp_path / "nowhere.yaml"])
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(
            "law: ours\nclocks:\n  a: {duty: answer, source: policy 7, applies: erasure, within: 3 days, from: received}\n"
        )
    with pytest.raises(Misconfigured, match="two files have a clock 'a'"):
        read_clocks([tmp_path / "one.yaml", tmp_path / "two.yaml"])
