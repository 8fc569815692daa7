"""The guesses of a proposal so far: datasets and identities, before they are written as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Guess:
    """One guessed dataset."""

    name: str
    store: str
    fields: tuple[str, ...]
    """Columns, placeholders or record keys that may say whose it is or lead further; never values."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Identity kind -> field."""
    further: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Identity kind -> more fields that hold such an identifier."""
    hashed: Mapping[str, str] = field(default_factory=dict)
    """Of these fields, those that hold hashes of identifiers -> the algorithm."""
    table: str = ""
    paths: tuple[str, ...] = ()
    layout: tuple[str, str] = ("", "")
    """Key and name of what is neither a table nor a path: ``model``, ``experiment``."""
    format: str = ""
    through: tuple[str, ...] = ()
    """Dataset and field; a third where the field has another name there."""
    ways: tuple[tuple[str, str], ...] = ()
    """Datasets with a field each by which its rows are found, where these are several; :attr:`through` is the first."""
    nobody: bool = False
    """A look found nothing of people in it."""
    made_from: tuple[str, ...] = ()
    """Datasets of people that it is made from, where nothing in it says whose is what: it goes as a whole."""
    mentions: Mapping[str, str] = field(default_factory=dict)
    """Column -> the rule for it, as YAML."""
    asks: str = ""
    """What a person has to decide about it; empty where keys of the schema say all of it."""
    since: str = ""
    """A field that looks like the time of making."""
    times: tuple[str, ...] = ()
    """Fields with any time: where none of them looks like that of making, from which its period runs is for people to say."""
    notes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Fideslang data categories."""
    samples: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Field -> values of it, to be compared and dropped."""
    sole: frozenset[str] = frozenset()
    """Placeholders that no two files share a value of, whoever they belong to."""
    rows: frozenset[str] = frozenset()
    """Columns that name rows of a table, and so no people whom no table lists."""
    told: frozenset[str] = frozenset()
    """Fields whose names the data itself gives, and no rule of ours."""

    @property
    def settled(self) -> bool:
        """Whether something says whose it is."""
        return bool(self.kinds or self.through or self.nobody or self.made_from)


@dataclass(frozen=True)
class IdentityGuess:
    """One identity kind and the dataset that lists it."""

    kind: str
    dataset: str
    key: str
    also: tuple[str, ...] = ()
    member_of: str | None = None
    asks: str = ""
    """What a person has to decide about it."""
