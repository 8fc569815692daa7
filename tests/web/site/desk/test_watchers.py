"""Few watch at once, and a lease is watched in one window: the newest."""

from __future__ import annotations

from contextlib import ExitStack

from expunge.web.site.desk.viewing.watchers import OF_ACCOUNT, Place, Watchers


def test_few_watch_at_once_and_fewer_of_one_account() -> None:
    watchers = Watchers(most=3)
    with ExitStack() as open_ones:
        asked = [("ann", "1"), ("ann", "2"), ("ann", "3"), ("bob", "4"), ("cid", "5")]
        found = [open_ones.enter_context(watchers.watching(*each)) for each in asked]
        assert [each.place for each in found] == [Place.TAKEN, Place.HELD, Place.HELD, Place.HELD, Place.FULL]
        assert OF_ACCOUNT == 2
        again = open_ones.enter_context(watchers.watching("ann", "2"))
        assert (found[1].place, found[2].place, again.place) == (Place.TAKEN, Place.HELD, Place.HELD)
    with watchers.watching("cid", "5") as later:
        assert later.place is Place.HELD, "what has ended leaves its room"


def test_the_newest_window_takes_the_place_of_the_one_before() -> None:
    watchers = Watchers(most=1)
    with watchers.watching("ann", "1") as first:
        with watchers.watching("ann", "1") as second:
            assert (first.place, second.place) == (Place.TAKEN, Place.HELD)
        assert first.place is Place.TAKEN
        with watchers.watching("bob", "2") as other:
            assert other.place is Place.HELD, "the place was the second one's, and it has gone"
