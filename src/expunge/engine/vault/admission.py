"""Decide whether a recording may come in: the fence, the schedule of its kind, and consent to store it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from expunge.core.datamap.datamap import ByField, Dataset, Through
from expunge.core.retention.collection_permission import may_collect
from expunge.engine.gate import fencing
from expunge.engine.kernel.context import Context
from expunge.errors import Refused, UsageError
from expunge.ports.vault.sealed_library import Subject

STORE = "store"
"""The purpose of keeping recordings. Where the map has it, each person in a recording has to permit it."""
WhyNot = Callable[[Subject, str], str]
"""(person, purpose) -> why the gate refuses; empty where it does not refuse."""


def admit(context: Context, dataset: Dataset, subjects: Sequence[Subject], why_not: WhyNot) -> None:
    """Let a recording of some people come in, or what was made from one.

    Raises:
        UsageError: no person is named, or an identifier of a kind that the dataset does not know.
        Refused: one of them is suppressed or does not permit it, or this kind of data may not be collected.
    """
    kinds = dataset.subject.fields if isinstance(dataset.subject, ByField) else {}
    known = isinstance(dataset.subject, Through) or all(kind in kinds for kind, _ in subjects)
    if not subjects or not known or not all(value for _, value in subjects):
        message = f"a recording of {dataset.name} says whose it is: {', '.join(kinds) or 'its dataset knows no kind of person'}"
        raise UsageError(message, help="name them with --field or --subject, as KIND:IDENTIFIER")
    schedule = may_collect(context.data_map, dataset.name)
    if not schedule:
        message = f"{dataset.name} may not be collected: {schedule.reason}"
        raise Refused(message, help="`expunge map may-collect` says what is missing")
    fence = fencing.fenced(context)
    if any(True for kind, value in subjects for _ in fence.among(kind, [value])):
        raise Refused("a person in it is suppressed: an order erases that person, and no new data comes in", help=_ORDERS)
    if STORE not in context.data_map.purposes:
        return
    for reason in filter(None, (why_not(each, STORE) for each in subjects)):
        message = f"a person in it does not permit it: {reason}"
        raise Refused(message, help="`expunge consent give` enters a consent; `expunge gate publish` renews the gate")


_ORDERS = "`expunge status` shows the orders; one that was cancelled lets them come in again"
