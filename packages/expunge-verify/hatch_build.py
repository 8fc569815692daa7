"""The build of the wheel: ``expunge_verify.py`` with each module of ``src/expunge`` that it imports, directly or through another."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "src"
OURS = "expunge"


class _Imports(ast.NodeVisitor):
    """The names that a module may import when it runs, each with its line.

    Names for the type checker alone are left out. So is what a module's own ``__getattr__`` imports (PEP 562): it is an offer to
    programs, and runs when one asks for it.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[tuple[str, int]] = []
        for node in tree.body:
            if not (isinstance(node, ast.FunctionDef) and node.name == "__getattr__"):
                self.visit(node)

    def visit_If(self, node: ast.If) -> None:
        for branch in node.orelse if ast.unparse(node.test).endswith("TYPE_CHECKING") else (*node.body, *node.orelse):
            self.visit(branch)

    def visit_Import(self, node: ast.Import) -> None:
        self.found += [(alias.name, node.lineno) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        package = node.module or ""
        self.found += [(package, node.lineno), *((f"{package}.{alias.name}", node.lineno) for alias in node.names if _file(package))]


def _file(name: str) -> Path | None:
    """Return the file of a module or package of the source; None where there is none."""
    path = SOURCE.joinpath(*name.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def closure(start: Path, allowed: frozenset[str]) -> Iterator[Path]:
    """Find the files of the source that a program needs.

    Args:
        start: the program.
        allowed: packages besides the standard library that the wheel depends on.

    Raises ImportError for an import of anything else, with file and line.
    """
    seen, waiting = {start}, [start]
    while waiting:
        importer = waiting.pop()
        for name, line in _Imports(ast.parse(importer.read_bytes())).found:
            parts = name.split(".")
            if parts[0] != OURS:
                if parts[0] not in allowed | sys.stdlib_module_names:
                    message = f"{importer}:{line} imports {name or 'by a relative name'}, which expunge-verify does not have"
                    raise ImportError(message)
                continue
            for length in range(1, len(parts) + 1):
                file = _file(".".join(parts[:length]))
                if file is not None and file not in seen:
                    seen.add(file)
                    waiting.append(file)
    yield from sorted(seen - {start})


class ClosureHook(BuildHookInterface):
    """Put the closure into the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the signature that hatchling calls
        """Name each file of the closure, with its place in the wheel."""
        if not SOURCE.is_dir():
            message = f"there is no {SOURCE}: build the wheel in a clone of Expunge, with --wheel"
            raise FileNotFoundError(message)
        names = (re.match(r"[\w.-]+", dependency) for dependency in self.metadata.core.dependencies)
        allowed = frozenset(name.group().replace("-", "_") for name in names if name)
        files = closure(HERE / "expunge_verify.py", allowed)
        build_data["force_include"] |= {str(file): file.relative_to(SOURCE).as_posix() for file in files}
