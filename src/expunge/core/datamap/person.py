"""One person of an order: identifiers in memory and under the order's key, a pseudonym everywhere else."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from expunge.core.datamap.datamap import AboutNobody, ByField, DataMap, Dataset, Inherited, Through
from expunge.core.datamap.spelling import hashed_as_it_is, hashed_texts
from expunge.core.values.canonical import Json
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.hashed_identifiers import OPEN, HashedField, HashRule, SecretPlace, kind_and_algorithm, kind_in_hashes, read, texts
from expunge.core.values.ids import Pseudonym
from expunge.errors import StateCorrupt


@dataclass(frozen=True)
class Person:
    """Whom an order is about."""

    subject: Pseudonym
    ids: Mapping[str, frozenset[str]] = field(repr=False)
    """Identity kind -> identifiers: the person's own and those of their members."""
    also: Mapping[str, frozenset[str]] = field(repr=False)
    """``kind.field`` -> other values they were named by or are known by (an e-mail)."""
    unclear: frozenset[str] = field(default=frozenset(), repr=False)
    """Texts whose hash is another person's as well: ``7`` where an account and a profile of two people have that key."""

    @property
    def nobody(self) -> bool:
        """True when it stands for a class of items and has no identifier."""
        return not self.ids and not self.also

    def identifiers(self) -> tuple[tuple[str, str], ...]:
        """All (kind, value) pairs, sorted; ``also`` values under their dotted kind."""
        pairs = {(kind, value) for kind, values in self.ids.items() for value in values}
        pairs |= {(kind, value) for kind, values in self.also.items() for value in values}
        return tuple(sorted(pairs))

    def in_unicode_forms(self) -> Person:
        """Return the person with each identifier as composed and as decomposed characters (NFC and NFD), which every rule takes for one."""
        if all(value.isascii() for _, value in self.identifiers()):
            return self
        return replace(self, ids=_forms(self.ids), also=_forms(self.also))

    def hashes(self) -> tuple[tuple[str, bytes], ...]:
        """Return (kind, hash) of every hash of an identifier that anybody can compute, sorted."""
        return tuple(sorted(set(_in_hashes(self.in_unicode_forms().identifiers(), self.unclear))))

    def in_every_form(self) -> Person:
        """Return the person with each identifier as in :meth:`in_unicode_forms`, and with the hashes of each as cells write them."""
        hashed: dict[str, set[str]] = {}
        for kind, digest in self.hashes():
            hashed.setdefault(kind, set()).update(texts(digest))
        person = self.in_unicode_forms()
        return replace(person, also={**person.also, **{kind: frozenset(values) for kind, values in hashed.items()}})

    def to_json(self) -> Json:
        """Encode it, for sealing only."""
        return {
            "subject": self.subject,
            "ids": {kind: sorted(values) for kind, values in self.ids.items()},
            "also": {kind: sorted(values) for kind, values in self.also.items()},
            **({"unclear": sorted(self.unclear)} if self.unclear else {}),
        }

    @classmethod
    def from_json(cls, value: Json) -> Person:
        """Inverse of :meth:`to_json`."""
        if not isinstance(value, Mapping):
            message = "sealed person is not an object"
            raise StateCorrupt(message)
        unclear = frozenset(str(each) for each in _list(value.get("unclear", [])))
        return cls(Pseudonym(str(value["subject"])), _sets(value["ids"]), _sets(value["also"]), unclear)


def _forms(values: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    return {
        kind: frozenset(form for text in held for form in (text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)))
        for kind, held in values.items()
    }


def _sets(value: Json) -> dict[str, frozenset[str]]:
    if not isinstance(value, Mapping):
        message = "sealed identifiers are not an object"
        raise StateCorrupt(message)
    return {key: frozenset(str(each) for each in _list(values)) for key, values in value.items()}


def _list(value: Json) -> Iterable[Json]:
    if isinstance(value, list):
        return value
    message = "sealed identifiers are not a list"
    raise StateCorrupt(message)


def selector(data_map: DataMap, dataset: Dataset, person: Person, upstream: Mapping[str, Copy]) -> Selector | None:
    """Return the selector of a person in one dataset, or None when no field of it can mean this person.

    Args:
        data_map: for the identities whose home a dataset is.
        dataset: the dataset to search.
        person: the person to find.
        upstream: dataset name -> the copy of this person there, for ``through``.
    """
    match: dict[str, frozenset[str]] = {}
    for kind, identity in data_map.identities.items():
        if identity.dataset == dataset.name:
            known = person.ids.get(kind, frozenset())
            _add(match, identity.key, known)
            # Why only then: an e-mail may since have passed to somebody else; the key is what the order resolved to.
            for name in () if known else identity.also:
                _add(match, name, person.also.get(f"{kind}.{name}", frozenset()))
    match dataset.subject:
        case ByField() as rule:
            for kind, name in rule.pairs():
                _add(match, name, person.ids.get(kind, frozenset()))
            for each in rule.hashed:
                _add(match, each.name, frozenset(text for digest in held_hashes(person, each) for text in texts(digest)))
        case Through() as rule:
            for parent, link in rule.ways:
                held = upstream.get(parent)
                _add(match, rule.via, held.links.get(link, frozenset()) if held else frozenset())
        case AboutNobody() | Inherited():
            return None
    return Selector(person.subject, match) if match else None


def secret_hashes(data_map: DataMap, person: Person) -> tuple[tuple[str, bytes], ...]:
    """Return (kind, hash) of every hash of an identifier that only secrets of the map make, sorted; none that is another person's too."""
    fields = (each for dataset in data_map.datasets.values() if isinstance(dataset.subject, ByField) for each in dataset.subject.hashed)
    secret = ((each.kind, each.rule) for each in fields if each.rule.place is not SecretPlace.NONE)
    found = {(kind, digest) for kind, rule in secret for digest in _digests(_named_by(person.ids, person.also, kind), rule, person.unclear)}
    return tuple(sorted(found))


def held_hashes(person: Person, field: HashedField) -> frozenset[bytes]:
    """Return the hashes by which a field of hashes names a person.

    They are of identifiers as they are, and in small letters where no other person has those. A person of whom only hashes are known has
    these alone.
    """
    values = _named_by(person.ids, person.also, field.kind)
    unclear = person.unclear.difference(*map(hashed_as_it_is, values))
    known = person.also.get(kind_in_hashes(field.kind, field.rule.algorithm), frozenset())
    return _digests(values, field.rule, unclear) | frozenset(filter(None, map(read, known)))


def _digests(values: Iterable[str], rule: HashRule, unclear: frozenset[str] = frozenset()) -> frozenset[bytes]:
    """Return the hashes of identifiers, without those of some texts."""
    return frozenset(rule.digest(text) for value in values for text in hashed_texts(value) - unclear)


def _named_by(identifiers: Mapping[str, frozenset[str]], also: Mapping[str, frozenset[str]], kind: str) -> frozenset[str]:
    """Return the identifiers of a kind of which a field may hold the hash: keys, and the other names that such people have."""
    names = (values for each, values in also.items() if each.startswith(f"{kind}."))
    return identifiers.get(kind, frozenset()).union(*names)


def _in_hashes(pairs: Iterable[tuple[str, str]], unclear: frozenset[str] = frozenset()) -> Iterator[tuple[str, bytes]]:
    """Yield the open hashes of identifiers, given with their kinds: the kind that says what it is, and the hash.

    Not of texts that are ``unclear``: in a place of which no map tells the kind, their hash is anybody's.
    """
    for kind, value in pairs:
        for text in sorted(hashed_texts(value) - unclear) if not kind_and_algorithm(kind)[1] else ():
            yield from ((kind_in_hashes(kind, rule.algorithm), rule.digest(text)) for rule in OPEN)


def _add(match: dict[str, frozenset[str]], name: str, values: frozenset[str]) -> None:
    if values:
        match[name] = match.get(name, frozenset()) | values
