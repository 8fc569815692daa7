"""Write a proposed map as YAML, for a person to read and correct."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from expunge.core.values.scope import MODIFIED
from expunge.maps.proposal.guesses import Guess, IdentityGuess

TRAPS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words that YAML does not take for text."""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RETENTION = "first"
_OTHER_TIMES = "DECIDE: from which field it runs: "
_NO_TIME = "DECIDE: from which field it runs; nothing here has a time"
SUBJECT_HINT = (
    "# subject: {KIND: FIELD}, {through: DATASET, via: FIELD} or {through: DATASET, via: {FIELD HERE: FIELD THERE}};",
    "# or about: nobody, or name it under ignore with a reason",
)
"""Stands in place of a subject that nobody has said yet."""


@dataclass
class SurveyedData:
    """The result of a survey."""

    stores: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, kind, url."""
    options: dict[str, str] = field(default_factory=dict)
    """Store -> options of its kind, as YAML."""
    guesses: list[Guess] = field(default_factory=list)
    ignore: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Store, ``table`` or ``path``, pattern, reason."""
    notes: list[str] = field(default_factory=list)
    origin: str = "guessed from names, keys and samples"


def written(sight: SurveyedData, guesses: Sequence[Guess], identities: Sequence[IdentityGuess], *, inside: bool = False) -> str:
    """Return the text of a map. ``inside``: whether it will lie in a store, so that the state cannot lie beside it."""
    return "".join(line + "\n" for line in _lines(sight, guesses, identities, inside=inside))


def pasted(
    guesses: Sequence[Guess],
    retention: str,
    store: tuple[str, str, str] | None = None,
    ignore: Sequence[tuple[str, str, str, str]] = (),
) -> str:
    """Return lines to be pasted into the sections of a map.

    Args:
        guesses: the datasets.
        retention: a schedule of the map.
        store: name, kind and url of a store that the map does not have yet.
        ignore: as of :class:`SurveyedData`.
    """
    lines = ["stores:", _store(*store)] if store is not None else []
    lines += ["datasets:", *(line for guess in guesses for line in _dataset(guess, retention or _RETENTION))]
    if ignore:
        lines += ["ignore:", *map(_ignored, ignore)]
    return "".join(f"{line}\n" for line in lines)


def _store(name: str, kind: str, url: str, options: str = "") -> str:
    return f"  {name}: {{kind: {kind}, url: {word(url)}{options}}}"


def _ignored(part: tuple[str, str, str, str]) -> str:
    store, key, pattern, reason = part
    return f"  - {{store: {store}, {key}: {quoted(pattern)}, reason: {quoted(reason)}}}"


def _lines(sight: SurveyedData, guesses: Sequence[Guess], identities: Sequence[IdentityGuess], *, inside: bool) -> Iterator[str]:
    yield f"# A first data map, {sight.origin}. Each `guess:` is yours to decide: correct the entry and take"
    yield "# the key out. Until then orders are received and fenced, and none is planned. Then run: expunge check"
    yield from (f"# {note}" for note in sight.notes)
    yield "version: 1"
    yield "state: ../expunge-state    # outside the store, which is all of this folder" if inside else "state: .expunge"
    yield ""
    yield "identities:    # which ids belong to whom, and which dataset says who exists"
    yield from (_identity(identity) for identity in identities)
    if not identities:
        yield "  {}    # nothing here lists people; for example: profile: {dataset: profiles, key: profile_id}"
    yield ""
    yield "stores:"
    for name, kind, url in sight.stores:
        options = f", {sight.options[name]}" if name in sight.options else ""
        yield _store(name, kind, url, options)
    yield ""
    schedules = schedules_of(guesses)
    yield "retention:"
    for name, since in dict.fromkeys(schedules.values()) or [(_RETENTION, "")]:
        yield f"  {name}:"
        yield "    period: 90 days"
        yield f"    from: {word(since) if since else quoted(_NO_TIME)}"
        yield '    purpose: "DECIDE: what it is used for"'
        yield '    need: "DECIDE: why that needs it"'
        yield '    guess: "how long each kind of data is needed, from when and what for, is for people to say"'
    yield ""
    yield "datasets:"
    for guess in guesses:
        yield from _dataset(guess, schedules[guess.name][0] if guess.name in schedules else _RETENTION)
    if not guesses:
        yield "  {}    # nothing was found"
    if sight.ignore:
        yield ""
        yield "ignore:"
        yield from map(_ignored, sight.ignore)


def _identity(identity: IdentityGuess) -> str:
    also = f", also: [{', '.join(map(word, identity.also))}]" if identity.also else ""
    owner = f", member_of: {identity.member_of}" if identity.member_of else ""
    asks = f", guess: {quoted(identity.asks)}" if identity.asks else ""
    return f"  {identity.kind}: {{dataset: {identity.dataset}, key: {word(identity.key)}{also}{owner}{asks}}}"


def schedules_of(guesses: Sequence[Guess]) -> dict[str, tuple[str, str]]:
    """Return dataset -> the name of its retention and the field that it runs from: one retention for each field of time.

    What is found through other rows goes with those. What has no time has the retention that most datasets have; what has other times alone
    has one that leaves the field to people, because a check refuses any that is none of its own.
    """
    kept = {guess.name: guess for guess in guesses if not guess.nobody}
    fields: dict[str, str] = {}
    for name, guess in kept.items():
        first, seen = guess, {name}
        while first.through and first.through[0] in kept.keys() - seen:
            first = kept[first.through[0]]
            seen.add(first.name)
        asks = f"{_OTHER_TIMES}{' or '.join(first.times)}?" if first.times and not first.made_from else ""
        fields[name] = first.since or asks
    counted = Counter(since for since in fields.values() if since)
    asked = {since for since in counted if since.startswith(_OTHER_TIMES)}
    ranks = {since: (since in asked, since == MODIFIED, -counted[since], at) for at, since in enumerate(counted)}
    usual = min(counted, key=lambda since: ranks[since], default="")
    names = {usual: _RETENTION}
    for since in counted:
        base = re.sub(r"[^A-Za-z0-9_]", "_", since.removeprefix(_OTHER_TIMES).split(" or ")[0].rstrip("?"))
        names.setdefault(since, f"by_{base}"[:40])
    ranked = sorted(fields.items(), key=lambda each: each[1] not in {"", usual})
    return {name: (names[since or usual], since or usual) for name, since in ranked}


def _dataset(guess: Guess, retention: str) -> Iterator[str]:
    yield f"  {guess.name}:"
    yield f"    store: {guess.store}"
    if guess.table:
        yield f"    table: {word(guess.table)}"
    elif len(guess.paths) == 1:
        yield f"    path: {quoted(guess.paths[0])}"
    elif guess.paths:
        yield "    path:"
        yield from (f"      - {quoted(path)}" for path in guess.paths)
    if guess.layout[0]:
        yield f"    {guess.layout[0]}: {word(guess.layout[1])}"
    if guess.format:
        yield f"    format: {guess.format}"
    yield from _subject(guess)
    if guess.asks or not guess.settled:
        yield f"    guess: {quoted(guess.asks or 'nothing here tells whose it is')}"
    yield from (f"    # {_comment(note)}" for note in guess.notes)
    if guess.nobody:
        return
    if guess.mentions:
        yield f"    mentions: {{{', '.join(f'{word(column)}: {rule}' for column, rule in guess.mentions.items())}}}"
    if guess.categories:
        yield f"    categories: [{', '.join(guess.categories)}]"
    yield f"    retention: {word(retention)}"


def _subject(guess: Guess) -> Iterator[str]:
    if guess.kinds:
        yield f"    subject: {{{', '.join(f'{kind}: {_fields(guess, kind)}' for kind in guess.kinds)}}}"
        if guess.hashed:
            yield f"    spelling: {{{', '.join(f'{word(name)}: {algorithm}' for name, algorithm in guess.hashed.items())}}}"
    elif guess.ways:
        fields: dict[str, list[str]] = {}
        for name, link in guess.ways:
            fields.setdefault(name, []).append(word(link))
        ways = ", ".join(f"{name}: {each[0] if len(each) == 1 else '[' + ', '.join(each) + ']'}" for name, each in fields.items())
        yield f"    subject: {{through: {{{ways}}}, via: {word(guess.through[1])}}}"
    elif guess.through:
        dataset, here, *there = guess.through
        via = f"{{{word(here)}: {word(there[0])}}}" if there else word(here)
        yield f"    subject: {{through: {dataset}, via: {via}}}"
    elif guess.nobody:
        yield "    about: nobody"
    elif guess.made_from:
        yield f"    derived_from: [{', '.join(guess.made_from)}]"
        yield "    on_erase: destroy"
    else:
        yield from (f"    {line}" for line in SUBJECT_HINT)


def _fields(guess: Guess, kind: str) -> str:
    first, *more = (guess.kinds[kind], *guess.further.get(kind, ()))
    return f"[{', '.join(map(word, (first, *more)))}]" if more else word(first)


def _comment(text: str) -> str:
    return re.sub(r"[^\x20-\x7e\xa0-\ud7ff]", "?", text)


def word(text: str) -> str:
    """Return text as YAML, in quotes where it needs them."""
    return text if _WORD.fullmatch(text) and text.lower() not in TRAPS else quoted(text)


def quoted(text: str) -> str:
    """A JSON string is a YAML string, but for the line breaks that only YAML knows."""
    return re.sub(r"[\x7f-\x9f\u2028\u2029]", lambda odd: f"\\u{ord(odd[0]):04x}", json.dumps(text, ensure_ascii=False))


def fresh_name(wanted: str, store: str, taken: Collection[str]) -> str:
    """Return a name of a dataset that is not taken, fit for a map."""
    base = re.sub(r"[^A-Za-z0-9_]", "_", wanted)
    base = (base if base[:1].isalpha() and base.lower() not in TRAPS else f"t_{base}")[:50]
    tries = (base, f"{base}_{store}"[:60], *(f"{base}_{number}" for number in range(2, 9999)))
    return next(each for each in tries if each not in taken)
