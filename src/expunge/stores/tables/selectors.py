"""What selectors of one call have in common, for stores of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym


def merged(selectors: Sequence[Selector]) -> list[Selector]:
    """One selector for each subject; those that mean every item, or are narrowed, stand for themselves."""
    together: dict[Pseudonym, Selector] = {}
    alone: list[Selector] = []
    for each in selectors:
        if each.every or each.narrowed:
            alone.append(each)
            continue
        known = together.get(each.subject)
        match = dict(known.match) if known else {}
        for name, values in each.match.items():
            match[name] = match.get(name, frozenset()) | values
        together[each.subject] = replace(each, match=match)
    return [*together.values(), *alone]


def narrowed(copies: Sequence[Copy]) -> bool:
    """Whether copies are less than all that somebody has, or nobody's in particular."""
    return any(each.selector.every or each.selector.narrowed or each.selector.anybodys for each in copies if each.selector)
