"""All failpoints of the package, read from the source; kill tests walk this list."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.architecture.source import PACKAGE, SOURCE, Module, Tree, callee

WRITES_WHOLE = frozenset(f"{PACKAGE}.durable.{each}" for each in ("write_new", "write_bytes", "write_all"))
DEFINING = frozenset({f"{PACKAGE}.durable", f"{PACKAGE}.faults"})
"""Where names are made from the caller's; everywhere else a name is a literal."""
SHAPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+(:(before|after))?")


@cache
def all_failpoints(source: Path = SOURCE) -> tuple[str, ...]:
    """Return every name that can be armed, sorted, without duplicates: ``files.rewrite.swap:before`` ...

    The answer is kept, because many test files ask while they are collected, and a module that mentions no failpoint is not parsed.
    """
    return tuple(sorted({name for module in Tree.load(source, mentions=("failpoint(", "(at=", " at=")) for name, _ in _named(module)}))


def failpoint_faults(tree: Tree) -> Iterator[str]:
    """Names that are not literals, are misshapen, or stand in two places."""
    places: dict[str, list[str]] = {}
    for module in tree:
        if module.name in DEFINING:
            continue
        yield from _not_literal(module)
        for name, line in _named(module):
            if not SHAPE.fullmatch(name):
                yield f"{module.name}:{line}: failpoint {name!r} is not of the form area.verb.what"
            places.setdefault(name, []).append(f"{module.name}:{line}")
    for name, count in Counter({name: len(where) for name, where in places.items()}).items():
        if count > 1:
            yield f"failpoint {name!r} stands in {count} places: {', '.join(places[name])}"


def _named(module: Module) -> Iterator[tuple[str, int]]:
    if module.name in DEFINING:
        return
    names = module.aliases
    for call in module.calls:
        path = callee(call, names)
        if path == f"{PACKAGE}.faults.failpoint" and call.args:
            literal = _literal(call.args[0])
            if literal is not None:
                yield literal, call.lineno
        at = next((each.value for each in call.keywords if each.arg == "at"), None)
        literal = _literal(at) if at is not None else None
        if literal is None:
            continue
        parts = (".data", ".swap", ".folder") if path in WRITES_WHOLE else ("",)
        for part in parts:
            yield f"{literal}{part}:before", call.lineno
            yield f"{literal}{part}:after", call.lineno


def _not_literal(module: Module) -> Iterator[str]:
    names = module.aliases
    for call in module.calls:
        path = callee(call, names)
        if path == f"{PACKAGE}.faults.failpoint" and (not call.args or _literal(call.args[0]) is None):
            yield f"{module.at(call)}: the failpoint's name is not a literal"
        if path.startswith(f"{PACKAGE}.durable."):
            at = next((each.value for each in call.keywords if each.arg == "at"), None)
            if at is None or _literal(at) is None:
                yield f"{module.at(call)}: {path} has no literal at="


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
