"""Tell what the schema of a store does not let be done, before something else is erased: refuse to plan it, or name what stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Reason, Unable
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import mentions
from expunge.engine.subjects.locating import LocatedCopies
from expunge.errors import Misconfigured
from expunge.ports.optional.schema_listing import SchemaListing


def require_fit(context: Context) -> None:
    """Raise Misconfigured for a path to people that names a field which does not exist, and for a rule that cannot be carried out.

    A store that cannot be asked now says so in its own step.
    """
    for dataset in context.data_map.datasets.values():
        try:
            store = context.open_store(dataset.store)
            lacking = store_calls.lacking_fields(store, dataset) if isinstance(store, SchemaListing) else ()
        except store_calls.TROUBLE:
            continue
        if lacking:
            message = f"dataset {dataset.name}: {', '.join(lacking)} is no column of {dataset.table}, and people are found by it"
            raise Misconfigured(
                message, help="correct `subject:`, `via:` or `key:` of the map; `expunge check` lists all that does not fit"
            )
    for rule in mentions.unfit(context):
        raise Misconfigured(rule.what, help=f"{rule.correction}; `expunge check` lists all that does not fit")


def bound(context: Context, datasets: Sequence[Dataset], going: Mapping[str, Sequence[Copy]]) -> dict[tuple[str, Pseudonym], Unable]:
    """Return (dataset, subject) -> why copies cannot go: rows that stay refer to them, or to what refers to them.

    Args:
        context: the composition.
        datasets: the datasets from which something is to go.
        going: dataset -> everything that is to go from it in one order.
    """
    found: dict[tuple[str, Pseudonym], Unable] = {}
    for dataset in datasets:
        found |= {(dataset.name, subject): why for subject, why in _bound_in(context, dataset, going).items()}
    stores = {dataset.store for dataset in datasets if found}
    refers = {pair for name in stores for pair in store_calls.capabilities(context.open_store(name)).refers}
    waiting = list(found)
    while waiting:
        child, subject = waiting.pop()
        for parent in (other for name, other in refers if name == child):
            if (parent, subject) not in found and any(copy.subject == subject for copy in going.get(parent, ())):
                found[parent, subject] = Unable(Reason.REFERENCED, f"waits for {child}, whose rows refer to it")
                waiting.append((parent, subject))
    return found


def _bound_in(context: Context, dataset: Dataset, going: Mapping[str, Sequence[Copy]]) -> Mapping[Pseudonym, Unable]:
    copies = going.get(dataset.name, ())
    try:
        store = context.open_store(dataset.store)
        return store_calls.binding_references(store, dataset, copies, going) if copies and isinstance(store, SchemaListing) else {}
    except store_calls.TROUBLE as error:
        return {copy.subject: store_calls.as_unable(error) for copy in copies}


def require_covered(context: Context, located: LocatedCopies) -> None:
    """Raise Misconfigured where rows of an undeclared table refer to what is to go: they would stop it, or go along unseen."""
    for name, copies in located.copies.items():
        dataset = context.data_map.datasets[name]
        try:
            store = context.open_store(dataset.store)
            tables = store_calls.uncovered_references(store, dataset, copies) if copies and isinstance(store, SchemaListing) else ()
        except store_calls.TROUBLE:
            continue
        if tables:
            message = f"rows of {', '.join(tables)} refer to what should go from {name}, and no dataset declares that table"
            raise Misconfigured(
                message,
                help="declare it as a dataset of the same people, with the line that `expunge check` gives: their rows in it go first",
            )
