"""Compare recipients that were seen to get data with those of the map."""

from __future__ import annotations

from collections.abc import Iterator

from expunge.core.retention.public_recipients import public_recipients
from expunge.core.values.copy import Finding, FindingKind
from expunge.engine.kernel.context import Context
from expunge.engine.recipients import instruction_ledger

RECIPIENTS = "recipients"
"""Stands in findings where a store's name would."""


def unknown(context: Context) -> tuple[str, ...]:
    """Return the recipients that were seen to get data and that the map does not name, sorted."""
    named = {each.name for each in public_recipients(context.data_map)}
    return tuple(sorted(instruction_ledger.ledger(context).seen.keys() - named))


def beyond(context: Context) -> dict[str, tuple[str, ...]]:
    """Return what recipients of the map were seen to get and the map does not say: recipient -> datasets, sorted."""
    seen = instruction_ledger.ledger(context).seen
    more = {each.name: tuple(sorted(seen.get(each.name, frozenset()) - set(each.datasets))) for each in public_recipients(context.data_map)}
    return {name: datasets for name, datasets in more.items() if datasets}


def findings(context: Context) -> Iterator[Finding]:
    """Yield each recipient of which the map says nothing, or too little, with the lines to write."""
    seen = instruction_ledger.ledger(context).seen
    for name in unknown(context):
        gets = ", ".join(sorted(seen[name]))
        what = f"{name} was seen to get {gets}, and the map does not name it: the public is not told, and no order reaches it"
        yield Finding(FindingKind.UNDECLARED, RECIPIENTS, name, what, f"recipients: {{{name}: {{gets: [{gets}]}}}}")
    for name, datasets in beyond(context).items():
        what = f"{name} was seen to get {', '.join(datasets)}, which the map does not say"
        yield Finding(FindingKind.UNDECLARED, RECIPIENTS, name, what, f"`gets:` of {name} with {', '.join(datasets)}")
