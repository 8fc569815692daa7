"""The key ``guess`` of identities, retentions and datasets: what a proposal rests on, until a person has decided."""

from __future__ import annotations

from expunge.core.datamap.open_guess import OpenGuess
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import ScalarNode, TableNode

UNDECIDED = "DECIDE"
"""The first word of a text that a proposal leaves to a person."""
_SECTIONS = ("identities", "retention", "datasets")
_WHOSE = ("subject", "aggregate", "about", "derived_from")


def read_guesses(form: Form, root: TableNode) -> tuple[OpenGuess, ...]:
    """Read every open guess, in the order of the file."""
    found = []
    for section in _SECTIONS:
        entries = root.get(section)
        for name, entry in entries.entries if isinstance(entries, TableNode) else ():
            if not isinstance(entry, TableNode):
                continue
            if (value := entry.get("guess")) is None:
                found += _undecided(section, name.text, entry)
                continue
            said = form.text(value, f"{section}.{name.text}.guess")
            decided = section != "datasets" or any(entry.get(key) is not None for key in _WHOSE)
            if said is not None:
                found.append(OpenGuess(section, name.text, said, decided, entry.line_of("guess")))
    return tuple(sorted(found, key=lambda each: each.line))


def _undecided(section: str, name: str, entry: TableNode) -> list[OpenGuess]:
    """The texts of a retention that still ask, though its guess was taken out."""
    if section != "retention":
        return []
    texts = {key: value.text for key in ("from", "purpose", "need") if isinstance(value := entry.get(key), ScalarNode)}
    open_ = [key for key, text in texts.items() if text.startswith(UNDECIDED)]
    return [OpenGuess(section, name, f"{', '.join(open_)} is still to be said", line=entry.line_of(open_[0]))] if open_ else []
