"""Path templates at work: walk a folder along ``voice/{profile_id}/{recording_id}.flac`` and read the fields of each name.

A placeholder stands for one or more characters other than ``/``; a placeholder that occurs twice stands for the same text both times.
Links are never followed, and names that Expunge made (:data:`expunge.durable.TEMPORARY_PREFIX`) fit no template.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from expunge.durable import TEMPORARY_PREFIX

Bindings = Mapping[str, str]
"""Placeholder -> text."""
Readings = tuple[Bindings, ...]
"""All ways of reading one name; more than one where two placeholders share a segment (``{a}_{b}`` and ``x_y_z``)."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_MOST_READINGS = 64
_NOTHING: Bindings = {}
_FEW = 3
"""Names that are looked up one by one; to list a folder costs as much as to look up more."""


@dataclass(frozen=True)
class Segment:
    """One part of a template between slashes."""

    parts: tuple[str, ...]
    """Literal, placeholder, literal, placeholder, ..., literal."""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The placeholders in it."""
        return self.parts[1::2]

    @property
    def expression(self) -> str:
        """The same for :mod:`re`, for a segment with one placeholder or none."""
        if len(self.parts) == 1:
            return re.escape(self.parts[0])
        before, name, after = self.parts
        return f"(?!{re.escape(TEMPORARY_PREFIX)}){re.escape(before)}(?P<{name}>[^/]+){re.escape(after)}"

    def readings(self, name: str, known: Bindings) -> list[Bindings]:
        """Every way in which ``name`` fits, given what is bound already; empty when it does not fit."""
        if len(self.parts) == 1:
            return [known] if name == self.parts[0] else []
        if name.startswith(TEMPORARY_PREFIX) or not name.startswith(self.parts[0]):
            return []
        if len(self.parts) == 3:
            # Why apart: nearly every segment has one placeholder, and a tree has thousands of names.
            before, placeholder, after = self.parts
            text = name[len(before) : len(name) - len(after)]
            if not text or not name.endswith(after) or known.get(placeholder, text) != text:
                return []
            return [known if placeholder in known else {**known, placeholder: text}]
        found: list[Bindings] = []
        self._read(name, len(self.parts[0]), 1, known, found)
        return found

    def names(self, values: Mapping[str, Collection[str]]) -> list[str] | None:
        """Return the names that fit with one of some values of its only placeholder; None where they are many, or others fit as well."""
        counting = values.get(self.parts[1]) if len(self.parts) == 3 else None
        if counting is None or len(counting) > _FEW:
            return None
        return [f"{self.parts[0]}{value}{self.parts[2]}" for value in counting if "/" not in value]

    def _read(self, name: str, at: int, part: int, known: Bindings, found: list[Bindings]) -> None:
        placeholder, literal = self.parts[part], self.parts[part + 1]
        if part + 2 == len(self.parts):
            # The last placeholder reaches as far as the literal at the end allows.
            ends = [len(name) - len(literal)] if name.endswith(literal) else []
        else:
            ends = _occurrences(name, literal, at + 1)
        for end in ends:
            text = name[at:end]
            if end <= at or known.get(placeholder, text) != text or len(found) >= _MOST_READINGS:
                continue
            bound = known if placeholder in known else {**known, placeholder: text}
            if part + 2 == len(self.parts):
                found.append(bound)
            else:
                self._read(name, end + len(literal), part + 2, bound, found)


@dataclass(frozen=True)
class CompiledTemplate:
    """A template, ready for use."""

    text: str
    segments: tuple[Segment, ...]

    @classmethod
    def of(cls, text: str) -> CompiledTemplate:
        """Take a sound template apart."""
        return cls(text, tuple(Segment(tuple(_PLACEHOLDER.split(part))) for part in text.split("/")))

    @property
    def placeholders(self) -> frozenset[str]:
        """The names of all placeholders."""
        return frozenset(name for segment in self.segments for name in segment.placeholders)

    def readings(self, key: str) -> Readings:
        """Every way in which the relative path ``key`` fits; empty when it does not."""
        plain = self._plain
        if plain is not None:
            fits = plain.fullmatch(key)
            return (fits.groupdict(),) if fits else ()
        names = key.split("/")
        return self._fit(names) if len(names) == len(self.segments) else ()

    @cached_property
    def _plain(self) -> re.Pattern[str] | None:
        """One expression for the whole, where a name can be read in one way only: a placeholder in a segment at most, none twice."""
        named = [name for segment in self.segments for name in segment.placeholders]
        if len(set(named)) < len(named) or any(len(segment.placeholders) > 1 for segment in self.segments):
            return None
        if not all(name.isidentifier() for name in named):
            return None
        return re.compile("/".join(segment.expression for segment in self.segments))

    def folder_readings(self, key: str) -> Readings:
        """Every way in which ``key`` names a folder on the way to files of this template."""
        names = key.rstrip("/").split("/")
        return self._fit(names) if len(names) < len(self.segments) else ()

    def _fit(self, names: list[str]) -> Readings:
        ways: list[Bindings] = [_NOTHING]
        for name, segment in zip(names, self.segments, strict=False):
            ways = [way for known in ways for way in segment.readings(name, known)]
        return tuple(ways)


class FoundFile(NamedTuple):
    """One name that fits a template. Not a dataclass, because a walk makes one for each of thousands of folders."""

    key: str
    """Relative path; folders (and links in the place of one) end with ``/``."""
    readings: Readings
    entry: os.DirEntry[str]

    def __repr__(self) -> str:
        """Return what a log may show: no name."""
        return f"{type(self).__name__}()"

    @property
    def is_link(self) -> bool:
        """True when it is a symbolic link, to any target."""
        return self.entry.is_symlink()

    @property
    def is_folder(self) -> bool:
        """True when it is a folder, or a link in the place of one."""
        return self.key.endswith("/")

    def size(self) -> int:
        """Bytes. Raises FileNotFoundError."""
        return self.entry.stat(follow_symlinks=False).st_size

    def modified(self) -> datetime | None:
        """Return the time at which it was last written; None when it has vanished."""
        try:
            return datetime.fromtimestamp(self.entry.stat(follow_symlinks=False).st_mtime, UTC)
        except FileNotFoundError:
            return None


def walk(
    root: Path, template: CompiledTemplate, wanted: Callable[[Bindings], bool], only: Mapping[str, Collection[str]] = _NOTHING
) -> Iterator[FoundFile]:
    """Walk along a template: every file or link that fits, and after its content every real folder on the way.

    Args:
        root: where the template begins.
        template: the layout.
        wanted: whether a reading so far may lead to a wanted file; branches where none may are not entered.
        only: where not empty, the one placeholder whose value decides, with the values that count. Real folders whose names do not
            say one are not yielded then, and where the values are few, a folder that has none of these names is not listed.

    Raises:
        OSError: when a folder on the way cannot be listed (a folder that vanished meanwhile is passed over).
    """
    yield from _walk(os.fspath(root), "", template.segments, (_NOTHING,), wanted, only)


def _walk(
    folder: str,
    prefix: str,
    segments: tuple[Segment, ...],
    known: Readings,
    wanted: Callable[[Bindings], bool],
    only: Mapping[str, Collection[str]],
) -> Iterator[FoundFile]:
    segment, deeper = segments[0], segments[1:]
    try:
        with os.scandir(folder) as listing:
            fitting = [
                (entry.name, readings, entry)
                for entry in listing
                if (readings := tuple([way for each in known for way in segment.readings(entry.name, each) if wanted(way)]))
            ]
    except (FileNotFoundError, NotADirectoryError):
        return
    # Why after that: of many names few are wanted.
    fitting.sort(key=itemgetter(0))
    ahead = deeper[0].names(only) if deeper else None
    for _, readings, entry in fitting:
        folder_here = entry.is_dir(follow_symlinks=False)
        if not deeper:
            if not folder_here:
                yield FoundFile(prefix + entry.name, readings, entry)
        elif folder_here:
            if ahead is None or _may_have(entry.path, ahead):
                yield from _walk(entry.path, f"{prefix}{entry.name}/", deeper, readings, wanted, only)
            if not only or any(name in reading for name in only for reading in readings):
                yield FoundFile(f"{prefix}{entry.name}/", readings, entry)
        elif entry.is_symlink() and Path(entry.path).is_dir():
            # A link in the place of a folder: a name like any other, but never a way in.
            yield FoundFile(f"{prefix}{entry.name}/", readings, entry)


def _may_have(folder: str, names: Collection[str]) -> bool:
    """Whether a folder has one of some names, or that cannot be told without a list of it."""
    for name in names:
        try:
            os.lstat(f"{folder}/{name}")
        except FileNotFoundError:
            continue
        except (OSError, ValueError):
            return True
        return True
    return False


def _occurrences(name: str, literal: str, start: int) -> list[int]:
    found = []
    at = name.find(literal, start)
    while at >= 0:
        found.append(at)
        at = name.find(literal, at + 1)
    return found
