"""The long procedures carry the numbers of their specifications, so that a reader can follow one with the other."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from expunge.core.orders import plan
from expunge.engine.evidence import hits_by_place, rows_at_hits, verdict, verification

SPEC = Path(__file__).parents[2] / "docs" / "spec"


def numbers_of_page(page: str, heading: str) -> list[str]:
    """The numbers of the list under a heading, those of a list inside it with a dot: 5, 5.1."""
    section = (SPEC / page).read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    outer, numbers = "", []
    for indent, number in re.findall(r"^( *)(\d+)\. ", section, re.MULTILINE):
        outer = outer if indent else number
        numbers.append(f"{outer}.{number}" if indent else number)
    return numbers


def numbers_of_code(*modules: ModuleType) -> list[str]:
    found = [number for module in modules for number in re.findall(r"# \((\d+(?:\.\d+)?)\) ", inspect.getsource(module))]
    return sorted(found, key=lambda number: [int(part) for part in number.split(".")])


@pytest.mark.parametrize(
    ("page", "heading", "modules"),
    [
        ("plan.md", "The order of steps", (plan,)),
        ("receipt.md", "How a store is judged", (verification, hits_by_place, rows_at_hits, verdict)),
    ],
)
def test_a_long_procedure_carries_the_numbers_of_its_specification(page: str, heading: str, modules: tuple[ModuleType, ...]) -> None:
    assert numbers_of_code(*modules) == numbers_of_page(page, heading) != []
