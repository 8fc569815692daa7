"""Whatever is said to the keeper, it answers with a typed refusal or closes, and goes on for everybody else."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.adapters.keeper import frames
from expunge.adapters.keeper.key_requests import KeyDesk, LastingKey, Seal
from expunge.adapters.keeper.peers import Accounts, Admitted
from expunge.adapters.keeper.requests import Hello, Request, Status
from expunge.adapters.keeper.server import KeeperLimits
from expunge.adapters.keeper.vault_requests import NoVault, VaultDesk
from expunge.adapters.keys.local_keystore import open_keystore
from expunge.core.values import canonical
from expunge.core.values.ids import OrderId
from expunge.errors import Busy, KeeperAway
from expunge.testing.forked import NOBODY, in_child, start
from expunge.testing.keys_suite import ONE
from tests.adapters.keeper.kept import Kept

QUICK = KeeperLimits(hello=0.3, message=0.3)
STILL = "the keeper went on for everybody else"


def framed(head: object, body: bytes = b"") -> bytes:
    data = head if isinstance(head, bytes) else canonical.encode(head)  # type: ignore[arg-type]
    return frames.PREFIX.pack(len(data), len(body)) + data + body


WRONG_HEADS = {
    "no JSON": b"\xff\xfe",
    "nothing": b"",
    "no object": b"[]",
    "another spelling": b'{"ask": "publics"}',
    "a key twice": b'{"ask":"publics","ask":"publics"}',
    "no request": b'{"say":"publics"}',
    "a number for a name": b'{"ask":1}',
    "an unknown request": b'{"ask":"rotate"}',
    "an unknown field": b'{"ask":"publics","more":1}',
    "a missing field": b'{"ask":"lasting-key"}',
    "a number for a text": b'{"ask":"lasting-key","which":7}',
    "a text for a number": b'{"ask":"sign-receipts","sizes":["7"]}',
    "a truth for a number": b'{"ask":"sign-receipts","sizes":[true]}',
    "a negative size": b'{"ask":"sign-receipts","sizes":[-1]}',
    "a way out of the folder": b'{"ask":"trace-key","order":"../root.json"}',
    "a long text": canonical.encode({"ask": "lasting-key", "which": "x" * 300}),
    "a long list": canonical.encode({"ask": "destroy", "kind": "order", "orders": ["ord-a"] * 1001}),
    "deep": b'{"ask":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
}


@pytest.mark.parametrize("name", WRONG_HEADS)
def test_a_head_that_is_not_exactly_a_request_is_refused(kept: Kept, name: str) -> None:
    kept.start()
    with kept.talking() as wire:
        wire.send(framed(WRONG_HEADS[name]))
        refusal = wire.read()
        assert refusal is not None
        assert refusal["error"] in {"UsageError", "Misconfigured"}, refusal
        assert refusal["help"]
        assert wire.closed()
    assert kept.keys().gate_key(), STILL


def test_the_table_of_wrong_heads_is_wrong_by_what_it_names_alone(kept: Kept) -> None:
    kept.start()
    for head in (b'{"ask":"publics"}', b'{"ask":"lasting-key","which":"gate"}', b'{"ask":"trace-key","order":"ord-a"}'):
        with kept.talking() as wire:
            wire.send(framed(head))
            assert "answer" in (wire.read() or {})


def test_a_giant_length_is_refused_before_anything_of_it_is_read(kept: Kept) -> None:
    kept.start()
    for head, body in ((2**32 - 1, 0), (frames.MOST_HEAD + 1, 0), (10, frames.MOST_BODY + 1), (10, 2**32 - 1)):
        with kept.talking() as wire:
            wire.send(struct.pack(">II", head, body))
            assert (wire.read() or {})["error"] == "UsageError"
            assert wire.closed()
    with kept.talking() as wire:
        wire.send(framed({"ask": "publics"}, b"x"))
        assert "no body" in str((wire.read() or {})["message"])
    assert kept.keys().gate_key(), STILL


def test_whoever_speaks_another_version_or_says_no_hello_is_told(kept: Kept) -> None:
    kept.start()
    with kept.talking(greeted=False) as wire:
        wire.send(kept.hello(version=2))
        assert "version 1" in str((wire.read() or {})["message"])
        assert wire.closed()
    for other in (Status(), LastingKey("gate")):
        with kept.talking(greeted=False) as wire:
            assert "hello first" in str((wire.ask(other) or {})["message"])
            assert wire.closed()
    with kept.talking() as wire:
        assert "hello is said once" in str((wire.ask(Hello(1, kept.place.identity())) or {})["message"])


def test_half_a_message_and_then_silence_ends_the_connection(kept: Kept) -> None:
    kept.start(limits=QUICK)
    whole = framed({"ask": "sign-checkpoint"}, b"x" * 100)
    for cut in (1, 7, 8, 12, len(whole) - 1):
        with kept.talking() as wire:
            wire.send(whole[:cut])
            assert wire.closed(), cut
    with kept.talking(greeted=False) as wire:
        assert wire.closed(), "no hello at all"
    with kept.talking() as wire:
        time.sleep(0.5)
        assert "answer" in (wire.ask(Status()) or {}), "silence between messages is no fault"


def test_whoever_takes_no_answers_is_let_go(kept: Kept) -> None:
    kept.start(limits=QUICK)
    with kept.talking() as wire:
        many = framed(Seal(ONE, "p").head(), bytes(2**20)) * 50
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            wire.connection.sendall(many)
    assert kept.keys().gate_key(), STILL


def test_more_clients_than_it_takes_are_told_to_come_again(kept: Kept) -> None:
    kept.start(limits=KeeperLimits(clients=3))
    keys = kept.keys()
    keys.gate_key()
    with kept.talking(), kept.talking():
        with pytest.raises(Busy, match="as many clients as it takes"):
            kept.keys().gate_key()
        assert keys.gate_key(), "whoever is in stays in"
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            assert kept.keys().gate_key()
            return
        except Busy:
            time.sleep(0.01)
    pytest.fail("whoever left still counts")


def test_bodies_wait_for_room_and_are_refused_when_there_is_none_for_long(kept: Kept) -> None:
    kept.start(limits=KeeperLimits(together=1000, message=0.3, room=1.5))
    with kept.talking() as first, kept.talking() as second:
        first.send(framed({"ask": "sign-checkpoint"}, bytes(900))[:-1])
        second.send(framed({"ask": "sign-checkpoint"}, bytes(900)))
        assert "answer" in (second.read() or {}), "the first was let go, for it sent no end"
    with kept.talking() as wire:
        wire.send(framed({"ask": "sign-checkpoint"}, bytes(1001)))
        assert (wire.read() or {})["error"] == "Busy"


def test_another_user_is_refused_unless_the_operator_names_them(kept: Kept, tmp_path: Path) -> None:
    """As root: a child becomes another user; else the same is asked of a keeper of another user, which there is none of."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    kept.state.chmod(0o711)
    kept.start(admitted=Admitted(groups=frozenset({12_345})))

    def ask(groups: list[int]) -> bytes:
        os.setgroups(groups)
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        return kept.keys(0.0).gate_key()

    assert "this user may not ask the keeper" in in_child(lambda: ask([])).error
    assert in_child(lambda: ask([12_345])).returned() == open_keystore(kept.place.keys).gate_key()
    kept.stop()
    kept.start(admitted=Admitted(users=frozenset({NOBODY})))
    assert in_child(lambda: ask([])).returned() == open_keystore(kept.place.keys).gate_key()
    kept.stop()
    kept.start()
    assert "this user may not" in in_child(lambda: ask([])).error, "nobody is named any more"


def test_who_may_only_send_in_keeps_the_operator_neither_out_nor_waiting(kept: Kept, tmp_path: Path) -> None:
    """Another user takes all the connections that it gets, and begins bodies of requests that it may not ask."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    kept.state.chmod(0o711)
    limits = KeeperLimits(clients=8, of_others=6, of_user=4, together=1000, message=20.0, room=2.0)
    kept.start(limits=limits, admitted=Admitted(ingest=Accounts(frozenset({NOBODY}))))
    reading, writing = os.pipe()

    def hostile() -> None:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        held = [kept.place.connect(5) for _ in range(20)]
        for each in held:
            # The keeper may have let it go before it was done.
            with contextlib.suppress(OSError):
                each.sendall(kept.hello() + (framed({"ask": "sign-checkpoint"}, bytes(900))[:-1] if each is held[0] else b""))
        time.sleep(0.5)
        os.write(writing, b".")
        time.sleep(60)

    child = start(hostile)
    try:
        assert os.read(reading, 1)
        begun = time.monotonic()
        with kept.talking() as wire:
            wire.send(framed({"ask": "sign-checkpoint"}, bytes(900)))
            assert "answer" in (wire.read() or {})
        assert time.monotonic() - begun < 1
    finally:
        child.kill()


def test_a_keeper_of_another_user_is_not_believed(kept: Kept, tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can make a keystore belong to another user")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    kept.state.chmod(0o711)
    kept.start(admitted=Admitted(users=frozenset({NOBODY})))
    os.chown(kept.place.keys, 4242, 4242)

    def ask() -> bytes:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        return kept.keys(0.0).gate_key()

    assert "pretends to be the keeper" in in_child(ask).error


# ---- any bytes -----------------------------------------------------------------------------------------------------

ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["ask", "order", "orders", "which", "sizes"]), inner),
    max_leaves=6,
)
KINDS = [*KeyDesk(None).handlers(), *VaultDesk(NoVault()).handlers()]  # type: ignore[arg-type]
NAMES = [*sorted(kind.name for kind in KINDS), "hello", "status"]
VAULT = {"opening": ANY, "upload": ANY, "recording": ANY, "subjects": ANY, "clear_before": ANY, "first": ANY, "last": ANY, "offset": ANY}
FIELDS = {"order": ANY | st.just("ord-a"), "orders": ANY, "kind": ANY | st.sampled_from(["order", "trace"]), "which": ANY, "purpose": ANY}
HEADS = st.fixed_dictionaries({"ask": st.sampled_from(NAMES) | ANY}, optional=FIELDS | VAULT | {"sizes": ANY, "version": ANY, "keys": ANY})
MESSAGES = st.one_of(
    st.binary(max_size=200),
    st.builds(framed, HEADS | st.binary(max_size=60), st.binary(max_size=80)),
    st.builds(lambda head, body, more: struct.pack(">II", head, body) + more, *[st.integers(0, 2**32 - 1)] * 2, st.binary(max_size=40)),
)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    kept = Kept.make(tmp_path_factory.mktemp("kept")).start(limits=KeeperLimits(hello=2.0, message=0.05))
    yield kept
    kept.end()


def resident(pid: int) -> int:
    """KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1])


@settings(max_examples=120)
@given(st.lists(MESSAGES, min_size=1, max_size=4), st.booleans())
def test_any_bytes_get_typed_answers_or_a_close_and_hurt_nobody(lasting: Kept, messages: list[bytes], greeted: bool) -> None:
    with lasting.talking(greeted=greeted) as wire:
        wire.send(b"".join(messages))
        wire.connection.shutdown(1)
        while (answer := wire.read()) is not None:
            assert answer.keys() in ({"answer"}, {"error", "message", "help"})
            assert "unforeseen" not in json.dumps(answer), answer
    with lasting.talking() as wire:
        assert "answer" in (wire.ask(Status()) or {}), STILL


def test_memory_stays_flat_under_bytes_that_mean_nothing(kept: Kept) -> None:
    kept.start(limits=KeeperLimits(message=1.0))
    assert kept.child is not None
    for number in range(300):
        if number == 100:
            before = resident(kept.child.pid)
        with kept.talking() as wire:
            wire.send(struct.pack(">II", 20, frames.MOST_BODY) + b"{" * 200_000)
            wire.read()
    assert resident(kept.child.pid) - before < 4_000, "KiB"


@pytest.mark.soak
def test_two_hundred_clients_at_once_are_all_answered(kept: Kept) -> None:
    kept.start()
    right: list[bool] = []
    gate = open_keystore(kept.place.keys).gate_key()

    def ask(number: int) -> None:
        keys, order = kept.keys(), OrderId(f"ord-{number % 10}")
        right.extend(keys.gate_key() == gate and keys.open(order, "p", keys.seal(order, "p", b"x")) == b"x" for _ in range(20))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(200)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert right == [True] * 200 * 20
    with kept.talking() as wire:
        status = (wire.ask(Status()) or {})["answer"]
    assert isinstance(status, dict)
    assert status["asked"] == 200 * 20 * 3 + 1


def test_no_answer_and_no_refusal_repeats_what_was_sent(kept: Kept) -> None:
    """An identifier in the wrong place comes back nowhere."""
    kept.start()
    mark = "ann.quill@owl.example"
    requests: list[Request] = [LastingKey(mark), Seal(OrderId(mark), "p"), Seal(ONE, mark * 20)]
    for each in requests:
        with kept.talking() as wire:
            assert mark not in json.dumps(wire.ask(each))
    with kept.talking() as wire:
        wire.send(framed({"ask": mark, mark: mark}))
        assert mark not in json.dumps(wire.read())


def test_a_client_whose_keeper_never_was_says_so_at_once(kept: Kept) -> None:
    begun = time.monotonic()
    with pytest.raises(KeeperAway) as away:
        kept.keys(0.0).gate_key()
    assert time.monotonic() - begun < 2
    assert "expunge keeper run" in away.value.help
