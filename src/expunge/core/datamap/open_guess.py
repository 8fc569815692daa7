"""Guesses of a proposed map that no person has looked at yet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OpenGuess:
    """One ``guess:`` of a map. No order is planned while it stands."""

    section: str
    """``identities``, ``retention`` or ``datasets``."""
    name: str
    said: str
    """What the proposal rests on, as the map has it: counts and names of the schema, never a value."""
    decided: bool = True
    """Whether the entry says something that can be right; False where only a person can say whose the data is."""
    line: int = 0
    """Line of the map, for messages."""

    @property
    def what(self) -> str:
        """The open question, for messages."""
        return f"{self.section}.{self.name} is a guess: {self.said}"

    @property
    def fix(self) -> str:
        """What to write instead."""
        if self.section == "retention":
            return "period, from, purpose and need as they are decided, without the key `guess` and the word DECIDE"
        if self.decided:
            return "the entry as it is right, without the key `guess`"
        return "subject: {KIND: FIELD} or {through: DATASET, via: FIELD}, or about: nobody, without the key `guess`"
