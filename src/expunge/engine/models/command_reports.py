"""The report of a command of the map, from a file.

It holds counts, a few sentences, and the result of a membership-inference attack. Nothing else is read.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from expunge.core.models import membership_opinion
from expunge.core.models.membership_opinion import Membership

MOST_REPORT = 1 << 16
"""Bytes that are read of what a command says of its work."""
LEFT_OUT = "something that the command said was left out: it named one of the people"
LONGEST = 300
"""Characters of a sentence that are taken."""
_MOST_SAID = 8
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_SIGNS = re.compile(r"[^a-z0-9]+")
_SHORT, _LONG = 3, 6
"""Characters of an identifier from which on it is one as a word, and wherever it stands."""


@dataclass(frozen=True)
class CommandReport:
    """The accepted part of a command's report."""

    figures: Mapping[str, int] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    membership: Membership | None = None
    fault: str = ""
    """What is wrong with the part about membership, where it has one that cannot be taken: then the command has failed."""


def read(report: Path, identifiers: Collection[str]) -> CommandReport:
    """Figures, sentences and the second opinion of a command; nothing where it says nothing.

    What names one of the people, by an identifier in lower case, is left out, and that it was is said.
    """
    body = _object(report)
    figures, said = _told(body, identifiers)
    if body.get("membership") is None:
        return CommandReport(figures, said)
    try:
        found = membership_opinion.read(body["membership"])
    except ValueError as error:
        return CommandReport(figures, said, fault=str(error))
    if any(_is_one(each, identifiers) for each in (found.forgotten, found.outsiders, found.references)):
        return CommandReport(figures, said, fault="a count of membership is the number of one of the people")
    return CommandReport(figures, said, found)


def told(report: Path, identifiers: Collection[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    """Figures and sentences alone, as :func:`read` takes them."""
    return _told(_object(report), identifiers)


def _object(report: Path) -> dict[str, Any]:
    try:
        # Why so: what lies there may be a pipe that nobody writes to, or lead elsewhere.
        with os.fdopen(os.open(report, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return {}
            body: Any = json.loads(file.read(MOST_REPORT))
    except (OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _told(body: Mapping[str, Any], identifiers: Collection[str]) -> tuple[dict[str, int], tuple[str, ...]]:
    found, said = body.get("figures"), body.get("said")
    figures = {
        name: value
        for name, value in (found.items() if isinstance(found, dict) else ())
        if _NAME.fullmatch(name) and type(value) is int and abs(value) < 1 << 53
    }
    lines = [each for each in (said if isinstance(said, list) else ()) if isinstance(each, str) and each.isprintable()]
    lines = [line[:LONGEST] for line in lines[:_MOST_SAID]]
    counts = {name: value for name, value in sorted(figures.items()) if not (names_one(name, identifiers) or _is_one(value, identifiers))}
    clean = [line for line in lines if not names_one(line, identifiers)]
    if len(clean) < len(lines) or len(counts) < len(figures):
        clean = [*clean[: _MOST_SAID - 1], LEFT_OUT]
    return counts, tuple(clean)


def names_one(text: str, identifiers: Collection[str]) -> bool:
    """Return whether a person's identifier stands in a text: long ones anywhere, short ones as a word, written with ``_`` for signs or not.

    One or two characters say nothing by themselves.
    """
    plain = text.casefold()
    flat, words = _SIGNS.sub("_", plain), frozenset(re.findall(r"\w+", plain))
    return any(
        (len(identifier) >= _SHORT and identifier in words)
        or (len(identifier) >= _LONG and (identifier in plain or _SIGNS.sub("_", identifier) in flat))
        for identifier in identifiers
    )


def _is_one(value: int, identifiers: Collection[str]) -> bool:
    """Whether a figure is somebody's number; a short one is a count."""
    return abs(value) >= 10 ** (_LONG - 1) and str(abs(value)) in identifiers
