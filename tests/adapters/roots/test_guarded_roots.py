"""Roots in a real token (SoftHSM) and a real key service (OpenBao)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pkcs11
import pytest

from expunge import clock, faults
from expunge.adapters.roots.guarded_root import GuardedRoot
from expunge.adapters.roots.pkcs11_guard import Pkcs11Guard
from expunge.adapters.roots.shred_file import ShredFile
from expunge.adapters.roots.transit_guard import TransitGuard
from expunge.errors import KeyUnknown, Misconfigured, StateRolledBack
from expunge.servers.openbao import OpenBaoServer
from expunge.testing.forked import in_child
from expunge.testing.root_keys_suite import RootKeysSuite
from expunge.vault.keys.key_table import KeyTable
from tests.adapters.roots.softhsm_tokens import pulled
from tests.architecture.failpoints import all_failpoints
from tests.vault.keys.installation import recording, subject


class TestPkcs11(RootKeysSuite):
    @pytest.fixture(autouse=True)
    def _token(self, softhsm: Path) -> None:
        self.library = softhsm

    def open(self, folder: Path) -> GuardedRoot:
        return GuardedRoot(folder / "roots", Pkcs11Guard(self.library, "expunge", lambda: "1234"))

    def open_wrongly(self, folder: Path) -> GuardedRoot:
        return GuardedRoot(folder / "roots", Pkcs11Guard(self.library, "expunge", lambda: "4321"))

    @contextmanager
    def away(self, folder: Path) -> Iterator[None]:
        with pulled():
            yield

    def test_the_token_gives_its_keys_to_nobody(self, tmp_path: Path) -> None:
        self.open(tmp_path).make(1)
        name = (tmp_path / "roots" / "name").read_text() + "1"

        def taken() -> None:
            with pkcs11.lib(str(self.library)).get_token(token_label="expunge").open(user_pin="1234") as session:
                key = session.get_key(label=name)
                with pytest.raises(pkcs11.exceptions.AttributeSensitive):
                    _ = key[pkcs11.Attribute.VALUE]

        taken()


class TestTransit(RootKeysSuite):
    @pytest.fixture(autouse=True)
    def _server(self, openbao_server: OpenBaoServer) -> None:
        self.server = openbao_server

    def open(self, folder: Path) -> GuardedRoot:
        return GuardedRoot(folder / "roots", TransitGuard(self.server.address, lambda: self.server.token, seconds=self.seconds))

    seconds = 30.0

    def open_wrongly(self, folder: Path) -> GuardedRoot:
        return GuardedRoot(folder / "roots", TransitGuard(self.server.address, lambda: "wrong"))

    @contextmanager
    def away(self, folder: Path) -> Iterator[None]:
        with self.server.stopped():
            yield

    def test_away_is_said_and_nothing_is_lost(self, tmp_path: Path) -> None:
        self.seconds = 0.5
        super().test_away_is_said_and_nothing_is_lost(tmp_path)

    def test_an_address_that_anybody_on_the_way_can_read_is_refused(self) -> None:
        with pytest.raises(Misconfigured):
            TransitGuard("http://keys.example.org", lambda: "t")


def test_a_vault_below_a_token_after_the_epoch_is_destroyed_a_copy_of_all_files_opens_nothing(tmp_path: Path, softhsm: Path) -> None:
    state = tmp_path / "state"

    def opened(folder: Path) -> KeyTable:
        root = GuardedRoot(folder / "roots", Pkcs11Guard(softhsm, "expunge", lambda: "1234"))
        return KeyTable.open(folder / "table" / "keys.db", root, ShredFile(folder / "shreds"))

    hers, his = recording(subject(1)), recording(subject(2))
    with opened(state) as table:
        _, key = table.add([hers, his])
        shutil.copytree(state, tmp_path / "copy")
        table.shred_subjects([subject(1)])
        table.rotate(clock.now())
        with opened(tmp_path / "copy") as copy:
            assert copy.key(hers.id), "inaccessible is not irrecoverable"
        table.destroy_epoch(1)
        assert table.irrecoverable_at(hers.id)
        assert table.key(his.id) == key
    with pytest.raises(StateRolledBack):
        opened(tmp_path / "copy")
    bare = GuardedRoot(tmp_path / "copy" / "roots", Pkcs11Guard(softhsm, "expunge", lambda: "1234"))
    with pytest.raises(KeyUnknown):
        bare.open(1)


def test_killed_while_the_root_is_named_its_keys_have_one_name_ever_after(tmp_path: Path, softhsm: Path) -> None:
    names = [name for name in all_failpoints() if name.startswith("roots.guarded.")]
    assert len(names) == 12
    for name in names:
        folder = tmp_path / name

        def run(folder: Path = folder, name: str = name) -> None:
            with faults.arm(name, "kill"):
                GuardedRoot(folder, Pkcs11Guard(softhsm, "expunge", lambda: "1234"), after_copyable=True)

        assert in_child(run).killed_by == 9, name
        assert GuardedRoot(folder, Pkcs11Guard(softhsm, "expunge", lambda: "1234"), after_copyable=True).copyable
        assert GuardedRoot(folder, Pkcs11Guard(softhsm, "expunge", lambda: "1234")).copyable, "it stays so"
        GuardedRoot(folder, Pkcs11Guard(softhsm, "expunge", lambda: "1234")).make(1)
        assert len(GuardedRoot(folder, Pkcs11Guard(softhsm, "expunge", lambda: "1234")).open(1)) == 32


def test_tokens_are_found_again_after_a_fork(tmp_path: Path, softhsm: Path) -> None:
    root = GuardedRoot(tmp_path / "roots", Pkcs11Guard(softhsm, "expunge", lambda: "1234"))
    root.make(1)
    key = root.open(1)
    assert in_child(lambda: root.open(1)).returned() == key
    assert root.open(1) == key
