"""Messages of a Redis stream: who may not be used is not handed out, now or when the stream is replayed."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from expunge.gate.streams import GatedStream, StreamWaits
from tests.gate.world import AGREED, GONE, NOW, SILENT, contents, gate, publish


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return publish(tmp_path / "snapshot")


def consumer(client: redis.Redis, path: Path, name: str = "one", *, keep: bool = False, purpose: str = "answer") -> GatedStream:
    if not client.exists("said") or not client.xinfo_groups("said"):
        client.xgroup_create("said", "g", "0", mkstream=True)
    return GatedStream(client, "said", "g", name, gate(path), "profile", purpose, "profile_id", keep=keep, count=2, block_ms=20)


def say(client: redis.Redis, *names: str | None) -> None:
    for name in names:
        client.xadd("said", {"text": "hello", **({"profile_id": name} if name else {})})


def heard(gated: GatedStream) -> list[str]:
    return [fields[b"profile_id"].decode() for _, fields in gated.messages()]


def test_who_may_not_be_used_is_not_heard_and_not_left_lying(stream: redis.Redis, path: Path) -> None:
    say(stream, AGREED, GONE, SILENT, None, AGREED)
    gated = consumer(stream, path)
    assert heard(gated) == [AGREED, SILENT, AGREED]
    assert gated.tally.as_json() == {"allowed": 3, "suppressed": 1, "no_subject": 1}
    assert [fields[b"profile_id"].decode() for _, fields in stream.xrange("said")] == [AGREED, SILENT, AGREED]
    assert stream.xpending("said", "g")["pending"] == 0


def test_it_can_be_told_to_leave_the_stream_as_it_is(stream: redis.Redis, path: Path) -> None:
    say(stream, GONE)
    assert heard(consumer(stream, path, keep=True)) == []
    assert stream.xlen("said") == 1


@pytest.mark.duty("AMZ-08")
def test_a_replayed_stream_does_not_bring_an_erased_person_back(stream: redis.Redis, path: Path) -> None:
    """Heard before the erasure, read again from the beginning by another group after it."""
    publish(path, contents([]))
    say(stream, GONE, AGREED)
    assert heard(consumer(stream, path)) == [GONE, AGREED]
    publish(path, contents([GONE]))
    stream.xgroup_setid("said", "g", "0")
    assert heard(consumer(stream, path)) == [AGREED]


def test_a_message_handed_out_before_a_crash_is_asked_about_again(stream: redis.Redis, path: Path) -> None:
    publish(path, contents([]))
    say(stream, GONE, AGREED)
    dying = consumer(stream, path).messages()
    assert next(dying)[1][b"profile_id"] == GONE.encode()
    dying.close()  # type: ignore[attr-defined]
    publish(path, contents([GONE]))
    assert heard(consumer(stream, path)) == [AGREED]
    assert stream.xpending("said", "g")["pending"] == 0


def test_a_message_deleted_meanwhile_is_no_trouble(stream: redis.Redis, path: Path) -> None:
    say(stream, AGREED, SILENT)
    first = consumer(stream, path).messages()
    identity, _ = next(first)
    first.close()  # type: ignore[attr-defined]
    stream.xdel("said", identity)
    assert heard(consumer(stream, path)) == [SILENT]
    assert stream.xpending("said", "g")["pending"] == 0


def test_while_the_gate_knows_nothing_every_message_waits(stream: redis.Redis, path: Path) -> None:
    say(stream, AGREED, GONE)
    path.unlink()
    with pytest.raises(StreamWaits) as error:
        heard(consumer(stream, path))
    assert "gate publish" in error.value.help
    assert stream.xlen("said") == 2
    publish(path, at=NOW)
    assert heard(consumer(stream, path)) == [AGREED]
