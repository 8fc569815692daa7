"""Arrows between the rooms of the house, cycles, and where imports may be made late."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.architecture.source import PACKAGE, Module, Tree, callee

BESIDE = frozenset({"clock", "errors", "telemetry", "faults", "durable", "permit", "phones", "descriptors"})
BRACES = frozenset({"stores", "residue", "vault", "learn", "adapters", "maps", "engine"})
INSIDE = frozenset({"core", "ports"})
ROOTS = frozenset({"bootstrap", "survey"})
"""The composition roots: ``bootstrap`` for an installation, ``survey`` for what needs a map and no state."""

DOORS = frozenset({f"{PACKAGE}.vault", f"{PACKAGE}.vault.file_system"})
"""Modules that are the public door of a room: like the package's own top level, they ask the composition root, and nothing of the package
imports them."""

MAY_IMPORT: dict[str, frozenset[str]] = {
    "": frozenset({"bootstrap", "core", "errors"}),
    "clock": frozenset(),
    "errors": frozenset(),
    "faults": frozenset({"errors"}),
    "permit": frozenset({"errors"}),
    "phones": frozenset(),
    "descriptors": frozenset(),
    "ephemeral": frozenset({"errors"}),
    "servers": frozenset({"errors", "servers"}),
    "telemetry": frozenset({"errors"}),
    "durable": frozenset({"errors", "faults"}),
    "core": frozenset({"core", "errors"}),
    "ports": INSIDE | {"errors"},
    **{room: INSIDE | BESIDE | {room} for room in BRACES},
    "gate": INSIDE | {"clock", "errors", "gate", "phones"},
    "testing": INSIDE | BESIDE | {"residue", "testing"},
    **{room: INSIDE | BESIDE | BRACES | {room, "gate"} for room in ROOTS},
    "web": INSIDE | BESIDE | ROOTS | {"gate", "web"},
    "cli": INSIDE | BESIDE | ROOTS | {"gate", "learn", "web", "cli"},
    "demo": INSIDE | BESIDE | ROOTS | {"gate", "demo", "servers", "testing"},
    "__main__": frozenset({"cli", "web", "demo", "errors"}),
}
"""Room -> rooms that it may import, for the type checker too."""

MAY_NAME: dict[str, frozenset[str]] = {room: frozenset({"engine"}) for room in ("cli", "web", "demo")}
"""What a room may import for the type checker alone: the values that the engine answers with."""

ONLY_CRYPTOGRAPHY = f"{PACKAGE}.core.values.signature"
LATE_IMPORTS = frozenset({"bootstrap", "__main__", "cli", ""})
DYNAMIC_IMPORTS = frozenset(
    {f"{PACKAGE}.stores", f"{PACKAGE}.residue", f"{PACKAGE}.bootstrap", f"{PACKAGE}.learn", f"{PACKAGE}.learn.proof.fresh_process"}
)


def arrows(tree: Tree) -> Iterator[str]:
    """Every import of ours goes along an arrow; a room nobody put on the map is a fault too."""
    for module in tree:
        allowed = MAY_IMPORT.get(module.room)
        if allowed is not None and module.name in DOORS:
            allowed |= MAY_IMPORT[""]
        if allowed is None:
            yield f"{module.name}: the room {module.room!r} is not on the map of layers"
            continue
        for each in module.imports:
            target = tree.resolve(each.target)
            if target is None:
                continue
            room = tree.modules[target].room
            named = each.typing_only and room in MAY_NAME.get(module.room, frozenset())
            if room and room not in allowed and not named:
                yield f"{module.name}:{each.line}: {module.room or PACKAGE} may not import {room} ({target})"


def cycles(tree: Tree) -> Iterator[str]:
    """No module reaches itself through imports (those made only for type checkers left out, late ones counted)."""
    graph = {module.name: _reached(tree, module) for module in tree}
    for ring in _rings(graph):
        yield "import cycle: " + ", ".join(sorted(ring))


def core_is_pure(tree: Tree) -> Iterator[str]:
    """The core and the ports need the standard library only; ``cryptography`` stands in one module."""
    for module in tree:
        if module.room not in INSIDE and module.room not in {"clock", "errors", "faults", "telemetry", "durable"}:
            continue
        for each in module.imports:
            first = each.target.split(".")[0]
            if first == PACKAGE or first in sys.stdlib_module_names:
                continue
            if first == "cryptography" and module.name == ONLY_CRYPTOGRAPHY:
                continue
            yield f"{module.name}:{each.line}: {module.room} may not need {first}"


def top_level(tree: Tree) -> Iterator[str]:
    """Inside the package nothing imports the package's own top level: it would import everything."""
    for module in tree:
        for each in module.imports:
            if each.target == PACKAGE or (each.target.rpartition(".")[0] == PACKAGE and each.target not in tree.modules):
                yield f"{module.name}:{each.line}: imports the top level of {PACKAGE} ({each.target})"
            if tree.resolve(each.target) in DOORS and module.name not in DOORS:
                yield f"{module.name}:{each.line}: imports the door {tree.resolve(each.target)}, which is for programs"


def late_imports(tree: Tree) -> Iterator[str]:
    """Imports of ours stand at the top of a module, but for the command line, the registry and ``bootstrap``."""
    for module in tree:
        if module.room in LATE_IMPORTS or module.name in DYNAMIC_IMPORTS | DOORS:
            continue
        for each in module.imports:
            if each.local and tree.resolve(each.target) is not None:
                yield f"{module.name}:{each.line}: imports {each.target} inside a function"


def dynamic_imports(tree: Tree) -> Iterator[str]:
    """``importlib.import_module`` and ``__import__`` stand in the registry of stores and in ``bootstrap`` only."""
    for module in tree:
        if module.name in DYNAMIC_IMPORTS:
            continue
        names = module.aliases
        for call in module.calls:
            if callee(call, names) in {"importlib.import_module", "__import__", "importlib.__import__"}:
                yield f"{module.at(call)}: dynamic import"


def _reached(tree: Tree, module: Module) -> set[str]:
    found = {tree.resolve(each.target) for each in module.imports if not each.typing_only}
    return {name for name in found if name is not None and name != module.name}


def _rings(graph: dict[str, set[str]]) -> Iterator[set[str]]:
    """Tarjan's strongly connected components of more than one module."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    rings: list[set[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            ring = set()
            while True:
                ring.add(stack.pop())
                if node in ring:
                    break
            if len(ring) > 1:
                rings.append(ring)

    for name in graph:
        if name not in index:
            visit(name)
    yield from rings
