"""The table: every company as a combination of a place, a quote, a reference, a rule and a spelling, and what its order has to end with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from expunge.core.values.order import OrderState
from tests.attacks.companies import file_places, lake_places, lance_places, postgres_places, sqlite_places
from tests.attacks.companies.references import REFERENCES
from tests.attacks.companies.spellings import SPELLINGS
from tests.attacks.companies.world import Company, Leaves

PLACES = (*sqlite_places.PLACES, *postgres_places.PLACES, *file_places.PLACES, *lake_places.PLACES, *lance_places.PLACES)
STORES = ("sqlite", "postgres", "files", "parquet")
ONE_COLUMN, AS_IT_IS = REFERENCES[0], SPELLINGS[0]
OTHER = next(reference for reference in REFERENCES if reference.name == "recipient in another spelling")
SPELT = "undeclared table with another spelling"


@dataclass(frozen=True)
class Expected:
    """What an order has to end with."""

    state: OrderState | None
    """None where either is right, as long as it fits what is there."""
    reason: str = ""
    """A part of a reason of an order in part."""


def expected(company: Company) -> Expected:
    """Derive what the order of a company has to end with."""
    reference, place = company.reference, company.place
    if place is not None and place.leaves is Leaves.EITHER:
        return Expected(None)
    if place is not None and place.leaves is Leaves.STAYS:
        return Expected(OrderState.IN_PART)
    if reference.mention and company.rule is None and not reference.free:
        if reference.refers:
            return Expected(OrderState.IN_PART, "referenced by other data")
        if reference is OTHER and company.spelling is not AS_IT_IS:
            # A spelling that nothing else has is seen by the scan alone, which knows no columns.
            return Expected(OrderState.IN_PART)
        if company.store == "files":
            return Expected(OrderState.IN_PART, "residue")
        return Expected(OrderState.IN_PART, f"mentions: {{{reference.mention.partition('.')[2]}: ")
    return Expected(OrderState.FULFILLED)


def _companies() -> Iterator[Company]:
    for place in PLACES:
        for quoted in (False, True):
            yield Company(place.store, place, quoted, ONE_COLUMN, None, AS_IT_IS)
    for reference in REFERENCES:
        for store in reference.stores:
            for rule in reference.rules(store):
                yield Company(store, None, False, reference, rule, AS_IT_IS)
            yield Company(store, None, True, reference, reference.rules(store)[-1], AS_IT_IS)
    for spelling in SPELLINGS[1:]:
        for store in spelling.stores:
            yield Company(store, None, False, ONE_COLUMN, None, spelling)
            if spelling.other("cus-ABCDEFGHJK") not in spelling.all("cus-ABCDEFGHJK") and store in OTHER.stores:
                yield from (Company(store, None, False, OTHER, rule, spelling) for rule in OTHER.rules(store))
                yield from (
                    Company(store, place, False, ONE_COLUMN, None, spelling)
                    for place in PLACES
                    if place.name == SPELT and place.store == store
                )


COMPANIES = tuple(_companies())
