"""What a store whose bytes are out of reach holds and does not show: said on the receipt, with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from expunge.core.datamap.person import Person
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context

_UNSAID = "something whose name is not told here, as an identifier stands in it; `expunge check` names it"


def sentences(context: Context, store: str, people: Sequence[Person]) -> tuple[str, ...]:
    """Return a sentence for each thing that cannot be read and that the map does not ignore; no identifier of the people stands in one.

    Raises StoreUnavailable, CouldNotLook.
    """
    ignored = [each for each in context.data_map.ignore if each.store == store]
    found = store_calls.unreadable(context.open_store(store), ignored)
    said = dict.fromkeys(f"{each.what} ({each.mend})" for each in found)
    values = {value.casefold() for person in people for _, value in person.in_every_form().identifiers()}
    return tuple(dict.fromkeys(_UNSAID if any(value in each.casefold() for value in values) else each for each in said))
