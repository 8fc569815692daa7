"""The people whom items name, read from the items themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces


def named_in(context: OpenPlaces, dataset: Dataset, copy: Copy) -> dict[str, frozenset[str]]:
    """Return the values of the subject fields in a copy's rows, of a store that does not tell by itself who else is in them."""
    found: dict[str, set[str]] = {}
    for item in store_calls.export(context.open_store(dataset.store), dataset, copy):
        if item.media_type != "application/jsonl":
            continue
        for line in b"".join(item.chunks).splitlines():
            record = json.loads(line)
            for name in dataset.subject_fields:
                found.setdefault(name, set()).update(_values(record, name))
    return {name: frozenset(values) for name, values in found.items()}


def _values(record: object, name: str) -> Iterator[str]:
    """The texts of a field of an exported record: dots lead into objects, lists give every element."""
    if isinstance(record, list):
        for element in record:
            yield from _values(element, name)
    elif isinstance(record, dict) and name:
        head, _, rest = name.partition(".")
        yield from _values(record[name], "") if name in record else _values(record.get(head), rest)
    elif record is not None and not name and not isinstance(record, dict):
        yield str(record)
