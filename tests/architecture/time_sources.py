"""One clock: the date is read in ``expunge.clock`` alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.source import PACKAGE, Module, Tree, dotted

CLOCK = f"{PACKAGE}.clock"
READS_THE_DATE = frozenset(
    {
        "datetime.datetime.now", "datetime.datetime.today", "datetime.datetime.utcnow", "datetime.date.today", "time.time", "time.time_ns",
        "time.clock_gettime", "time.clock_gettime_ns", "django.utils.timezone.now", "django.utils.timezone.localdate",
        "django.utils.timezone.localtime",
    }
)  # fmt: skip
WITHOUT_ARGUMENT = frozenset({"time.localtime", "time.gmtime", "time.ctime", "time.asctime", "time.strftime"})
"""Functions that read the clock where they are given no time."""
IN_SQL = re.compile(
    r"(?<![.\w])(current_(timestamp|date|time)\b|((clock|statement|transaction)_timestamp|(pg_catalog\.)?now)\s*\(\s*\)"
    r"|(date|time|datetime|julianday|unixepoch|strftime)\(('[^']*', ?)?'now')",
    re.IGNORECASE,
)
"""The clocks of databases."""
CLOCKS_OF_DATABASES = {
    "expunge.adapters.database.leases_django": "workers on several machines share the database's clock, and no other",
    "expunge.stores.postgres.preflight": "the age of a transaction, on the clock that began it",
    "expunge.stores.postgres.ladder.abandoned_files": "times of a server's transactions and files, on that server's clock",
}
"""Modules whose SQL asks a database for the time, each with the reason."""


def one_clock(tree: Tree) -> Iterator[str]:
    """Nothing but ``expunge.clock`` reads the date, from Python or from a database."""
    for module in tree:
        if module.name == CLOCK:
            continue
        yield from _read_in_python(module)
        if module.name not in CLOCKS_OF_DATABASES:
            yield from _read_in_sql(module)


def _read_in_python(module: Module) -> Iterator[str]:
    names = module.aliases
    without = {id(call.func) for call in module.calls if len(call.args) < 1 + dotted(call.func).endswith("strftime")}
    for node in module.nodes:
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            first, dot, rest = dotted(node).partition(".")
            path = names.get(first, "") + dot + rest
            if path in READS_THE_DATE or (path in WITHOUT_ARGUMENT and id(node) in without):
                yield f"{module.at(node)}: {path} reads the date; ask {CLOCK}"


def _read_in_sql(module: Module) -> Iterator[str]:
    for node in module.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and (found := IN_SQL.search(node.value)):
            yield f"{module.at(node)}: {found[0]} asks a database for the date; hand over that of {CLOCK}"
