"""The one way in which every learner reads the name of a person: text in its composed form, or a whole number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal
from unicodedata import normalize
from uuid import UUID

import numpy as np

from expunge.learn.records.refusals import BadInput, UnknownSubjects

Subject = str | int | UUID
Subjects = Subject | Iterable[Subject]
Missing = Literal["raise", "ignore"]
"""What becomes of subjects that nothing is known of: an error before anything is changed, or nothing."""
NOBODY = "a row has no subject: nobody could ever ask for it to be forgotten"
_MEND = "ids are text or whole numbers"
_NAMELESS = "a subject has no name"


def subject_name(given: Any) -> str:
    """Return the name under which a subject is known: 17 and ``"17"`` are one, and so are both Unicode forms of a letter with an accent.

    Raises:
        BadInput: bytes, floats, truth values and other types, each of which could be read as one name or another.
    """
    if isinstance(given, str):
        return given if given.isascii() else normalize("NFC", given)
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        return str(int(given))
    if isinstance(given, UUID):
        return str(given)
    if isinstance(given, bytes | bytearray | memoryview | np.void):
        message = f"an id came as bytes: decode it, {_MEND}"
    elif isinstance(given, float | np.floating):
        message = f"an id came as a float (a table makes floats of whole numbers beside an empty cell): {_MEND}"
    else:
        message = f"an id came as {type(given).__name__}: {_MEND}"
    raise BadInput(message)


def subject_names(given: Any) -> list[str]:
    """Return the names of one subject or several, each once, in their order. Raises BadInput, also for an empty name."""
    # Why bytes here: they are a sequence of whole numbers, which could all be names.
    one = isinstance(given, str | bytes | bytearray | memoryview) or not isinstance(given, Iterable)
    each = [given] if one else given.tolist() if isinstance(given, np.ndarray) else list(given)
    each = each if isinstance(each, list) else [each]
    if not all(map(is_name, each)):
        raise BadInput(_NAMELESS)
    return list(dict.fromkeys(map(subject_name, each)))


def older_names(name: str) -> tuple[str, ...]:
    """Return the forms under which files of earlier versions may hold a name, this one included."""
    return (name,) if name.isascii() else tuple(dict.fromkeys((name, normalize("NFD", name))))


def require_known(unknown: Sequence[str], asked: int, missing: Missing) -> None:
    """Raise UnknownSubjects where somebody is unknown, unless that is to be ignored; BadInput for another word."""
    if missing not in ("raise", "ignore"):
        raise BadInput("missing is 'raise' or 'ignore'")
    if unknown and missing == "raise":
        message = f"{len(unknown)} of {asked} subjects are not in this model; nothing was changed. missing='ignore' passes over them"
        raise UnknownSubjects(message)


def is_name(name: Any) -> bool:
    """Return whether there is a name: not None, not the NaN of a table's empty cell, not an empty text."""
    return name is not None and name == name and name != ""
