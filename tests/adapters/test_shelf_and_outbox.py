from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from expunge import durable, faults
from expunge.adapters.files.outbox_files import FileOutbox
from expunge.adapters.files.shelf_files import FileShelf
from expunge.core.values.ids import OrderId
from expunge.errors import StateUnavailable, UsageError
from expunge.testing.forked import in_child, start
from tests.architecture.failpoints import all_failpoints

ONE = OrderId("ord-aaaaaaaaaaaaaaaaaaaa")
OTHER = OrderId("ord-bbbbbbbbbbbbbbbbbbbb")


def killed(call: Callable[[], object], name: str, count: int = 1) -> None:
    def run() -> None:
        with faults.arm(name, "kill", count):
            call()

    assert in_child(run).killed_by == 9, f"{name} was not passed"


# ---- shelf -----------------------------------------------------------------------------------------------------------


def test_the_shelf_names_its_orders_and_when_each_last_changed(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path / "orders")
    shelf.put(ONE, "traces-1-app", b"x")
    shelf.put(OTHER, "traces-1-app", b"x")
    os.utime(tmp_path / "orders" / ONE, (1000, 1000))
    (tmp_path / "orders" / "Not an order").mkdir()
    found = dict(shelf.orders())
    assert found.keys() == {ONE, OTHER}
    assert found[ONE] == 1000 < found[OTHER]


@pytest.mark.parametrize("data", [b"", b"\0\xff", bytes(1_000_000)])
def test_the_shelf_gives_back_exactly_what_was_put(tmp_path: Path, data: bytes) -> None:
    FileShelf(tmp_path / "orders").put(ONE, "identifiers.sealed", data)
    again = FileShelf(tmp_path / "orders")
    assert again.get(ONE, "identifiers.sealed") == data
    assert again.get(ONE, "traces") is None
    assert again.get(OTHER, "identifiers.sealed") is None


def test_putting_again_replaces(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path)
    shelf.put(ONE, "traces", b"first")
    shelf.put(ONE, "traces", b"second")
    assert shelf.get(ONE, "traces") == b"second"


def test_names_are_those_of_one_order_sorted(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path)
    for name in ("traces", "receipt-1.dsse.json", "receipt-1.html"):
        shelf.put(ONE, name, b"x")
    shelf.put(OTHER, "plan", b"x")
    assert list(shelf.names(ONE)) == ["receipt-1.dsse.json", "receipt-1.html", "traces"]
    assert list(shelf.names(OrderId("ord-none"))) == []


def test_what_is_removed_leaves_no_name_and_removing_twice_is_fine(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path)
    shelf.put(ONE, "traces", b"x")
    shelf.put(ONE, "plan", b"y")
    shelf.remove(ONE, "traces")
    shelf.remove(ONE, "traces")
    shelf.remove(OTHER, "traces")
    assert shelf.get(ONE, "traces") is None
    assert shelf.get(ONE, "plan") == b"y"
    shelf.remove(ONE, "plan")
    assert not (tmp_path / ONE).exists()


@pytest.mark.parametrize(
    ("order", "name"),
    [
        ("../up", "plan"),
        ("ann@example.com", "plan"),
        ("Ann'\udcff", "plan"),
        ("a" * 300, "plan"),
        (ONE, "../plan"),
        (ONE, ".hidden"),
        (ONE, "Ann"),
        (ONE, ""),
    ],
)
def test_names_that_could_be_a_person_or_a_path_are_refused_without_repeating_them(tmp_path: Path, order: str, name: str) -> None:
    shelf = FileShelf(tmp_path)
    for use in (
        lambda: shelf.put(OrderId(order), name, b"x"),
        lambda: shelf.get(OrderId(order), name),
        lambda: shelf.remove(OrderId(order), name),
    ):
        with pytest.raises(UsageError if order != ONE else ValueError, match=r"^not ") as caught:
            use()
        assert "Ann" not in str(caught.value)
        assert "ann@" not in str(caught.value)


def test_only_the_owner_reads_the_shelf(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        FileShelf(tmp_path / "orders").put(ONE, "plan", b"x")
    finally:
        os.umask(mask)
    for path in (tmp_path / "orders", *(tmp_path / "orders").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_killed_at_every_point_a_file_is_old_or_new_and_a_removed_one_leaves_nothing_after_the_next_try(tmp_path: Path) -> None:
    def world(number: str) -> FileShelf:
        shelf = FileShelf(tmp_path / number)
        shelf.put(ONE, "traces", b"old")
        return shelf

    def both(shelf: FileShelf) -> None:
        shelf.put(OTHER, "plan", b"x")
        shelf.put(ONE, "traces", b"new")
        shelf.remove(ONE, "traces")

    scratch = world("scratch")
    with faults.record() as names:
        both(scratch)
    points = [(name, names[: at + 1].count(name)) for at, name in enumerate(names)]
    for name, count in points:
        shelf = world(f"{name}-{count}".replace(":", "-"))
        killed(lambda shelf=shelf: both(shelf), name, count)  # type: ignore[misc]
        assert shelf.get(ONE, "traces") in {b"old", b"new", None}
        assert shelf.get(OTHER, "plan") in {b"x", None}
        assert not any(each.startswith(".") for each in shelf.names(ONE))
        shelf.remove(ONE, "traces")
        shelf.put(OTHER, "plan", b"y")
        left = [path for path in shelf._folder.rglob("*") if path.is_file() and not path.name.startswith(".lock")]
        assert left == [shelf._folder / OTHER / "plan"], f"{name}@{count}"
    with faults.record() as swept:
        shelf = world("swept")
        killed(lambda: shelf.put(ONE, "traces", b"new"), "shelf.put.data:after")
        assert len(list((tmp_path / "swept" / ONE).iterdir())) == 2
        shelf.remove(ONE, "traces")
    assert {name for name in all_failpoints() if name.startswith("shelf.")} <= {*names, *swept}


def test_a_full_disk_at_every_point_is_said_and_the_old_file_is_whole(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path)
    for name in [name for name in all_failpoints() if name.startswith("shelf.put") and "order" not in name]:
        shelf.put(ONE, "traces", b"old")
        with faults.arm(name, "full"), pytest.raises(StateUnavailable) as caught:
            shelf.put(ONE, "traces", b"new")
        assert os.strerror(errno.ENOSPC).lower() in str(caught.value).lower()
        assert shelf.get(ONE, "traces") in {b"old", b"new"}
        assert not list(tmp_path.rglob(f"{durable.TEMPORARY_PREFIX}*"))


def test_two_processes_may_put_at_once(tmp_path: Path) -> None:
    shelf = FileShelf(tmp_path)

    def put(name: str) -> None:
        for at in range(50):
            shelf.put(ONE, name, b"%d" % at)

    for child in [start(lambda name=name: put(name)) for name in ("plan", "traces", "identifiers.sealed")]:  # type: ignore[misc]
        child.wait().returned()
    assert {name: shelf.get(ONE, name) for name in shelf.names(ONE)} == dict.fromkeys(("plan", "traces", "identifiers.sealed"), b"49")


# ---- outbox ----------------------------------------------------------------------------------------------------------


def test_a_notice_lies_ready_for_people_and_for_programs(tmp_path: Path) -> None:
    FileOutbox(tmp_path / "outbox").put(ONE, "done", "Your order is done.\n", {"receipts": "1"})
    assert (tmp_path / "outbox" / f"{ONE}-done.txt").read_text() == "Your order is done.\n"
    notice = json.loads((tmp_path / "outbox" / f"{ONE}-done.json").read_bytes())
    assert notice == {
        "schema": "expunge.notice/1",
        "order": ONE,
        "kind": "done",
        "text": "Your order is done.\n",
        "fields": {"receipts": "1"},
    }


def test_the_same_notice_twice_leaves_one_and_does_not_touch_it(tmp_path: Path) -> None:
    outbox = FileOutbox(tmp_path)
    outbox.put(ONE, "could-not", "text", {})
    before = {path: path.stat().st_ino for path in tmp_path.iterdir()}
    outbox.put(ONE, "could-not", "text", {})
    assert {path: path.stat().st_ino for path in tmp_path.iterdir()} == before
    outbox.put(ONE, "could-not", "another text", {})
    assert json.loads((tmp_path / f"{ONE}-could-not.json").read_bytes())["text"] == "another text"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(("order", "kind"), [("../up", "done"), (ONE, "Done!"), ("ann@example.com", "done")])
def test_a_notice_is_never_named_after_a_person(tmp_path: Path, order: str, kind: str) -> None:
    with pytest.raises(ValueError, match="not an order id or not a kind"):
        FileOutbox(tmp_path).put(OrderId(order), kind, "text", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("action", ["kill", "full"])
@pytest.mark.parametrize("point", [name for name in all_failpoints() if name.startswith("outbox.")])
def test_stopped_at_every_point_a_notice_for_programs_is_whole_or_not_there(tmp_path: Path, point: str, action: str) -> None:
    outbox = FileOutbox(tmp_path)
    if action == "kill":
        killed(lambda: outbox.put(ONE, "done", "text", {}), point)
    else:
        with faults.arm(point, "full"), pytest.raises(StateUnavailable):
            outbox.put(ONE, "done", "text", {})
    for path in tmp_path.glob("*.json"):
        assert json.loads(path.read_bytes())["text"] == "text"
        assert path.with_suffix(".txt").read_text() == "text"
    outbox.put(ONE, "done", "text", {})
    assert (tmp_path / f"{ONE}-done.json").exists()
