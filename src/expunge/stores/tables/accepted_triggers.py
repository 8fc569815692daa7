"""The option by which a map accepts that triggers of a database change rows of other people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from expunge.core.datamap.datamap import StoreSpec
from expunge.ports.store_kind import ReasonsOption

OPTION = "triggers"
TRIGGERS = ReasonsOption(
    "triggers that may change or delete rows of other people when a person's rows are deleted or changed, each with the reason",
    "triggers: {count_answers: keeps a counter and no content}",
)


def accepted(spec: StoreSpec) -> frozenset[str]:
    """Return the names of the triggers that a store's declaration accepts."""
    named = spec.options.get(OPTION)
    return frozenset(named) if isinstance(named, Mapping) else frozenset()


def copied_by(found: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the word for (trigger, table) pairs: triggers that may copy values of rows that go to another table; none without any."""
    if not found:
        return ()
    names = ", ".join(f"{trigger}: {table}" for trigger, table in found)
    mend = "`triggers:` of the store accepts that, or a dataset with people declares that table"
    return (f"rows that triggers write elsewhere ({names}), until {mend}",)
