"""A first map for a folder or a database, for a person to read and correct.

It is proposed from names and schemas alone and holds no value of the data: no identifier, no name of a person's folder or file. ``expunge
check`` accepts it or lists the open decisions.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from expunge.errors import UsageError
from expunge.maps.proposal.from_files import look_at_folder
from expunge.maps.proposal.from_tables import is_database, look_at_tables
from expunge.maps.proposal.guesses import Guess, IdentityGuess, settled
from expunge.maps.proposal.known_words import is_plain

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TRAPS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_RETENTION = "first"


@dataclass
class SurveyedData:
    """The result of a survey."""

    stores: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, kind, url."""
    guesses: list[Guess] = field(default_factory=list)
    ignore: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Store, ``table`` or ``path``, pattern, reason."""
    notes: list[str] = field(default_factory=list)
    origin: str = "guessed from names and schemas"


def propose_map(target: Path, map_folder: Path) -> str:
    """The text of a first ``expunge.yaml``.

    Args:
        target: a folder of files, with or without SQLite databases in it, or one SQLite database.
        map_folder: where the map will lie; urls are written relative to it.

    Raises:
        UsageError: when ``target`` is neither.
        StoreUnavailable: when the database cannot be read.
    """
    sight = SurveyedData()
    if target.is_dir():
        _see_folder(sight, target, map_folder)
    elif is_database(target):
        _see_database(sight, target, map_folder, "app")
    else:
        message = f"{target} is neither a folder nor a SQLite database"
        raise UsageError(message, help="expunge init ./media, or expunge init ./app.db")
    guesses, identities = settled(_named_apart(sight.guesses))
    inside = target.is_dir() and map_folder.resolve().is_relative_to(target.resolve())
    return written(sight, guesses, identities, inside=inside)


def _see_folder(sight: SurveyedData, target: Path, map_folder: Path) -> None:
    own = target.resolve().name
    name = re.sub(r"[^A-Za-z0-9_]", "_", own) if is_plain(own) and not own[0].isdigit() else "media"
    seen = look_at_folder(target, name)
    sight.stores.append((name, "files", _relative(target, map_folder)))
    sight.guesses += seen.guesses
    for database in seen.databases:
        stem = re.sub(r"[^A-Za-z0-9_]", "_", database.stem)
        inner = database.relative_to(target).as_posix()
        _see_database(sight, database, map_folder, stem if stem != name else f"{stem}_db")
        sight.ignore.append((name, "path", f"{inner}*", f"declared as the store {sight.stores[-1][0]}"))
    sight.ignore += [(name, "path", f"*{junk}", "desktop leftovers, no personal data") for junk in seen.junk]
    if map_folder.resolve() == target.resolve():
        sight.ignore.append((name, "path", "expunge.yaml", "this map"))
    if seen.cut:
        sight.notes.append("The folder holds more files than were looked at: expunge check finds what this map misses.")


def _see_database(sight: SurveyedData, path: Path, map_folder: Path, name: str) -> None:
    taken = [store[0] for store in sight.stores]
    name = next(each for each in (name, *(f"{name}_{number}" for number in range(2, 99))) if each not in taken)
    guesses, ignored = look_at_tables(path, name)
    url = _relative(path, map_folder)
    sight.stores.append((name, "sqlite", "sqlite:///" + url.removeprefix("./")))
    sight.guesses += guesses
    sight.ignore += [(name, "table", pattern, reason) for pattern, reason in ignored]


def _relative(path: Path, folder: Path) -> str:
    """``./media`` from the map's folder; absolute where the two share nothing."""
    text = os.path.relpath(path.resolve(), folder.resolve())
    return "." if text == "." else text if text.startswith("..") else f"./{text}"


def _named_apart(guesses: Sequence[Guess]) -> list[Guess]:
    """Names of datasets are unique over all stores and fit for a map."""
    done: list[Guess] = []
    for guess in guesses:
        base = re.sub(r"[^A-Za-z0-9_]", "_", guess.name)
        base = base if base[:1].isalpha() and base.lower() not in _TRAPS else f"t_{base}"
        taken = {each.name for each in done}
        tries = (base, f"{base}_{guess.store}", *(f"{base}_{number}" for number in range(2, 9999)))
        done.append(replace(guess, name=next(each for each in tries if each not in taken)[:60]))
    return done


def written(sight: SurveyedData, guesses: Sequence[Guess], identities: Sequence[IdentityGuess], *, inside: bool = False) -> str:
    """The text of a map. ``inside``: whether it will lie in a store, so that the state cannot lie beside it."""
    return "".join(line + "\n" for line in _lines(sight, guesses, identities, inside=inside))


def _lines(sight: SurveyedData, guesses: Sequence[Guess], identities: Sequence[IdentityGuess], *, inside: bool) -> Iterator[str]:
    yield f"# A first data map, {sight.origin}. Lines with DECIDE are yours to decide; run: expunge check"
    yield from (f"# {note}" for note in sight.notes)
    yield "version: 1"
    yield "state: ../expunge-state    # outside the store, which is all of this folder" if inside else "state: .expunge"
    yield ""
    yield "identities:    # which ids belong to whom, and which dataset says who exists"
    yield from (_identity(identity) for identity in identities)
    if not identities:
        yield "  {}    # DECIDE: nothing here looks like somebody's id; for example: profile: {dataset: profiles, key: profile_id}"
    yield ""
    yield "stores:"
    yield from (f"  {name}: {{kind: {kind}, url: {_word(url)}}}" for name, kind, url in sight.stores)
    yield ""
    yield "retention:    # DECIDE: a period for each kind of data, what it is used for and why that needs it"
    since = next((guess.since for guess in guesses if guess.since), "created_at")
    reasons = 'purpose: "DECIDE: what it is used for", need: "DECIDE: why that needs it"'
    yield f"  {_RETENTION}: {{period: 90 days, from: {_word(since)}, {reasons}}}"
    yield ""
    yield "datasets:"
    for guess in guesses:
        yield from _dataset(guess)
    if not guesses:
        yield "  {}    # nothing was found"
    if sight.ignore:
        yield ""
        yield "ignore:"
        yield from (
            f"  - {{store: {store}, {key}: {_quoted(pattern)}, reason: {_quoted(reason)}}}" for store, key, pattern, reason in sight.ignore
        )


def _identity(identity: IdentityGuess) -> str:
    also = f", also: [{', '.join(map(_word, identity.also))}]" if identity.also else ""
    owner = f", member_of: {identity.member_of}" if identity.member_of else ""
    doubt = "" if identity.sure else f"    # DECIDE: no table lists every {identity.kind}"
    return f"  {identity.kind}: {{dataset: {identity.dataset}, key: {_word(identity.key)}{also}{owner}}}{doubt}"


def _dataset(guess: Guess) -> Iterator[str]:
    yield f"  {guess.name}:"
    yield f"    store: {guess.store}"
    if guess.table:
        yield f"    table: {_word(guess.table)}"
    elif len(guess.paths) == 1:
        yield f"    path: {_quoted(guess.paths[0])}"
    elif guess.paths:
        yield "    path:"
        yield from (f"      - {_quoted(path)}" for path in guess.paths)
    if guess.format:
        yield f"    format: {guess.format}"
    if guess.kinds:
        yield f"    subject: {{{', '.join(f'{kind}: {_word(name)}' for kind, name in guess.kinds.items())}}}"
    elif guess.through:
        yield f"    subject: {{through: {guess.through[0]}, via: {_word(guess.through[1])}}}    # a guess: both have it"
    else:
        yield "    # DECIDE: whose is it? subject: {KIND: FIELD} or {through: DATASET, via: FIELD};"
        yield "    # about nobody: aggregate: {...}, or name it under ignore with a reason"
    yield from (f"    # {_comment(note)}" for note in guess.notes)
    if guess.categories:
        yield f"    categories: [{', '.join(guess.categories)}]"
    yield f"    retention: {_RETENTION}"


def _comment(text: str) -> str:
    return re.sub(r"[^\x20-\x7e\xa0-\ud7ff]", "?", text)


def _word(text: str) -> str:
    return text if _WORD.fullmatch(text) and text.lower() not in _TRAPS else _quoted(text)


def _quoted(text: str) -> str:
    """A JSON string is a YAML string, but for the line breaks that only YAML knows."""
    return re.sub(r"[\x7f-\x9f\u2028\u2029]", lambda odd: f"\\u{ord(odd[0]):04x}", json.dumps(text, ensure_ascii=False))
