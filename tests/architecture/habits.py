"""Sizes, clocks, prints, broad excepts, log calls: what a module may do inside itself."""

from __future__ import annotations

import ast
import io
import re
import statistics
import tokenize
from collections.abc import Iterator

from tests.architecture.source import PACKAGE, Module, Tree, callee, dotted

MEDIAN_LINES, MOST_LINES, FUNCTION_LINES = 150, 600, 60

IMPURE_MODULES = frozenset(
    {
        "asyncio", "glob", "io", "logging", "mmap", "multiprocessing", "os", "random", "secrets", "select", "selectors", "shutil",
        "signal", "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib.request", "uuid", "warnings",
    }
)  # fmt: skip
IMPURE_CALLS = frozenset({"open", "input", "print", "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"}) | {
    "datetime.date.today",
    "pathlib.Path.cwd",
    "pathlib.Path.home",
}
PATH_IO = frozenset(
    {
        "exists", "expanduser", "glob", "is_dir", "is_file", "is_symlink", "iterdir", "lstat", "mkdir", "open", "read_bytes", "read_text",
        "resolve", "rglob", "stat", "touch", "unlink", "write_bytes", "write_text",
    }
)  # fmt: skip

MAY_PRINT = frozenset({"cli", "demo", "__main__"})
MAY_CATCH_ALL = frozenset(
    {
        f"{PACKAGE}.engine.kernel.store_calls",
        f"{PACKAGE}.cli.terminal.error_messages",
        f"{PACKAGE}.testing.forked",
        f"{PACKAGE}.adapters.database.queue_procrastinate",
        f"{PACKAGE}.adapters.keeper.server",
        f"{PACKAGE}.stores.installed",
    }
)
"""Where a surprise becomes an outcome, an exit code, an answer.

The step boundary, the command line's edge, a test's child process, a piece of a worker's work, a request to the keeper, an installed
package.
"""

LOGGING = f"{PACKAGE}.telemetry"
REFUSING = f"{PACKAGE}.ephemeral"
"""Takes hold of logging in order to refuse it."""
OPAQUE_NAMES = frozenset(
    {"dataset", "digest", "id", "kind", "module", "name", "order", "order_id", "reason", "state", "step", "step_id", "store"}
)


def sizes(tree: Tree) -> Iterator[str]:
    """Modules: median at most 150 lines, none over 600; a module is split by meaning, not to fit a number. Functions: at most 60."""
    counts = [module.lines for module in tree if module.lines > 0]
    if counts and statistics.median(counts) > MEDIAN_LINES:
        yield f"the median module has {statistics.median(counts):.0f} lines, more than {MEDIAN_LINES}"
    for module in tree:
        if module.lines > MOST_LINES:
            yield f"{module.name}: {module.lines} lines, more than {MOST_LINES}"
        for node in module.nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    yield f"{module.at(node)}: {node.name} has {length} lines, more than {FUNCTION_LINES}"


def no_clock_in_core(tree: Tree) -> Iterator[str]:
    """The core has no clock, no randomness, no input or output, no logging; a ``Path`` may be a value there, nothing more."""
    for module in tree:
        if module.room != "core":
            continue
        for each in module.imports:
            # What is named for the type checker alone is there at no run: a value of such a type may come from outside.
            if not each.typing_only and any(each.target == name or each.target.startswith(f"{name}.") for name in IMPURE_MODULES):
                yield f"{module.name}:{each.line}: the core may not import {each.target}"
        names = module.aliases
        for call in module.calls:
            path = callee(call, names)
            if path in IMPURE_CALLS:
                yield f"{module.at(call)}: the core may not call {path}"
            elif "." in path and path.rpartition(".")[2] in PATH_IO and _looks_like_a_path(call):
                yield f"{module.at(call)}: the core may not touch files ({path})"


def _looks_like_a_path(call: ast.Call) -> bool:
    owner = dotted(call.func).rpartition(".")[0]
    return "path" in owner.lower() or owner.endswith(("folder", "file", "directory", "?"))


def prints(tree: Tree) -> Iterator[str]:
    """``print`` and the standard streams belong to the command line and the demo."""
    for module in tree:
        if module.room in MAY_PRINT:
            continue
        names = module.aliases
        for call in module.calls:
            if callee(call, names) in {"print", "sys.stdout.write", "sys.stderr.write"}:
                yield f"{module.at(call)}: prints"


def broad_excepts(tree: Tree) -> Iterator[str]:
    """``except Exception`` swallows what nobody foresaw: only at the edges named here, or to clean up and raise again."""
    for module in tree:
        if module.name in MAY_CATCH_ALL:
            continue
        for node in module.nodes:
            if isinstance(node, ast.ExceptHandler) and _is_broad(node.type) and not _raises_again(node):
                yield f"{module.at(node)}: catches everything"


def _is_broad(kind: ast.expr | None) -> bool:
    if kind is None:
        return True
    each = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(dotted(one) in {"Exception", "BaseException", "builtins.Exception"} for one in each)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def unfinished(tree: Tree) -> Iterator[str]:
    """No notes to do something later, no empty promise."""
    for module in tree:
        for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
            if token.type in {tokenize.COMMENT, tokenize.STRING} and re.search(r"\b(TODO|FIXME|XXX|HACK)\b", token.string):
                yield f"{module.name}:{token.start[0]}: unfinished work is noted in the code"
        for node in module.nodes:
            raises = isinstance(node, ast.Raise) and node.exc is not None and "NotImplementedError" in ast.dump(node.exc)
            # The shipped suites ask their subclasses for hooks; nothing else may promise what it does not do.
            if raises and module.room != "testing":
                yield f"{module.at(node)}: raises NotImplementedError"


def logs(tree: Tree) -> Iterator[str]:
    """Logging goes through ``telemetry.log`` with numbers, enum members and names of the map wrapped in ``Opaque``; nowhere else."""
    for module in tree:
        # The shipped suites look at what is logged.
        if module.name in (LOGGING, REFUSING) or module.room == "testing":
            continue
        for each in module.imports:
            if each.target == "logging" or each.target.startswith("logging."):
                yield f"{module.name}:{each.line}: logs by itself; use telemetry.log"
        names = module.aliases
        for call in module.calls:
            path = callee(call, names)
            if path == f"{LOGGING}.log":
                yield from _log_call(module, call, names)
            elif path == f"{LOGGING}.Opaque":
                yield from _opaque_call(module, call)


_ASKED_OF_TEXT = frozenset({"startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "split", "find", "index"})


def shown_words(tree: Tree) -> Iterator[str]:
    """The value of an enum is for people: code asks for the member, never for its spelling."""
    for module in tree:
        for node in module.nodes:
            if isinstance(node, ast.Compare) and _is_value(node.left) and any(_is_words(other) for other in node.comparators):
                yield f"{module.at(node)}: decides by words that are shown to people ({ast.unparse(node)})"
            elif isinstance(node, ast.Attribute) and node.attr in _ASKED_OF_TEXT and _is_value(node.value):
                yield f"{module.at(node)}: takes words apart that are shown to people ({ast.unparse(node)})"


def _is_value(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "value"


def _is_words(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(_is_words(member) for member in node.elts)
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _log_call(module: Module, call: ast.Call, names: dict[str, str]) -> Iterator[str]:
    for keyword in call.keywords:
        value = keyword.value
        is_text = isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str))
        makes_text = isinstance(value, ast.Call) and callee(value, names) in {"str", "repr", "format"}
        reveals = any(isinstance(node, ast.Attribute) and node.attr == "reveal" for node in ast.walk(value))
        if keyword.arg is None or is_text or makes_text or reveals:
            yield f"{module.at(call)}: the log call may hold an identifier ({keyword.arg})"


def _opaque_call(module: Module, call: ast.Call) -> Iterator[str]:
    for argument in call.args:
        last = dotted(argument).rpartition(".")[2]
        if last not in OPAQUE_NAMES:
            yield f"{module.at(call)}: Opaque({ast.unparse(argument)}) is not known to be free of identifiers"
