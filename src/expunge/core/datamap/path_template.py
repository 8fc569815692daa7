"""Path templates of the data map, such as ``voice/{profile_id}/{recording_id}.flac``.

A placeholder stands for one or more characters other than ``/``. Everything else stands for itself. This module also decides whether two
templates can name the same file, without looking at any file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ANY = ""
"""In a pattern: one character, whichever. Other elements are the character itself."""
_MORE = "*"
"""In a pattern, after ``_ANY``: any number of further characters. """


@dataclass(frozen=True)
class PathTemplate:
    """A template that has been found sound."""

    text: str
    placeholders: tuple[str, ...]
    """Names in order of first appearance."""


def parse_template(text: str) -> PathTemplate:
    """Parse a template. Raises ValueError, with the correction, when it cannot be followed."""
    for wrong, problem in (
        (not text, "the path is empty"),
        (text.startswith("/"), "the path begins with '/': write it relative to the store's url"),
        ("\\" in text, "the path holds a backslash: write '/' between folders"),
        ("\0" in text, "the path holds a NUL character"),
        ("${" in text, "environment variables are filled in for a store's url, not in a path"),
        (re.search(r"[*?\[\]]", text), "wildcards are not known here: name the changing part, such as {recording_id}"),
        (any(part in {"", ".", ".."} for part in text.split("/")), "the path has an empty, '.' or '..' part"),
    ):
        if wrong:
            raise ValueError(problem)
    names = _PLACEHOLDER.findall(text)
    if re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        message = "a brace has no partner: write {name}"
        raise ValueError(message)
    for name in names:
        if not _NAME.fullmatch(name):
            message = f"{{{name}}} is no placeholder: use letters, digits and '_', such as {{profile_id}}"
            raise ValueError(message)
    if "}{" in text:
        message = "two placeholders touch: put a character such as '_' or '/' between them, or nobody can tell where one ends"
        raise ValueError(message)
    return PathTemplate(text, tuple(dict.fromkeys(names)))


def overlap(one: str, other: str) -> bool:
    """Return whether some path fits both templates (both sound)."""
    left, right = one.split("/"), other.split("/")
    return len(left) == len(right) and all(_meet(_pattern(a), _pattern(b)) for a, b in zip(left, right, strict=True))


Pattern = tuple[tuple[str, str], ...]


def _pattern(segment: str) -> Pattern:
    """Pairs (what, how often): a literal once, anything once, or anything any number of times."""
    pattern: list[tuple[str, str]] = []
    for index, part in enumerate(_PLACEHOLDER.split(segment)):
        if index % 2:
            pattern += [(_ANY, ""), (_ANY, _MORE)]
        else:
            pattern += [(letter, "") for letter in part]
    return tuple(pattern)


def _meet(one: Pattern, other: Pattern) -> bool:
    """Whether some text fits both; ``fits[i][j]`` answers it for what is left of each from ``i`` and ``j`` on."""
    fits = [[False] * (len(other) + 2) for _ in range(len(one) + 2)]
    for i in range(len(one), -1, -1):
        for j in range(len(other), -1, -1):
            left = one[i] if i < len(one) else None
            right = other[j] if j < len(other) else None
            if left is None and right is None:
                fits[i][j] = True
            elif left == (_ANY, _MORE):
                fits[i][j] = fits[i + 1][j] or (right is not None and fits[i][j + 1])
            elif right == (_ANY, _MORE):
                fits[i][j] = fits[i][j + 1] or (left is not None and fits[i + 1][j])
            elif left is not None and right is not None:
                fits[i][j] = (left[0] == right[0] or _ANY in {left[0], right[0]}) and fits[i + 1][j + 1]
    return fits[0][0]
