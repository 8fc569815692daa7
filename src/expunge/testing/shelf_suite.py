"""The conformance suite of the shelf port."""

# ruff: noqa: D102 - the name of a story says what it shows
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from expunge import faults
from expunge.core.values.ids import OrderId
from expunge.errors import ExpungeError, UsageError
from expunge.ports.shelf import Shelf
from expunge.testing.forked import in_child, start

ONE = OrderId("ord-aaaaaaaaaaaaaaaaaaaa")
OTHER = OrderId("ord-bbbbbbbbbbbbbbbbbbbb")


class ShelfSuite:
    """Subclass it, say where a shelf may be made and how to open it; run it with pytest."""

    together = False
    """Whether ``put_all`` is all or nothing."""

    def place(self, folder: Path) -> str:
        """Return a place for a fresh shelf: a folder, or a new database of a server."""
        raise NotImplementedError

    def open(self, place: str) -> Shelf:
        """Open the shelf at a place; called in children too."""
        raise NotImplementedError

    def close(self, shelf: Shelf) -> None:
        """Let go of the shelf's handles."""

    @contextmanager
    def opened(self, place: str) -> Iterator[Shelf]:
        """A shelf for the length of a block."""
        shelf = self.open(place)
        try:
            yield shelf
        finally:
            self.close(shelf)

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Iterator[Shelf]:
        """A fresh one."""
        with self.opened(self.place(tmp_path)) as shelf:
            yield shelf

    @pytest.mark.parametrize("data", [b"", b"\0\xff", bytes(1_000_000)])
    def test_exactly_what_was_put_comes_back_after_reopening(self, tmp_path: Path, data: bytes) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as shelf:
            shelf.put(ONE, "identifiers.sealed", data)
        with self.opened(place) as shelf:
            assert shelf.get(ONE, "identifiers.sealed") == data
            assert shelf.get(ONE, "traces") is None
            assert shelf.get(OTHER, "identifiers.sealed") is None

    def test_putting_again_replaces(self, shelf: Shelf) -> None:
        shelf.put(ONE, "traces", b"first")
        shelf.put(ONE, "traces", b"second")
        assert shelf.get(ONE, "traces") == b"second"
        assert list(shelf.names(ONE)) == ["traces"]

    def test_several_are_put_at_once_and_the_last_of_one_name_counts(self, shelf: Shelf) -> None:
        shelf.put(OTHER, "plan", b"before")
        shelf.put_all([(OTHER, "plan", b"after"), (ONE, "traces", b"1"), (ONE, "plan", b"2"), (ONE, "traces", b"3")])
        shelf.put_all([])
        assert {name: shelf.get(ONE, name) for name in shelf.names(ONE)} == {"plan": b"2", "traces": b"3"}
        assert shelf.get(OTHER, "plan") == b"after"

    def test_several_are_read_at_once_and_those_that_are_not_there_are_missing(self, shelf: Shelf) -> None:
        shelf.put_all([(OTHER, "plan", b""), (ONE, "traces", b"1"), (ONE, "plan", b"2")])
        asked = [(OTHER, "plan"), (ONE, "plan"), (ONE, "gone"), (OrderId("ord-none"), "plan")]
        assert shelf.get_all(asked) == {(OTHER, "plan"): b"", (ONE, "plan"): b"2"}
        assert shelf.get_all([]) == {}
        many = [OrderId(f"ord-{at}") for at in range(600)]
        shelf.put_all([(each, "plan", each.encode()) for each in many])
        assert shelf.get_all([(each, "plan") for each in many]) == {(each, "plan"): each.encode() for each in many}

    def test_names_are_those_of_one_order_sorted(self, shelf: Shelf) -> None:
        for name in ("traces", "receipt-1.dsse.json", "receipt-1.html"):
            shelf.put(ONE, name, b"x")
        shelf.put(OTHER, "plan", b"x")
        assert list(shelf.names(ONE)) == ["receipt-1.dsse.json", "receipt-1.html", "traces"]
        assert list(shelf.names(OrderId("ord-none"))) == []

    def test_what_is_removed_leaves_no_name_and_removing_twice_is_fine(self, shelf: Shelf) -> None:
        shelf.put(ONE, "traces", b"x")
        shelf.put(ONE, "plan", b"y")
        shelf.remove(ONE, "traces")
        shelf.remove(ONE, "traces")
        shelf.remove(OTHER, "traces")
        assert shelf.get(ONE, "traces") is None
        assert list(shelf.names(ONE)) == ["plan"]

    def test_several_are_removed_at_once_and_those_that_are_gone_are_no_error(self, shelf: Shelf) -> None:
        shelf.put_all([(ONE, "traces", b"1"), (ONE, "plan", b"2"), (OTHER, "traces", b"3"), (OTHER, "plan", b"4")])
        shelf.remove_all([(ONE, "traces"), (ONE, "plan"), (OTHER, "plan"), (OTHER, "gone"), (OrderId("ord-none"), "plan")])
        shelf.remove_all([])
        assert list(shelf.names(ONE)) == []
        assert list(shelf.names(OTHER)) == ["traces"]

    @pytest.mark.parametrize(
        ("order", "name"),
        [("../up", "plan"), ("ann@example.com", "plan"), ("Ann'", "plan"), ("a" * 300, "plan"), (ONE, "../plan"), (ONE, "Ann"), (ONE, "")],
    )
    def test_names_that_could_be_a_person_or_a_path_are_refused_without_repeating_them(self, shelf: Shelf, order: str, name: str) -> None:
        uses: tuple[Callable[[], object], ...] = (
            lambda: shelf.put(OrderId(order), name, b"x"),
            lambda: shelf.put_all([(OrderId(order), name, b"x")]),
            lambda: shelf.get(OrderId(order), name),
            lambda: shelf.get_all([(OrderId(order), name)]),
            lambda: shelf.remove(OrderId(order), name),
        )
        for use in uses:
            with pytest.raises(UsageError if order != ONE else ValueError, match=r"^not ") as caught:
                use()
            assert "Ann" not in str(caught.value)
            assert "ann@" not in str(caught.value)

    def test_killed_at_every_point_a_file_is_old_or_new(self, tmp_path: Path) -> None:
        for number, (point, count) in enumerate(self._points(tmp_path)):
            place = self._started(tmp_path, f"kill-{number}")
            ended = in_child(partial(self._armed, place, point, "kill", count))
            assert ended.killed_by == 9, f"{point} was not passed"
            self._old_or_new(place, point)

    def test_an_error_at_every_point_is_said_and_a_file_is_old_or_new(self, tmp_path: Path) -> None:
        for number, (point, count) in enumerate(self._points(tmp_path)):
            place = self._started(tmp_path, f"full-{number}")
            with pytest.raises(ExpungeError, match="no space left"):
                self._armed(place, point, "full", count)
            self._old_or_new(place, point)

    def test_two_processes_may_put_at_once(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        self.close(self.open(place))

        def put(name: str) -> Callable[[], None]:
            def run() -> None:
                with self.opened(place) as shelf:
                    for at in range(30):
                        shelf.put_all([(ONE, name, b"%d" % at), (OTHER, "shared", name.encode())])

            return run

        for child in [start(put(name)) for name in ("plan", "traces", "identifiers.sealed")]:
            child.wait().returned()
        with self.opened(place) as shelf:
            names = ("identifiers.sealed", "plan", "traces")
            assert {name: shelf.get(ONE, name) for name in shelf.names(ONE)} == dict.fromkeys(names, b"29")
            assert shelf.get(OTHER, "shared") in {name.encode() for name in names}

    def _started(self, folder: Path, number: str) -> str:
        inside = folder / number
        inside.mkdir()
        place = self.place(inside)
        with self.opened(place) as shelf:
            shelf.put_all([(ONE, "traces", b"old"), (ONE, "plan", b"old")])
        return place

    def _points(self, folder: Path) -> list[tuple[str, int]]:
        place = self._started(folder, "scratch")
        with self.opened(place) as shelf, faults.record() as names:
            self._change(shelf)
        assert names, "a shelf passes failpoints"
        return [(name, names[: at + 1].count(name)) for at, name in enumerate(names)]

    def _armed(self, place: str, point: str, action: str, count: int) -> None:
        with self.opened(place) as shelf, faults.arm(point, action, count):
            self._change(shelf)

    @staticmethod
    def _change(shelf: Shelf) -> None:
        shelf.put_all([(ONE, "traces", b"new"), (ONE, "plan", b"new")])
        shelf.remove(ONE, "traces")

    def _old_or_new(self, place: str, point: str) -> None:
        with self.opened(place) as shelf:
            traces, plan = shelf.get(ONE, "traces"), shelf.get(ONE, "plan")
            assert traces in {b"old", b"new", None}, point
            assert plan in {b"old", b"new"}, point
            assert traces is not None or plan == b"new", point
            if self.together and traces is not None:
                assert traces == plan, point
            self._change(shelf)
            assert list(shelf.names(ONE)) == ["plan"]
