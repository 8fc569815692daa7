"""Read what the pages of an export show out of its files as they pass: rows, times, places, and transcripts of recordings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from expunge.core.datamap.datamap import DataMap, Dataset, Through
from expunge.core.discovery import coordinates
from expunge.core.values import timestamps

MOST_TRANSCRIPTS = 16 * 1024 * 1024
"""Characters of transcripts that are kept in memory to stand beside recordings."""
_TEXTS = ("transcript", "text", "content", "utterance", "sentence", "words", "body", "message")
"""Columns that hold what was said, in the order in which they are looked for."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_OLDER = re.compile(r"older versions/\d+/")
_DEGREES = re.compile(r"\s*\(?\s*(-?\d{1,2}(?:\.\d+)?)\s*[,; ]\s*(-?\d{1,3}(?:\.\d+)?)\s*\)?\s*")


@dataclass
class Transcripts:
    """What was said in recordings, by the value that leads from a transcript to its recording."""

    _texts: dict[tuple[str, str, str], str] = field(default_factory=dict, repr=False)
    """(dataset of recordings, its field, value) -> text."""
    _left: int = MOST_TRANSCRIPTS

    def add(self, dataset: Dataset, row: Mapping[str, Any]) -> None:
        """Keep the text of a row of a dataset of transcripts, where it leads to a recording."""
        if not isinstance(dataset.subject, Through):
            return
        value, text = row.get(dataset.subject.via), _text(row, dataset.subject.via)
        if isinstance(value, str | int) and text:
            for source, link in dataset.subject.ways:
                self._keep((source, link, str(value)), text)

    def add_file(self, data_map: DataMap, dataset: Dataset, name: str, text: str) -> None:
        """Keep the text of a file of transcripts, where its name leads to a recording of a source of the dataset."""
        for link, value in values_of(dataset, name).items():
            for source in dataset.derived_from:
                if source in data_map.datasets:
                    self._keep((source, link, value), text)

    def of(self, dataset: Dataset, name: str) -> str:
        """Return what was said in a recording; empty where that is not known."""
        found = (self._texts.get((dataset.name, link, value), "") for link, value in values_of(dataset, name).items())
        return "\n".join(dict.fromkeys(text for text in found if text))

    def _keep(self, key: tuple[str, str, str], text: str) -> None:
        if len(text) <= self._left:
            self._left -= len(text)
            self._texts[key] = f"{self._texts[key]}\n{text}" if key in self._texts else text


def values_of(dataset: Dataset, name: str) -> Mapping[str, str]:
    """Return the values of the placeholders that the name of a file has; none where it fits no template."""
    for template in dataset.paths:
        found = _pattern(template).fullmatch(_OLDER.sub("", name, count=1))
        if found is not None:
            return {key.partition("__")[0]: value for key, value in found.groupdict().items()}
    return {}


def rows(data: bytes) -> list[Mapping[str, Any]]:
    """Return the rows of JSON lines. Lines that are no objects are left out: the last one of a piece may be cut."""
    found: list[Mapping[str, Any]] = []
    for line in data.splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def shown(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the names and values of a row as text; values without content are left out."""
    return [
        (str(name), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in row.items()
        if value not in (None, "", [], {})
    ]


def collected_at(data_map: DataMap, dataset: Dataset, values: Mapping[str, Any]) -> datetime | None:
    """Return when an item was collected, by the field of the map that says it; None where it does not say."""
    retention = data_map.retention.get(dataset.retention)
    for name in (dataset.collected, retention.start if retention else ""):
        if name and (found := timestamps.moment(values.get(name))) is not None:
            return found
    return None


def place(row: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the latitude and longitude of a row, where two of its fields, or one, are named after a place and hold one."""
    for north, east in _pairs(tuple(row)):
        found = _degrees(row[north]), _degrees(row[east])
        if found[0] is not None and found[1] is not None:
            return found[0], found[1]
    for name, value in row.items():
        if coordinates.names_place(name):
            if isinstance(value, dict) and (inside := place(value)) is not None:
                return inside
            if isinstance(value, str) and (text := _DEGREES.fullmatch(value)) is not None:
                return float(text[1]), float(text[2])
    return None


def _text(row: Mapping[str, Any], via: str) -> str:
    for name in _TEXTS:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value
    longest = max((value for name, value in row.items() if isinstance(value, str) and name != via), key=len, default="")
    return longest if " " in longest.strip() else ""


def _degrees(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    # Why: devices write ten-millionths of a degree as whole numbers.
    return number / 1e7 if number.is_integer() and abs(number) > 1000 else number


@lru_cache(maxsize=256)
def _pairs(columns: tuple[str, ...]) -> Sequence[tuple[str, str]]:
    return tuple(coordinates.pairs(columns))


@lru_cache(maxsize=256)
def _pattern(template: str) -> re.Pattern[str]:
    parts, seen = [], dict[str, int]()
    for index, part in enumerate(_PLACEHOLDER.split(template)):
        if index % 2:
            seen[part] = seen.get(part, 0) + 1
            parts.append(f"(?P<{part}{f'__{seen[part]}' if seen[part] > 1 else ''}>[^/]+?)")
        else:
            parts.append(re.escape(part))
    return re.compile("".join(parts))
