"""Answers: a value and bytes, or an error of :mod:`expunge.errors` that is the same on the other side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from expunge.adapters.keeper.frames import Frame
from expunge.core.values.canonical import Json
from expunge.errors import (
    AppRefused,
    DecisionRefused,
    DeskRefused,
    ExpungeError,
    GuardianshipRefused,
    HandOverRefused,
    SenderRefused,
    StateUnavailable,
    WrongOffset,
)

_WITH_REASON: dict[object, type[SenderRefused | DecisionRefused | DeskRefused | HandOverRefused | GuardianshipRefused | AppRefused]] = {
    each.__name__: each for each in (SenderRefused, DecisionRefused, DeskRefused, HandOverRefused, GuardianshipRefused, AppRefused)
}
_OK, _ERROR, _MESSAGE, _HELP, _RECEIVED, _REASON = "answer", "error", "message", "help", "received", "reason"


@dataclass(frozen=True)
class Answer:
    """The result of a request."""

    value: Json = None
    body: bytes = b""

    def frame(self) -> Frame:
        """Return it as a frame."""
        return Frame({_OK: self.value}, self.body)


def error_frame(error: ExpungeError) -> Frame:
    """Return an error as a frame: its class, its message and its help, none of which holds personal data."""
    # Why not the class itself: a room has errors of its own, which the other side reads as the one that they are a kind of.
    kind = next(each for each in type(error).__mro__ if each.__module__ == ExpungeError.__module__)
    head: dict[str, Json] = {_ERROR: kind.__name__, _MESSAGE: error.message, _HELP: error.help}
    match error:
        case WrongOffset():
            head[_RECEIVED] = error.received
        case SenderRefused() | DecisionRefused() | DeskRefused() | HandOverRefused() | GuardianshipRefused() | AppRefused():
            head[_REASON] = error.reason
    return Frame(head)


def read(frame: Frame) -> Answer:
    """Return the answer that a frame holds, or raise the error that it holds."""
    if frame.head.keys() == {_OK}:
        return Answer(frame.head[_OK], frame.body)
    name, message, help_ = (frame.head.get(each) for each in (_ERROR, _MESSAGE, _HELP))
    if not isinstance(message, str) or not isinstance(help_, str):
        raise StateUnavailable("the keeper's answer cannot be read", help="restart it with the same version of Expunge")
    received = frame.head.get(_RECEIVED)
    if name == WrongOffset.__name__ and isinstance(received, int):
        raise WrongOffset(message, help=help_, received=received)
    reason = frame.head.get(_REASON)
    if isinstance(reason, str) and name in _WITH_REASON:
        raise _WITH_REASON[name](message, help=help_, reason=reason)
    raise _KINDS.get(str(name), StateUnavailable)(message, help=help_)


def _kinds(of: type[ExpungeError]) -> Iterator[type[ExpungeError]]:
    for each in of.__subclasses__():
        yield each
        yield from _kinds(each)


_KINDS = {each.__name__: each for each in _kinds(ExpungeError) if each.__module__ == ExpungeError.__module__}
