"""The page about the architecture shows the rooms, floors, files and functions that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture.floors import FLOORS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "ARCHITECTURE.md"
SOURCE = ROOT / "src" / "expunge"
NAMED = re.compile(r"`([\w/]+\.py)` `(\w+)`")
MODULE = re.compile(r"`([\w/]+\.py)`")
FLOORS_ROW = re.compile(r"^\| `([\w/]+)/` \| (.*) \|$", re.MULTILINE)


def section(title: str) -> str:
    return PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_room_is_in_the_table_and_no_other() -> None:
    shown = re.findall(r"^\| `(\w+)/` \|", section("Rooms"), re.MULTILINE)
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert sorted(shown) == sorted(rooms)


def test_the_floors_are_those_that_the_rules_know_in_their_order() -> None:
    shown = {room: re.findall(r"`([\w/]+)`", floors) for room, floors in FLOORS_ROW.findall(section("Floors"))}
    assert shown == {room: [floor for floor in floors if floor] for room, floors in FLOORS.items()}


def test_the_walk_has_ten_hops_and_each_names_functions_that_are_there() -> None:
    hops = re.split(r"^\d+\. ", section("One order, ten hops"), flags=re.MULTILINE)[1:]
    assert len(hops) == 10
    for hop in hops:
        named = NAMED.findall(hop)
        assert named, f"this hop names no function: {hop}"
        for path, name in named:
            tree = ast.parse((SOURCE / path).read_text(encoding="utf-8"))
            assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}, (
                f"{path} has no {name}"
            )


def test_every_module_that_the_page_names_is_there() -> None:
    page = PAGE.read_text(encoding="utf-8")
    short = {path.name for path in SOURCE.rglob("*.py")}
    names = set(MODULE.findall(page))
    assert len(names) > 40
    missing = [name for name in names if not (SOURCE / name).is_file() and not (ROOT / name).is_file() and name not in short]
    assert missing == []
