"""What the tests of the scanner share: taking traces of a few values, laying down files, and looking for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from expunge.core.evidence.traces import Traces
from expunge.core.values.copy import RawSource
from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import Residue, Scanned
from expunge.residue.matching.session import Limits
from expunge.residue.scanning.scanner import ResidueScanner, scan
from expunge.residue.take.tracer import Collector

KEY = bytes(range(32))
MARY = Pseudonym("mary")
SENTENCE = "Grandma's yellow boat sank behind the old mill on Tuesday"


def traces_of(fill: Callable[[Collector], None], budget: int = 8) -> Traces:
    tracer = ResidueScanner().tracer(KEY, budget=budget)
    fill(tracer)
    return tracer.traces()


def text_traces(*values: str, budget: int = 8) -> Traces:
    def fill(tracer: Collector) -> None:
        for value in values:
            tracer.text(MARY, "notes", "text", value)

    return traces_of(fill, budget)


def look(path: Path, traces: Traces, limits: Limits | None = None) -> Scanned:
    return ResidueScanner(limits).scan([RawSource(path, "data")], traces)


def found_in(path: Path, traces: Traces, limits: Limits | None = None) -> list[Residue]:
    return list(scan([path], traces, limits=limits))


def ways(path: Path, traces: Traces, limits: Limits | None = None) -> set[str]:
    """In which ways anything was found hidden below ``path``."""
    return {each.hidden for each in found_in(path, traces, limits)}
