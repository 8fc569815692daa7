"""The list of JSON answers is that of the command line's source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| `expunge\.([a-z-]+/\d+)` \|", re.MULTILINE)


def written() -> Iterator[tuple[str, str]]:
    """(schema, file) of every call of ``write_json``."""
    for path in sorted((ROOT / "src/expunge/cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "write_json":
                (name, *_) = node.args
                assert isinstance(name, ast.Constant), f"{path.name}:{node.lineno}: the schema's name is no literal"
                yield str(name.value), path.name


def test_every_schema_is_listed_and_none_besides() -> None:
    listed = ROW.findall((ROOT / "docs/reference/json.md").read_text(encoding="utf-8"))
    assert len(listed) == len(set(listed))
    assert {name for name, _ in written()} == set(listed)
