"""The streams of output: the result to stdout, everything else to stderr; JSON with a schema, or text for people.

Strings that come from stores (file names, tables, identifiers) are shown through :func:`visible`, so that they cannot move the cursor,
colour the screen or forge a line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from expunge.cli.terminal.visible_text import visible

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["count", "json_wanted", "moment", "note", "say", "size", "stderr", "stdout", "visible", "want_json", "write_json"]

UNSQUEEZED = 1000
BYTE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@cache
def stdout() -> Console:
    """The console of results; tables and trees are not squeezed where no terminal is."""
    from rich.console import Console

    return Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else UNSQUEEZED, soft_wrap=not sys.stdout.isatty())


@cache
def stderr() -> Console:
    """The console of progress, questions and complaints."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=not sys.stderr.isatty())


_json_wanted = False


def want_json(value: bool) -> bool:
    """Remember whether ``--json`` was given, for errors that come later; returns ``value``."""
    global _json_wanted  # noqa: PLW0603 - one command a process
    _json_wanted = value
    return value


def json_wanted() -> bool:
    """Return whether the answer is to be JSON."""
    return _json_wanted


def say(text: str) -> None:
    """Print one line of result for people. No markup in it is obeyed."""
    stdout().print(text, markup=False)


def note(text: str) -> None:
    """Print one line beside the result."""
    stderr().print(text, markup=False)


def write_json(schema: str, body: Mapping[str, Any]) -> None:
    """Print one JSON object in one line on stdout: ``{"schema": "expunge.<schema>", ...}``."""
    sys.stdout.write(json.dumps({"schema": f"expunge.{schema}", **body}, default=_plain, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def size(count: int) -> str:
    """``1536`` as ``1.5 KiB``."""
    value, unit = float(count), BYTE_UNITS[0]
    for unit in BYTE_UNITS:
        if value < 1024 or unit == BYTE_UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def count(number: int, one: str, many: str = "") -> str:
    """``1 copy``, ``2 copies``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(at: datetime | None) -> str:
    """A time for people, in UTC."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else "-"


def _plain(value: object) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)
