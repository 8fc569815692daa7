"""Common properties of the selectors of one call, for stores of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym


def merged(selectors: Sequence[Selector]) -> list[Selector]:
    """One selector for each subject; those that mean every item, or are narrowed, stand for themselves."""
    together: dict[Pseudonym, Selector] = {}
    alone: list[Selector] = []
    for selector in selectors:
        if selector.every or selector.narrowed:
            alone.append(selector)
            continue
        known = together.get(selector.subject)
        match = dict(known.match) if known else {}
        for name, values in selector.match.items():
            match[name] = match.get(name, frozenset()) | values
        together[selector.subject] = replace(selector, match=match)
    return [*together.values(), *alone]


def narrowed(copies: Sequence[Copy]) -> bool:
    """Return whether any copy is less than all items of its subject, or is about no particular subject."""
    return any(copy.selector.every or copy.selector.narrowed or copy.selector.anybodys for copy in copies if copy.selector)
