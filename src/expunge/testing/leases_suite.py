"""The conformance suite of the leases port."""

# ruff: noqa: D102 - the name of a story says what it shows
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from expunge import faults
from expunge.errors import TakenOver
from expunge.ports.leases import Lease, Leases
from expunge.testing.forked import in_child, start

STEP = "ord-aaaaaaaaaaaaaaaaaaaa/1/erase-files"
OTHER = "ord-aaaaaaaaaaaaaaaaaaaa/1/erase-rows"
LONG = 600.0
SHORT = 0.3


class LeasesSuite:
    """Subclass it, say where leases may be kept and how to open them; run it with pytest."""

    failpoints: tuple[str, ...] = ()
    """Every failpoint that taking, renewing and ending pass."""

    def place(self, folder: Path) -> str:
        """Return a place for fresh leases: a folder's file, or a new database of a server."""
        raise NotImplementedError

    def open(self, place: str) -> Leases:
        """Open the leases at a place; called in children and in threads too."""
        raise NotImplementedError

    @contextmanager
    def opened(self, place: str) -> Iterator[Leases]:
        """Leases for the length of a block."""
        leases = self.open(place)
        try:
            yield leases
        finally:
            leases.close()

    @pytest.fixture
    def leases(self, tmp_path: Path) -> Iterator[Leases]:
        """Fresh ones."""
        with self.opened(self.place(tmp_path)) as leases:
            yield leases

    def test_a_lease_is_one_holders_alone_until_it_is_given_back(self, leases: Leases) -> None:
        first = leases.take(STEP, "a", LONG)
        assert first is not None
        assert (first.name, first.holder) == (STEP, "a")
        assert first.until - first.since == timedelta(seconds=LONG)
        assert first.since.utcoffset() == timedelta(0)
        assert leases.take(STEP, "b", LONG) is None
        assert leases.take(OTHER, "b", LONG) is not None
        leases.check(first)
        leases.end(first)
        leases.end(first)
        second = leases.take(STEP, "b", LONG)
        assert second is not None
        assert second.token > first.token
        with pytest.raises(TakenOver):
            leases.check(first)

    def test_who_has_it_may_take_it_again_and_keeps_its_token(self, leases: Leases) -> None:
        first = leases.take(STEP, "a", 60)
        again = leases.take(STEP, "a", LONG)
        assert first is not None
        assert again is not None
        assert again.token == first.token
        assert again.until > first.until

    def test_an_expired_lease_passes_to_the_next_and_the_late_holder_is_told(self, leases: Leases) -> None:
        late = self._expired(leases)
        with pytest.raises(TakenOver):
            leases.check(late)
        now = leases.take(STEP, "b", LONG)
        assert now is not None
        assert now.token > late.token
        for use in (leases.check, lambda lease: leases.renew(lease, LONG)):
            with pytest.raises(TakenOver) as caught:
                use(late)
            assert caught.value.help
        leases.end(late)
        leases.check(now)

    def test_a_late_holder_may_renew_as_long_as_nobody_else_took_it(self, leases: Leases) -> None:
        late = self._expired(leases)
        renewed = leases.renew(late, LONG)
        assert renewed.token == late.token
        leases.check(late)
        assert leases.take(STEP, "b", LONG) is None

    def test_tokens_never_go_back_even_when_every_lease_was_given_back(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        tokens = []
        for holder in "abc" * 3:
            with self.opened(place) as leases:
                lease = leases.take(STEP, holder, LONG)
                assert lease is not None
                leases.end(lease)
                assert leases.held() == ()
            tokens.append(lease.token)
        assert tokens == sorted(set(tokens))

    def test_what_is_held_is_listed_without_what_ended_or_expired(self, leases: Leases) -> None:
        self._expired(leases)
        ended = leases.take("schedule", "a", LONG)
        held = leases.take(OTHER, "a", LONG)
        assert ended is not None
        leases.end(ended)
        assert leases.held() == (held,)

    @pytest.mark.parametrize(("name", "holder", "seconds"), [("", "a", 1), ("x" * 256, "a", 1), ("x", "", 1), ("x", "a", 0)])
    def test_a_lease_without_a_name_a_holder_or_time_is_refused(self, leases: Leases, name: str, holder: str, seconds: float) -> None:
        with pytest.raises(ValueError, match="a lease has a name"):
            leases.take(name, holder, seconds)

    def test_of_many_processes_that_take_at_once_one_has_it(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        self.open(place).close()

        def take(holder: str) -> Callable[[], list[int]]:
            def run() -> list[int]:
                with self.opened(place) as leases:
                    found = [leases.take(f"step-{at}", holder, LONG) for at in range(20)]
                return [at for at, each in enumerate(found) if each is not None]

            return run

        children = [start(take(holder)) for holder in "abcd"]
        taken = [at for child in children for at in child.wait().returned()]
        assert sorted(taken) == list(range(20))

    def test_threads_share_the_leases(self, leases: Leases) -> None:
        lease = leases.take(STEP, "a", 60)
        assert lease is not None
        renewed: list[Lease] = []

        def renew() -> None:
            renewed.append(leases.renew(lease, LONG))
            leases.close()

        thread = threading.Thread(target=renew)
        thread.start()
        thread.join()
        assert renewed[0].until > lease.until

    def test_killed_at_each_point_the_lease_is_free_or_held_and_never_in_between(self, tmp_path: Path) -> None:
        assert self.failpoints, "name the failpoints that leases pass"
        for number, point in enumerate(self.failpoints):
            folder = tmp_path / str(number)
            folder.mkdir()
            place = self.place(folder)
            self.open(place).close()
            ended = in_child(lambda place=place, point=point: self._whole_life(place, point))  # type: ignore[misc]
            assert ended.killed_by == 9, f"{point} was not passed"
            with self.opened(place) as leases:
                held = leases.held()
                taken = leases.take(STEP, "b", LONG)
                assert (taken is None) == bool(held), point
                if held:
                    assert held[0].holder == "a"
                    leases.end(held[0])
                    assert leases.take(STEP, "b", LONG) is not None

    def _whole_life(self, place: str, point: str) -> None:
        with self.opened(place) as leases, faults.arm(point, "kill"):
            lease = leases.take(STEP, "a", LONG)
            assert lease is not None
            leases.end(leases.renew(lease, LONG))

    @staticmethod
    def _expired(leases: Leases) -> Lease:
        lease = leases.take(STEP, "a", SHORT)
        assert lease is not None
        time.sleep(SHORT + 0.1)
        return lease
