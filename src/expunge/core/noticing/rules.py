"""The rules of noticing, as a file states them, and how a company's own file makes them stricter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from hashlib import sha256

from expunge.core.noticing.measures import Measure
from expunge.core.values import canonical

WINDOW_DAYS = 28
"""Days before the one that is judged, whose numbers of peers are the baseline. Repetition is counted within as many, this one included."""
LEAST_DAYS = 7
"""With fewer days of peers it cannot be told yet whether a number is far from theirs."""
LEAST_PEERS = 3
"""With fewer peers in the same job function neither."""


@dataclass(frozen=True)
class NoticingRule:
    """One rule about one number of a reviewer's day."""

    name: str
    says: str
    """What it is about, as the end of a sentence that begins with the reviewer."""
    measure: Measure
    at_least: int
    """Below it the rule is never met, however far from peers it is."""
    of: Measure | None = None
    """The measure that it is a share of; None where the number itself is compared."""
    far: int | None = None
    """Hundredths of standard deviations away from peers from which on it is met; None where peers do not matter."""
    always: int | None = None
    """From here on it is met whatever peers do."""
    alone: bool = False
    """Whether it opens a finding without another rule."""


@dataclass(frozen=True)
class Rulebook:
    """The rules in force."""

    rules: tuple[NoticingRule, ...]
    """By name."""
    together: int = 2
    """So many rules of one day open a finding."""

    @cached_property
    def digest(self) -> str:
        """Return the hex SHA-256 over the canonical form."""
        rules = [{**asdict(rule), "measure": rule.measure.value, "of": rule.of.value if rule.of else None} for rule in self.rules]
        return sha256(canonical.encode({"together": self.together, "rules": rules})).hexdigest()

    def tightened(self, changes: Iterable[NoticingRule], together: int | None = None) -> Rulebook:
        """Return the rules with some of them stricter.

        Raises ValueError for a rule that is not known, and for a change that makes one weaker.
        """
        rules = {rule.name: rule for rule in self.rules}
        for change in changes:
            before = rules.get(change.name)
            if before is None:
                message = f"there is no rule {change.name!r}"
                raise ValueError(message)
            _require_stricter(before, change)
            rules[change.name] = change
        if together is not None and not 1 <= together <= self.together:
            message = f"together: from 1 to {self.together}: a company's file makes rules stricter alone"
            raise ValueError(message)
        return replace(self, rules=tuple(rules[name] for name in sorted(rules)), together=self.together if together is None else together)


def _require_stricter(before: NoticingRule, after: NoticingRule) -> None:
    weaker = [
        name
        for name, old, new in (
            ("at_least", before.at_least, after.at_least),
            ("far", before.far, after.far),
            ("always", before.always, after.always),
        )
        if new is not old and (new is None or (old is not None and new > old))
    ]
    if before.far is None and after.far is not None:
        weaker.append("far")
    if before.alone and not after.alone:
        weaker.append("alone")
    if weaker:
        message = f"{before.name}: {weaker[0]} would be weaker than it is: a company's file makes rules stricter alone"
        raise ValueError(message)
