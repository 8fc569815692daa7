"""Propose templates for the files of a folder. Templates stand in place of names, so that no person's name is ever written down.

A part of a path is kept only where it is made of everyday technical words. Everything else becomes a placeholder. Files are opened for two
reasons only: to read the keys of their first record, and to see which key holds the same value as a part of the path. Values are compared
and dropped.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import os
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from expunge.core.datamap.path_template import overlap
from expunge.core.datamap.people_columns import MapWords, NameTells, name_tells
from expunge.core.values.hashed_identifiers import read
from expunge.core.values.scope import MODIFIED
from expunge.maps.proposal.guesses import Guess
from expunge.maps.proposal.known_words import (
    CATEGORIES,
    COMPRESSED,
    JUNK,
    KINDS,
    KNOWN_ENDINGS,
    MEDIA,
    OTHERS,
    RECORDS,
    TIMES,
    TRACKS,
    is_date,
    is_field,
    is_plain,
    kind_of,
)
from expunge.maps.proposal.targets import is_database

_NO_WORDS = MapWords(frozenset(), frozenset(), frozenset())
MOST_FILES = 20_000
MOST_VALUES = 5_000
"""Files of one shape whose names are compared with keys of people."""
_SAMPLES = 8
_FIRST = 1 << 16
_KNOWN = frozenset((*MEDIA, *RECORDS, *OTHERS, *TRACKS, *COMPRESSED, *KNOWN_ENDINGS))
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class SurveyedFolder:
    """A folder looked through."""

    guesses: tuple[Guess, ...]
    databases: tuple[Path, ...] = ()
    """SQLite databases with everyday names, to be stores of their own."""
    junk: tuple[str, ...] = ()
    """Names of desktop leftovers that occur."""
    cut: bool = False
    """There are more files than were looked at."""


ReadColumns = Callable[[Path], Mapping[str, frozenset[str]]]
"""Column of a file of a lake -> some of its values."""


@dataclass
class _Group:
    """Files of one shape in folders of one shape."""

    folders: tuple[str, ...]
    """Each a literal, or ``?`` for a name that changes, ``#`` for a date."""
    extension: str
    paths: list[Path] = field(default_factory=list)


def look_at_folder(root: Path, store: str, columns: ReadColumns | None = None, apart: frozenset[Path] = frozenset()) -> SurveyedFolder:
    """Guess the datasets of a folder; links are not followed, and only the first :data:`MOST_FILES` files count.

    ``columns`` reads the Parquet files of a lake. ``apart``: files that are stores of their own. Raises what ``columns`` raises.
    """
    groups: dict[tuple[tuple[str, ...], str], _Group] = {}
    databases, junk, count = [], set(), 0
    # Why whatever its name: one database beside the folders is the application's, and no person's of many.
    lying = [path for path in root.iterdir() if path.is_file() and not path.is_symlink() and is_database(path)]
    only = lying[0] if len(lying) == 1 else None
    for path in _files(root):
        if apart and path.resolve() in apart:
            continue
        count += 1
        if count > MOST_FILES:
            break
        parts = path.relative_to(root).parts
        stem, extension = split_extension(parts[-1])
        if parts[-1] in JUNK:
            junk.add(parts[-1])
        elif (path == only or (is_plain(stem) and all(map(is_plain, parts[:-1])))) and is_database(path):
            databases.append(path)
        elif not _beside_database(path):
            _group(groups, parts[:-1], extension).paths.append(path)
    guesses = _told_apart(_guesses(root, store, list(groups.values()), columns))
    return SurveyedFolder(_apart(guesses), tuple(databases), tuple(sorted(junk)), count > MOST_FILES)


def guesses_of(root: Path, store: str, paths: Sequence[Path]) -> tuple[Guess, ...]:
    """Guess the datasets of some files below a folder, which need not be there any more: of an object, its name alone tells."""
    groups: dict[tuple[tuple[str, ...], str], _Group] = {}
    for path in paths:
        *parents, name = path.relative_to(root).parts
        _group(groups, parents, split_extension(name)[1]).paths.append(path)
    return _apart(_guesses(root, store, list(groups.values()), None))


def split_extension(name: str) -> tuple[str, str]:
    """Cut off the endings that are known formats: ``0001.flac.json`` -> ``0001``, ``.flac.json``."""
    stem, extension = name, ""
    while (cut := stem.rpartition("."))[0] and cut[2].lower() in _KNOWN:
        stem, extension = cut[0], f".{cut[2]}{extension}"
    return stem, extension


def _group(groups: dict[tuple[tuple[str, ...], str], _Group], parents: Sequence[str], extension: str) -> _Group:
    folders = tuple("#" if is_date(part) else part if is_plain(part) else "?" for part in parents)
    return groups.setdefault((folders, extension), _Group(folders, extension))


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and (name in JUNK or not name.startswith(".")):
                yield path


def _beside_database(path: Path) -> bool:
    """``app.db-wal`` and the like belong to the database."""
    base, dash, role = path.name.rpartition("-")
    return bool(dash) and role in {"wal", "shm", "journal"} and path.with_name(base).exists()


def _guesses(root: Path, store: str, groups: Sequence[_Group], columns: ReadColumns | None) -> list[Guess]:
    """One dataset for the media of a folder with their sidecars, one for each other kind of file in it."""
    done: list[Guess] = []
    media = {group.folders: group for group in groups if _format(group) in MEDIA}
    for folders in dict.fromkeys(group.folders for group in groups):
        here = [group for group in groups if group.folders == folders]
        stems = {split_extension(path.name)[0] for path in media[folders].paths} if folders in media else set()
        whole = [group for group in here if _format(group) in MEDIA or _is_sidecar(group, stems)]
        names, told = _names(root, folders, whole or here)
        if whole:
            done.append(_sampled(root, _whole(store, folders, whole, names), whole, names, told))
        for group in (each for each in here if each not in whole):
            in_lake = columns is not None and _format(group) == "parquet"
            read = {path: columns(path) for path in group.paths[:_SAMPLES]} if columns is not None and in_lake else {}
            done.append(_with_columns(_sampled(root, _single(store, folders, group, names), [group], names, told), read))
    return done


def _format(group: _Group) -> str:
    """The innermost known ending without compression: ``.jsonl.gz`` -> jsonl."""
    endings = [ending.lower() for ending in group.extension.split(".") if ending]
    plain = [ending for ending in endings if ending not in COMPRESSED]
    return plain[-1] if plain else ""


def _is_sidecar(group: _Group, stems: set[str]) -> bool:
    return bool(stems) and _format(group) in {"json", "txt", "xml"} and all(split_extension(path.name)[0] in stems for path in group.paths)


def _sampled(root: Path, guess: Guess, groups: Sequence[_Group], names: Sequence[str], told: frozenset[str]) -> Guess:
    """Add values of the placeholders and of the keys of records, to be compared and dropped."""
    samples: dict[str, set[str]] = {name: set() for name in guess.fields}
    stems = [[split_extension(path.name)[0] for path in group.paths] for group in groups]
    sole = {names[-1]} if all(len(set(each)) == len(each) for each in stems) else set()
    for group in groups:
        for path in group.paths[:MOST_VALUES]:
            parts = list(path.relative_to(root).parts)
            parts[-1] = split_extension(parts[-1])[0]
            for name, part in zip(names, parts, strict=True):
                if name in samples and "{" + name + "}" in guess.paths[0]:
                    samples[name].add(part)
        for path in group.paths[:_SAMPLES] if guess.format else ():
            for key, value in _first_record(path, _format(group)).items():
                if key in samples and value is not None:
                    samples[key].add(str(value))
    records = frozenset(guess.fields) - {name for path in guess.paths for name in re.findall(r"\{(\w+)\}", path)}
    return replace(guess, samples={name: frozenset(values) for name, values in samples.items()}, told=told | records, sole=frozenset(sole))


def _with_columns(guess: Guess, read: Mapping[Path, Mapping[str, frozenset[str]]]) -> Guess:
    """Add the columns of a lake's files, with samples of those that may say whose a row is."""
    samples, names = dict(guess.samples), [name for columns in read.values() for name in columns]
    since = next((name for wanted in TIMES for name in names if name.lower() == wanted), guess.since)
    for columns in read.values():
        for name, values in columns.items():
            if name in samples or _may_name_people(name) or any(_may_be_hashed(name, value) for value in values):
                samples[name] = samples.get(name, frozenset()) | values
    added = tuple(name for name in samples if name not in guess.fields)
    kinds = {kind: name for name in added if (kind := kind_of(name)) is not None}
    return replace(
        guess,
        fields=(*added, *guess.fields),
        kinds={**guess.kinds, **kinds},
        samples={name: samples[name] for name in (*added, *guess.fields) if name in samples},
        told=guess.told | set(added),
        since=since,
    )


def _may_name_people(column: str) -> bool:
    return is_field(column) or name_tells(column, _NO_WORDS) is NameTells.PEOPLE


def _may_be_hashed(column: str, value: object) -> bool:
    return isinstance(value, str) and _NAME.fullmatch(column) is not None and bool(read(value))


def _names(root: Path, folders: tuple[str, ...], groups: Sequence[_Group]) -> tuple[list[str], frozenset[str]]:
    """A placeholder for each changing part of the path, the file's own last: from sidecars, else from the folder above, else by place.

    And those that sidecars or folders tell.
    """
    told = _told_by_sidecars(root, [path for group in groups if _format(group) == "json" for path in group.paths[:_SAMPLES]])
    names: list[str] = []
    known: set[str] = set()
    people = False
    for index, part in enumerate(folders):
        above = folders[index - 1].lower() if index else ""
        by_folder = next((f"{kind}_id" for kind, plural in KINDS.items() if above in {kind, plural}), "")
        guess = told.get(index) or by_folder or ("day" if part == "#" else "folder" if people else "profile_id")
        people = people or (part == "?" and kind_of(guess) is not None)
        names.append(_fresh(guess, names) if part in "?#" else "")
        known |= {names[-1]} if told.get(index) or by_folder else set()
    own = told.get(len(folders)) or ("recording_id" if any(_format(group) in MEDIA for group in groups) else "name")
    names.append(_fresh(own, names))
    return names, frozenset(known | ({names[-1]} if told.get(len(folders)) else set()) - {""})


def _told_by_sidecars(root: Path, paths: Sequence[Path]) -> dict[int, str]:
    """Position in the path -> the key whose value stands there in every sample."""
    told: dict[int, set[str]] = {}
    for path in paths:
        parts = list(path.relative_to(root).parts)
        parts[-1] = split_extension(parts[-1])[0]
        record = _first_record(path, "json")
        for index, part in enumerate(parts):
            keys = {
                key
                for key, value in record.items()
                if str(value) == part and _NAME.fullmatch(key) and (kind_of(key) or key.endswith("_id"))
            }
            told[index] = told[index] & keys if index in told else keys
    return {index: min(keys) for index, keys in told.items() if keys}


def _fresh(name: str, taken: Sequence[str]) -> str:
    return next(each for each in (name, *(f"{name}_{number}" for number in range(2, 99))) if each not in taken)


def _folder_template(folders: tuple[str, ...], names: Sequence[str]) -> str:
    return "".join(("{" + names[index] + "}" if part in "?#" else part) + "/" for index, part in enumerate(folders))


def _stems(group: _Group, name: str) -> list[str]:
    """``{name}``, or the fixed names where all are everyday words, or a fixed beginning that all share."""
    stems = sorted({split_extension(path.name)[0] for path in group.paths})
    if len(stems) <= 3 and all(map(is_plain, stems)):
        return stems
    heads = {found[1] if (found := re.fullmatch(r"([A-Za-z_]+[-_])[^/]+", stem)) and is_plain(found[1]) else "" for stem in stems}
    head = heads.pop() if len(heads) == 1 else ""
    changing = [stem.removeprefix(head) for stem in stems]
    return [head + "{" + ("day" if name == "name" and all(map(is_date, changing)) else name) + "}"]


def _whole(store: str, folders: tuple[str, ...], groups: Sequence[_Group], names: list[str]) -> Guess:
    front = _folder_template(folders, names)
    guess = _guess(store, folders, tuple(f"{front}{{{names[-1]}}}{group.extension}" for group in groups), "")
    return replace(guess, categories=_categories(groups))


def _categories(groups: Sequence[_Group]) -> tuple[str, ...]:
    """What files hold by their endings."""
    return tuple(sorted({CATEGORIES[kind] for group in groups if (kind := _format(group)) in CATEGORIES}))


def _single(store: str, folders: tuple[str, ...], group: _Group, names: list[str]) -> Guess:
    front = _folder_template(folders, names)
    kind = _format(group)
    looked = group.paths[:_SAMPLES]
    records = [_first_record(path, kind) for path in looked] if kind in RECORDS else []
    own = names[-1] if kind not in RECORDS else "name"
    paths = tuple(f"{front}{stem}{group.extension}" for stem in _stems(group, own))
    keys = dict.fromkeys(key for record in records for key, value in record.items() if is_field(key) or _may_be_hashed(key, value))
    guess = replace(_guess(store, folders, paths, RECORDS.get(kind, ""), tuple(keys)), categories=_categories([group]))
    unread = [path for path, record in zip(looked, records, strict=False) if not record and 0 < path.stat().st_size < _FIRST]
    torn = [path for path in looked if guess.format == "jsonl" and path not in unread and _has_broken_line(path)]
    if broken := len(unread) + len(torn):
        asks = f"{broken} of {len(looked)} files that were looked at cannot be read as {guess.format}: expunge check names it"
        return replace(guess, asks=asks)
    if all(map(is_database, looked)):
        many = "1 SQLite database, whose name" if len(group.paths) == 1 else f"{len(group.paths):,} SQLite databases, whose names"
        asks = f"{many} may be a person's: expunge init FOLDER FOLDER/NAME proposes its tables; as a file it goes as a whole"
        return replace(guess, kinds={}, asks=asks)
    return guess


def _guess(store: str, folders: tuple[str, ...], paths: tuple[str, ...], form: str, keys: tuple[str, ...] = ()) -> Guess:
    placeholders = tuple(dict.fromkeys(name for path in paths for name in re.findall(r"\{(\w+)\}", path)))
    fields = (*placeholders, *(key for key in keys if key not in placeholders))
    kinds: dict[str, str] = {}
    for name in fields:
        kind = kind_of(name)
        if kind and kind not in kinds:
            kinds[kind] = name
    fixed = [part for part in folders if part not in "?#"]
    own = re.split(r"[-_.{]", paths[0].rpartition("/")[2])[0]
    name = "_".join([fixed[-1]] if fixed else []) or (own if is_plain(own) else store)
    if form and is_plain(own) and own != name:
        name = f"{name}_{own}"
    since = "day" if all("{day}" in path for path in paths) else "" if form else MODIFIED
    return Guess(re.sub(r"[^A-Za-z0-9_]", "_", name), store, fields, kinds, paths=paths, format=form, since=since)


def _told_apart(guesses: Sequence[Guess]) -> list[Guess]:
    """Put datasets together that hold files which fit the paths of both: no map may say of one file that it is in two."""
    done: list[Guess] = []
    for guess in guesses:
        twins = [each for each in done if any(overlap(one, other) for one in each.paths for other in guess.paths)]
        if not twins:
            done.append(guess)
            continue
        paths = tuple(dict.fromkeys(path for each in (*twins, guess) for path in each.paths))
        fields = tuple(dict.fromkeys(name for path in paths for name in re.findall(r"\{(\w+)\}", path)))
        asks = "files of several kinds lie in folders of one shape, so that no path tells them apart: name their folders, or ignore them"
        one = Guess(twins[0].name, guess.store, fields, paths=paths, since=MODIFIED, asks=asks)
        at = done.index(twins[0])
        done = [one if number == at else each for number, each in enumerate(done) if each not in twins or number == at]
    return done


def _apart(guesses: Sequence[Guess]) -> tuple[Guess, ...]:
    """Give datasets different names."""
    names: list[str] = []
    for guess in guesses:
        names.append(_fresh(guess.name, names))
    return tuple(replace(guess, name=name) for guess, name in zip(guesses, names, strict=True))


def _has_broken_line(path: Path) -> bool:
    """Whether a whole line among the first of a file is no JSON."""
    try:
        data = _head(path)
        lines = data.decode("utf-8", "replace").split("\n")
        for line in lines if len(data) < _FIRST else lines[:-1]:
            if line.strip():
                json.loads(line)
    except (OSError, EOFError, ValueError, zlib.error, RecursionError):
        return True
    return False


def _head(path: Path) -> bytes:
    with path.open("rb") as raw:
        opened: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if path.name.endswith(".gz") else raw
        return opened.read(_FIRST)


def _first_record(path: Path, kind: str) -> Mapping[str, object]:
    """The first record of a file of records or the one object of a JSON file; nothing where it cannot be read as such."""
    try:
        data = _head(path)
        # Why not at once: a letter of several bytes may be cut where the look ends.
        text = codecs.getincrementaldecoder("utf-8")().decode(data, final=len(data) < _FIRST)
        if kind == "csv":
            return next(csv.DictReader(io.StringIO(text)), {})
        record = json.loads(text.partition("\n")[0] if RECORDS.get(kind) == "jsonl" else text)
    except (OSError, EOFError, ValueError, csv.Error, zlib.error, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}
