"""How files lead to people: by placeholders and keys of records whose values are keys of a table, or that the data itself names so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from expunge.maps.proposal.guesses import Guess
from expunge.maps.proposal.hashed_match import hashed_values
from expunge.maps.proposal.known_words import kind_of
from expunge.maps.proposal.people_tables import ENOUGH, PeopleTable, TableFacts
from expunge.maps.proposal.value_match import KeyMatch, matched

_NO_WAYS = frozenset({"id", "name", "day", "folder"})


def with_ways(files: Sequence[Guess], homes: Sequence[PeopleTable], tables: Sequence[tuple[TableFacts, Guess]]) -> tuple[Guess, ...]:
    """Give each dataset of files its rule, as far as values tell. Raises StoreUnavailable."""
    direct = [_by_people(guess, homes) for guess in files]
    return tuple(guess if guess.settled else _by_rows(guess, tables) for guess in direct)


def _by_people(guess: Guess, homes: Sequence[PeopleTable]) -> Guess:
    """People whose keys are values of a field: those it is named after first, then those who have most of them."""
    found: list[tuple[tuple[bool, float], str, PeopleTable, KeyMatch]] = []
    for name in guess.fields:
        values = guess.samples.get(name, frozenset())
        for home in homes:
            if name == "day" or (kind_of(name) not in {None, home.kind} and name in guess.told):
                continue
            match = matched(values, home.facts.survey, home.facts.table.name, home.key)
            named = name in guess.told and kind_of(name) == home.kind
            if match.share >= ENOUGH or (named and (match.held or not match.values)):
                found.append(((named, match.share), name, home, match))
    if not found and (told := _by_hashes(guess, homes)) is not None:
        return told
    if not found:
        kinds = {kind: name for kind, name in guess.kinds.items() if not homes or name in guess.told}
        known = {home.kind for home in homes}
        # Why not by name: the values of the folder are no keys of the table that lists these people.
        kinds = {kind: name for kind, name in kinds.items() if kind not in known}
        shapes = [name for name in kinds.values() if name not in guess.told and _in_paths(guess, name)]
        asks = [f"{{{name}}}: that a folder is a person's is told by nothing but its place; it may be a kind of files" for name in shapes]
        return replace(guess, kinds=kinds, asks="; ".join(filter(None, (*asks, guess.asks))))
    _, name, home, match = max(found, key=lambda each: each[0])
    said = f"{{{name}}}: {match.said}" if _in_paths(guess, name) else f"{name}: {match.said}"
    guess = replace(guess, kinds={home.kind: name}, asks="; ".join(filter(None, (said, guess.asks))))
    return guess if name in guess.told or not _in_paths(guess, name) else _renamed(guess, name, f"{home.kind}_id")


def _by_hashes(guess: Guess, homes: Sequence[PeopleTable]) -> Guess | None:
    """People of whom values of a field of records are hashes; None where no field has any."""
    for name in guess.fields:
        values = guess.samples.get(name, frozenset()) if not _in_paths(guess, name) else frozenset[str]()
        if (told := hashed_values(name, values, homes)) is not None:
            home, match = told
            asks = "; ".join(filter(None, (f"{name}: {match.said}", guess.asks)))
            return replace(guess, kinds={home.kind: name}, hashed={name: match.algorithm}, asks=asks)
    return None


def _renamed(guess: Guess, old: str, new: str) -> Guess:
    """Call a placeholder after the people whose keys it holds."""
    if new in guess.fields:
        return guess
    paths = tuple(path.replace("{" + old + "}", "{" + new + "}") for path in guess.paths)
    fields = tuple(new if name == old else name for name in guess.fields)
    kinds = {kind: new if name == old else name for kind, name in guess.kinds.items()}
    samples = {new if name == old else name: values for name, values in guess.samples.items()}
    return replace(
        guess, paths=paths, fields=fields, kinds=kinds, samples=samples, asks=guess.asks.replace("{" + old + "}", "{" + new + "}")
    )


def _by_rows(guess: Guess, tables: Sequence[tuple[TableFacts, Guess]]) -> Guess:
    """Rows that lead to people, and of which one unique key holds the values of a field."""
    found: list[tuple[float, str, TableFacts, str, KeyMatch]] = []
    for name in guess.fields:
        values = guess.samples.get(name, frozenset())
        for facts, row in tables:
            if not values or name in _NO_WAYS or not (row.kinds or row.through):
                continue
            for key in facts.table.keys:
                if len(key) == 1:
                    match = matched(values, facts.survey, facts.table.name, key[0])
                    if match.share >= ENOUGH:
                        found.append((match.share, name, facts, key[0], match))
    if not found:
        return guess
    _, name, facts, field, match = max(found, key=lambda each: each[0])
    asks = "; ".join(filter(None, (f"{name}: {match.said}", guess.asks)))
    return replace(guess, through=(facts.dataset, name, *([field] if field != name else [])), asks=asks)


def _in_paths(guess: Guess, name: str) -> bool:
    return any("{" + name + "}" in path for path in guess.paths)
