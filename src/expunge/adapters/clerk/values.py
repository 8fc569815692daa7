"""Values of the clerk's ports as JSON, and back: frozen dataclasses, enums, moments and tuples of them, driven by their type hints.

Nothing of it is stored, so the values have no tags, which those of the journal have (:mod:`expunge.core.values.codec`). Both ends are of
one version, or an answer does not fit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from expunge.core.values.canonical import Json
from expunge.errors import Misconfigured


def written(kind: Any, value: object) -> Json:
    """Return a value of a kind as JSON."""
    found: Json = _adapter(kind).dump_python(value, mode="json")
    return found


def read(kind: Any, told: Json) -> Any:
    """Return the value of an answer. Raises Misconfigured for one that does not fit: the clerk is of another version."""
    try:
        return _adapter(kind).validate_python(told)
    except ValidationError:
        # Why not the library's words: they hold the value.
        raise Misconfigured("an answer of the clerk does not fit", help="run the clerk and the server by one version of Expunge") from None


@lru_cache(maxsize=64)
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
