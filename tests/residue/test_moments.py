"""Dates and times say when, not who: they are no evidence, and looking them up in everybody else's rows would cost dearly."""

from __future__ import annotations

import pytest

from expunge.core.values.ids import Pseudonym
from expunge.residue.scanning.scanner import ResidueScanner

ANNA = Pseudonym("a" * 32)


@pytest.mark.parametrize(
    "value", ["2026-05-01", "2026-05-01T12:30:00Z", "2026-05-01 12:30:00", "2026-05-01T12:30:00+02:00", "2026-05-01T12:30"]
)
def test_a_moment_is_not_traced(value: str) -> None:
    tracer = ResidueScanner().tracer(bytes(32), budget=4)
    tracer.text(ANNA, "consents", "given_at", value)
    assert tracer.traces().traces == ()
    assert tracer.rejected() == 1


@pytest.mark.parametrize("value", ["59.906506,30.318263", "2026-05-01 at the lighthouse", "2026-05-01T12:30:00.123456Z", "12345678901"])
def test_what_says_more_than_a_moment_is(value: str) -> None:
    tracer = ResidueScanner().tracer(bytes(32), budget=4)
    tracer.text(ANNA, "locations", "place", value)
    assert tracer.traces().traces
