"""The places of residue, kept for the operator under the order's key. File names can be identifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from expunge.core.values import canonical
from expunge.core.values.ids import OrderId
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.shelf_words import shelf_word
from expunge.ports.scanner import Residue


@dataclass(frozen=True)
class ResiduePlace:
    """One place, for the operator's terminal."""

    store: str
    path: str = field(repr=False)
    offset: int
    hidden: str
    dataset: str
    part: str


def keep(context: Context, order: OrderId, store: str, places: Sequence[Residue]) -> None:
    """Keep the places found in one store, in place of those of an earlier look."""
    name = f"residue-{shelf_word(store)}.sealed"
    if not places:
        context.shelf.remove(order, name)
        return
    body: list[canonical.Json] = [
        [str(place.path).encode("utf-8", "backslashreplace").decode(), place.offset, place.hidden, place.trace.dataset, place.trace.part]
        for place in places
    ]
    context.shelf.put(order, name, context.keys.seal(order, name, canonical.encode(body)))


def places(context: Context, order: OrderId) -> tuple[ResiduePlace, ...]:
    """Return the places that the last round found; empty after the order's key died."""
    result: list[ResiduePlace] = []
    named = {shelf_word(store): store for store in context.data_map.stores}
    for name in context.shelf.names(order):
        data = context.shelf.get(order, name) if name.startswith("residue-") else None
        if data is None:
            continue
        body = canonical.decode(context.keys.open(order, name, data))
        assert isinstance(body, list)
        word = name.removeprefix("residue-").removesuffix(".sealed")
        store = named.get(word, word)
        result += [
            ResiduePlace(store, str(path), int(offset), str(hidden), str(dataset), str(part))
            for path, offset, hidden, dataset, part in body
        ]
    return tuple(result)
