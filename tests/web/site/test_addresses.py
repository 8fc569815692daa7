"""Tests of several modules share the pages of a worker: each module has addresses of its own."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

_ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+\.[\w.]+")


def test_an_address_of_a_person_stands_in_one_module() -> None:
    """The keeper counts its letters to an address for an hour, in memory, and mail may come late: one address would join two modules."""
    modules: defaultdict[str, set[str]] = defaultdict(set)
    sharing = [path for path in Path(__file__).parent.glob("test_*.py") if "served_site" in path.read_text()]
    assert len(sharing) > 15
    for path in sharing:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                for address in _ADDRESS.findall(node.value.lower()):
                    modules[address].add(path.name)
    assert {address: sorted(names) for address, names in modules.items() if len(names) > 1} == {}
