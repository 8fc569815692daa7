"""Names of records and subjects, as the caller gives them with rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from expunge.learn.records.record_hashes import tags
from expunge.learn.records.refusals import BadInput
from expunge.learn.records.subject_names import NOBODY, is_name, subject_name

Tags = tuple[bytes, ...]
"""Of the subjects of one record, ascending."""


def owners(key: bytes, subjects: Sequence[Any], n: int) -> tuple[np.ndarray, list[Tags]]:
    """For each of ``n`` rows the number of its subjects, and the tags of each.

    Raises:
        BadInput: there are more or fewer than ``n``, a row has none, or one is neither text nor a whole number.
    """
    if isinstance(subjects, str | bytes):
        raise BadInput("subjects: one for each row, not one text for all")
    given = subjects.tolist() if isinstance(subjects, np.ndarray) else list(subjects)
    if len(given) != n:
        message = f"{n} rows and {len(given)} subjects: there must be one for each row, or several in a tuple"
        raise BadInput(message)
    kinds = set(map(type, given))
    if kinds <= {str} or kinds <= {int}:
        # By far the most rows are of one person. Of one type only: 1 and True are one key of a dictionary, and two names.
        known = {each: number for number, each in enumerate(dict.fromkeys(given))}
        if "" in known:
            raise BadInput(NOBODY)
        return np.fromiter(map(known.__getitem__, given), np.int64, n), [(tag,) for tag in tags(key, map(subject_name, known))]
    numbers: dict[tuple[str, ...], int] = {}
    owner = np.empty(n, np.int64)
    for row, each in enumerate(given):
        many = each if isinstance(each, list | tuple | set | frozenset) else (each,)
        if not many or not all(map(is_name, many)):
            raise BadInput(NOBODY)
        owner[row] = numbers.setdefault(tuple(sorted({subject_name(one) for one in many})), len(numbers))
    return owner, [tuple(sorted(tags(key, each))) for each in numbers]


def ids_of(ids: Sequence[Any], n: int) -> tuple[list[str], np.ndarray]:
    """Ids of ``n`` records as text, and 1 for each that came as a whole number, (n,) uint8. Raises BadInput."""
    given = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
    if len(given) != n:
        message = f"{n} rows and {len(given)} records: there must be one id for each row"
        raise BadInput(message)
    kinds = set(map(type, given))
    if kinds <= {str} and "" not in given:
        return given, np.zeros(n, np.uint8)
    if kinds <= {int}:
        return list(map(str, given)), np.ones(n, np.uint8)
    if not all(map(is_name, given)):
        raise BadInput("a row has no record id")
    numbers = [isinstance(each, int | np.integer) and not isinstance(each, bool) for each in given]
    # Why text as it is: it goes back to whoever has the rows.
    return [str(each) if isinstance(each, str) else subject_name(each) for each in given], np.array(numbers, np.uint8).reshape(n)
