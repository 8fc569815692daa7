"""Refuse to plan what the schema of a store does not let be done: it would fail after something else was erased."""

from __future__ import annotations

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
            raise Misconfigured(message, help="declare it as a dataset of the same people, so that their rows in it are erased first")
