"""Look at files of a store that no dataset declares, and at files that lie beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from expunge.core.discovery.discovery import FoundPlace, IgnoredPlace, Sighting, UnseenPlace
from expunge.engine.discovery import files, table_places
from expunge.engine.discovery.files import FileGroup, FileSigns
from expunge.engine.discovery.look import Look
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.errors import Misconfigured
from expunge.ports.optional.file_listing import FileListing, NameFile
from expunge.ports.optional.surroundings import NearFile, NearFiles, NearTables

_FEW = 3
"""Databases of one folder whose names are told where they are no everyday words; more may be called after people."""
_SHARED = "# Other stores lie in this folder, or Expunge's state: move the files to one of their own, and correct url and paths."
_OF_SQLITE = ("-wal", "-shm", "-journal")


def look(run: Look, context: OpenPlaces, store: str, near: NearFiles) -> None:
    """Look at some files, and add what was found."""
    if near.place and near.url.startswith("s3://") and not run.is_new(near.url):
        return
    passes = _others_of(run, context, store, near)
    try:
        signs = files.look(near.files(), run.known, run.readers, passes, lambda name: _reason(run, store, near, name))
    except (*store_calls.TROUBLE, Misconfigured) as error:
        run.could_not(store, near.place or store, error)
        return
    _tell(run, store, near, signs)
    where = near.place or store
    run.unseen += [UnseenPlace(store, where, f"{each.place}: {each.why}") for each in signs.unseen]
    for each, count in signs.aside.items():
        run.ignored.append(IgnoredPlace(store, f"{where}: {each.place}{f' ({count:,} times)' if count > 1 else ''}", each.why))
    if signs.evidence:
        counts = ", ".join(f"{count:,} of {'an' if kind[0] in 'aeiou' else 'a'} {kind}" for kind, count in sorted(signs.evidence.items()))
        run.ignored.append(IgnoredPlace(store, f"{where}: files {counts}", "evidence that this installation issued, byte for byte"))
    if signs.cut:
        why = f"there are more than {files.MOST_FILES:,} files that no dataset declares; the rest was not listed"
        run.unseen.append(UnseenPlace(store, where, why))
    if signs.sampled:
        of = f"{files.MOST_READ} of each shape were read, and {files.MOST_FETCHED} objects of a bucket"
        run.bounds[f"of files that no dataset declares, {of}"] = None
    _databases(run, store, near, signs)


def _why(told: tuple[Sighting, ...]) -> str:
    return "; ".join(each.what for each in told)


def _reason(run: Look, store: str, near: NearFiles, name: str) -> str:
    """The reason why the map ignores a file of a store, or says that nobody can read it; empty for other files, and beside the store."""
    part = None if near.place else run.part_of(store, name, f"artifacts/{name}")
    return part.reason if part is not None else ""


def _tell(run: Look, store: str, near: NearFiles, signs: FileSigns) -> None:
    found: list[tuple[FileGroup, tuple[Sighting, ...]]] = []
    for group in signs.groups.values():
        if told := tuple(group.sightings(run.known)):
            found.append((group, told))
        for why, count in group.unseen.items() if not group.reason else ():
            where = f"{near.place}: {group.shape}" if near.place else group.shape
            run.unseen.append(UnseenPlace(store, where, f"{count:,} {'file' if count == 1 else 'files'}: {why}"))
    if near.place:
        for top in dict.fromkeys(group.top for group, _ in found):
            _found_beside(run, store, near, top, [each for each in found if each[0].top == top])
        return
    for group, told in found:
        place = run.entry_place(store, root=near.root)
        entry = run.readers.entries.of_files(place, [(group.names, _why(told))], run.known.identities, {})
        for name in group.names if group.reason else ():
            run.reason_held(store, name, f"artifacts/{name}")
        run.found.append(FoundPlace(store, group.shape, told, entry, group.reason))


def _found_beside(run: Look, store: str, near: NearFiles, top: str, found: list[tuple[FileGroup, tuple[Sighting, ...]]]) -> None:
    """The files that were found in one folder beside a store, or under one prefix, are one place, and would be one store."""
    name = re.sub(r"\W+", "_", top or near.root.name or near.url.rpartition("/")[2]).strip("_")
    usable = name if name[:1].isalpha() and not run.known.sketch.kinds_in(name) else f"beside_{store}"
    root, url = (near.root / top, f"{near.url}/{top}") if top else (near.root, near.url)
    place = run.entry_place(store, new=usable, kind=near.kind, url=url, root=root)
    begin = len(f"{top}/") if top else 0
    groups = [([each[begin:] for each in group.names], f"{group.shape[begin:]}: {_why(told)}") for group, told in found]
    entry = run.readers.entries.of_files(place, groups, run.known.identities, _declared_in(run, root))
    told = tuple(Sighting(each.sign, f"{group.shape[begin:]}: {each.what}") for group, sightings in found for each in sightings)
    if any(_holds(run, root)):
        entry = f"{_SHARED}\n{entry}"
    run.found.append(FoundPlace(store, f"{near.place}/{top}" if top else near.place, told, entry))


def _holds(run: Look, root: Path) -> Iterator[bool]:
    """Whether a store may not be declared at a folder, for what lies in it."""
    yield any(own.is_relative_to(root) and own.is_dir() for own in run.readers.own)
    for name, spec in run.data_map.stores.items():
        yield spec.kind != "sqlite" and any(place.is_relative_to(root) for place in run.readers.places(name))


def _declared_in(run: Look, root: Path) -> Mapping[str, str]:
    """Patterns of what is declared already, or is Expunge's own, in a folder that becomes a store: pattern -> reason."""
    found = {}
    for name in run.data_map.stores:
        for place in run.readers.places(name):
            if place != root and place.is_relative_to(root):
                found[f"{place.relative_to(root).as_posix()}*"] = f"declared as the store {name}"
    for place in run.readers.own:
        if place.is_relative_to(root):
            found[f"{place.relative_to(root).as_posix()}{'/*' if place.is_dir() else ''}"] = "of Expunge itself"
    return found


def _databases(run: Look, store: str, near: NearFiles, signs: FileSigns) -> None:
    shapes = Counter(run.readers.entries.shape(each.name) for each in signs.databases)
    for each in signs.databases:
        shape = run.readers.entries.shape(each.name)
        if each.path is None:
            run.unseen.append(UnseenPlace(store, shape, "a SQLite database in a bucket, which a look does not open"))
            continue
        telling = not run.known.sketch.kinds_in(each.name) and ("*" not in shape or shapes[shape] <= _FEW)
        shown = f"the database {each.name if telling else shape}"
        table = NearTables("sqlite", each.path, shown, str(each.path) if telling else "")
        table_places.look_at_file(run, store, table, "" if near.place else each.name)


def _others_of(run: Look, context: OpenPlaces, store: str, near: NearFiles) -> Callable[[NearFile], bool]:
    """Return what tells files that belong to another store, to Expunge itself, or that were looked at already."""
    spec = run.data_map.stores[store]
    below, names = _local_others(run, context, store, near)
    urls = [f"{each.url.rstrip('/')}/" for name, each in run.data_map.stores.items() if name != store and each.url.startswith("s3://")]
    base = near.url or spec.url

    def passes(file: NearFile) -> bool:
        if file.path is None:
            return any(f"{base.rstrip('/')}/{file.name}".startswith(each) for each in urls if each != f"{base.rstrip('/')}/")
        path = file.path.parent.resolve() / file.path.name
        if path in run.seen or any(path.is_relative_to(each) for each in (*run.readers.own, *below)):
            return True
        if any(path.name.endswith(end) and path.with_name(path.name.removesuffix(end)).exists() for end in _OF_SQLITE):
            # It belongs to a database, which is read with it.
            return True
        if any((told := name(path)) is not None and told.own for name in names):
            return True
        run.seen.add(path)
        return False

    return passes


def _local_others(run: Look, context: OpenPlaces, store: str, near: NearFiles) -> tuple[list[Path], list[NameFile]]:
    """The places of other stores below a folder; of those with the same folder, what tells their files."""
    root, below, names = near.root.resolve(), list[Path](), list[NameFile]()
    for name in run.data_map.stores:
        for place in run.readers.places(name) if name != store else ():
            there = place.resolve()
            if there == root and not near.place:
                try:
                    opened = context.open_store(name)
                    names += [opened.files()] if isinstance(opened, FileListing) else []
                except store_calls.TROUBLE:
                    # Why none the less: that it cannot be opened is told where it is looked at itself.
                    continue
            elif near.place or there.is_relative_to(root):
                below.append(there)
    return below, names
