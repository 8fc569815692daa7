"""Look at every store and beside it for places that hold people and that no dataset declares.

What was found is told by counts and by names of schemas, with lines for the map. A place that cannot be looked at is told as well. Nothing
of what is read is kept: identities are compared as keyed sketches (:mod:`expunge.core.discovery.people_sketch`).
"""

from __future__ import annotations

from expunge.core.discovery.discovery import Discovery, FoundPlace, IgnoredPlace, PlacesSearched, Sighting, Sign, UnseenPlace
from expunge.engine.discovery import columns, file_places, known_people, table_places
from expunge.engine.discovery.look import Look
from expunge.engine.discovery.readers import DiscoveryReaders
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context, OpenPlaces
from expunge.engine.kernel.journal_streams import SEARCHES, register
from expunge.errors import Misconfigured
from expunge.ports.optional.surroundings import Near, NearAside, NearEntry, NearFiles, NearTables, NearUnseen, Surroundings


def discover(context: OpenPlaces, readers: DiscoveryReaders) -> Discovery:
    """Look at every store of the map and beside it; a store that cannot be looked at is told and hides no other."""
    known = known_people.take(context, readers)
    run = Look(context.data_map, readers, known)
    run.unseen += known.unseen
    run.bounds.update(dict.fromkeys(known.bounds))
    run.bounds[f"of a column, {columns.MOST_VALUES:,} different values were compared at most"] = None
    for name, spec in context.data_map.stores.items():
        try:
            store = context.open_store(name)
            if not isinstance(store, Surroundings):
                run.unseen.append(UnseenPlace(name, name, f"a store of kind {spec.kind} cannot look beside itself"))
                continue
            for near in store.surroundings():
                _look(run, context, name, near)
        except (*store_calls.TROUBLE, Misconfigured) as error:
            run.could_not(name, name, error)
    for unseen in list(run.unseen):
        if reason := run.not_ours(unseen.store, unseen.place):
            run.unseen.remove(unseen)
            run.ignored.append(IgnoredPlace(unseen.store, unseen.place, f"not ours: {reason}; {unseen.why}"))
    for part in context.data_map.ignore:
        if (part.store, part.pattern) not in run.held:
            run.ignored.append(IgnoredPlace(part.store, run.told(part.pattern, "a place"), part.reason))
    return Discovery(tuple(run.found), tuple(run.unseen), tuple(run.ignored), len(known.sketch), tuple(run.bounds))


def remember(context: Context, found: Discovery) -> PlacesSearched:
    """Enter a search into its register."""
    searched = PlacesSearched(context.clock.now(), context.map_digest, len(found.found), len(found.unseen))
    register(context.journal, SEARCHES, searched)
    return searched


def _look(run: Look, context: OpenPlaces, store: str, near: Near) -> None:
    match near:
        case NearTables():
            table_places.look(run, store, near)
        case NearFiles():
            file_places.look(run, context, store, near)
        case NearEntry():
            _look_at_entry(run, store, near)
        case NearUnseen():
            run.unseen.append(UnseenPlace(store, run.told(near.place, "a database"), near.why))
        case NearAside():
            run.ignored.append(IgnoredPlace(store, near.place, near.why))


def _look_at_entry(run: Look, store: str, near: NearEntry) -> None:
    kind, name = near.layout
    place = run.told(f"{kind} {name}", near.place)
    try:
        told = list(columns.sightings(near.values(), run.known))
    except store_calls.TROUBLE as error:
        run.could_not(store, place, error)
        return
    datasets = [each for each in near.learnt if each in run.data_map.datasets]
    if datasets:
        told.append(Sighting(Sign.LEARNT, f"it learnt from {', '.join(datasets)}"))
    if not told:
        return
    why = "; ".join(each.what for each in told)
    entry = run.readers.entries.of_entry(run.entry_place(store), near.layout, datasets, why) if place != near.place else ""
    run.found.append(FoundPlace(store, place, tuple(told), entry, run.reason_held(store, f"{kind}s/{name}")))
