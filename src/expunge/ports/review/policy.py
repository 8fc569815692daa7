"""The policy port: may this act of review be done now?"""

from __future__ import annotations

from typing import Protocol

from expunge.core.review.question import PolicyAnswer, ViewQuestion


class ReviewPolicy(Protocol):
    """Decide about acts of review. Safe between threads.

    A caller asks again at each act: an answer says nothing about the next moment. It asks before a point of no return (an event, a byte),
    and does nothing where the answer is not ``allowed``.
    """

    def decide(self, question: ViewQuestion) -> PolicyAnswer:
        """Decide. Raise nothing: trouble of any kind is an answer that refuses, with the trouble among its reasons.

        An answer allows only where a rule permits, no rule refuses, and every rule could be evaluated. A fact that is not known never
        makes an answer allow what it would refuse with the fact known.
        """
        ...

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the set of policies that decides now; empty where the set has a mistake and nothing is granted."""
        ...
