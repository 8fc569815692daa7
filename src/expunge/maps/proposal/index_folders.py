"""FAISS indexes with the files of records beside them, which say whose a vector is: both are one dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from expunge.maps.proposal.guesses import Guess

_INDEXES = (".faiss", ".index")


def with_sidecars(guesses: Sequence[Guess]) -> Iterator[Guess]:
    """Yield the datasets of a folder of indexes; records beside an index count as its own, and are no dataset by themselves."""
    records = {_folder(guess): guess for guess in guesses if guess.format}
    indexes = [guess for guess in guesses if guess.paths[0].endswith(_INDEXES)]
    for guess in indexes:
        beside = records.get(_folder(guess))
        if beside is None:
            yield guess
            continue
        names = tuple(name for name in beside.fields if not any("{" + name + "}" in path for path in beside.paths))
        kinds = {kind: name for kind, name in beside.kinds.items() if name in names}
        samples = {**guess.samples, **{name: beside.samples.get(name, frozenset()) for name in names}}
        yield replace(guess, fields=(*names, *guess.fields), kinds=kinds, samples=samples, told=frozenset(names))
    taken = {_folder(guess) for guess in indexes}
    yield from (guess for guess in guesses if guess not in indexes and not (guess.format and _folder(guess) in taken))


def _folder(guess: Guess) -> str:
    return guess.paths[0].rpartition("/")[0]
