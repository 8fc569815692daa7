"""Put together what was guessed of tables and files: the identities of all stores, and a question for whatever is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from expunge.maps.proposal.guesses import Guess, IdentityGuess
from expunge.maps.proposal.known_words import KINDS, kind_of, lists_groups
from expunge.maps.proposal.people_tables import ENOUGH, PeopleTable

_MAILS = frozenset({"email", "e_mail", "email_address", "mail"})


def settled(guesses: Sequence[Guess], homes: Sequence[PeopleTable]) -> tuple[tuple[Guess, ...], tuple[IdentityGuess, ...]]:
    """Give each dataset one rule or one question, and each kind of people one dataset that lists them."""
    listed = {home.kind for home in homes}
    named = [guess if guess.settled else replace(guess, kinds=_by_name(guess, listed)) for guess in guesses]
    unlisted = [kind for kind in KINDS if kind not in listed and any(kind in guess.kinds for guess in named)]
    identities = [*_of_homes(homes, named), *(_unlisted(kind, named) for kind in unlisted)]
    owners = {identity.kind: identity.member_of for identity in identities}
    keys = {identity.dataset: identity.kind for identity in identities}
    near = [replace(guess, kinds=_nearest(guess.kinds, keys.get(guess.name), owners)) for guess in named]
    led = [guess if guess.settled and not guess.nobody else _through_files(guess, near) for guess in near]
    if not identities and (mails := _mails(led)):
        guess, name = mails[0]
        identities.append(IdentityGuess("email", guess.name, name, asks="nothing else here lists people"))
        led = [replace(each, kinds={"email": name}) if each is guess else each for each in led]
    asked = [guess if guess.settled or guess.asks else replace(guess, asks=_question(guess)) for guess in led]
    return tuple(_with_doubts(asked, homes)), tuple(identities)


def _mails(guesses: Sequence[Guess]) -> list[tuple[Guess, str]]:
    """The columns of addresses of people; those of firms and places are their offices'."""
    return [(each, name) for each in guesses if not lists_groups(each.table) for name in each.fields if name.lower() in _MAILS]


def _with_doubts(guesses: Sequence[Guess], homes: Sequence[PeopleTable]) -> list[Guess]:
    """The guesses, with a question for each that leads only to people of whom it is a question whether they are people."""
    asked = {home.kind: home.facts.dataset for home in homes if home.asks}
    led = [guess for guess in guesses if guess.kinds and guess.kinds.keys() <= asked.keys()]
    doubts = {guess.name: {asked[kind] for kind in guess.kinds} for guess in led}
    ways = {guess.name: {name for name, _ in guess.ways} or set(guess.through[:1]) for guess in guesses}
    while found := {name: to for name, to in ways.items() if name not in doubts and to and to <= doubts.keys()}:
        doubts |= {name: {home for way in to for home in doubts[way]} for name, to in found.items()}
    named = {name: " and ".join(sorted(each)) for name, each in doubts.items() if name not in asked.values()}
    told = {name: f"it goes with the people of {each}, and whether these are people is a question" for name, each in named.items()}
    return [replace(guess, asks="; ".join(filter(None, (guess.asks, told.get(guess.name, ""))))) for guess in guesses]


def _by_name(guess: Guess, listed: set[str]) -> Mapping[str, str]:
    """The people that fields are named after, where no table lists such people."""
    found = {kind: name for kind, name in guess.kinds.items() if kind not in listed}
    for name in guess.fields:
        kind = kind_of(name)
        if kind is not None and kind not in listed and name not in guess.rows and (guess.table or name in guess.told):
            found.setdefault(kind, name)
    return found


def _of_homes(homes: Sequence[PeopleTable], guesses: Sequence[Guess]) -> list[IdentityGuess]:
    found: list[IdentityGuess] = []
    for home in homes:
        fields = next(guess.fields for guess in guesses if guess.name == home.facts.dataset)
        owner = next(
            (each for each in reversed(found) if each.key in fields and each.key != home.key and kind_of(each.key) == each.kind), None
        )
        found.append(IdentityGuess(home.kind, home.facts.dataset, home.key, home.also, owner.kind if owner else None))
    return found


def _unlisted(kind: str, guesses: Sequence[Guess]) -> IdentityGuess:
    holder = next(guess for guess in guesses if kind in guess.kinds)
    return IdentityGuess(kind, holder.name, holder.kinds[kind], asks=f"no table lists every {kind}")


def _nearest(kinds: Mapping[str, str], home: str | None, owners: Mapping[str, str | None]) -> Mapping[str, str]:
    """A member is enough where the owner stands beside it: erasing the owner erases its members."""
    above = set()
    for kind in kinds:
        owner = owners.get(kind)
        while owner is not None:
            above.add(owner)
            owner = owners.get(owner)
    return {kind: name for kind, name in kinds.items() if kind not in above or kind == home}


def _through_files(guess: Guess, others: Sequence[Guess]) -> Guess:
    """Records found through whole files of one person each, by the name that each of these files has alone."""
    whole = bool(guess.paths) and not guess.format
    for other in others:
        if whole or not other.kinds or not other.paths or other.format:
            continue
        own = next((name for name in reversed(other.fields) if all("{" + name + "}" in path for path in other.paths)), "")
        if own in other.sole and own.endswith("_id") and own in guess.fields and kind_of(own) is None:
            values, names = guess.samples.get(own, frozenset()), other.samples.get(own, frozenset())
            if values and len(values & names) < ENOUGH * len(values):
                continue
            said = f"{len(values & names):,} of {len(values):,} values are names of files of {other.name}"
            asks = said if values else f"{own} is the name of a file of {other.name}, and there is no value yet to compare"
            return replace(guess, through=(other.name, own), nobody=False, notes=(), asks=asks)
    return guess


def _question(guess: Guess) -> str:
    fields = ", ".join(name for name in guess.fields if kind_of(name) or name.endswith("_id"))
    return f"nothing here tells whose it is{f': not {fields}' if fields else ''}"
