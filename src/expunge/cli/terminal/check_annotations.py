"""``expunge check --ci``: one line for each kind of finding, at the line of the map that it is about.

Many people read a log of continuous integration. Places in stores may be named after people, so they are counted there and not named.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from expunge.cli.terminal import output

if TYPE_CHECKING:
    from expunge.survey import CheckedMap

GITHUB = "GITHUB_ACTIONS"
"""Set to ``true`` by GitHub's runners, whose log turns workflow commands into annotations."""


class Annotation(NamedTuple):
    """One message beside a line of the map."""

    level: str
    """``error``, or ``notice`` for what does not fail the check."""
    file: str
    line: int
    title: str
    text: str


def _annotated(checked: CheckedMap) -> Iterator[Annotation]:
    """What was found; paths relative to the working folder where the map lies in it."""
    from expunge.core.values.copy import FindingKind

    for fault in (*checked.faults, *checked.guesses):
        text = f"{fault.what}\ninstead: {fault.write_instead}"
        yield Annotation("error", _relative(fault.file), fault.line, f"data map: {fault.rule}", text)
    counted = Counter((finding.kind, finding.store, finding.what, finding.line) for finding in checked.findings)
    for (kind, store, what, line), count in counted.items():
        level = "notice" if kind is FindingKind.NOTE else "error"
        places = "" if count == 1 else f" ({count} places)"
        text = f"{store}: {what}{places}\n`expunge check` shows where, and what to write"
        yield Annotation(level, _relative(str(checked.path)), line or checked.lines.get(store, 1), f"data map: {kind.value}", text)


def lines(checked: CheckedMap) -> Iterator[str]:
    """The annotations as GitHub's workflow commands under its runners, elsewhere as ``file:line: level: text``, which most tools read."""
    github = os.environ.get(GITHUB) == "true"
    for each in _annotated(checked):
        yield workflow_command(each) if github else _plain(each)


def _plain(each: Annotation) -> str:
    text = "; ".join(output.visible(line) for line in each.text.split("\n"))
    return f"{output.visible(each.file)}:{each.line}: {each.level}: {each.title}: {text}"


def workflow_command(each: Annotation) -> str:
    """Return ``::error file=expunge.yaml,line=12,title=...::text``, with its special characters escaped."""
    file, title = (_escaped(text).replace(":", "%3A").replace(",", "%2C") for text in (each.file, each.title))
    return f"::{each.level} file={file},line={each.line},title={title}::{_escaped(each.text)}"


def _escaped(text: str) -> str:
    kept = "\n".join(output.visible(line) for line in text.split("\n"))
    return kept.replace("%", "%25").replace("\n", "%0A")


def _relative(path: str) -> str:
    whole, here = Path(path).absolute(), Path.cwd()
    return whole.relative_to(here).as_posix() if whole.is_relative_to(here) else str(whole)
