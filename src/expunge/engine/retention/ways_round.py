"""Find the ways round the review desk: who could read the recordings of each store without asking it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.families.timeline import SHOWN
from expunge.core.review.reach import Reach, Reached
from expunge.core.values.copy import Finding, FindingKind
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.ports.optional.sealed_items import SealedItems
from expunge.ports.review.ways_in import Way, WayIn, WaysIn

SHOWN_AT_DESK = (*SHOWN, DataKind.TRANSCRIPT)
"""The kinds of data that the desk shows."""


def reaches(places: OpenPlaces) -> Iterator[Reach]:
    """Yield the ways to what the desk shows, store by store. A store that cannot be asked is said, and hides no other."""
    for store, datasets in _held(places.data_map).items():
        try:
            opened = places.open_store(store)
            if not isinstance(opened, WaysIn):
                yield Reach(
                    store, datasets, Reached.UNSEEN, "", "who else reads it: this kind of store cannot tell", store,
                    "look at the rights of its files or accounts; a vault, a folder, a bucket or PostgreSQL can tell",
                )  # fmt: skip
                continue
            reached = Reached.CIPHERTEXT if isinstance(opened, SealedItems) else Reached.RECORDINGS
            for way in opened.ways_in(datasets):
                yield of(way, store, datasets, reached)
        except store_calls.TROUBLE as error:
            why = store_calls.as_unable(error)
            mend = "make the store reachable and check again"
            yield Reach(store, datasets, Reached.UNSEEN, "", f"who else reads it: {why.detail or why.reason.value}", store, mend)


def _held(data_map: DataMap) -> dict[str, tuple[str, ...]]:
    """Return store -> the datasets in it that the desk shows, or whose words it shows."""
    found: dict[str, tuple[str, ...]] = {}
    for name, dataset in data_map.datasets.items():
        if kind_held(data_map, name) in SHOWN_AT_DESK:
            found[dataset.store] = (*found.get(dataset.store, ()), name)
    return found


def of(way: Way, store: str, datasets: Collection[str], reached: Reached) -> Reach:
    """Return a way of a store, as the desk tells it."""
    if isinstance(way, WayIn):
        return Reach(store, tuple(datasets), reached, way.who, way.how, way.where, way.mend, own=way.own, accounts=way.accounts)
    return Reach(store, tuple(datasets), Reached.UNSEEN, "", way.what, way.where, way.mend)


def none(places: OpenPlaces) -> tuple[bool, str]:
    """Return whether no way leads round the desk to recordings in the clear, and what was seen. What could not be seen is no proof."""
    found = list(reaches(places))
    sealed = {each.store for each in found if each.reached is Reached.CIPHERTEXT}
    around = [each for each in found if each.around]
    unseen = [each for each in found if each.reached is Reached.UNSEEN and each.store not in sealed]
    said = [f"{each.store}: {each.who} could read recordings: {each.how}" for each in around]
    said += [f"{each.store}: could not look: {each.how}" for each in unseen]
    return not said, "; ".join(dict.fromkeys(said)) or "no store of recordings has a way round the review desk"


def findings(found: Sequence[Reach]) -> Iterator[Finding]:
    """Yield what ``check`` says of some ways: a fault for each that leads round the desk, a note for what is so by construction."""
    for each in found:
        what = ", ".join(each.datasets)
        if each.around:
            thing = f"read the recordings of {what}" if each.reached is Reached.RECORDINGS else "read keys of the vault"
            yield Finding(
                FindingKind.WAY_ROUND, each.store, each.where, f"{each.who} could {thing} past the review desk: {each.how}", each.mend
            )
        elif each.reached is Reached.UNSEEN:
            yield Finding(FindingKind.NOTE, each.store, each.where, f"could not look at ways round the review desk: {each.how}", each.mend)
        elif each.reached is Reached.CIPHERTEXT:
            if not each.own:
                told = f"{each.who} reach ciphertext of {what} only: {each.how}"
                yield Finding(FindingKind.NOTE, each.store, each.where, told, "nothing; without the keys no recording is seen")
        else:
            thing = f"the recordings of {what}" if each.reached is Reached.RECORDINGS else "the keys of the vault"
            yield Finding(FindingKind.NOTE, each.store, each.where, f"{each.who} reads {thing} by construction: {each.how}", each.mend)
