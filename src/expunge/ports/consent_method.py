"""Methods to establish a parent's consent (16 CFR 312.5(b)). Each states its strength and the evidence that it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol


class Strength(StrEnum):
    """How sure it is that a parent answered."""

    PLUS = "a message and a second step"
    """E-mail plus, text plus: for use inside the house alone."""
    CHECKED = "something a child cannot do"
    """A form that staff checked, a card, knowledge questions, a call."""
    IDENTIFIED = "an identity document"


class ConsentEvidence(StrEnum):
    """What the method leaves with us."""

    NOTHING = "nothing"
    DOCUMENT = "a document"
    """A signed form."""
    IDENTITY = "an identity document or an image of a face"
    """Deleted promptly: the rule demands it."""


@dataclass(frozen=True)
class Asking:
    """One step of asking one parent about one purpose."""

    request: str
    """``ask-`` and 16 hex digits; says nothing about anybody."""
    step: int
    """From 1."""
    contact: str = field(repr=False)
    """Where the parent is reached, as the method needs it: an address, a number; may be empty where it needs none."""
    token: str = field(repr=False)
    """What the parent's answer has to carry; a fresh one for each message, used once."""
    purpose: str
    """What is asked for, in the words of the map."""
    disclosure: str
    """The whole text that stands before the question."""
    expires_days: int
    items: tuple[str, ...] = ()
    """What data it is about; names of the map."""
    recipients: tuple[str, ...] = ()
    """Third parties that get it; empty for uses inside the house."""


@dataclass(frozen=True)
class AskingBegun:
    """What :meth:`ConsentMethod.begin` leaves to be handed over by whoever asked; empty where a message has left by itself."""

    media_type: str = ""
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class HandedEvidence:
    """What came back."""

    token: str = field(repr=False)
    document: bytes = field(default=b"", repr=False)
    """A scan, answers, a reference of a payment: what the method asks for."""
    staff: str = ""
    """Who looked at it, where the method needs somebody to."""


@dataclass(frozen=True)
class ConsentMethodOutcome:
    """What the method makes of it."""

    proven: bool
    why: str = ""
    """Where it is not: in a few words, without anything of the person."""
    evidence: bytes = field(default=b"", repr=False)
    """What has to be kept as evidence; sealed by the caller, destroyed after ``evidence_ttl``."""


class ConsentMethod(Protocol):
    """One way of asking.

    A method keeps nothing itself: what it must remember between two steps is in the :class:`Asking` that it is handed again. It never
    logs, and never puts into an exception, what it is handed. It may be asked to begin the same step again, after a crash or because the
    parent lost the message, with another token.
    """

    @property
    def name(self) -> str:
        """As people read it in records: ``email plus``."""
        ...

    @property
    def strength(self) -> Strength:
        """How sure it is that a parent answered."""
        ...

    @property
    def allows_disclosure(self) -> bool:
        """Whether it is enough where data of the child goes to third parties (16 CFR 312.5(b)(2))."""
        ...

    @property
    def steps(self) -> int:
        """How many times the parent has to answer."""
        ...

    @property
    def delay(self) -> timedelta:
        """How long after one answer the next step begins."""
        ...

    @property
    def evidence(self) -> ConsentEvidence:
        """What it leaves with us."""
        ...

    @property
    def evidence_ttl(self) -> timedelta:
        """How long after the decision that may be kept; zero where it leaves nothing or it must go at once."""
        ...

    def begin(self, asking: Asking) -> AskingBegun:
        """Ask: send the message, make the form. Raises StoreUnavailable when the message cannot leave now; it may be tried again."""
        ...

    def complete(self, asking: Asking, handed: HandedEvidence) -> ConsentMethodOutcome:
        """Look at what came back for this step; its token was checked already.

        Raises StoreUnavailable when it cannot be told now; it may be tried again with the same.
        """
        ...
