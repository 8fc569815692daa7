"""Resolve the names of an order (an e-mail, a profile, a device serial) to the whole set of identities that they mean."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from expunge.core.datamap.datamap import IdentitySpec
from expunge.core.datamap.person import Person
from expunge.core.datamap.spelling import CaseRule, hashed_texts
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import spelt_names, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import spellings
from expunge.errors import NotResolved, UsageError


@dataclass(frozen=True)
class ResolvedName:
    """The identities that one name resolved to; shown and confirmed before anything is planned."""

    kind: str
    """Identity kind of the person; for a name that nobody bears, the kind it was asked as."""
    person: Person
    known: bool
    """Whether any dataset of the map holds such an identity."""
    members: dict[str, int] = field(default_factory=dict)
    """Identity kind -> how many identities belong to the person and go with them."""
    owners: tuple[str, ...] = ()
    """Identity kinds that this one belongs to and that stay (a child's account)."""
    straddling: int = 0
    """How many of the members belong to somebody else as well (a child with two homes): their data goes there too."""


class _NotAskedYet(Exception):
    """The stores have to be asked before it can be told."""


@dataclass
class _Asking:
    """Asks datasets for identities: one by one, or for many names together, each of which then stops at what was not asked yet."""

    context: Context
    together: bool = False
    _known: dict[tuple[str, str, str], tuple[Copy, ...]] = field(default_factory=dict)
    """(kind of identity, field, value) -> what there is."""
    _wanted: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    _cased: dict[tuple[str, str, str], frozenset[str]] = field(default_factory=dict)
    """(kind of identity, field, value) -> the values there that differ from it in capitals alone, and itself."""
    _uncased: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)

    def locate(self, identity: IdentitySpec, name: str, value: str) -> tuple[Copy, ...]:
        """The copies of identities that have that value in that field."""
        place = (identity.kind, name, value)
        if place not in self._known:
            self._wanted.setdefault(place[:2], {})[value] = None
            if self.together:
                raise _NotAskedYet
            self.ask()
        return self._known[place]

    def prepare(self, values: Iterable[str]) -> None:
        """Ask who bears any of some values under any kind: one call for each field, not for each value."""
        identities = self.context.data_map.identities.values()
        fields = [(identity.kind, name) for identity in identities for name in (identity.key, *identity.also)]
        fresh = [(place, value) for value in values for place in fields if (*place, value) not in self._known]
        for place, value in fresh:
            self._wanted.setdefault(place, {})[value] = None
        if fresh and self.together:
            raise _NotAskedYet
        if fresh:
            self.ask()

    def alike(self, values: Iterable[str]) -> frozenset[str]:
        """Return some values with all that the fields of identities hold and that differ from one of them in capitals alone."""
        wanted = [value for value in values if value.lower() != value.upper()]
        identities = self.context.data_map.identities.values()
        # Why those alone: where capitals fold, no two people differ in them.
        fields = [(each.kind, name) for each in identities for name in (each.key, *each.also) if not each.spelling(name).folds]
        places = [(*place, value) for place in fields for value in wanted]
        for kind, name, value in (place for place in places if place not in self._cased):
            self._uncased.setdefault((kind, name), {})[value] = None
        if self._uncased and self.together:
            raise _NotAskedYet
        if self._uncased:
            self.ask()
        return frozenset(values).union(*(self._cased[place] for place in places))

    def ask(self) -> None:
        """Ask for everything that is wanted: one call for each field."""
        uncased, self._uncased = self._uncased, {}
        for (kind, name), values in uncased.items():
            identity = self.context.data_map.identities[kind]
            home, rule = self.context.data_map.datasets[identity.dataset], replace(identity.spelling(name), case=CaseRule.FOLD)
            held = spellings.other_spellings(self.context, home, name, rule, frozenset(values))
            self._cased.update(((kind, name, value), held.get(value, frozenset({value}))) for value in values)
        wanted, self._wanted = self._wanted, {}
        for (kind, name), values in wanted.items():
            dataset = self.context.data_map.datasets[self.context.data_map.identities[kind].dataset]
            selectors = {Pseudonym(str(at)): Selector(Pseudonym(str(at)), {name: frozenset({each})}) for at, each in enumerate(values)}
            found: dict[Pseudonym, list[Copy]] = {}
            asked = spellings.widened(self.context, dataset, tuple(selectors.values()))
            for copy in store_calls.locate(self.context.open_store(dataset.store), dataset, asked):
                found.setdefault(copy.subject, []).append(copy)
            for at, value in enumerate(values):
                self._known[kind, name, value] = tuple(found.get(Pseudonym(str(at)), ()))


def resolve(context: Context, name: str, *, whole: bool = False, several: bool = False) -> ResolvedName:
    """Resolve ``KIND:VALUE`` or a bare value, in whatever spelling.

    Args:
        context: the composition.
        name: ``profile:p-17``, ``email:a@example.org``, or a bare value that is looked up under every kind.
        whole: climb to the owner first: ``device:SERIAL`` then means the account it belongs to, with everything in it.
        several: take a person under all keys where the dataset has several that the map takes for one; for rules, which nobody confirms.

    Raises:
        NotResolved: it names several people or several keys, or none and has no kind. With a kind, a name that belongs to no person is no
            error: an order for it ends with a receipt that says so.
        UsageError: unknown kind, empty value.
    """
    return _resolve(_Asking(context), name, whole=whole, several=several)


def resolve_all(context: Context, names: Sequence[str], *, whole: bool = False) -> list[ResolvedName]:
    """Resolve many names, each as :func:`resolve` would, asking the stores for all of them at once. Raises as it does, for the first."""
    asking = _Asking(context, together=True)
    found: dict[str, ResolvedName] = {}
    waiting = list(dict.fromkeys(names))
    while waiting:
        later = []
        for name in waiting:
            try:
                found[name] = _resolve(asking, name, whole=whole)
            except _NotAskedYet:
                later.append(name)
        asking.ask()
        waiting = later
    return [found[name] for name in names]


def _resolve(asking: _Asking, name: str, *, whole: bool, several: bool = False) -> ResolvedName:
    context = asking.context
    kind, value = _split(context, name)
    found = list(_candidates(asking, kind, value))
    held = {(identity.kind, key) for identity, copy in found for key in _keys(identity, copy)}
    distinct = {(kind, spelt_names.stands_for(context.data_map, kind, key)) for kind, key in held}
    if len(distinct) == 1 < len(held) and not several:
        # Why refused: before anybody decided, two people may stand behind two keys, and what is erased does not come back.
        message = f"the name means {len(held)} different keys, which the map takes for one person"
        mend = "`expunge check` names the dataset: let one key stay, or say `case: exact` for the identity"
        raise NotResolved(message, help=mend)
    if len(distinct) > 1:
        kinds = ", ".join(sorted({each for each, _ in distinct}))
        message = f"the name means {len(distinct)} different people ({kinds})"
        raise NotResolved(message, help="`expunge locate NAME` shows them; name one of them by its own id, as KIND:ID")
    if not distinct:
        _refuse_near_miss(context, kind, value)
        if not kind:
            message = "nobody of that name is known"
            kinds = ", ".join(sorted(_kinds(context)))
            mend = f"to order the erasure of somebody of whom nothing may be held, say its kind: KIND:VALUE with one of {kinds}"
            raise NotResolved(message, help=mend)
        return _unknown(context, kind, value)
    (identity, copy), *_ = found
    keys = sorted(key for _, key in held)
    copies = [copy for _, copy in found]
    if whole:
        identity, copy, key = _climb(asking, identity, copy, keys[0])
        copies, keys = [copy], [key]
    return _whole(asking, identity, copies, keys)


def candidates(context: Context, name: str) -> tuple[tuple[str, str], ...]:
    """Return every (identity kind, id) that a name can mean: for the operator's terminal only."""
    kind, value = _split(context, name)
    return tuple(
        sorted({(identity.kind, key) for identity, copy in _candidates(_Asking(context), kind, value) for key in _keys(identity, copy)})
    )


def _split(context: Context, name: str) -> tuple[str, str]:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        message = "the name is not valid text"
        raise UsageError(message, help="give it in UTF-8") from error
    kinds = _kinds(context)
    kind, colon, value = name.partition(":")
    if colon and kind in kinds:
        if not value:
            message = f"nothing stands after {kind!r} and the colon"
            raise UsageError(message, help="write KIND:VALUE, for example profile:p-17")
        return kind, value
    if not name:
        message = "an empty name"
        raise UsageError(message, help=f"write KIND:VALUE with one of the kinds {', '.join(sorted(kinds))}")
    return "", name


def _kinds(context: Context) -> frozenset[str]:
    identities = context.data_map.identities
    return frozenset(identities) | {each for identity in identities.values() for each in identity.also}


def _candidates(asking: _Asking, kind: str, value: str) -> Iterator[tuple[IdentitySpec, Copy]]:
    for identity in asking.context.data_map.identities.values():
        fields = [identity.key] if kind in ("", identity.kind) else []
        fields += [each for each in identity.also if kind in ("", identity.kind, each)]
        for name in fields:
            for copy in asking.locate(identity, name, value):
                yield identity, copy


def _keys(identity: IdentitySpec, copy: Copy) -> frozenset[str]:
    return copy.links.get(identity.key, frozenset())


def _refuse_near_miss(context: Context, kind: str, value: str) -> None:
    """Raise NotResolved when somebody is known by the same name in another spelling: capitals, accents, spaces around it."""
    wanted = _folded(value)
    for identity in context.data_map.identities.values():
        names = [identity.key] if kind in ("", identity.kind) else []
        names += [each for each in identity.also if kind in ("", identity.kind, each)]
        if not names:
            continue
        dataset = context.data_map.datasets[identity.dataset]
        for copy in store_calls.bystanders(context.open_store(dataset.store), dataset, (), None):
            if any(_folded(each) == wanted for name in names for each in copy.links.get(name, frozenset())):
                message = f"nobody has exactly that name, but somebody ({identity.kind}) is known by it in another spelling"
                raise NotResolved(message, help="names are compared exactly: give it as the store holds it, with its capitals and accents")


def _folded(value: str) -> str:
    return unicodedata.normalize("NFKC", value).casefold().strip()


def _unknown(context: Context, kind: str, value: str) -> ResolvedName:
    key = context.keys.pseudonym_key()
    identities = context.data_map.identities
    if kind in identities:
        ids = {kind: spelt_names.spelt(context.data_map, kind, [value])}
        return ResolvedName(kind, Person(spelt_names.name_of(context.data_map, key, kind, value), ids, {}), known=False)
    owner = next(identity for identity in identities.values() if kind in identity.also)
    dotted = f"{owner.kind}.{kind}"
    also = {dotted: spelt_names.spelt(context.data_map, dotted, [value])}
    return ResolvedName(kind, Person(spelt_names.name_of(context.data_map, key, dotted, value), {}, also), known=False)


def _climb(asking: _Asking, identity: IdentitySpec, copy: Copy, key: str) -> tuple[IdentitySpec, Copy, str]:
    while identity.member_of is not None:
        owner = asking.context.data_map.identities[identity.member_of]
        owners = copy.links.get(owner.key, frozenset())
        if len(owners) != 1:
            break
        key = next(iter(owners))
        found = asking.locate(owner, owner.key, key)
        if not found:
            break
        identity, copy = owner, found[0]
        key = next(iter(sorted(_keys(identity, copy))), key)
    return identity, copy, key


def _whole(asking: _Asking, identity: IdentitySpec, copies: Sequence[Copy], keys: Sequence[str]) -> ResolvedName:
    """The identity with its members, their members, and every other value they are known by."""
    data_map = asking.context.data_map
    ids: dict[str, set[str]] = {identity.kind: set(keys)}
    also: dict[str, set[str]] = {}
    _note_also(identity, copies, also)
    straddling: set[str] = set()
    queue: list[tuple[IdentitySpec, Sequence[str]]] = [(identity, keys)]
    while queue:
        owner, mine = queue.pop()
        for member in data_map.identities.values():
            if member.member_of != owner.kind:
                continue
            found = [copy for key in mine for copy in asking.locate(member, owner.key, key)]
            fresh = {each for one in found for each in _keys(member, one)} - ids.get(member.kind, set())
            _note_also(member, found, also)
            own = {spelt_names.stands_for(data_map, owner.kind, key) for key in mine}
            straddling |= {each for each in fresh if _owners_of(asking, owner, member, each) - own}
            if fresh:
                ids.setdefault(member.kind, set()).update(fresh)
                queue.append((member, sorted(fresh)))
    asking.prepare(sorted({value for values in also.values() for value in values}))
    others = {kind: frozenset(value for value in values if _is_theirs(asking, value, ids)) for kind, values in also.items()}
    person = Person(
        spelt_names.name_of(data_map, asking.context.keys.pseudonym_key(), identity.kind, keys[0]),
        {kind: spelt_names.spelt(data_map, kind, values) for kind, values in ids.items()},
        {kind: spelt_names.spelt(data_map, kind, values) for kind, values in others.items() if values},
    )
    person = replace(person, unclear=_unclear(asking, person, ids))
    counts = {kind: len({spelt_names.stands_for(data_map, kind, value) for value in values}) for kind, values in ids.items()}
    members = {kind: count - (1 if kind == identity.kind else 0) for kind, count in counts.items()}
    return ResolvedName(
        identity.kind,
        person,
        known=True,
        members={k: n for k, n in members.items() if n},
        owners=_owners(asking.context, identity),
        straddling=len(straddling),
    )


def _owners_of(asking: _Asking, owner: IdentitySpec, member: IdentitySpec, key: str) -> frozenset[str]:
    owners = (value for copy in asking.locate(member, member.key, key) for value in copy.links.get(owner.key, frozenset()))
    return frozenset(spelt_names.stands_for(asking.context.data_map, owner.kind, value) for value in owners)


def _is_theirs(asking: _Asking, value: str, ids: Mapping[str, set[str]]) -> bool:
    """Whether nobody who stays is known by the value as well: a parent's e-mail in a child's profile is the parent's."""
    bearers = {(identity.kind, key) for identity, copy in _candidates(asking, "", value) for key in _keys(identity, copy)}
    return all(key in ids.get(kind, set()) for kind, key in bearers)


def _unclear(asking: _Asking, person: Person, ids: Mapping[str, set[str]]) -> frozenset[str]:
    """Return the texts whose hash is the person's and another person's as well: of one who has it too, or in other capitals."""
    values = frozenset(value for _, value in person.identifiers())
    wanted = frozenset(text for value in values for text in hashed_texts(value))
    near = asking.alike(sorted(wanted))
    asking.prepare(sorted(near))
    strange = (value for value in near if not _is_theirs(asking, value, ids))
    return wanted & frozenset(text for value in strange for text in hashed_texts(value))


def _note_also(identity: IdentitySpec, copies: Sequence[Copy], also: dict[str, set[str]]) -> None:
    for copy in copies:
        for name in identity.also:
            values = copy.links.get(name, frozenset())
            if values:
                also.setdefault(f"{identity.kind}.{name}", set()).update(values)


def _owners(context: Context, identity: IdentitySpec) -> tuple[str, ...]:
    result: list[str] = []
    while identity.member_of is not None and identity.member_of not in result:
        result.append(identity.member_of)
        identity = context.data_map.identities[identity.member_of]
    return tuple(result)
