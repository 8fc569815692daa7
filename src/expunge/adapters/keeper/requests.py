"""Requests as typed values, with a strict decoder: an unknown name, a missing or an unknown field, or another type is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import Enum, auto
from typing import ClassVar, NewType, Self

from expunge.adapters.keeper.frames import MOST_BODY
from expunge.adapters.keeper.peers import Right
from expunge.core.values.canonical import Json
from expunge.core.values.ids import OrderId
from expunge.errors import UsageError

MOST_AT_ONCE = 1000
"""The most orders, or items to sign, in one request."""
MOST_NAME = 4096
"""The most characters of a recording's name."""
_MOST_TEXT = 256
_ORDER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_ASK = "ask"
Name = NewType("Name", str)
"""A recording's name, which is longer than other texts."""
BearerText = NewType("BearerText", str)
"""An ``Authorization`` header, as a sender sent it."""


class Threads(Enum):
    """Threads beside the keeper's loop, for requests that may wait for the disk or for another process. Each kind has its own."""

    NONE = auto()
    """The loop itself: it never waits."""
    KEYS = auto()
    VAULT = auto()
    """Of recordings."""
    SENDERS = auto()
    """Of a server's senders, but for their recordings."""
    ACCOUNTS = auto()
    """Of accounts of people, and of staff."""
    FAMILIES = auto()
    """Of families, at the clerk."""
    DESK = auto()
    """Of the review desk, at the clerk."""
    FOLLOWING = auto()
    """Of pages that wait until a lease ends, at the clerk: they do nothing else."""


@dataclass(frozen=True)
class Request:
    """A question to the keeper. A subclass is a frozen dataclass with the fields that the request has."""

    name: ClassVar[str] = ""
    with_body: ClassVar[bool] = False
    """Whether the request has a body."""
    most_body: ClassVar[int] = MOST_BODY
    """The most bytes of its body."""
    threads: ClassVar[Threads] = Threads.NONE
    """The threads that carry it out."""
    needs: ClassVar[Right] = Right.KEYS
    """The right that a peer needs to ask it."""

    def for_purpose(self) -> str | None:
        """Return the purpose for which a peer needs the right; None where any will do."""
        return None

    def askers(self) -> tuple[str, ...]:
        """Return the names of the accounts and families whose requests are bounded together; none where no bound is needed."""
        return ()

    def head(self) -> dict[str, Json]:
        """Return the head of its frame."""
        return {_ASK: self.name, **{each.name: getattr(self, each.name) for each in fields(self)}}

    @classmethod
    def read(cls, head: Mapping[str, Json]) -> Self:
        """Read a head whose name is this request's. Raises UsageError."""
        wanted = {each.name: str(each.type) for each in fields(cls)}
        if head.keys() != {_ASK, *wanted}:
            message = f"the request {cls.name} has other fields"
            raise _refusal(message)
        return cls(**{name: _READERS[kind](head[name]) for name, kind in wanted.items()})


@dataclass(frozen=True)
class Hello(Request):
    """The first request of each connection."""

    name = "hello"
    needs = Right.ANY
    version: int
    keys: str
    """The client's keystore, by its folder's device and inode. A keeper of another keystore does not answer."""


@dataclass(frozen=True)
class Status(Request):
    """Ask for the keeper's status."""

    name = "status"
    needs = Right.ANY


@dataclass(frozen=True)
class Stop(Request):
    """Ask the keeper to end."""

    name = "stop"
    needs = Right.ANY


def named(head: Mapping[str, Json]) -> str:
    """Return the name of the request that a head holds. Raises UsageError."""
    name = head.get(_ASK)
    if not isinstance(name, str):
        raise _refusal("a message to the keeper names no request")
    return name


def _refusal(message: str) -> UsageError:
    return UsageError(message, help="ask with the same version of Expunge as the keeper runs")


def _number(value: Json) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _refusal("a field of a request is no number")
    return value


def _text(value: Json) -> str:
    if not isinstance(value, str) or len(value) > _MOST_TEXT:
        raise _refusal("a field of a request is no short text")
    return value


def _name(value: Json) -> Name:
    if not isinstance(value, str) or len(value) > MOST_NAME:
        raise _refusal("a field of a request is no name")
    return Name(value)


def _bearer(value: Json) -> BearerText:
    return BearerText(_name(value))


def _flag(value: Json) -> bool:
    if not isinstance(value, bool):
        raise _refusal("a field of a request is neither true nor false")
    return value


def _pair(value: Json) -> tuple[str, Name]:
    if not isinstance(value, list) or len(value) != 2:
        raise _refusal("a field of a request is no pair")
    return _text(value[0]), _name(value[1])


def _order(value: Json) -> OrderId:
    if not isinstance(value, str) or not _ORDER.fullmatch(value):
        raise _refusal("a field of a request is no order id")
    return OrderId(value)


def _some(value: Json) -> list[Json]:
    if not isinstance(value, list) or len(value) > MOST_AT_ONCE:
        message = f"a field of a request is no list of at most {MOST_AT_ONCE}"
        raise _refusal(message)
    return value


_READERS: Mapping[str, Callable[[Json], object]] = {
    "int": _number,
    "str": _text,
    "int | None": lambda value: None if value is None else _number(value),
    "bool": _flag,
    "Name": _name,
    "BearerText": _bearer,
    "OrderId": _order,
    "tuple[int, ...]": lambda value: tuple(map(_number, _some(value))),
    "tuple[OrderId, ...]": lambda value: tuple(map(_order, _some(value))),
    "tuple[tuple[str, Name], ...]": lambda value: tuple(map(_pair, _some(value))),
}
"""The type of a field, as the source writes it -> its reader."""
