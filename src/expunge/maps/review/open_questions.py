"""The questions that a map leaves to a person: each open guess, and each text of a retention that is still to be said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.open_guess import OpenGuess
from expunge.maps.document.edits import entry_lines
from expunge.maps.document.faults import FaultCollector
from expunge.maps.document.nodes import ScalarNode, TableNode, load
from expunge.maps.sections.guesses import UNDECIDED

RETENTION_KEYS = ("period", "from", "purpose", "need")
"""What a person decides about a retention, in this order."""
_ASKED = {
    "period": "how long is it kept?",
    "from": "from which field does that run?",
    "purpose": "what is it used for?",
    "need": "why does that need it?",
}
_STILL = "still to be said: "
_RULES = ("subject", "about", "aggregate", "derived_from")


@dataclass(frozen=True)
class MapQuestion:
    """One question."""

    section: str
    """``identities``, ``retention`` or ``datasets``."""
    name: str
    key: str
    """The key of a retention that is asked for; empty where the entry as a whole is."""
    reason: str
    """What the guess rests on: counts and names of the schema, never a value."""
    proposed: str
    """What *yes* stands for, as YAML; empty where only a person can say."""
    asked: str
    """The question in words."""
    means: str
    """What *yes* means for people's data; empty where nothing is proposed."""
    entry: tuple[str, ...]
    """The lines of the entry."""
    line: int

    @property
    def place(self) -> str:
        """Section, name and key, for messages."""
        return ".".join(part for part in (self.section, self.name, self.key) if part)


def open_questions(text: str, data_map: DataMap) -> tuple[MapQuestion, ...]:
    """Return the open questions of a map, in the order of the file. ``text``: the map without a byte order mark."""
    root = load(text.encode(), FaultCollector(data_map.source))
    return tuple(each for guess in data_map.guesses for each in _of_guess(text, guess, root)) if isinstance(root, TableNode) else ()


def open_keys(said: str) -> tuple[str, ...]:
    """Return the keys of a retention that its guess leaves open: those that it names, all where it names none."""
    named, found, _ = said.removeprefix(_STILL).partition("; ")
    keys = tuple(named.split(", ")) if said.startswith(_STILL) and found else RETENTION_KEYS
    return keys if set(keys) <= set(RETENTION_KEYS) else RETENTION_KEYS


def with_open_keys(said: str, keys: Iterable[str]) -> str:
    """Return the guess of a retention with the keys that are still open in front of its reason."""
    reason = said.removeprefix(_STILL).partition("; ")[2] if said.startswith(_STILL) else said
    return f"{_STILL}{', '.join(keys)}; {reason}"


def _of_guess(text: str, guess: OpenGuess, root: TableNode) -> Iterator[MapQuestion]:
    section = root.get(guess.section)
    entry = section.get(guess.name) if isinstance(section, TableNode) else None
    if not isinstance(entry, TableNode):
        return
    lines = entry_lines(text, guess.section, guess.name)
    if guess.section == "retention":
        whole = entry.get("guess") is not None
        for key in RETENTION_KEYS:
            value = entry.get(key)
            told = value.text if isinstance(value, ScalarNode) else ""
            said = "" if told.startswith(UNDECIDED) else told
            if (whole and key in open_keys(guess.said)) or not said:
                yield MapQuestion("retention", guess.name, key, guess.said, said, _ASKED[key], "", lines, entry.line_of(key))
        return
    proposed = _rule(lines, guess) if guess.decided else ""
    asked = "is that right?" if proposed else "whose is it?"
    yield MapQuestion(guess.section, guess.name, "", guess.said, proposed, asked, _means(guess, entry), lines, guess.line)


def _rule(lines: tuple[str, ...], guess: OpenGuess) -> str:
    """The lines of the entry that *yes* lets stand."""
    if guess.section == "identities":
        return lines[0].strip().partition(", guess:")[0].rstrip("}") + "}" if len(lines) == 1 else lines[0].strip()
    wanted = (*_RULES, "on_erase", "mentions", "categories")
    return "; ".join(line.strip() for line in lines[1:] if line.strip().partition(":")[0] in wanted)


def _means(guess: OpenGuess, entry: TableNode) -> str:
    if not guess.decided:
        return ""
    if guess.section == "identities":
        return "orders find people by it"
    if entry.get("about") is not None or entry.get("aggregate") is not None:
        return "no order ever takes anything of it"
    whole = entry.get("subject") is None and entry.get("derived_from") is not None
    return "an order for one person takes all of it" if whole else "an order takes what leads to its person"
