"""The keys port over the socket of a keeper in another process."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from expunge.adapters.keeper.keeper_keys import KeeperKeys
from expunge.adapters.keys import key_files
from expunge.adapters.keys.local_keystore import LocalKeys, open_keystore
from expunge.core.values.ids import OrderId
from expunge.core.values.signature import verify_ed25519
from expunge.errors import ExpungeError, KeystoreLocked, StateUnavailable
from expunge.ports.keys import InstallationKeys
from expunge.testing.keys_suite import ONE, OTHER, KeysSuite
from tests.adapters.keeper.kept import Kept


class TestKeeperKeys(KeysSuite):
    """Each keystore has a keeper of its own, in a process of its own."""

    @pytest.fixture(autouse=True)
    def _end(self) -> Iterator[None]:
        self.kept: dict[Path, Kept] = {}
        yield
        for each in self.kept.values():
            each.end()

    def make(self, folder: Path) -> KeeperKeys:
        self.kept[folder] = Kept.make(folder).start()
        return self.kept[folder].keys()

    def reopen(self, folder: Path) -> KeeperKeys:
        return Kept(folder).keys()


def test_what_goes_beyond_the_port_is_the_same_as_in_the_keystore(kept: Kept) -> None:
    local, keys = open_keystore(kept.place.keys), kept.start().keys()
    local.rotate_signer()
    local.rotate_log()
    local.trace_key(ONE)
    local.destroy_order(OTHER)
    for name in (
        "index_key",
        "vault_key",
        "signer_publics",
        "signer_starts",
        "log_publics",
        "log_starts",
        "orders",
        "log_public_p256",
        "gate_key",
    ):
        assert getattr(keys, name)() == getattr(local, name)(), name
    assert len(keys.signer_publics()) == len(keys.log_publics()) == 2


def test_many_receipts_are_signed_in_parts_all_by_one_key(kept: Kept) -> None:
    keys = kept.start().keys()
    statements = [b"%d" % number for number in range(2_500)] + [bytes(9 * 2**20)]
    signatures = keys.sign_receipts(statements)
    assert len(signatures) == len(statements)
    for statement, signature in zip(statements[::400], signatures[::400], strict=True):
        verify_ed25519(keys.signer_public(), signature, statement)


def test_keys_of_many_orders_are_destroyed_in_parts(kept: Kept) -> None:
    keys = kept.start().keys()
    keys.destroy_orders([OrderId(f"ord-{number}") for number in range(1_500)])
    assert len(keys.orders()) == 1_500


def test_what_is_larger_than_a_message_may_be_is_refused_before_it_is_sent(kept: Kept) -> None:
    keys = kept.start().keys()
    with pytest.raises(ExpungeError, match="larger than 64 MiB"):
        keys.seal(ONE, "p", bytes(2**26 + 1))
    large = bytes(2**24)
    assert keys.open(ONE, "p", keys.seal(ONE, "p", large)) == large


def test_a_root_key_that_was_rotated_beside_a_keeper_is_said_with_what_to_do(kept: Kept) -> None:
    keys = kept.start().keys()
    sealed = keys.seal(ONE, "p", b"x")
    open_keystore(kept.place.keys).rotate_root()
    with pytest.raises(KeystoreLocked) as refused:
        keys.open(ONE, "p", sealed)
    assert "restart the keeper" in refused.value.help
    kept.kill()
    kept.start()
    assert keys.open(ONE, "p", sealed) == b"x"


def test_a_keystore_put_in_the_place_of_another_is_not_answered_for(kept: Kept) -> None:
    keys = kept.start().keys()
    keys.pseudonym_key()
    kept.place.keys.rename(kept.state / "keys-before")
    Kept.make(kept.state)
    with pytest.raises(KeystoreLocked, match="rotated by another process"):
        keys.pseudonym_key()
    with pytest.raises(StateUnavailable, match="another keystore"):
        kept.keys().pseudonym_key()


def test_threads_share_a_client(kept: Kept) -> None:
    keys = kept.start().keys()
    found: list[bytes] = []

    def ask() -> None:
        for number in range(20):
            order = OrderId(f"ord-{number % 3}")
            found.append(keys.open(order, "p", keys.seal(order, "p", b"%d" % number)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(found) == sorted(b"%d" % number for number in range(20) for _ in range(8))


SECRET = ("signer-1.key", "log-1.key", f"orders/{ONE}.order", f"orders/{ONE}.contact")


def test_no_signing_key_and_no_key_of_an_order_crosses_the_socket(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that comes out of the keeper is written down while every method is called."""
    said = bytearray()
    receive = socket.socket.recv_into

    def heard(self: socket.socket, buffer: memoryview) -> int:
        taken = receive(self, buffer)
        said.extend(buffer[:taken])
        return taken

    monkeypatch.setattr("socket.socket.recv_into", heard)
    keys = kept.start().keys()
    use_all(keys)
    local = open_keystore(kept.place.keys)
    for place in SECRET:
        secret = raw(local, place)
        for part in (secret[:32], secret[32:]) if len(secret) > 32 else (secret,):
            assert part not in said
            assert part.hex().encode() not in said
    assert local._root not in said
    assert local.pseudonym_key() in said, "the control: a key that the port hands out is heard"
    for part in (raw(local, "pseudonym.key"), raw(local, f"orders/{OTHER}.trace")):
        assert part in said


def use_all(keys: InstallationKeys) -> None:
    keys.pseudonym_key()
    keys.gate_key()
    keys.index_key()
    keys.sign_receipts([b"a", b"b"])
    keys.sign_checkpoint(b"c")
    keys.sign_checkpoint_p256(b"d")
    keys.open(ONE, "p", keys.seal(ONE, "p", b"e"))
    keys.open_contact(ONE, keys.seal_contact(ONE, b"f"))
    keys.trace_key(ONE)
    keys.trace_key(OTHER)
    keys.signer_starts()
    keys.log_starts()
    keys.orders()
    with contextlib.suppress(ExpungeError):
        keys.open(ONE, "q", keys.seal(ONE, "p", b"e"))
    keys.destroy_trace_key(ONE)


def raw(keys: LocalKeys, place: str) -> bytes:
    return key_files.unwrap(keys._root, place, (keys._folder / place).read_bytes())
