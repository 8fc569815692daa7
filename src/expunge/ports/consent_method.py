"""Methods to establish a parent's consent (16 CFR 312.5(b)). Each states its strength and the evidence that it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol


class Strength(StrEnum):
    """The certainty that a parent answered."""

    PLUS = "a message and a second step"
    """E-mail plus, text plus: for use inside the house alone."""
    CHECKED = "something a child cannot do"
    """A form that staff checked, a card, knowledge questions, a call."""
    IDENTIFIED = "an identity document"


class ConsentEvidence(StrEnum):
    """The evidence that the method leaves with us."""

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
    language: str = "en"
    """Of the parent: a language tag."""
    on_pages: bool = False
    """Whether an account of the pages answers, at their address."""


@dataclass(frozen=True)
class AskingBegun:
    """The document of :meth:`ConsentMethod.begin` that the caller hands over; empty where a message has left by itself."""

    media_type: str = ""
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class HandedEvidence:
    """The parent's answer, as it arrived."""

    token: str = field(repr=False)
    document: bytes = field(default=b"", repr=False)
    """A scan, answers, a reference of a payment: what the method asks for."""
    staff: str = ""
    """Who looked at it, where the method needs somebody to."""
    account: str = ""
    """The account of the pages that answers; empty where a program or a command hands the answer on."""


@dataclass(frozen=True)
class ConsentMethodOutcome:
    """The method's verdict on an answer."""

    proven: bool
    why: str = ""
    """Where it is not: in a few words, without anything of the person."""
    evidence: bytes = field(default=b"", repr=False)
    """What has to be kept as evidence; sealed by the caller, destroyed after ``evidence_ttl``."""


class ConsentMethod(Protocol):
    """One method of asking.

    A method keeps nothing itself: its memory between two steps is the :class:`Asking`, which it gets again at the next step. It never logs
    its input and never puts it into an exception. A caller may begin the same step again, after a crash or because the parent lost the
    message, with another token.
    """

    @property
    def name(self) -> str:
        """The name in records for people: ``email plus``."""
        ...

    @property
    def strength(self) -> Strength:
        """The certainty that a parent answered."""
        ...

    @property
    def allows_disclosure(self) -> bool:
        """True when it is enough where data of the child goes to third parties (16 CFR 312.5(b)(2))."""
        ...

    @property
    def steps(self) -> int:
        """The number of answers that the parent has to give."""
        ...

    @property
    def delay(self) -> timedelta:
        """The time between one answer and the next step."""
        ...

    @property
    def tells_all(self) -> bool:
        """True when its first message holds the whole disclosure; a text message leads to a page instead."""
        ...

    @property
    def evidence(self) -> ConsentEvidence:
        """The evidence that it leaves with us."""
        ...

    @property
    def evidence_ttl(self) -> timedelta:
        """The time after the decision for which evidence may be kept; zero where there is none or it must go at once."""
        ...

    def begin(self, asking: Asking) -> AskingBegun:
        """Ask: send the message, make the form. Raises StoreUnavailable when the message cannot leave now; it may be tried again."""
        ...

    def complete(self, asking: Asking, handed: HandedEvidence) -> ConsentMethodOutcome:
        """Examine the answer to this step. Its token was checked already.

        Raises StoreUnavailable when it cannot be decided now. The caller may try again with the same answer.
        """
        ...
