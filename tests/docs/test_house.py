"""The command that measures and draws the house counts right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / "scripts" / "house"
OWN = "class _Own:\n    pass\n"
TOY = {
    "__init__.py": "",
    "errors.py": "class Wrong(Exception):\n    pass\n",
    "core/__init__.py": "",
    "core/plan.py": "class Part:\n    pass\n\n\n" + OWN,
    "stores/__init__.py": "",
    "stores/files/__init__.py": "",
    "stores/files/erase.py": (
        "from toy.core.plan import Part\nfrom toy.stores.tree import erase\n\n\n"
        "def f() -> None:\n    first = 1\n    second = first\n    print(second)\n"
    ),
    "stores/tree/__init__.py": "",
    "stores/tree/erase.py": "from toy.core import plan\n\n\nclass Part:\n    def f(self) -> None:\n        plan\n\n" + OWN + "\n",
    "engine/__init__.py": "",
    "engine/run.py": (
        "from typing import TYPE_CHECKING\n\nfrom toy.core.plan import Part\n\n"
        "if TYPE_CHECKING:\n    from toy.stores.tree.erase import Part as Other\n"
    ),
}


def house(*arguments: str) -> str:
    return subprocess.run([sys.executable, str(COMMAND), *arguments], capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    for name, text in TOY.items():
        path = tmp_path / "toy" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "toy"


def test_a_toy_tree_is_counted_right(toy: Path) -> None:
    rows = house("--source", str(toy)).splitlines()
    assert "| `stores` | 5 | 18 | 0 | 10 | 10 | `stores/tree` 2 |" in rows
    assert "| `core` | 2 | 6 | 0 | 6 | 6 | `core` 2 |" in rows
    assert "| beside the rooms | 2 | 2 | 0 | 2 | 2 | `toy` 2 |" in rows
    assert "| all | 11 | 32 | 0 | 8 | 10 | `stores/tree` 2 |" in rows
    assert "| `stores/files` | 2 | 8 | 0 | 8 |" in rows
    assert "| class names that several modules define | 1 | Part 2 |" in rows
    assert "| module names in several folders | 1 | erase 2 |" in rows
    assert "| module names in several rooms | 0 | - |" in rows
    assert "| 2 | 2 | 4 | 4 | 0 |" in rows


def test_a_folder_is_a_heap_by_its_modules(toy: Path) -> None:
    """A folder of twenty modules and its ``__init__`` has twenty-one files, and is no heap; one more makes it one."""
    for number in range(20):
        (toy / "engine" / f"m{number}.py").write_text("")
    for path in (toy / "engine").glob("[!m_]*.py"):
        path.unlink()
    (toy / "engine" / "__init__.py").write_text("")
    assert "| folders with more than 20 modules | 0 | - |" in house("--source", str(toy)).splitlines()
    (toy / "engine" / "one_more.py").write_text("")
    assert "| folders with more than 20 modules | 1 | engine 22 |" in house("--source", str(toy)).splitlines()


def test_the_toy_is_drawn_with_its_arrows(toy: Path, tmp_path: Path) -> None:
    house("--source", str(toy), "--svg", str(tmp_path / "toy.svg"))
    drawn = ET.parse(tmp_path / "toy.svg")
    titles = {element.text for element in drawn.iter("{http://www.w3.org/2000/svg}title")}
    assert {"stores imports core", "engine imports core", "stores.tree.erase: 10 lines"} <= titles
    assert "engine imports stores" not in titles, "an import for the type checker is no arrow"


def test_what_is_no_package_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(COMMAND), "--source", str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 2
    assert "holds no Python file" in done.stderr


def test_the_tree_is_measured_and_drawn(tmp_path: Path) -> None:
    table = house("--table", "--svg", str(tmp_path / "house.svg"))
    for room in ("core", "ports", "stores", "engine", "bootstrap", "cli"):
        assert f"\n| `{room}` | " in table
    ET.parse(tmp_path / "house.svg")
