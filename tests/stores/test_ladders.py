"""Every rung of every ladder is needed: without it the person's bytes stay in a real store; with all of them, none do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from expunge.servers.processes import ServerFailed
from tests.stores.mutations import LADDERS, Ladder, Stays

SERVERS = {"postgres", "s3"}
SAMPLED = {"tables", "statistics", "write_ahead_log", "vacuum"}
"""Rungs over a server that stay out of the soak: each takes seconds."""
RUNGS = [
    pytest.param(ladder, name, id=f"{ladder.kind}-{name}", marks=[] if ladder.kind not in SERVERS or name in SAMPLED else pytest.mark.soak)
    for ladder in LADDERS
    for name, _ in ladder.rungs
]


@pytest.fixture(scope="module")
def ready() -> Iterator[dict[str, Stays]]:
    """Kind -> how to run its ladder; what a kind needs is started when its first test asks."""
    with ExitStack() as held:
        started: dict[str, Stays] = _Started(held)
        yield started


class _Started(dict[str, Stays]):
    def __init__(self, held: ExitStack) -> None:
        super().__init__()
        self.held = held

    def of(self, ladder: Ladder) -> Stays:
        if ladder.kind not in self:
            self[ladder.kind] = self.held.enter_context(ladder.ready())
        return self[ladder.kind]


@pytest.mark.parametrize(("ladder", "rung"), RUNGS)
def test_without_this_rung_bytes_stay_and_with_it_none_do(ready, ladder, rung):
    try:
        stays = ready.of(ladder)
    except ServerFailed as error:
        pytest.skip(error.message)
    assert stays(rung, True), f"{rung} could be left out of the ladder of {ladder.kind}"
    assert stays(rung, False) == []
