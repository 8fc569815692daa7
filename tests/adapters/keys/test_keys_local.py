from __future__ import annotations

import os
from pathlib import Path

import pytest

from expunge.adapters.keys import key_files
from expunge.adapters.keys.local_keystore import LocalKeys, create, open_keystore
from expunge.core.values.ids import OrderId
from expunge.core.values.signature import verify_ed25519, verify_p256
from expunge.errors import KeyDestroyed, KeystoreLocked, Misconfigured, StateCorrupt
from expunge.testing.keys_suite import ONE, OTHER, KeysSuite
from expunge.testing.plain_search import search


class TestLocalKeys(KeysSuite):
    def make(self, folder: Path) -> LocalKeys:
        return create(folder / "state" / "keys")

    def reopen(self, folder: Path) -> LocalKeys:
        return open_keystore(folder / "state" / "keys")


def raw_and_wrapped(keys: LocalKeys, folder: Path, place: str) -> list[bytes]:
    wrapped = (folder / place).read_bytes()
    return [key_files.unwrap(keys._root, place, wrapped), wrapped, wrapped[8:20], wrapped[20:]]


def nowhere(state: Path, secrets: list[bytes]) -> list[str]:
    return search([state], [secret.decode("utf-8", "surrogateescape") for secret in secrets])


@pytest.mark.parametrize("kind", ["order", "trace", "contact"])
def test_a_destroyed_key_is_nowhere_in_the_state_folder_raw_or_wrapped(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "state" / "keys"
    keys = create(folder)
    keys.seal(ONE, "p", b"x")
    keys.seal_contact(ONE, b"x")
    keys.trace_key(ONE)
    secrets = raw_and_wrapped(keys, folder, f"orders/{ONE}.{kind}")
    assert nowhere(tmp_path, secrets[1:]), "the search finds what is there"
    {"order": keys.destroy_order, "trace": keys.destroy_trace_key, "contact": keys.destroy_contact}[kind](ONE)
    assert nowhere(tmp_path, secrets) == []


def test_the_keystore_names_the_orders_that_it_made_or_destroyed_keys_for(tmp_path: Path) -> None:
    keys = create(tmp_path / "keys")
    assert keys.orders() == {}
    keys.seal(ONE, "p", b"x")
    keys.trace_key(ONE)
    keys.seal_contact(OTHER, b"x")
    keys.destroy_order(ONE)
    assert keys.orders() == {ONE: {"-order", "trace"}, OTHER: {"contact"}}


def test_the_bytes_are_overwritten_before_the_name_goes(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys = create(folder)
    keys.seal(ONE, "p", b"x")
    path = folder / "orders" / f"{ONE}.order"
    size = path.stat().st_size
    with path.open("rb") as kept_open:  # what the blocks on the device hold after the name is gone
        keys.destroy_order(ONE)
        assert kept_open.read() == bytes(size)
    assert not path.exists()


def test_a_backup_that_brings_a_destroyed_key_back_is_undone_at_the_next_open(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys = create(folder)
    sealed = keys.seal(ONE, "p", b"x")
    path = folder / "orders" / f"{ONE}.order"
    backup = path.read_bytes()
    secrets = raw_and_wrapped(keys, folder, f"orders/{ONE}.order")
    keys.destroy_order(ONE)
    path.write_bytes(backup)
    path.chmod(0o600)
    with pytest.raises(KeyDestroyed):
        keys.open(ONE, "p", sealed)
    again = open_keystore(folder)
    assert nowhere(folder, secrets) == []
    with pytest.raises(KeyDestroyed):
        again.open(ONE, "p", sealed)


def test_a_key_left_out_of_a_restored_backup_is_missing_not_destroyed(tmp_path: Path) -> None:
    keys = create(tmp_path / "keys")
    sealed = keys.seal(ONE, "p", b"x")
    (tmp_path / "keys" / "orders" / f"{ONE}.order").unlink()
    with pytest.raises(StateCorrupt, match="lacks"):
        keys.open(ONE, "p", sealed)


# ---- passphrase ------------------------------------------------------------------------------------------------------


def test_with_a_passphrase_the_root_key_is_not_in_the_folder(tmp_path: Path) -> None:
    keys = create(tmp_path / "keys", "correct horse")
    assert nowhere(tmp_path, [keys._root]) == []
    sealed = keys.seal(ONE, "p", b"x")
    assert open_keystore(tmp_path / "keys", "correct horse").open(ONE, "p", sealed) == b"x"


@pytest.mark.parametrize(("given", "says"), [(None, "locked"), ("wrong-Ann-passphrase", "does not open")])
def test_a_missing_or_wrong_passphrase_says_so_and_does_not_repeat_it(tmp_path: Path, given: str | None, says: str) -> None:
    create(tmp_path / "keys", "correct horse")
    with pytest.raises(KeystoreLocked, match=says) as caught:
        open_keystore(tmp_path / "keys", given)
    assert "Ann" not in str(caught.value) + caught.value.help
    assert caught.value.exit_code == 2


def test_a_passphrase_for_a_keystore_without_one_is_refused(tmp_path: Path) -> None:
    create(tmp_path / "keys")
    with pytest.raises(KeystoreLocked, match="no passphrase"):
        open_keystore(tmp_path / "keys", "any")


def test_a_passphrase_typed_in_another_unicode_form_is_the_same(tmp_path: Path) -> None:
    create(tmp_path / "keys", "caf\u00e9")
    open_keystore(tmp_path / "keys", "cafe\u0301")


def test_rotating_the_root_key_keeps_everything_and_buries_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys = create(folder)
    sealed, pseudonym, signer = keys.seal(ONE, "p", b"x"), keys.pseudonym_key(), keys.signer_public()
    old_root, old_file = keys._root, (folder / "pseudonym.key").read_bytes()
    keys.destroy_order(OTHER)
    keys.rotate_root("new passphrase")
    assert nowhere(folder, [old_root, old_file]) == []
    with pytest.raises(KeystoreLocked):
        open_keystore(folder)
    for each in (keys, open_keystore(folder, "new passphrase")):
        assert (each.open(ONE, "p", sealed), each.pseudonym_key(), each.signer_public()) == (b"x", pseudonym, signer)
        with pytest.raises(KeyDestroyed):
            each.seal(OTHER, "p", b"x")


def test_rotating_the_root_key_overwrites_what_lay_under_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys = create(folder)
    kept = [(folder / name).open("rb") for name in ("root.json", "pseudonym.key", "signer-1.key")]
    keys.rotate_root()
    for file in kept:  # what the blocks on the device hold, which have no name any more
        with file:
            assert set(file.read()) == {0}, file.name


def test_who_had_it_open_while_the_root_key_was_rotated_is_told_and_writes_nothing(tmp_path: Path) -> None:
    first = create(tmp_path / "keys")
    sealed = first.seal(ONE, "p", b"x")
    open_keystore(tmp_path / "keys").rotate_root()
    for use in (lambda: first.open(ONE, "p", sealed), lambda: first.seal(OTHER, "p", b"y"), first.signer_public):
        with pytest.raises(KeystoreLocked, match="rotated by another process"):
            use()
    assert list((tmp_path / "keys" / "orders").iterdir()) == [tmp_path / "keys" / "orders" / f"{ONE}.order"]
    assert open_keystore(tmp_path / "keys").open(ONE, "p", sealed) == b"x"


# ---- rotation of signers ---------------------------------------------------------------------------------------------


def test_a_rotated_signer_leaves_its_public_key_for_older_receipts_and_no_private_one(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys = create(folder)
    old, signature = keys.signer_public(), keys.sign_receipt(b"old receipt")
    secrets = raw_and_wrapped(keys, folder, "signer-1.key")
    new = keys.rotate_signer()
    newest = keys.rotate_signer()
    assert len({old, new, newest}) == 3
    assert keys.signer_publics() == (old, new, newest)
    assert open_keystore(folder).signer_publics() == (old, new, newest)
    verify_ed25519(keys.signer_publics()[0], signature, b"old receipt")
    verify_ed25519(newest, keys.sign_receipt(b"new receipt"), b"new receipt")
    assert nowhere(folder, secrets) == []


def test_a_rotated_log_key_changes_both_kinds_together(tmp_path: Path) -> None:
    keys = create(tmp_path / "keys")
    before = (keys.log_public(), keys.log_public_p256())
    after = keys.rotate_log()
    assert keys.log_publics() == (before, after)
    verify_ed25519(after[0], keys.sign_checkpoint(b"head"), b"head")
    verify_p256(after[1], keys.sign_checkpoint_p256(b"head"), b"head")
    assert keys.pseudonym_key() == open_keystore(tmp_path / "keys").pseudonym_key()


def test_a_long_running_process_signs_with_the_new_key_after_another_rotated_it(tmp_path: Path) -> None:
    first = create(tmp_path / "keys")
    new = open_keystore(tmp_path / "keys").rotate_signer()
    assert first.signer_public() == new
    verify_ed25519(new, first.sign_receipt(b"x"), b"x")


# ---- the folder ------------------------------------------------------------------------------------------------------


def test_nobody_else_may_read_any_of_it(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        keys = create(tmp_path / "new" / "keys")
        keys.seal(ONE, "p", b"x")
        keys.destroy_order(OTHER)
        keys.rotate_signer()
    finally:
        os.umask(mask)
    for path in (tmp_path / "new").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    ("place", "mode", "command"),
    [
        (".", 0o755, "chmod 700 "),
        ("root.json", 0o644, "chmod 600 "),
        ("orders", 0o750, "chmod 700 "),
        (f"orders/{ONE}.order", 0o604, "chmod 600 "),
    ],
)
def test_too_open_permissions_are_refused_with_the_command_that_mends_them(tmp_path: Path, place: str, mode: int, command: str) -> None:
    folder = tmp_path / "a folder's keys"
    create(folder).seal(ONE, "p", b"x")
    (folder / place).chmod(mode)
    with pytest.raises(Misconfigured) as caught:
        open_keystore(folder)
    assert caught.value.help.startswith(command)
    assert os.system(caught.value.help) == 0
    open_keystore(folder)


def test_a_link_inside_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    create(folder)
    (folder / "root.json").rename(tmp_path / "root.json")
    (folder / "root.json").symlink_to(tmp_path / "root.json")
    with pytest.raises(Misconfigured, match="symbolic link"):
        open_keystore(folder)


def test_a_keystore_is_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    pseudonym = create(folder).pseudonym_key()
    with pytest.raises(Misconfigured, match="not empty"):
        create(folder)
    assert open_keystore(folder).pseudonym_key() == pseudonym
    (folder / "root.json").unlink()
    for verb in (create, open_keystore):
        with pytest.raises(Misconfigured):
            verb(folder)
    assert (folder / "pseudonym.key").exists()


def test_no_keystore_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        open_keystore(tmp_path / "keys")
    assert "expunge init" in caught.value.help


@pytest.mark.parametrize("data", [b"", b"{}", b"null", b"\xff", b'{"format":"expunge.root/1","kdf":null,"key":"00","previous":null}'])
def test_a_root_file_that_cannot_be_read_is_said_to_be_so(tmp_path: Path, data: bytes) -> None:
    create(tmp_path / "keys")
    (tmp_path / "keys" / "root.json").write_bytes(data)
    with pytest.raises(StateCorrupt):
        open_keystore(tmp_path / "keys")


def test_a_root_file_cannot_ask_for_endless_work(tmp_path: Path) -> None:
    create(tmp_path / "keys", "p")
    path = tmp_path / "keys" / "root.json"
    path.write_bytes(path.read_bytes().replace(b'"n":131072', b'"n":4294967296'))
    with pytest.raises(StateCorrupt, match="impossible"):
        open_keystore(tmp_path / "keys", "p")


def test_a_key_file_under_another_name_does_not_open(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    keys = create(folder)
    sealed = keys.seal(ONE, "p", b"x")
    keys.seal(OTHER, "p", b"y")
    (folder / "orders" / f"{ONE}.order").rename(folder / "orders" / f"{OTHER}.order")
    with pytest.raises(StateCorrupt):
        keys.open(OTHER, "p", sealed)


@pytest.mark.parametrize("order", ["", "../escape", "ann@example.com", "Ann", "a/b", "x" * 65])
def test_what_is_no_order_id_is_refused_without_repeating_it(tmp_path: Path, order: str) -> None:
    keys = create(tmp_path / "keys")
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is what is looked at
        keys.seal(OrderId(order), "p", b"x")
    assert not order or order not in str(caught.value)
