"""The source of the package as syntax trees, with its imports resolved to module names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

PACKAGE = "expunge"
ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / PACKAGE


@dataclass(frozen=True)
class Import:
    """One imported module, or one name of it."""

    target: str
    """Dotted path as written: ``expunge.core.orders.plan`` or, for ``from x import y``, ``x.y``."""
    line: int
    typing_only: bool
    local: bool
    """Inside a function."""


@dataclass(frozen=True)
class Module:
    """One file."""

    name: str
    path: Path
    text: str
    tree: ast.Module = field(repr=False)

    @property
    def room(self) -> str:
        """First name below the package: ``core``, ``stores``, ``durable``; empty for the package itself."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else ""

    @property
    def lines(self) -> int:
        return self.text.count("\n") + (not self.text.endswith("\n") and bool(self.text))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(_imports(self.tree, self.name, self.path.name == "__init__.py"))

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Everything in the tree, walked once for all rules."""
        return tuple(ast.walk(self.tree))

    @cached_property
    def calls(self) -> tuple[ast.Call, ...]:
        return tuple(node for node in self.nodes if isinstance(node, ast.Call))

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Local name -> what it was imported as: ``{"now": "time.time"}`` for ``from time import time as now``."""
        names: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    first = alias.name.split(".")[0]
                    names[alias.asname or first] = alias.name if alias.asname else first
            elif isinstance(node, ast.ImportFrom):
                base = _absolute(node, self.name, self.path.name == "__init__.py")
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{base}.{alias.name}"
        return names

    def at(self, node: ast.AST) -> str:
        return f"{self.name}:{getattr(node, 'lineno', 0)}"


@dataclass(frozen=True)
class Tree:
    """All modules of the package by dotted name."""

    modules: dict[str, Module]

    @classmethod
    def load(cls, folder: Path = SOURCE, mentions: tuple[str, ...] = ("",)) -> Tree:
        """Parse the modules below a folder; with ``mentions``, those alone whose text holds one of the words."""
        modules = {}
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder.parent).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            text = path.read_text(encoding="utf-8")
            if not any(word in text for word in mentions):
                continue
            modules[name] = Module(name, path, text, ast.parse(text, str(path)))
        return cls(modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.modules.values())

    def resolve(self, target: str) -> str | None:
        """The module of ours that an import leads to, or None for somebody else's."""
        if target != PACKAGE and not target.startswith(f"{PACKAGE}."):
            return None
        while target not in self.modules and "." in target:
            target = target.rpartition(".")[0]
        return target if target in self.modules else None


def _imports(tree: ast.Module, name: str, is_package: bool) -> Iterator[Import]:
    def visit(node: ast.AST, typing_only: bool, local: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inner_typing = typing_only
            inner_local = local or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            if isinstance(child, ast.If) and dotted(child.test).endswith("TYPE_CHECKING"):
                inner_typing = True
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, child.lineno, typing_only, local)
            elif isinstance(child, ast.ImportFrom):
                base = _absolute(child, name, is_package)
                for alias in child.names:
                    yield Import(f"{base}.{alias.name}", child.lineno, typing_only, local)
            else:
                yield from visit(child, inner_typing, inner_local)

    yield from visit(tree, typing_only=False, local=False)


def _absolute(node: ast.ImportFrom, name: str, is_package: bool) -> str:
    if node.level == 0:
        return node.module or ""
    parts = name.split(".")
    up = node.level - (1 if is_package else 0)
    base = parts[: len(parts) - up]
    return ".".join([*base, node.module] if node.module else base)


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for a chain of names; a call or subscript inside becomes ``?``."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


def callee(call: ast.Call, names: dict[str, str]) -> str:
    """Dotted name of what is called, import aliases undone: ``os.fsync`` however it was imported."""
    path = dotted(call.func)
    first, _, rest = path.partition(".")
    full = names.get(first, first)
    return f"{full}.{rest}" if rest else full
