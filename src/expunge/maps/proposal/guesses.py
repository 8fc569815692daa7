"""The guesses of a proposal so far: datasets and identities, before they are written as YAML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from expunge.maps.proposal.known_words import ALSO, KINDS, home_of


@dataclass(frozen=True)
class Guess:
    """One guessed dataset."""

    name: str
    store: str
    fields: tuple[str, ...]
    """Columns, placeholders or record keys that may say whose it is or lead further; never values."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Identity kind -> field."""
    table: str = ""
    paths: tuple[str, ...] = ()
    format: str = ""
    through: tuple[str, str] | None = None
    """Dataset and field."""
    since: str = ""
    """A field that looks like the time of making."""
    notes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Fideslang data categories."""


@dataclass(frozen=True)
class IdentityGuess:
    """One identity kind and the dataset that lists it."""

    kind: str
    dataset: str
    key: str
    also: tuple[str, ...] = ()
    member_of: str | None = None
    sure: bool = True
    """False: no table lists them all."""


def identities_of(guesses: Sequence[Guess]) -> tuple[IdentityGuess, ...]:
    """An identity for each kind that occurs, at home in the table named after it or else in the first dataset that has it."""
    found: dict[str, IdentityGuess] = {}
    for kind in KINDS:
        holders = [guess for guess in guesses if kind in guess.kinds]
        homes = [guess for guess in holders if guess.table and home_of(guess.table) == kind]
        if holders:
            home = (homes or holders)[0]
            also = tuple(each for each in home.fields if each.lower() in ALSO) if homes else ()
            found[kind] = IdentityGuess(kind, home.name, home.kinds[kind], also, sure=bool(homes))
    return tuple(replace(identity, member_of=_owner(identity, found, guesses)) for identity in found.values())


def _owner(identity: IdentityGuess, found: Mapping[str, IdentityGuess], guesses: Sequence[Guess]) -> str | None:
    """The nearest kind above whose key stands, under the same name, in this one's home."""
    home = next(guess for guess in guesses if guess.name == identity.dataset)
    above = list(found)[: list(found).index(identity.kind)]
    owners = [kind for kind in above if found[kind].sure and found[kind].dataset != home.name and found[kind].key in home.fields]
    return owners[-1] if identity.sure and owners else None


def settled(guesses: Sequence[Guess]) -> tuple[tuple[Guess, ...], tuple[IdentityGuess, ...]]:
    """Give each dataset one rule: the people nearest to it by field, or a way through another dataset, or none where none is seen."""
    identities = identities_of(guesses)
    owners = {identity.kind: identity.member_of for identity in identities}
    homes = {identity.dataset: identity.kind for identity in identities if identity.sure}
    direct = [replace(guess, kinds=_nearest(guess, homes.get(guess.name), owners)) for guess in guesses]
    led = tuple(guess if guess.kinds else _led(guess, direct) for guess in direct)
    by_mail = tuple(replace(guess, kinds=_by_mail(guess)) if not guess.kinds and not guess.through else guess for guess in led)
    mailed = next((guess for guess in by_mail if "email" in guess.kinds), None)
    if mailed:
        identities = (*identities, IdentityGuess("email", mailed.name, mailed.kinds["email"], sure=False))
    return by_mail, identities


def _by_mail(guess: Guess) -> Mapping[str, str]:
    name = next((name for name in guess.fields if name.lower() in {"email", "e_mail", "email_address", "mail"}), None)
    return {"email": name} if name else {}


def _nearest(guess: Guess, home: str | None, owners: Mapping[str, str | None]) -> Mapping[str, str]:
    """A member is enough where the owner stands beside it: erasing the owner erases its members."""
    if home:
        return {home: guess.kinds[home]}
    above = set()
    for kind in guess.kinds:
        owner = owners[kind]
        while owner is not None:
            above.add(owner)
            owner = owners[owner]
    return {kind: name for kind, name in guess.kinds.items() if kind not in above}


def _led(guess: Guess, others: Sequence[Guess]) -> Guess:
    """Find a dataset with people in it and a field of the same name; the one named like the field is the likeliest.

    Whole files are not led through other whole files: two folders number their recordings each for itself.
    """
    whole = bool(guess.paths) and not guess.format
    ways = [
        (other.name, name)
        for name in guess.fields
        if name.lower() not in {"id", "name", "day", "folder"}
        for other in others
        if other.kinds and name in other.fields and (other.table or other.format or (not whole and _in_all_paths(other, name)))
    ]
    likely = [way for way in ways if way[0].rstrip("s") == way[1].removesuffix("_id")]
    if not ways:
        return guess
    return replace(guess, through=(likely or ways)[0])


def _in_all_paths(guess: Guess, name: str) -> bool:
    return all("{" + name + "}" in path for path in guess.paths)
