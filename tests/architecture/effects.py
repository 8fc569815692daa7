"""Effects go through the places that have failpoints: files through ``durable``, stores and journal through two engine modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.source import PACKAGE, Module, Tree, aliases, callee, dotted

DURABLE = f"{PACKAGE}.durable"
STORE_CALLS = f"{PACKAGE}.engine.calling"
JOURNAL_APPENDS = f"{PACKAGE}.engine.recording"
OUTSIDE_EFFECTS = frozenset({"demo", "testing"})
"""The demo and the conformance suites build and clear toy companies of their own; nothing there is an effect of an order."""

OS_EFFECTS = frozenset(
    {
        "os.fsync", "os.fdatasync", "os.sync", "os.ftruncate", "os.link", "os.remove", "os.removedirs", "os.rename", "os.renames",
        "os.replace", "os.rmdir", "os.truncate", "os.unlink", "shutil.move", "shutil.rmtree",
    }
)  # fmt: skip
PATH_EFFECTS = frozenset({"hardlink_to", "rename", "rmdir", "truncate", "unlink"})
STORE_METHODS = frozenset({"bystanders", "check", "erase", "export", "locate", "preflight", "probe", "purge", "trace"})


def file_effects(tree: Tree) -> Iterator[str]:
    """fsync, rename, unlink, rmdir and truncate stand in ``durable.py`` only, where each has its failpoints."""
    for module in tree:
        if module.name == DURABLE or module.room in OUTSIDE_EFFECTS:
            continue
        names = aliases(module)
        for call in module.calls():
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
    """The engine calls stores through ``engine/calling.py``, where a failpoint stands before and after each call."""
    for module in tree:
        if module.room != "engine" or module.name == STORE_CALLS:
            continue
        for call in module.calls():
            owner, _, verb = dotted(call.func).rpartition(".")
            if verb in STORE_METHODS and "store" in owner.rpartition(".")[2].lower():
                yield f"{module.at(call)}: {owner}.{verb} is called without a failpoint; go through engine.calling"


def journal_appends(tree: Tree) -> Iterator[str]:
    """The engine appends to the journal through ``engine/recording.py``."""
    for module in tree:
        if module.room != "engine" or module.name == JOURNAL_APPENDS:
            continue
        for call in module.calls():
            owner, _, verb = dotted(call.func).rpartition(".")
            if verb == "append" and "journal" in owner.rpartition(".")[2].lower():
                yield f"{module.at(call)}: the journal is appended to without a failpoint; go through engine.recording"


def guarded(tree: Tree) -> Iterator[str]:
    """In the two modules that may, every function which makes such a call passes a failpoint before and after it."""
    for name, verbs in ((STORE_CALLS, STORE_METHODS), (JOURNAL_APPENDS, frozenset({"append"}))):
        module = tree.modules.get(name)
        if module is None:
            continue
        word = "store" if name == STORE_CALLS else "journal"
        for function in ast.walk(module.tree):
            if isinstance(function, ast.FunctionDef):
                yield from _guarded_function(module, function, verbs, word)


def _guarded_function(module: Module, function: ast.FunctionDef, verbs: frozenset[str], word: str) -> Iterator[str]:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    effects = [
        call
        for call in calls
        if dotted(call.func).rpartition(".")[2] in verbs and word in dotted(call.func).rpartition(".")[0].rpartition(".")[2].lower()
    ]
    points = [call.lineno for call in calls if dotted(call.func).rpartition(".")[2] == "failpoint" or _has_literal_at(call)]
    for call in effects:
        if not points:
            yield f"{module.at(call)}: {function.name} calls {dotted(call.func)} and has no failpoint"


def _has_literal_at(call: ast.Call) -> bool:
    return any(each.arg == "at" and isinstance(each.value, ast.Constant) and isinstance(each.value.value, str) for each in call.keywords)
