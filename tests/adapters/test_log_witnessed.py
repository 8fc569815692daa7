"""A log that asks witnesses before it publishes: whatever happens meanwhile, no witness ever sees two trees."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from expunge import faults
from expunge.adapters.log.audit import verify_log
from expunge.adapters.log.cosigning import Witnesses
from expunge.adapters.log.tile_log import TileLog
from expunge.adapters.log.witness import Witness
from expunge.cli.services.witness_server import WitnessServer
from expunge.core.log import trust
from expunge.core.log.signed_head import open_earlier, open_head
from expunge.core.note import parse_note
from expunge.errors import NotWitnessed, StateCorrupt, StateUnavailable
from expunge.testing.forked import in_child
from tests.evidence_kit import ORIGIN, SeededKeys
from tests.log_kit import NOW, running

KEYS = SeededKeys()


class Setting:
    """One operator, and one witness that can be away."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder, self.seen_by = tmp_path / "log", tmp_path / "witness"
        self.now = NOW
        self.url = "http://127.0.0.1:1/"
        self.witness = Witness(self.seen_by, "w.example/1", KEYS.policy(), now=lambda: self.now)

    @property
    def policy(self) -> trust.TrustPolicy:
        return replace(KEYS.policy(), witnesses=(trust.NamedKey(self.witness.key, self.url, "w"),), quorum="w")

    def log(self, hours: float = 12, keys: SeededKeys = KEYS, **settings: object) -> TileLog:
        asked = Witnesses(self.policy, patience=timedelta(seconds=5), now=lambda: self.now, longest=timedelta(hours=hours))
        return TileLog(self.folder, ORIGIN, keys, **{"witnesses": asked, **settings})  # type: ignore[arg-type]

    @contextmanager
    def there(self) -> Iterator[None]:
        """The witness answers."""
        with running(WitnessServer(self.witness, "127.0.0.1", 0)) as self.url:
            yield
        self.url = "http://127.0.0.1:1/"

    def witnessed(self) -> datetime | None:
        """When the published head was cosigned; raises where it was not."""
        return open_head((self.folder / "checkpoint").read_bytes(), self.policy, now=self.now).fresh


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path)


def entries(start: int, end: int) -> list[bytes]:
    return [b"entry %d" % n for n in range(start, end)]


def test_a_checkpoint_is_cosigned_before_it_is_published(setting: Setting) -> None:
    with setting.there():
        log = setting.log()
        for start, end in ((0, 3), (3, 250), (250, 700)):
            assert log.append(entries(start, end)) == tuple(range(start, end))
            assert setting.witnessed() == NOW
            assert open_head(log.head().checkpoint, setting.policy, now=NOW).head.size == end
        assert not (setting.folder / ".pending").exists()
        assert verify_log(setting.folder, setting.policy, now=NOW).leftover == ()


@pytest.mark.parametrize(("first", "second"), [((3, 5), (5, 7)), ((3, 300), (300, 700)), ((3, 256), (256, 512))])
def test_without_its_quorum_it_waits_and_goes_on_from_the_very_tree_that_was_signed(
    setting: Setting, first: tuple[int, int], second: tuple[int, int]
) -> None:
    with setting.there():
        setting.log().append(entries(0, 3))
    log = setting.log()
    for each in (log, setting.log()):
        with pytest.raises(NotWitnessed, match="have not cosigned yet"):
            each.append(entries(*first))
    assert log.head().size == 3
    assert verify_log(setting.folder, KEYS.policy()).head.size == 3, "what is published stays readable meanwhile"
    with pytest.raises(NotWitnessed):
        setting.log().append(entries(*second))
    with setting.there():
        log = setting.log()
        assert log.append(entries(*first)) == tuple(range(*first)), "the same leaves are not entered twice"
        assert log.head().size == second[1]
        assert log.append(entries(*second)[:1]) == (second[1],), "what is published may be entered again"
        assert [log.entry(index) for index in (0, 3, second[1] - 1)] == [b"entry 0", b"entry 3", b"entry %d" % (second[1] - 1)]
        assert verify_log(setting.folder, setting.policy, now=NOW).leftover == ()


def test_it_does_not_wait_for_ever(setting: Setting) -> None:
    setting.now = NOW
    with pytest.raises(NotWitnessed):
        setting.log().append(entries(0, 3))
    setting.now = NOW + timedelta(hours=11)
    with pytest.raises(NotWitnessed):
        setting.log().append(entries(3, 5))
    setting.now = NOW + timedelta(hours=12)
    log = setting.log()
    assert log.append(entries(5, 6)) == (5,)
    assert open_earlier(log.head().checkpoint, setting.policy).cosignatures == ()
    with setting.there():
        assert setting.log().append(entries(6, 7)) == (6,)
        assert setting.witnessed() == setting.now


def test_where_it_is_not_to_wait_it_publishes_at_once(setting: Setting) -> None:
    assert setting.log(0).append(entries(0, 3)) == (0, 1, 2)
    assert setting.log(0).head().size == 3


def test_witnesses_taken_out_of_the_map_are_waited_for_no_more(setting: Setting) -> None:
    with pytest.raises(NotWitnessed):
        setting.log().append(entries(0, 3))
    assert setting.log(witnesses=None).append(entries(3, 4)) == (3,)
    assert verify_log(setting.folder, KEYS.policy()).leftover == ()
    assert not (setting.folder / ".pending").exists()


def test_keys_replaced_meanwhile_sign_the_same_tree(setting: Setting) -> None:
    with setting.there():
        setting.log().append(entries(0, 3))
    with pytest.raises(NotWitnessed):
        setting.log().append(entries(3, 5))
    new = SeededKeys("rotated")
    former = [(KEYS.log_public(), KEYS.log_public_p256())]
    setting.witness = Witness(setting.seen_by, "w.example/1", new.policy(), now=lambda: NOW)
    with setting.there():
        log = setting.log(keys=new, former=former)
        assert log.append(entries(4, 6)) == (4, 5)
        assert verify_log(setting.folder, new.policy()).head.size == 6


def test_cosigning_anew_refreshes_the_head_and_keeps_the_lines_of_who_is_away(setting: Setting) -> None:
    with setting.there():
        setting.log().append(entries(0, 3))
    setting.now = NOW + timedelta(days=2)
    (fault,) = setting.log().cosign()
    assert "could not be reached" in fault
    assert setting.witnessed() == NOW, "the cosignature of before stays"
    with setting.there():
        assert setting.log().cosign() == ()
        assert setting.witnessed() == setting.now
    with pytest.raises(NotWitnessed):
        setting.log().append(entries(3, 5))
    with pytest.raises(NotWitnessed):
        setting.log().cosign()
    with setting.there():
        log = setting.log()
        assert (log.cosign(), log.head().size) == ((), 5)


POINTS = [
    f"log.{name}:{side}"
    for name in (
        "append.data",
        "append.folder",
        "pending.data",
        "pending.swap",
        "pending.folder",
        "publish.data",
        "publish.swap",
        "publish.folder",
        "drop.partial",
        "drop.folder",
        "pending.done",
    )
    for side in ("before", "after")
]


def test_the_list_of_failpoints_is_what_a_witnessed_append_passes(setting: Setting) -> None:
    with setting.there():
        setting.log().append(entries(0, 5))
        log = setting.log()
        with faults.record() as names:
            log.append(entries(5, 300))
    assert tuple(name for name in dict.fromkeys(names) if name.startswith("log.")) == tuple(POINTS)


TELLING = {"log.pending.swap:before", "log.pending.folder:after", "log.publish.swap:before", "log.publish.folder:after"}
"""Points that tell the phases apart; the others are walked in the soak."""


@pytest.mark.parametrize("point", [point if point in TELLING else pytest.param(point, marks=pytest.mark.soak) for point in POINTS])
@pytest.mark.parametrize("away", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_killed_anywhere_the_next_tree_continues_the_one_that_a_witness_saw(setting: Setting, point: str, away: bool) -> None:
    with setting.there():
        setting.log().append(entries(0, 5))
        if away:
            url, setting.url = setting.url, "http://127.0.0.1:1/"
            with pytest.raises(NotWitnessed):
                setting.log().append(entries(5, 9))
            setting.url = url

        def die() -> None:
            with faults.arm(point, "kill"):
                setting.log().append(entries(9 if away else 5, 300))

        in_child(die)
        log = setting.log()
        (index,) = log.append([b"something else"])
        assert log.entry(index) == b"something else"
        assert setting.witnessed() == NOW
        audit = verify_log(setting.folder, setting.policy, now=NOW)
        assert (audit.head.size, audit.leftover) == (index + 1, ())
        assert not list(setting.seen_by.glob("*/evidence-*")), "no witness was shown two trees"


@pytest.mark.parametrize("point", ["log.pending.data:before", "log.pending.swap:before", "log.publish.data:before"])
def test_a_full_disk_shows_no_witness_what_is_not_kept(setting: Setting, point: str) -> None:
    with setting.there():
        log = setting.log()
        log.append(entries(0, 5))
        with faults.arm(point, "full"), pytest.raises(StateUnavailable):
            log.append(entries(5, 7))
        assert log.append([b"other"]) in ((5,), (7,))
        assert not list(setting.seen_by.glob("*/evidence-*"))


def test_a_pending_tree_that_is_damaged_or_of_another_log_stops_it(setting: Setting) -> None:
    with setting.there():
        setting.log().append(entries(0, 5))
    with pytest.raises(NotWitnessed):
        setting.log().append(entries(5, 7))
    path = setting.folder / ".pending"
    whole = path.read_bytes()
    other = TileLog(setting.folder.parent / "other", ORIGIN, KEYS)  # type: ignore[arg-type]
    other.append([b"other %d" % n for n in range(7)])
    for wrong in (whole.replace(b"\n7\n", b"\n8\n"), b"", whole[:40], whole.split(b"\n")[0] + b"\n" + other.head().checkpoint):
        path.write_bytes(wrong)
        with pytest.raises(StateCorrupt):
            setting.log().append(entries(5, 7))
    path.write_bytes(b"once\n" + whole.partition(b"\n")[2])
    with pytest.raises(StateCorrupt, match="since when"):
        setting.log().append(entries(5, 7))
    path.write_bytes(whole)
    with setting.there():
        assert setting.log().append(entries(5, 7)) == (5, 6)
        assert len(parse_note((setting.folder / "checkpoint").read_bytes()).signatures) == 3
