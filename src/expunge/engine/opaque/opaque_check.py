"""Find what no order could be sure of: files in ignored and undeclared places that nobody can read, with the lines that declare them."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from expunge.core.evidence.unread_places import PlaceKind
from expunge.core.values.copy import Finding, FindingKind, RawSource
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.opaque import unread_places
from expunge.engine.opaque.unread_places import Account
from expunge.ports.optional.remote_content import Remote, RemoteObject
from expunge.ports.scanner import UnreadFile

_FOLDERS = 3
"""Folders with the same kind of file that are named one by one; of more, the folder above them is."""


_NAMED = 20
"""Files of a folder without an ending that are named one by one; of more, the folder is. Never a whole store."""

_REASON = '"WHY IT HOLDS NOTHING OF PEOPLE WHO GO"'


@dataclass(frozen=True)
class _Group:
    """Files of one folder with one ending."""

    pattern: str
    files: int
    size: int
    dense: bool

    @property
    def says(self) -> str:
        one = self.files == 1
        if self.dense:
            what = "looks encrypted" if one else "look encrypted"
        else:
            what = "is in no known format" if one else "are in no known format"
        return f"{self.files:,} file{'' if one else 's'}, {_size(self.size)}, {what}: an order cannot tell whether it is clean"


def findings(context: OpenPlaces, account: Account) -> Iterator[Finding]:
    """Yield a finding for each group of files that nobody can read, with a line for the map's ``opaque:``.

    Args:
        context: the map and its stores; one that cannot be opened is passed over.
        account: of the scanner.
    """
    for store in context.data_map.stores:
        try:
            unread, cells = [*_unread(context, store, account)], [*_columns(context, store, account)]
        except store_calls.TROUBLE:
            continue
        yield from _cells(store, cells)
        for group in _groups(unread):
            line = f"- {{store: {store}, path: {json.dumps(group.pattern, ensure_ascii=False)}, reason: {_REASON}}}"
            yield Finding(FindingKind.UNDECLARED, store, group.pattern, group.says, f"{line}  # under opaque:")


def _cells(store: str, cells: Iterable[UnreadFile]) -> Iterator[Finding]:
    for each in cells:
        name = str(each.path)
        pattern = _escaped(name)
        what = "looks encrypted" if each.opaque >= each.unknown else "is in no known format"
        owned = f"column {name} of a table that no person owns by the map"
        says = f"{owned}, {_size(each.size)}, {what}: an order cannot tell whether it is clean"
        line = f"- {{store: {store}, table: {json.dumps(pattern, ensure_ascii=False)}, reason: {_REASON}}}"
        yield Finding(FindingKind.UNDECLARED, store, name, says, f"{line}  # under opaque:")


def _columns(context: OpenPlaces, store: str, account: Account) -> Iterator[UnreadFile]:
    """Yield columns of undeclared tables that nobody can read and that are not declared so. Raises what looking raises."""
    opened = context.open_store(store)
    places = unread_places.of_store(context, store, store_calls.raw(opened))
    for each in unread_places.unread_cells(opened, account):
        if each.opaque + each.unknown and places.place_of_column(str(each.path)).kind is not PlaceKind.OPAQUE:
            yield each


def _unread(context: OpenPlaces, store: str, account: Account) -> Iterator[tuple[str, UnreadFile]]:
    """Yield files and objects of a store that nobody can read, in places that are not declared so, by name. Raises what looking raises."""
    sources = store_calls.raw(context.open_store(store))
    places = unread_places.of_store(context, store, sources)
    if places.name_of is None:
        return

    def concerned(path: Path) -> str | None:
        place = places.place_of(path)
        named = places.name_of(path) if places.name_of is not None else None
        return named.name if named is not None and place is not None and place.kind is not PlaceKind.OPAQUE else None

    for path in _files(sources):
        name = concerned(path)
        if name is not None and (left := account(path, None)) is not None:
            yield name, left
    for found in unread_places.remote_content(context, store):
        name = concerned(found.path) if isinstance(found, RemoteObject) else None
        if name is not None and (left := _remote(found, account)) is not None:
            yield name, left


def _remote(found: Remote, account: Account) -> UnreadFile | None:
    """Account for an object; None as well where it cannot be read: other findings are about that."""
    if not isinstance(found, RemoteObject) or found.open is None:
        return None
    try:
        file, _ = found.open()
        with closing(file):
            return account(found.path, file)
    except OSError:
        return None


def _files(sources: Iterable[RawSource]) -> Iterator[Path]:
    passed: set[Path] = set()
    for source in sources:
        folders = os.walk(source.path) if source.path.is_dir() else [(str(source.path.parent), [], [source.path.name])]
        for folder, _, names in folders:
            for name in sorted(names):
                path = Path(folder, name)
                if path not in passed and path.is_file() and not path.is_symlink():
                    passed.add(path)
                    yield path


def _groups(unread: Iterable[tuple[str, UnreadFile]]) -> Iterator[_Group]:
    by: dict[tuple[str, str], list[tuple[str, UnreadFile]]] = {}
    for name, left in unread:
        path = PurePosixPath(name)
        folder = "" if path.parent == PurePosixPath() else path.parent.as_posix()
        by.setdefault((folder, path.suffix), []).append((name, left))
    above: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for folder, ending in by:
        above.setdefault((folder.partition("/")[0], ending), []).append((folder, ending))
    for (top, ending), keys in sorted(above.items()):
        if top and len(keys) > _FOLDERS:
            yield _group(f"{_escaped(top)}/*{_escaped(ending)}", [each for key in keys for each in by[key]])
            continue
        for folder, _ in keys:
            found = by[folder, ending]
            if not ending and (not folder or len(found) <= _NAMED):
                yield from (_group(_escaped(each[0]), [each]) for each in found)
                continue
            prefix = f"{_escaped(folder)}/" if folder else ""
            yield _group(_escaped(found[0][0]) if len(found) == 1 else f"{prefix}*{_escaped(ending)}", found)


def _escaped(name: str) -> str:
    """A name as a pattern; a sign that a map cannot hold becomes a question mark."""
    return "".join(sign if sign.isprintable() else "?" for sign in glob.escape(name))


def _group(pattern: str, found: list[tuple[str, UnreadFile]]) -> _Group:
    opaque, unknown = sum(left.opaque for _, left in found), sum(left.unknown for _, left in found)
    return _Group(pattern, len(found), sum(left.size for _, left in found), opaque >= unknown)


def _size(count: int) -> str:
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "bytes" else f"{count} bytes"
