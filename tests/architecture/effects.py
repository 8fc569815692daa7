"""Effects go through the places that have failpoints: files through ``durable``, stores and journal through two engine modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.source import PACKAGE, Tree, callee, dotted

DURABLE = f"{PACKAGE}.durable"
STORE_CALLS = f"{PACKAGE}.engine.kernel.store_calls"
JOURNAL_APPENDS = f"{PACKAGE}.engine.kernel.journal_streams"
OUTSIDE_EFFECTS = frozenset({"demo", "servers", "testing"})
"""The demo and the conformance suites build and clear toy companies and servers of their own; nothing there is an effect of an order."""

OS_EFFECTS = frozenset(
    {
        "os.fsync", "os.fdatasync", "os.sync", "os.ftruncate", "os.link", "os.remove", "os.removedirs", "os.rename", "os.renames",
        "os.replace", "os.rmdir", "os.truncate", "os.unlink", "shutil.move", "shutil.rmtree",
    }
)  # fmt: skip
PATH_EFFECTS = frozenset({"hardlink_to", "rename", "rmdir", "truncate", "unlink"})
STORE_MEMBERS = frozenset(
    {"bystanders", "capabilities", "check", "erase", "export", "locate", "preflight", "probe", "purge", "raw", "trace"}
)


def file_effects(tree: Tree) -> Iterator[str]:
    """fsync, rename, unlink, rmdir and truncate stand in ``durable.py`` only, where each has its failpoints."""
    for module in tree:
        if module.name == DURABLE or module.room in OUTSIDE_EFFECTS:
            continue
        names = module.aliases
        for call in module.calls:
            path = callee(call, names)
            owner, _, verb = path.rpartition(".")
            if owner == DURABLE:
                continue
            if path in OS_EFFECTS or (owner and verb in PATH_EFFECTS and owner != "os") or _is_path_replace(call, owner, verb):
                yield f"{module.at(call)}: {path} has no failpoint; go through durable"


def _is_path_replace(call: ast.Call, owner: str, verb: str) -> bool:
    """``Path.replace`` takes one argument; ``str.replace`` two, ``datetime.replace`` keywords."""
    return verb == "replace" and bool(owner) and len(call.args) == 1 and not call.keywords


def store_calls(tree: Tree) -> Iterator[str]:
    """The engine uses stores through ``engine/kernel/store_calls.py``, where a failpoint stands before and after each call."""
    for module in tree:
        if module.room == "engine" and module.name != STORE_CALLS:
            for use in _uses(module.tree, STORE_MEMBERS, "store"):
                yield f"{module.at(use)}: {ast.unparse(use)} is used without a failpoint; go through engine.calling"


def journal_appends(tree: Tree) -> Iterator[str]:
    """The engine appends to the journal through ``engine/kernel/journal_streams.py``."""
    for module in tree:
        if module.room == "engine" and module.name != JOURNAL_APPENDS:
            for use in _uses(module.tree, frozenset({"append"}), "journal"):
                yield f"{module.at(use)}: the journal is appended to without a failpoint; go through engine.recording"


def guarded(tree: Tree) -> Iterator[str]:
    """In the two modules that may, a failpoint stands before and after each such call, in the same function."""
    for name, members, owner in ((STORE_CALLS, STORE_MEMBERS, "store"), (JOURNAL_APPENDS, frozenset({"append"}), "journal")):
        module = tree.modules.get(name)
        if module is None:
            continue
        for function in module.nodes:
            if not isinstance(function, ast.FunctionDef):
                continue
            points = [call.lineno for call in ast.walk(function) if isinstance(call, ast.Call) and _is_failpoint(call)]
            for use in _uses(function, members, owner):
                if not points or not min(points) < use.lineno < max(points):
                    yield f"{module.at(use)}: {ast.unparse(use)} in {function.name} has no failpoint before and after it"


def _uses(tree: ast.AST, members: frozenset[str], owner: str) -> Iterator[ast.Attribute]:
    """Members of whatever is named like ``owner``: ``store.erase``, ``self._journal.append``; called or handed on."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in members and dotted(node.value).rpartition(".")[2].lower().endswith(owner):
            yield node


def _is_failpoint(call: ast.Call) -> bool:
    return dotted(call.func).rpartition(".")[2] == "failpoint"
