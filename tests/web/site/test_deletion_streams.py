"""The bound on live streams: pages always find a thread."""

from __future__ import annotations

from contextlib import ExitStack
from uuid import UUID

from expunge.web.site.portal.live_streams import DOWNLOADS, MOST_STREAMS, OF_ACCOUNT, Streams

ONE, OTHER, THIRD = (UUID(int=number) for number in range(3))


def test_few_streams_are_open_at_once_and_fewer_of_one_account() -> None:
    streams = Streams()
    with ExitStack() as open_ones:
        rooms = [open_ones.enter_context(streams.place(account)) for account in (ONE, ONE, ONE, OTHER, OTHER, THIRD)]
        assert rooms == [True, True, False, True, True, False]
        assert sum(rooms) == MOST_STREAMS
        assert OF_ACCOUNT < MOST_STREAMS
    with streams.place(THIRD) as room:
        assert room, "what has ended leaves its room"


def test_one_account_does_not_take_every_download() -> None:
    with ExitStack() as open_ones:
        rooms = [open_ones.enter_context(DOWNLOADS.place(account)) for account in (ONE, ONE, ONE, OTHER)]
        assert rooms == [True, True, False, True]
