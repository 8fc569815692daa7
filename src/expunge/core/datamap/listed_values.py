"""Read the elements of a list that fills one cell: of a JSON document, or of single values between separators (``3,7,12``)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAY_BE_LIST = r"[\[{(,;|\s]"
"""A sign that each cell with a list has; read by SQL and Arrow alike."""
_LONGEST = 1 << 20
"""Characters of a cell that is taken apart."""
_LONGEST_VALUE = 64
_VALUE = r"\"?'?[\w.@+-]{1,64}'?\"?"
_SEPARATED = re.compile(rf"[\[{{(]?\s*[,;|]?\s*{_VALUE}(\s*[,;|]\s*{_VALUE})*\s*[,;|]?\s*[\]}})]?")
_NUMBERS = re.compile(r"[\[{(]?\s*-?\d{1,18}(\s+-?\d{1,18})+\s*[\]})]?")
_SIGN = re.compile(MAY_BE_LIST)
_SPLIT = re.compile(r"[^\w.@+-]+")


def listed(text: str) -> Iterator[tuple[str, str]]:
    """Yield (name, value) for each element of a list that fills a text; nothing for any other text.

    The name is that of the innermost field of a JSON object around the element; empty where there is none.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST:
        return
    if text[0] in "[{":
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            yield from _leaves("", document)
            return
    if _SIGN.search(text) and (_SEPARATED.fullmatch(text) or _NUMBERS.fullmatch(text)):
        yield from (("", each) for each in _SPLIT.split(text) if each)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """The single values of a document that are short enough for a key, each with the field that it stands under."""
    waiting = [(name, value)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(key), inner) for key, inner in value.items()]
            # what stands where fields have names may be a key as well: {"7": true}
            yield from ((name, str(key)) for key in value if str(key).isdecimal())
        elif isinstance(value, list):
            waiting += [(name, inner) for inner in reversed(value)]
        elif isinstance(value, str | int | float) and not isinstance(value, bool) and len(text := str(value)) <= _LONGEST_VALUE:
            yield name, text.removesuffix(".0") if isinstance(value, float) else text.strip()
