"""The pseudonyms of families: a company's own KIND:VALUE, as orders name a person, under the key of the installation."""

from __future__ import annotations

from collections.abc import Callable

from expunge.core.accounts.hand_over import HandOverFault, refusal
from expunge.core.datamap.datamap import DataMap
from expunge.engine.kernel.spelt_names import name_of


def family_names(data_map: Callable[[], DataMap], key: Callable[[], bytes]) -> Callable[[str], str]:
    """Return what turns KIND:VALUE into a pseudonym. It asks no store: the value is the key of the identity, in whatever spelling.

    Args:
        data_map: gives the map whose identities are meant; called once.
        key: gives the pseudonym key.
    """
    known: list[DataMap] = []

    def family_of(subject: str) -> str:
        if not known:
            known.append(data_map())
        kind, _, value = subject.partition(":")
        if kind not in known[0].identities:
            raise refusal(HandOverFault.UNKNOWN_KIND, "a hand-over token names a person by a kind that the map does not have")
        return str(name_of(known[0], key(), kind, value))

    return family_of
