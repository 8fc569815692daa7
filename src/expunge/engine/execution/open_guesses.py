"""Refuse to plan under a map that a person has not looked through: what a proposal guessed may be another person's."""

from __future__ import annotations

from expunge.core.datamap.datamap import DataMap
from expunge.errors import Misconfigured

_SHOWN = 20


def require_decided(data_map: DataMap) -> None:
    """Raise Misconfigured where the map holds open guesses, with the line and the correction of each."""
    guesses = data_map.guesses
    if not guesses:
        return
    count = "1 open guess" if len(guesses) == 1 else f"{len(guesses)} open guesses"
    lines = [f"{data_map.source}:{each.line}: {each.what}\n    instead: {each.fix}" for each in guesses[:_SHOWN]]
    more = [f"and {len(guesses) - _SHOWN} more"] if len(guesses) > _SHOWN else []
    message = "\n".join((f"the data map has {count}, and no order is planned under a guess", *lines, *more))
    raise Misconfigured(message, help="decide these lines, then run: expunge check. The people of the order stay fenced meanwhile")
