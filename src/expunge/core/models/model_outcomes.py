"""The outcomes of artefacts made from people's data (models, indexes, exports), as events and as the gate receives them."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.models.membership_opinion import Membership
from expunge.core.values.tags import tagged

WHOLE = "*"
"""Stands for the person where something is done to a dataset as a whole: nothing in it says whose is what."""


class ComparisonResult(StrEnum):
    """The result of a comparison with a training from nothing."""

    NOT_ASKED = "not asked"
    EQUAL = "equal"
    """Bit for bit what a fresh process makes of the data that is left."""
    DIFFERS = "differs"
    """A fresh process makes another one of the data that is left: nothing shows that this one never had the people."""
    COULD_NOT = "could not"


class NetworkAccess(StrEnum):
    """The access to other machines of the commands that made an artefact anew."""

    NOT_RUN = "no command"
    SHUT = "shut off"
    """Each was kept from it by the kernel."""
    OPEN = "open"
    """The map lets them reach it."""
    COULD_NOT = "could not be shut off"
    """They were to be kept from it, and this machine cannot do that."""

    def joined(self, other: NetworkAccess) -> NetworkAccess:
        """Return the weaker of two."""
        order = tuple(NetworkAccess)
        return max(self, other, key=order.index)


class SourceAccess(StrEnum):
    """The access of a comparison's command to the files that it was compared with."""

    NOT_ASKED = "not asked"
    HIDDEN = "hidden"
    """Every file of that content, in the stores and beside the map, was out of its sight."""
    OPEN = "could be read"


@tagged("Stayed")
@dataclass(frozen=True)
class ArtefactCleared:
    """One artefact goes on serving: its sealed manifest shows that it learnt from none of the people."""

    contents: tuple[str, ...]
    """Hex SHA-256 of each of its files, sorted."""
    sealed: datetime
    """When its manifest was sealed, whole seconds."""
    sources: tuple[str, ...]
    """Datasets of the map that the manifest covers, sorted."""
    proof: ComparisonResult = ComparisonResult.NOT_ASKED
    """``equal``: made again from exactly the records of its manifest, it is the same bit for bit; else its manifest is believed."""


@tagged("Remade")
@dataclass(frozen=True)
class ArtefactRemade:
    """The state of one dataset of an order. Each such event replaces the one before."""

    at: datetime
    dataset: str
    before: tuple[str, ...]
    """Hex SHA-256 of each item that was there when the order came, sorted."""
    after: tuple[str, ...] = ()
    """The same of what is there now that the step has ended."""
    proof: ComparisonResult = ComparisonResult.NOT_ASKED
    sight: SourceAccess = SourceAccess.NOT_ASKED
    """For :attr:`proof`: whether the comparison could have copied."""
    figures: Mapping[str, int] = field(default_factory=dict)
    """What the command said of its work: ``accuracy_before`` in hundredths of a percent, ``samples``..."""
    said: tuple[str, ...] = ()
    """Sentences of the command: which public encoder it rests on, and what that learnt from."""
    membership: Membership | None = None
    """A second opinion that the command reported; None where it reported none."""
    network: NetworkAccess = NetworkAccess.NOT_RUN
    """Of every command that had a part in what is there now."""
    unchanged: bool = False
    """The command said that there was nothing of theirs in it, and left it as it was: only the comparison tells whether that is so."""
    stayed: tuple[ArtefactCleared, ...] = ()
    """Artefacts of it that were left alone, and are neither in ``before`` nor in ``after``."""
    doubted: bool = False
    """Whether one of its artefacts, made again from the records of its manifest, came out another: then no manifest of it is believed."""
    ended: bool = False
    """Whether what replaces it is in place (or, for a destruction, whether it is gone)."""
    fresh: tuple[str, ...] = ()
    """Where ``proof`` says ``differs``: hex SHA-256 of each file that the comparison made, sorted."""
    again: tuple[str, ...] = ()
    """The same of a second run of that comparison, which is asked for nothing else; empty where it came to no end."""
    weights: tuple[str, ...] = ()
    """Where the comparison was by weights: the digest of what each file there has learnt, sorted; ``fresh`` and ``again`` are such."""
    disputed: tuple[str, ...] = ()
    """Contents in ``before`` that commands of this order made and its comparison did not. One that does clears them."""

    @property
    def varies(self) -> bool:
        """True when the comparison's two runs made different things: nothing else shows that a training does not give the same twice."""
        return bool(self.again) and self.again != self.fresh


@tagged("ModelsBlocked")
@dataclass(frozen=True)
class ModelsBlocked:
    """These may no longer serve: the contents for good, the dataset by name until it is freed."""

    at: datetime
    dataset: str
    digests: tuple[str, ...]
    orders: tuple[str, ...] = ()
    """Ids of the orders that want it so: the name is free when none of them does any more."""
    named: bool = True
    """Whether the name is blocked as well; not where other contents under it go on serving."""


@tagged("ModelsFreed")
@dataclass(frozen=True)
class ModelsFreed:
    """The name serves other content now, as far as some orders are concerned."""

    at: datetime
    dataset: str
    orders: tuple[str, ...] = ()
    """Those orders; none named: all of them."""
    digests: tuple[str, ...] = ()
    """Contents of which a comparison showed that nothing of theirs was in them."""


def keyed_contents(key: bytes, order: str, digests: Iterable[str]) -> tuple[str, ...]:
    """Return what stands in a receipt for contents that had learnt from the person, sorted.

    A plain digest of a small index or export could be guessed by whoever knows of what it was made. Only the operator, who has the key, can
    tell whether a file is one of them; of the same content there is another in each order.

    Args:
        key: the installation's pseudonym key.
        order: the order's id.
        digests: hex SHA-256 of each.
    """
    derived = hmac.digest(key, b"expunge/contents/1", "sha256")
    return tuple(sorted(hmac.digest(derived, f"{order}\0{each}".encode(), "sha256").hex() for each in digests))


@dataclass(frozen=True)
class ArtefactContent:
    """One item of an artefact."""

    name: str
    digest: str
    """Hex SHA-256."""


BESIDE = (".json", ".txt", ".md", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".py", ".csv")
"""What lies beside weights and is the same in every version: settings, lists of labels, requirements."""


def given_back(now: Iterable[ArtefactContent], before: Iterable[str]) -> tuple[str, ...]:
    """Return the digests of present content that was there before, without the small print that lies beside new content."""
    there, old = list(now), frozenset(before)
    same = [each for each in there if each.digest in old]
    if len(same) < len(there):
        same = [each for each in same if not each.name.lower().endswith(BESIDE)]
    return tuple(sorted(each.digest for each in same))


RemadeEvent: TypeAlias = ModelsBlocked | ModelsFreed


def holders(events: Iterable[object]) -> dict[str, frozenset[str]]:
    """Dataset -> ids of the orders for which it may not serve now (``""`` where none was named)."""
    held: dict[str, frozenset[str]] = {}
    for event in events:
        match event:
            case ModelsBlocked(named=True):
                held[event.dataset] = held.get(event.dataset, frozenset()).union(event.orders or ("",))
            case ModelsFreed():
                left = held.pop(event.dataset, frozenset()) - {*event.orders, ""}
                if event.orders and left:
                    held[event.dataset] = left
    return held


def blocked(events: Iterable[object]) -> frozenset[str]:
    """Return the artefacts that may not serve now, as values of the identity kind :data:`~expunge.core.values.ids.MODEL`."""
    told = list(events)
    return frozenset(holders(told).keys() | {f"sha256:{content}" for content in blocked_contents(told)})


def blocked_contents(events: Iterable[object]) -> frozenset[str]:
    """Digests of the contents that may never serve again."""
    digests: set[str] = set()
    for event in events:
        match event:
            case ModelsBlocked():
                digests.update(event.digests)
            case ModelsFreed():
                digests.difference_update(event.digests)
    return frozenset(digests)
