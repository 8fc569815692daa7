"""The faults of a map, collected so that one reading shows them all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from expunge.errors import Misconfigured

RULES = (
    "act-needs-argument",
    "act-not-for-this",
    "aggregate-incomplete",
    "anchor",
    "bad-accounts",
    "bad-approver",
    "bad-asking",
    "bad-attach",
    "bad-category",
    "bad-clocks",
    "bad-cohort",
    "bad-command",
    "bad-compare",
    "bad-date",
    "bad-ground",
    "bad-grounding",
    "bad-holds",
    "bad-kind",
    "bad-last-used",
    "bad-lineage",
    "bad-memory",
    "bad-mention",
    "bad-reference-data",
    "bad-name",
    "bad-network",
    "bad-on-erase",
    "bad-on-expiry",
    "bad-option",
    "bad-origin",
    "bad-path",
    "bad-period",
    "bad-provenance",
    "bad-recipient",
    "bad-review",
    "bad-review-desk",
    "bad-root",
    "bad-scan",
    "bad-shared",
    "bad-state",
    "bad-subject",
    "bad-text",
    "bad-url",
    "bad-use",
    "bad-variable",
    "bad-version",
    "bad-span",
    "bad-spelling",
    "bad-window",
    "coerced-value",
    "derived-cycle",
    "derived-without-on-erase",
    "duplicate-item",
    "duplicate-key",
    "empty",
    "field-not-in-path",
    "forever",
    "ignored-and-declared",
    "layout-not-for-kind",
    "member-cycle",
    "missing-environment",
    "missing-key",
    "missing-layout",
    "mute-not-possible",
    "no-recipients",
    "no-retention",
    "no-subject",
    "not-text",
    "overlapping-datasets",
    "people-needs-through",
    "people-not-by-field",
    "purpose-without-text",
    "same-store-twice",
    "shared-without-people",
    "state-in-store",
    "syntax",
    "tab",
    "tag",
    "text-shared",
    "through-cycle",
    "through-ends-nowhere",
    "too-big",
    "too-deep",
    "unknown-dataset",
    "unknown-identity",
    "unknown-key",
    "unknown-kind",
    "unknown-law",
    "unknown-retention",
    "unknown-schema",
    "unknown-store",
    "unknown-text",
    "wrong-type",
)
"""The kinds of fault; ``tests/vectors/maps/faults`` has a map for each."""


@dataclass(frozen=True)
class MapFault:
    """One fault of a map."""

    file: str
    line: int
    """From 1."""
    what: str
    """What is wrong, without values from the environment."""
    write_instead: str
    """What to write, as a line of YAML where it fits in one, as a sentence otherwise."""
    rule: str
    """One of :data:`RULES`."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}\n    instead: {self.write_instead}"


class MapFaults(Misconfigured):
    """A map that cannot be used, with everything that is wrong in it."""

    def __init__(self, faults: Sequence[MapFault]) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = "\n".join(str(fault) for fault in faults)
        super().__init__(f"the data map has {count}\n{lines}", help="mend these lines, then run: expunge check")
        self.faults = tuple(faults)


@dataclass
class FaultCollector:
    """Collects the faults of one file."""

    file: str
    found: list[MapFault] = field(default_factory=list)
    rules: Collection[str] = RULES

    def add(self, rule: str, line: int, what: str, write_instead: str) -> None:
        """Note one fault."""
        if rule not in self.rules:
            raise KeyError(rule)
        fault = MapFault(self.file, max(line, 1), what, write_instead, rule)
        if fault not in self.found:
            self.found.append(fault)

    def sorted(self) -> tuple[MapFault, ...]:
        """All faults in the order of the file."""
        return tuple(sorted(self.found, key=lambda fault: (fault.line, fault.rule, fault.what)))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known words as a sentence, or all of them."""
    words = sorted(f"{each}" for each in known)
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known here: {', '.join(words)}" if words else "nothing of the kind is declared yet"
