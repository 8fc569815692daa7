"""The conformance suite of the keys port."""

# ruff: noqa: D102 - the name of a story says what it shows
from __future__ import annotations

from pathlib import Path

import pytest

from expunge.core.values.ids import OrderId
from expunge.core.values.signature import verify_ed25519, verify_p256
from expunge.errors import EvidenceInvalid, KeyDestroyed, StateCorrupt
from expunge.ports.keys import Keys
from expunge.testing.forked import in_child, start
from expunge.testing.plain_search import search

ONE = OrderId("ord-aaaaaaaaaaaaaaaaaaaa")
OTHER = OrderId("ord-bbbbbbbbbbbbbbbbbbbb")
PLAINTEXTS = (b"", b"\0", b"Zo\xc3\xab O'Neil \xff", bytes(70_000))


class KeysSuite:
    """Subclass it and say how a keystore is made and opened; run it with pytest.

    ::

        class TestOurKeys(KeysSuite):
            def make(self, folder): return create(folder / "keys")
            def reopen(self, folder): return open_keystore(folder / "keys")
    """

    def make(self, folder: Path) -> Keys:
        """Make a fresh keystore in or for a folder."""
        raise NotImplementedError

    def reopen(self, folder: Path) -> Keys:
        """Open the same keystore as another process would; called in children too."""
        raise NotImplementedError

    # ---- keys of the installation ------------------------------------------------------------------------------

    def test_lasting_keys_are_the_same_after_reopening(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        again = self.reopen(tmp_path)
        for get in ("pseudonym_key", "gate_key", "signer_public", "log_public", "log_public_p256"):
            assert getattr(keys, get)() == getattr(again, get)(), get

    def test_lasting_keys_are_32_bytes_and_unlike_each_other(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        found = [keys.pseudonym_key(), keys.gate_key(), keys.signer_public(), keys.log_public()]
        assert {len(key) for key in found} == {32}
        assert len(set(found)) == 4

    def test_two_keystores_share_nothing(self, tmp_path: Path) -> None:
        first, second = tmp_path / "1", tmp_path / "2"
        first.mkdir()
        second.mkdir()
        one, other = self.make(first), self.make(second)
        assert one.pseudonym_key() != other.pseudonym_key()
        assert one.signer_public() != other.signer_public()

    def test_signatures_verify_by_the_public_key_and_no_other(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        verify_ed25519(keys.signer_public(), keys.sign_receipt(b"receipt"), b"receipt")
        verify_ed25519(keys.log_public(), keys.sign_checkpoint(b"head"), b"head")
        verify_p256(keys.log_public_p256(), keys.sign_checkpoint_p256(b"head"), b"head")
        assert keys.sign_receipt(b"receipt") == keys.sign_receipt(b"receipt")
        assert keys.sign_receipts([b"one", b"receipt"]) == (keys.sign_receipt(b"one"), keys.sign_receipt(b"receipt"))
        assert keys.sign_receipts([]) == ()
        with pytest.raises(EvidenceInvalid):
            verify_ed25519(keys.log_public(), keys.sign_receipt(b"receipt"), b"receipt")

    # ---- keys of an order --------------------------------------------------------------------------------------

    @pytest.mark.parametrize("plaintext", PLAINTEXTS)
    def test_what_was_sealed_opens_after_reopening(self, tmp_path: Path, plaintext: bytes) -> None:
        keys = self.make(tmp_path)
        sealed, contact = keys.seal(ONE, "identifiers", plaintext), keys.seal_contact(ONE, plaintext)
        again = self.reopen(tmp_path)
        assert again.open(ONE, "identifiers", sealed) == plaintext
        assert again.open_contact(ONE, contact) == plaintext

    def test_the_same_plaintext_never_seals_to_the_same_bytes(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        assert keys.seal(ONE, "p", b"same") != keys.seal(ONE, "p", b"same")

    def test_sealed_bytes_open_only_where_they_belong(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        sealed = keys.seal(ONE, "identifiers", b"x")
        keys.seal(OTHER, "identifiers", b"y")
        for order, purpose in ((ONE, "other purpose"), (OTHER, "identifiers")):
            with pytest.raises(StateCorrupt):
                keys.open(order, purpose, sealed)
        with pytest.raises(StateCorrupt):
            keys.open_contact(ONE, keys.seal(ONE, "contact", b"x"))

    def test_every_changed_bit_and_every_shorter_form_is_refused(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        sealed = keys.seal(ONE, "p", b"secret")
        changed = [bytes(byte ^ (at == place) for at, byte in enumerate(sealed)) for place in range(len(sealed))]
        for bad in (*changed, *(sealed[:length] for length in range(len(sealed)))):
            with pytest.raises(StateCorrupt):
                keys.open(ONE, "p", bad)

    def test_trace_keys_last_and_differ_between_orders(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        key = keys.trace_key(ONE)
        assert len(key) == 32
        assert self.reopen(tmp_path).trace_key(ONE) == key
        assert keys.trace_key(OTHER) != key

    # ---- destruction -------------------------------------------------------------------------------------------

    def test_a_destroyed_key_opens_nothing_and_is_never_made_again(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        sealed, contact = keys.seal(ONE, "p", b"x"), keys.seal_contact(ONE, b"y")
        keys.trace_key(ONE)
        for destroy in (keys.destroy_order, keys.destroy_contact, keys.destroy_trace_key):
            destroy(ONE)
            destroy(ONE)
        for each in (keys, self.reopen(tmp_path)):
            with pytest.raises(KeyDestroyed):
                each.open(ONE, "p", sealed)
            with pytest.raises(KeyDestroyed):
                each.seal(ONE, "p", b"again")
            with pytest.raises(KeyDestroyed):
                each.open_contact(ONE, contact)
            with pytest.raises(KeyDestroyed):
                each.seal_contact(ONE, b"again")
            with pytest.raises(KeyDestroyed):
                each.trace_key(ONE)

    def test_destroying_one_key_leaves_all_others(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        mine, theirs = keys.seal(ONE, "p", b"x"), keys.seal(OTHER, "p", b"y")
        contact, trace = keys.seal_contact(ONE, b"z"), keys.trace_key(ONE)
        keys.destroy_order(ONE)
        with pytest.raises(KeyDestroyed):
            keys.open(ONE, "p", mine)
        assert keys.open(OTHER, "p", theirs) == b"y"
        assert keys.open_contact(ONE, contact) == b"z"
        assert keys.trace_key(ONE) == trace

    def test_the_keys_of_several_orders_are_destroyed_at_once(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        third = OrderId("ord-cccccccccccccccccccc")
        sealed = {order: keys.seal(order, "identifiers", b"x") for order in (ONE, OTHER, third)}
        keys.destroy_orders([ONE, third])
        keys.destroy_orders([])
        for order in (ONE, third):
            with pytest.raises(KeyDestroyed):
                self.reopen(tmp_path).open(order, "identifiers", sealed[order])
        assert keys.open(OTHER, "identifiers", sealed[OTHER]) == b"x"

    def test_a_key_destroyed_before_its_first_use_is_never_made(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        keys.destroy_order(ONE)
        with pytest.raises(KeyDestroyed):
            self.reopen(tmp_path).seal(ONE, "p", b"x")

    def test_a_key_destroyed_by_another_process_is_destroyed_here(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        sealed = keys.seal(ONE, "p", b"x")
        in_child(lambda: self.reopen(tmp_path).destroy_order(ONE)).returned()
        with pytest.raises(KeyDestroyed):
            keys.open(ONE, "p", sealed)

    def test_a_destroyed_trace_key_is_nowhere(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        raw = keys.trace_key(ONE)
        keys.destroy_trace_key(ONE)
        assert search([tmp_path], [raw.decode("utf-8", "surrogateescape")]) == []

    def test_no_key_shows_itself(self, tmp_path: Path) -> None:
        keys = self.make(tmp_path)
        shown = repr(keys) + str(keys) + f"{keys}"
        for key in (keys.pseudonym_key(), keys.gate_key(), keys.trace_key(ONE)):
            assert key.hex() not in shown
            assert repr(key) not in shown

    # ---- several processes -------------------------------------------------------------------------------------

    def test_two_processes_that_need_a_key_at_once_get_the_same(self, tmp_path: Path) -> None:
        self.make(tmp_path)
        orders = [OrderId(f"ord-{at}") for at in range(40)]
        children = [start(lambda: [self.reopen(tmp_path).trace_key(order) for order in orders]) for _ in range(3)]
        answers = [child.wait().returned() for child in children]
        assert answers[0] == answers[1] == answers[2]
        assert len(set(answers[0])) == len(orders)
