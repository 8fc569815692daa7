"""What stays of a person when one rung of a ladder is left out: ``python -m tests.stores.mutations`` prints it, test_ladders asks for it.

A kind of store takes part by a :class:`Ladder` in :data:`LADDERS`: the names of its rungs, and a way of erasing one person from real files
or a real server, made so that each rung matters, with all rungs or without one.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from tests.stores.parquet import ladder_parquet
from tests.stores.postgres import ladder_postgres
from tests.stores.s3 import ladder_s3
from tests.stores.sqlite import ladder_sqlite

Stays = Callable[[str, bool], list[str]]
"""(rung, whether it is left out) -> where bytes of the person lie after the store said that they are gone."""


@dataclass(frozen=True)
class Ladder:
    kind: str
    rungs: tuple[tuple[str, str], ...]
    """(name, what stays without it), in the order of climbing."""
    ready: Callable[[], AbstractContextManager[Stays]]
    """Makes ready what the runs share (a server); entering may raise where that is not installed."""


LADDERS = (
    Ladder("sqlite", ladder_sqlite.RUNGS, ladder_sqlite.ready),
    Ladder("postgres", ladder_postgres.RUNGS, ladder_postgres.ready),
    Ladder("s3", ladder_s3.RUNGS, ladder_s3.ready),
    Ladder("parquet", ladder_parquet.RUNGS, ladder_parquet.ready),
)


def main() -> int:
    """Print one line per rung: kind, rung, how many places stay without it and which kinds of them, how many with it."""
    wrong = 0
    print(f"{'store':10}{'rung':20}{'without':>8}{'with':>6}  what stays without it")
    for ladder in LADDERS:
        with ladder.ready() as stays:
            for rung, why in ladder.rungs:
                without, whole = stays(rung, True), stays(rung, False)
                wrong += not without or bool(whole)
                print(f"{ladder.kind:10}{rung:20}{len(without):8}{len(whole):6}  {why}: {_in_short(without)}", flush=True)
    print("every rung is needed, and together they leave nothing" if not wrong else f"{wrong} rungs do not behave")
    return 1 if wrong else 0


def _in_short(found: list[str]) -> str:
    """The places, most frequent first."""
    places = Counter(each.rpartition(" in ")[2].partition(":")[0] for each in found)
    names = [f"{place} ({count})" for place, count in places.most_common(4)]
    return ", ".join(names) + (", ..." if len(places) > 4 else "")


if __name__ == "__main__":
    sys.exit(main())
