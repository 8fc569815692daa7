"""The keys of a vault as its operator handles them: how they stand, new epochs, the end of old ones, and who can read."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from expunge import clock
from expunge.adapters.host.clocks import SystemClock
from expunge.adapters.roots.local_root import LocalRoot
from expunge.core.journal.epoch_events import EpochApproved, EpochDestroyed, EpochEnding
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.engine.kernel.journal_streams import EPOCHS, read_register, register
from expunge.errors import EvidenceInvalid, ExpungeError, IllegalTransition, NeedsApproval, UsageError
from expunge.faults import arm
from expunge.ports.vault.key_epochs import KeyDeath
from expunge.vault.chunked import object_context, open_sealed
from tests.approval_kit import DANA
from tests.cli.running import Ran, expunge
from tests.engine.consent.employing import employ
from tests.engine.consents import Shifted
from tests.vault.doorbells import ANNA, BELA, CARA, PEOPLE, Doorbells, path_of, speech
from tests.vault.keys.installation import thief

OFFICERS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b".")) for name in ("chief", "deputy")}


@pytest.fixture
def guarded(home: Doorbells) -> Doorbells:
    """Two approvers, and a third name that has the chief's key."""
    keys = {name: VerifierKey(name, Algorithm.ED25519, key.public_key().public_bytes_raw()) for name, key in OFFICERS.items()}
    keys["chief-at-home"] = VerifierKey("chief-at-home", Algorithm.ED25519, OFFICERS["chief"].public_key().public_bytes_raw())
    home.write_map(extra="approvers:\n" + "".join(f'  {name}: "{key}"\n' for name, key in keys.items()))
    for name, key in OFFICERS.items():
        (home.folder / f"{name}.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return home


def vault(home: Doorbells, *arguments: str) -> Ran:
    return expunge("vault", *arguments, "--map", home.map)


def approve_order(home: Doorbells, order: str) -> None:
    ran = expunge("approve", order, "--as", "chief", "--key", home.folder / "chief.pem", "--map", home.map)
    assert ran.code == 0, ran.err


def erased(home: Doorbells, one: str) -> Run:
    order = home.order(one)
    approve_order(home, order)
    return home.apply(order)


def said_of_keys(home: Doorbells, run: Run) -> str:
    """What the receipt says about the times of the vault's keys."""
    with home.open() as opened:
        files = opened.receipt_folder(run.order)
    receipt = receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt
    return next((each for each in receipt.out_of_scope if "inaccessible" in each), "")


def opened_by_a_thief(kept: list[Path], root: LocalRoot, scratch: Path) -> dict[str, bytes]:
    """Content of the sealed files of all kept copies that opens with every key that is to be had: id -> content."""
    keys = {each.key for each in thief([each / "state/vault/table" for each in kept], root, scratch)}
    found: dict[str, bytes] = {}
    for path in (path for each in kept for path in (each / "world/vault/objects").rglob("*") if path.is_file()):
        for key in keys:
            with suppress(ExpungeError):
                found[path.name] = bytes(open_sealed(key, path.read_bytes(), object_context("doorbell", path.name)))
    return found


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[list[Path]]:
    copies: list[Path] = []
    yield copies
    shutil.rmtree(tmp_path / "kept", ignore_errors=True)


def keep(home: Doorbells, kept: list[Path], folder: Path) -> None:
    """Copy the whole company while a process has its key table open, with its journal; but not the root."""
    with home.open() as opened:
        opened.vault.recordings("doorbell")
        copy = folder / "kept" / str(len(kept))
        shutil.copytree(home.folder, copy, ignore=lambda _, names: [each for each in names if each in {"root", "keeper"}])
        kept.append(copy)


@pytest.mark.duty("NST-02")
def test_what_was_shredded_opens_by_nothing_that_anybody_kept(guarded: Doorbells, kept: list[Path], tmp_path: Path):
    """Copies of everything, and every living key, open a person who left until their epoch is destroyed; afterwards nothing of them.

    The receipt says *inaccessible* and not *irrecoverable* meanwhile, and the recordings of everybody else open all the time.
    """
    home = guarded
    held = {}
    for number, one in enumerate((*PEOPLE, ANNA)):
        held[home.ring(one, f"r-{number}", speech(number)).recording.id] = speech(number)
    with home.open() as opened:
        of_anna = {each.id for each in opened.vault.recordings("doorbell") if ANNA in each.name}
    keep(home, kept, tmp_path)
    run = erased(home, ANNA)
    assert run.state is OrderState.FULFILLED
    said = said_of_keys(home, run)
    assert "recordings: doorbell: the keys of what was erased are inaccessible since" in said
    assert "not yet irrecoverable" in said
    assert "until epoch 1 is destroyed, which is due by" in said
    keep(home, kept, tmp_path)
    root = LocalRoot(home.folder / "state/vault/root")
    assert set(opened_by_a_thief(kept, root, tmp_path / "a")) == set(held), "before: a kept table opens what was shredded"

    dead = {each.key for each in thief([kept[0] / "state/vault/table"], root, tmp_path / "keys") if each.id.hex() in of_anna}
    assert len(dead) == len(of_anna)
    assert vault(home, "rotate").code == 0
    keep(home, kept, tmp_path)
    state = vault(home, "status", "--json").json
    assert [(each["epoch"], each["destroyable"]) for each in state["epochs"]] == [(1, True), (2, False)]
    assert [each["epochs"] for each in state["waiting"]] == [[1]]
    refused = vault(home, "destroy-epoch", "1", "--yes")
    assert (refused.code, "so far: nobody" in refused.err) == (5, True)
    for name in OFFICERS:
        assert vault(home, "destroy-epoch", "1", "--yes").code == 5
        assert vault(home, "approve", "1", "--as", name, "--key", str(home.folder / f"{name}.pem")).code == 0
    assert vault(home, "destroy-epoch", "1").code == 2, "nobody said yes"
    assert vault(home, "destroy-epoch", "1", "--yes", "--json").json == {
        "schema": "expunge.vault-epoch-destroyed/1", "epoch": 1, "approvers": ["chief", "deputy"],
    }  # fmt: skip

    keep(home, kept, tmp_path)
    everything = [path.read_bytes() for each in kept for path in each.rglob("*") if path.is_file()]
    assert not any(key in data for key in dead for data in everything), "no key lies anywhere in the clear"
    found = opened_by_a_thief(kept, root, tmp_path / "b")
    assert found == {id_: data for id_, data in held.items() if id_ not in of_anna}
    assert vault(home, "status", "--json").json["waiting"] == []
    assert home.read(BELA, "r-1") == speech(1)
    again = vault(home, "destroy-epoch", "1", "--yes")
    assert again.code == 0, again.err
    later = erased(home, CARA)
    assert "until epoch 2 is destroyed" in said_of_keys(home, later), "who leaves later waits for the epoch of then"


def signed(home: Doorbells, by: str, epoch: int = 1) -> str:
    with home.open() as opened:
        return base64.b64encode(OFFICERS[by].sign(opened.epochs.message(epoch))).decode()


@pytest.mark.duty("NST-02")
def test_one_person_under_two_names_is_one(guarded: Doorbells):
    """Two approvals are of two people: the same again, the same key under another name, and one over another epoch do not count."""
    home = guarded
    home.ring(BELA, "r-1", speech(1))
    with home.open() as opened:
        opened.epochs.rotate()
        opened.epochs.rotate()
        mine = signed(home, "chief")
        assert opened.epochs.approve(1, "chief", mine) == opened.epochs.approve(1, "chief", mine) == ("chief",)
        with pytest.raises(UsageError, match="another name"):
            opened.epochs.approve(1, "chief-at-home", mine)
        # However it came into the journal.
        forged = next(each for each in read_register(opened.context.journal, EPOCHS) if isinstance(each, EpochApproved))
        register(opened.context.journal, EPOCHS, replace(forged, approver="chief-at-home"))
        with pytest.raises(EvidenceInvalid):
            opened.epochs.approve(1, "deputy", signed(home, "deputy", epoch=2))
        with pytest.raises(NeedsApproval, match="so far: chief"):
            opened.epochs.destroy(1)
        assert opened.epochs.approve(1, "deputy", signed(home, "deputy")) == ("chief", "deputy")
    # Whoever is no approver any more has approved nothing.
    home.map.write_text("".join(line for line in home.map.read_text().splitlines(keepends=True) if not line.startswith("  deputy")))
    with home.open() as opened, pytest.raises(NeedsApproval, match="fewer approvers"):
        opened.epochs.destroy(1)


@pytest.mark.duty("NST-02", "NST-10")
def test_a_key_in_a_file_and_a_passkey_of_one_person_count_once(home: Doorbells):
    chief, deputy = (VerifierKey(name, Algorithm.ED25519, OFFICERS[name].public_key().public_bytes_raw()) for name in ("chief", "deputy"))
    keys = f"  chief: ['{chief}', '{DANA.key}']\n  dana: '{DANA.key}'\n  deputy: '{deputy}'\n"
    home.write_map(extra=f"accounts: {{origin: {DANA.origin}}}\napprovers:\n{keys}")
    home.ring(BELA, "r-1", speech(1))
    with home.open() as opened:
        employ(opened)
        opened.epochs.rotate()
        said = opened.epochs.message(1)
        assert opened.epochs.approve(1, "chief", signed(home, "chief")) == ("chief",)
        assert opened.epochs.approve(1, "chief", DANA.answer("chief", said)) == ("chief",)
        with pytest.raises(UsageError, match="another name"):
            opened.epochs.approve(1, "dana", DANA.answer("dana", said))
        with pytest.raises(NeedsApproval, match="so far: chief"):
            opened.epochs.destroy(1)
        assert opened.epochs.approve(1, "deputy", signed(home, "deputy")) == ("chief", "deputy")


def test_what_lives_is_never_destroyed(guarded: Doorbells):
    """The current epoch, and one under which a key lives, are refused before anybody is asked; so is one that never was."""
    home = guarded
    home.ring(BELA, "r-1", speech(1))
    with home.open() as opened:
        for number, error in ((1, IllegalTransition), (7, UsageError)):
            for verb in (opened.epochs.message, opened.epochs.destroy):
                with pytest.raises(error):
                    verb(number)
    assert home.read(BELA, "r-1") == speech(1)


@pytest.mark.parametrize(
    "point", ["journal.register:after", "roots.destroy.mark.swap:before", "roots.destroy.mark.swap:after", "keytable.commit:after"]
)
def test_a_destruction_that_is_cut_off_is_finished(guarded: Doorbells, point: str):
    """Wherever it dies, the same command ends it: the journal says who agreed, and once that it is done."""
    home = guarded
    home.ring(BELA, "r-1", speech(1))
    with home.open() as opened:
        opened.epochs.rotate()
        for name in OFFICERS:
            opened.epochs.approve(1, name, signed(home, name))
        with arm(point, "fail"), pytest.raises((OSError, ExpungeError)):
            opened.epochs.destroy(1)
    with home.open() as opened:
        assert opened.epochs.destroy(1) == ("chief", "deputy")
        events = list(read_register(opened.context.journal, EPOCHS))
        assert [each.number for each in opened.epochs.status().epochs] == [2]
    assert any(isinstance(each, EpochEnding) for each in events)
    assert sum(isinstance(each, EpochDestroyed) for each in events) == 1
    assert home.read(BELA, "r-1") == speech(1)


def test_an_epoch_that_lives_too_long_is_told(home: Doorbells):
    """`epochs:` of the map says until when a receipt promises it; when that is over `vault status` and `due` say so, and so do receipts."""
    home.map.write_text(home.map.read_text().replace("url: ./world/vault", "url: ./world/vault, epochs: 7 days"))
    home.ring(ANNA, "r-1", speech(0))
    home.ring(BELA, "r-1", speech(1))
    assert vault(home, "status").code == 0
    due = [each for each in expunge("due", "--json", "--map", home.map).json["due"] if each["clock"] == "epochs"]
    assert [(each["what"], each["standing"]) for each in due] == [("epoch 1 of the vault", "running")]
    later = Shifted(SystemClock(), clock.now() + timedelta(days=8))
    with home.open(later) as opened:
        assert opened.epochs.status().overdue == (1,)
        assert [each.standing.overdue for each in opened.dues.all() if each.clock == "epochs"] == [True]
        order = opened.order_erase([opened.resolve(ANNA)]).order
        opened.plan(order)
        run = opened.apply(order)
    assert "was due by" in said_of_keys(home, run)
    assert "was not done" in said_of_keys(home, run)


def test_who_can_read(home: Doorbells):
    """By owners and modes, purposes and openings: who could, who did, and what was let and never used."""
    home.ring(ANNA, "r-1", speech(0))
    home.read(ANNA, "r-1")
    found = vault(home, "who-can-read", "--json").json
    owner = home.folder.owner()
    assert found["alone"] == [owner]
    assert {each["what"]: each["mode"] for each in found["places"] if each["what"] != "sealed files of recordings"} == {
        "keystore": "0700", "root of the vault": "0700", "key table": "0600",
    }  # fmt: skip
    assert [(each["purpose"], each["openings"]) for each in found["grants"]] == [("any purpose", 1)]
    assert [(each["purpose"], each["recordings"]) for each in found["opened"]] == [("look", 1)]
    assert found["unused"] == []
    assert "past the gate" in vault(home, "who-can-read").out
    (home.folder / "state" / "keys").chmod(0o700)
    assert os.fspath(home.folder / "state" / "vault" / "root") in {each["path"] for each in found["places"]}
    assert path_of(ANNA, "r-1") not in str(found)


def test_recordings_in_the_clear_are_told(home: Doorbells):
    """An estate meets the duty not to keep recordings unencrypted when those that its map declares lie in a vault, and only then."""

    def today() -> dict[str, str]:
        ran = expunge("obligations", "--json", "--map", home.map)
        return {each["duty"]: each["today"] for each in ran.json["duties"] if each["duty"] in {"FAIL-11", "RNG-22"}}

    assert today() == {"FAIL-11": "met", "RNG-22": "met"}
    bucket = '  copies: {kind: s3, url: "s3://copies", endpoint: "http://s3.invalid"}\n'
    whole = home.map.read_text()
    home.map.write_text(whole.replace("stores:\n", f"stores:\n{bucket}"))
    assert today() == {"FAIL-11": "met", "RNG-22": "no"}
    home.map.write_text(whole)
    home.map.write_text(home.map.read_text().replace("kind: vault, url: ./world/vault", "kind: files, url: ./world/clear"))
    assert today() == {"FAIL-11": "no", "RNG-22": "no"}


@pytest.mark.parametrize(
    ("epochs", "words"),
    [((1,), "epoch 1 is destroyed"), ((1, 2), "epochs 1 and 2 are destroyed"), ((1, 2, 3), "epochs 1, 2 and 3 are destroyed")],
)
def test_a_receipt_names_each_epoch_that_has_to_go(epochs: tuple[int, ...], words: str) -> None:
    """A rotation between a recording and its erasure leaves two epochs, and the sentence stays one."""
    made = datetime(2026, 1, 1, tzinfo=UTC)
    assert KeyDeath(made, None, dict.fromkeys(epochs, made)).until() == words
