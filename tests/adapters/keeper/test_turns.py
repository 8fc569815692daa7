"""Requests of one account or family hold a part of the clerk's threads; those of others go on."""

from __future__ import annotations

import asyncio
import os
import threading
from uuid import UUID

import pytest

from expunge.adapters.clerk.deletion_requests import DeletionsUnderWay
from expunge.adapters.keeper import answers
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.peers import Peer
from expunge.adapters.keeper.requests import Request
from expunge.adapters.keeper.server import Keeper, KeeperLimits
from expunge.errors import Busy

ONE, OTHER = (str(UUID(int=number)) for number in (1, 2))
PEER = Peer(os.getpid(), os.geteuid(), frozenset())


@pytest.mark.parametrize(
    "hog",
    [
        pytest.param(lambda number: DeletionsUnderWay(ONE, f"psn-{number}"), id="one account, many families"),
        pytest.param(lambda number: DeletionsUnderWay(str(UUID(int=number + 10)), "psn-0"), id="one family, many accounts"),
    ],
)
def test_another_family_is_answered_while_one_asker_hogs(hog: object) -> None:
    assert callable(hog)
    going_on, begun = threading.Event(), threading.Semaphore(0)

    def handle(_: object, request: Request, __: bytes) -> Answer:
        begun.release()
        assert isinstance(request, DeletionsUnderWay)
        if request.family != "psn-other":
            assert going_on.wait(30)
        return Answer(request.family)

    keeper = Keeper({DeletionsUnderWay: handle}, lambda: "", limits=KeeperLimits(turn=0.5))

    async def all_of_it() -> None:
        hogs = [asyncio.create_task(keeper._answer(PEER, hog(number), b"")) for number in range(30)]
        for _ in range(6):
            assert await asyncio.to_thread(begun.acquire, timeout=10)
        async with asyncio.timeout(5):
            found = await keeper._answer(PEER, DeletionsUnderWay(OTHER, "psn-other"), b"")
        assert answers.read(found).value == "psn-other"
        refused, _ = await asyncio.wait(hogs, timeout=5, return_when=asyncio.ALL_COMPLETED)
        going_on.set()
        outcomes = [answer_of(each.result()) for each in await asyncio.gather(*map(_done, hogs))]
        assert (len(refused), outcomes.count("busy")) == (24, 24)

    asyncio.run(all_of_it())


async def _done(task: asyncio.Task[object]) -> asyncio.Task[object]:
    await task
    return task


def answer_of(frame: object) -> str:
    try:
        answers.read(frame)  # type: ignore[arg-type]
    except Busy:
        return "busy"
    return "answered"
