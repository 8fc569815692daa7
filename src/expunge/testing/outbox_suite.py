"""The conformance suite of the outbox port."""

# ruff: noqa: D102 - the name of a story says what it shows
from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from expunge import faults
from expunge.core.values.ids import OrderId
from expunge.errors import ExpungeError
from expunge.ports.outbox import Outbox
from expunge.testing.forked import in_child

ONE = OrderId("ord-aaaaaaaaaaaaaaaaaaaa")
OTHER = OrderId("ord-bbbbbbbbbbbbbbbbbbbb")


class OutboxSuite:
    """Subclass it, define the place of an outbox, its opening and its reading by the delivering program, and run it with pytest."""

    def place(self, folder: Path) -> str:
        """Return a place for a fresh outbox: a folder, or a new database of a server."""
        raise NotImplementedError

    def open(self, place: str) -> Outbox:
        """Open the outbox at a place; called in children too."""
        raise NotImplementedError

    def notices(self, place: str) -> list[bytes]:
        """Return the waiting notices, as the delivering program reads them."""
        raise NotImplementedError

    def close(self, outbox: Outbox) -> None:
        """Let go of the outbox's handles."""

    @contextmanager
    def opened(self, place: str) -> Iterator[Outbox]:
        """An outbox for the length of a block."""
        outbox = self.open(place)
        try:
            yield outbox
        finally:
            self.close(outbox)

    def read(self, place: str) -> list[dict[str, Any]]:
        """Return the notices, decoded."""
        return [json.loads(notice) for notice in self.notices(place)]

    def test_a_notice_lies_ready_for_programs(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as outbox:
            outbox.put(ONE, "done", "Your order is done, Ω.\n", {"receipts": "1"})
        assert self.read(place) == [
            {
                "schema": "expunge.notice/1",
                "order": ONE,
                "kind": "done",
                "text": "Your order is done, Ω.\n",
                "fields": {"receipts": "1"},
            }
        ]

    def test_the_same_notice_twice_leaves_one_and_another_text_replaces_it(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as outbox:
            for _ in range(2):
                outbox.put(ONE, "could-not", "text", {})
            assert len(self.notices(place)) == 1
            outbox.put(ONE, "could-not", "another text", {})
            outbox.put(ONE, "done", "text", {})
            outbox.put(OTHER, "done", "text", {})
        found = {(each["order"], each["kind"]): each["text"] for each in self.read(place)}
        assert found == {(ONE, "could-not"): "another text", (ONE, "done"): "text", (OTHER, "done"): "text"}

    def test_several_notices_are_put_at_once(self, tmp_path: Path) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as outbox:
            outbox.put(ONE, "done", "old", {})
            outbox.put_all([(ONE, "done", "new", {"receipts": "2"}), (OTHER, "could-not", "text", {})])
            outbox.put_all([])
        found = {(each["order"], each["kind"]): (each["text"], each["fields"]) for each in self.read(place)}
        assert found == {(ONE, "done"): ("new", {"receipts": "2"}), (OTHER, "could-not"): ("text", {})}

    @pytest.mark.parametrize(("order", "kind"), [("../up", "done"), (ONE, "Done!"), ("ann@example.com", "done")])
    def test_a_notice_is_never_named_after_a_person(self, tmp_path: Path, order: str, kind: str) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as outbox, pytest.raises(ValueError, match="not an order id or not a kind"):
            outbox.put(OrderId(order), kind, "text", {})
        assert self.notices(place) == []

    @pytest.mark.parametrize("action", ["kill", "full"])
    def test_stopped_at_every_point_a_notice_is_whole_or_not_there(self, tmp_path: Path, action: str) -> None:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        with self.opened(self.place(scratch)) as outbox, faults.record() as points:
            outbox.put(ONE, "done", "text", {})
        assert points, "an outbox passes failpoints"
        for number, point in enumerate(points):
            folder = tmp_path / str(number)
            folder.mkdir()
            place = self.place(folder)
            self.close(self.open(place))
            if action == "kill":
                ended = in_child(lambda place=place, point=point: self._armed(place, point, "kill"))  # type: ignore[misc]
                assert ended.killed_by == 9, f"{point} was not passed"
            else:
                with pytest.raises(ExpungeError, match="no space left"):
                    self._armed(place, point, "full")
            assert [each["text"] for each in self.read(place)] in ([], ["text"]), point
            with self.opened(place) as outbox:
                outbox.put(ONE, "done", "text", {})
            assert [each["text"] for each in self.read(place)] == ["text"], point

    def _armed(self, place: str, point: str, action: str) -> None:
        with self.opened(place) as outbox, faults.arm(point, action):
            outbox.put(ONE, "done", "text", {})
