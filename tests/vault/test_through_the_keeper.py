"""Recordings go in and out through a keeper: no other process has a key, and no way leads round the gate or the journal."""

from __future__ import annotations

import io
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

import expunge.vault
from expunge.bootstrap import keeping
from expunge.bootstrap.serving import keeper_process
from expunge.bootstrap.vault.access import open_vault
from expunge.bootstrap.vault.kept_vault import KeptVault
from expunge.errors import KeystoreLocked, Misconfigured, Refused, SessionGone, StoreUnavailable, UsageError
from expunge.ports.vault.vault_door import MOST_AT_ONCE, OpeningClaim, UploadClaim
from expunge.testing.forked import in_child
from expunge.vault.chunked import object_context
from expunge.vault.file_system import VaultFileSystem
from tests.adapters.keeper.memory import forms, readable
from tests.cli.running import expunge as run
from tests.vault.doorbells import ANNA, BELA, path_of, speech
from tests.vault.kept_home import PASSPHRASE, KeptHome, become
from tests.vault.sealing_by_hand import SALT, derive

ENVIRONMENT = {"EXPUNGE_PASSPHRASE": PASSPHRASE}


def name(one: str = ANNA) -> str:
    return f"doorbell/{path_of(one, 'r-1')}"


def opening(one: str = ANNA, **said) -> OpeningClaim:
    return OpeningClaim(secrets.token_hex(16), name(one), "look", "viewer", **said)


def test_programs_read_and_send_without_the_passphrase(kept: KeptHome):
    """Whatever they use: the library, fsspec, the command line. The keeper enters the account that the kernel names."""
    data = speech(0) * 20
    with pytest.raises(KeystoreLocked, match="no keeper runs"):
        open_vault(kept.map)
    kept.start()
    (kept.folder / "r-1.flac").write_bytes(data)
    done = run("ingest", "r-1.flac", "--dataset", "doorbell", "--name", path_of(ANNA, "r-1"), cwd=kept.folder)
    assert done.code == 0, done.err
    found = open_vault(kept.map)
    assert isinstance(found.vault, KeptVault)
    again = found.vault.ingest("doorbell", path_of(ANNA, "r-1"), io.BytesIO(data), size=len(data), digest=sha256(data).hexdigest())
    assert not again.fresh
    found.close()
    with expunge.vault.open(name(), purpose="look", program="viewer", first=1000, map_path=kept.map) as file:
        assert file.seek(-100, os.SEEK_END) == len(data) - 1100
        assert file.read() == data[-100:]
        file.seek(0)
        assert file.read() == data[1000:]
    files = VaultFileSystem(purpose="look", map_path=kept.map)
    assert files.find("doorbell") == [name()]
    assert files.cat_file(name(), 100, 300) == data[100:300]
    with kept.open() as opened:
        assert opened.vault.kept is None
        assert (opened.vault.openings()[0].program, opened.vault.openings()[0].first) == ("viewer", 1000)
    entered = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    with kept.open() as opened:
        assert {each.user for each in opened.vault.openings()} == {entered}
    expunge.vault._close()


def test_the_facade_goes_through_the_keeper_by_itself(kept: KeptHome):
    """Of an installation that was opened without the passphrase, recordings go through the keeper; what manages keys asks for it."""
    from expunge.bootstrap import Expunge

    kept.start()
    with Expunge.open(kept.map) as opened:
        opened.vault.ingest("doorbell", path_of(ANNA, "r-1"), io.BytesIO(speech(0)))
        with opened.vault.open(name(), purpose="look") as file:
            assert file.read() == speech(0)
        assert [each.name for each in opened.vault.readable("doorbell", "look")] == [path_of(ANNA, "r-1")]
        assert len(opened.vault.openings()) == 1
        with pytest.raises((KeystoreLocked, StoreUnavailable), match="keeper has the keys"):
            opened.vault.recordings("doorbell")


def test_a_client_without_a_gate_is_refused_in_the_middle_by_the_keeper(kept: KeptHome):
    """An order comes between two ranges: a client that asks nobody gets no further byte, whatever it says."""
    kept.ring(ANNA, "r-1", speech(0))
    door, claim = kept.start().door(), opening()
    door.open_recording(claim)
    assert door.read_recording(claim.opening, 0, 1000) == speech(0)[:1000]
    kept.order(ANNA)
    with pytest.raises(Refused, match="suppressed"):
        door.read_recording(claim.opening, 1000, 2000)
    with pytest.raises(SessionGone):
        door.read_recording(claim.opening, 1000, 2000)
    with pytest.raises(Refused, match="suppressed"):
        door.open_recording(claim)
    with pytest.raises(Refused, match="suppressed"):
        door.begin_upload(UploadClaim(secrets.token_hex(16), "doorbell", path_of(ANNA, "r-2")))
    assert door.readable_recordings("doorbell", "look").recordings == ()


def test_no_client_has_the_key_of_a_recording(kept: KeptHome):
    """A client that reads and sends, and keeps all that it gets, has no key in its memory; one that opens the table itself does."""
    kept.ring(ANNA, "r-1", speech(0))
    with kept.open() as opened:
        (recording,) = opened.vault.recordings("doorbell")
        key = opened.vault.vaults.table().key(bytes.fromhex(recording.id))
        library = opened.vault._library(opened.vault._dataset("doorbell"))
        salt = library.shelf.path(recording.id).read_bytes()[:SALT]
    needles = forms(key) + forms(derive(key, object_context("doorbell", recording.id), salt).key)
    kept.start()
    assert held(kept, needles) == (hash_of(speech(0)), False)
    assert held(kept, needles, EXPUNGE_PASSPHRASE=PASSPHRASE) == (hash_of(speech(0)), True)


def hash_of(data: bytes) -> str:
    return sha256(data).hexdigest()


def held(kept: KeptHome, needles: list[bytes], **environment: str) -> tuple[str, bool]:
    """The hash of what a program of its own reads, and whether its memory has the key while it has the recording open."""
    program = f"""
import hashlib, io, expunge.vault
vault = expunge.vault.vault({str(kept.map)!r})
vault.ingest("doorbell", {path_of(BELA, "r-1")!r}, io.BytesIO(b"x" * 100_000))
file = vault.open({name()!r}, purpose="look")
print(hashlib.sha256(file.read()).hexdigest(), flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as process:
        assert process.stdout is not None
        read = process.stdout.readline().strip()
        found = any(needle in part for part in readable(process.pid) for needle in needles)
        process.kill()
    return read, found


def test_a_keeper_without_a_map_says_that_it_opens_no_vault(kept: KeptHome):
    door = kept.start(with_map=False).door()
    with pytest.raises(Misconfigured, match="opens no vault"):
        door.open_recording(opening())
    with pytest.raises(Misconfigured, match="opens no vault"):
        door.begin_upload(UploadClaim(secrets.token_hex(16), "doorbell", path_of(ANNA, "r-1")))


def test_a_map_that_changed_is_read_anew(kept: KeptHome):
    """The next opening goes by the new map, and what was begun by the old one is over. A map that cannot be read refuses; keys go on."""
    kept.ring(ANNA, "r-1", speech(0))
    door, claim, upload = kept.start().door(), opening(), UploadClaim(secrets.token_hex(16), "doorbell", path_of(ANNA, "r-2"))
    door.open_recording(claim)
    door.begin_upload(upload)
    text = kept.map.read_text()
    kept.map.write_text(text.replace("{recording_id}.flac", "{recording_id}.wav"))
    with pytest.raises(UsageError, match="fits no path"):
        door.open_recording(opening())
    with pytest.raises(SessionGone):
        door.read_recording(claim.opening, 0, 1)
    with pytest.raises(SessionGone):
        door.append_upload(upload.upload, 0, b"x")
    kept.map.write_text("nonsense")
    with pytest.raises(Misconfigured):
        door.open_recording(opening())
    kept.map.write_text(text)
    door.open_recording(claim)
    assert door.read_recording(claim.opening, 0, 10) == speech(0)[:10]


def test_what_was_begun_by_an_earlier_map_is_over_before_its_next_byte(kept: KeptHome):
    """A map that no longer lets an account read ends its openings, also where nobody opens anything after that."""
    kept.ring(ANNA, "r-1", speech(0))
    door, claim, upload = kept.start().door(), opening(), UploadClaim(secrets.token_hex(16), "doorbell", path_of(ANNA, "r-2"))
    door.open_recording(claim)
    assert door.begin_upload(upload) == 0
    assert door.read_recording(claim.opening, 0, 10) == speech(0)[:10]
    text = kept.map.read_text()
    kept.map.write_text(f"{text}\n# changed\n")
    with pytest.raises(SessionGone):
        door.read_recording(claim.opening, 10, 20)
    with pytest.raises(SessionGone):
        door.append_upload(upload.upload, 0, b"x")
    door.open_recording(claim)
    kept.map.write_text("nonsense")
    with pytest.raises(Misconfigured):
        door.read_recording(claim.opening, 10, 20)


def test_ranges_and_bodies_are_bounded(kept: KeptHome):
    """A range or a body beyond the bounds is refused, the latter before it is read; the keeper goes on."""
    kept.ring(ANNA, "r-1", speech(0))
    door, claim = kept.start().door(), opening()
    door.open_recording(claim)
    with pytest.raises(UsageError, match="at most"):
        door.read_recording(claim.opening, 0, MOST_AT_ONCE + 1)
    with pytest.raises(UsageError, match="from 0 to"):
        door.read_recording(claim.opening, 0, MOST_AT_ONCE)
    with pytest.raises(UsageError, match="no body of this size"):
        door.append_upload("0" * 32, 0, bytes(MOST_AT_ONCE + 1))
    with pytest.raises(UsageError, match="no short text"):
        door.open_recording(OpeningClaim(secrets.token_hex(16), name(), "look", "x" * 257))
    assert door.read_recording(claim.opening, 0, 10) == speech(0)[:10]


def test_rights_are_told_by_the_keeper_and_among_those_who_can_read(kept: KeptHome):
    """The status of the keeper, and the answer to who can read, name each account and what it may."""
    admitted = keeper_process.admitted([], [], ["0:look"], [], ["0"])
    assert run("vault", "who-can-read", "--json", cwd=kept.folder, env=ENVIRONMENT).json["keeper"] is None
    kept.start(admitted=admitted)
    rights = [{"who": "user root", "may": "send recordings in"}, {"who": "user root", "may": "open recordings for 'look'"}]
    status = run("keeper", "status", "--json", cwd=kept.folder).json
    assert (status["vault"], status["rights"]) == (True, rights)
    assert "user root may send recordings in" in run("keeper", "status", cwd=kept.folder).out
    assert run("vault", "who-can-read", "--json", cwd=kept.folder, env=ENVIRONMENT).json["keeper"] == rights
    assert "user root may open recordings for 'look'" in run("vault", "who-can-read", cwd=kept.folder, env=ENVIRONMENT).out


@pytest.mark.root
def test_programs_of_other_users_have_what_the_operator_gave_them_and_no_file(kept: KeptHome, tmp_path: Path):
    """The installation belongs to one user, who runs the keeper: a camera's user only sends in, a viewer's only reads, for one purpose."""
    if os.geteuid():
        pytest.skip("only root can become other users")
    owner, camera, viewer = 4242, 4243, 4244
    for folder in (kept.folder, tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    kept.map.chmod(0o644)
    (kept.folder / "state").chmod(0o711)
    for path in (kept.folder, *kept.folder.rglob("*")):
        os.chown(path, owner, owner)
    kept.start(admitted=keeper_process.admitted([], [], [f"{viewer}:look"], [], [str(camera)]), as_user=owner)

    def sends() -> tuple[str, str]:
        become(camera)
        vault = open_vault(kept.map).vault
        vault.ingest("doorbell", path_of(ANNA, "r-1"), io.BytesIO(speech(0)))
        return said(lambda: vault.open(name(), purpose="look")), said(lambda: list(kept.vault.iterdir()))

    def reads() -> tuple[bytes, str, str, str]:
        become(viewer)
        vault = open_vault(kept.map).vault
        with vault.open(name(), purpose="look", program="viewer") as file:
            read = file.read()
        other = said(lambda: vault.open(name(), purpose="train"))
        sent = said(lambda: vault.ingest("doorbell", path_of(BELA, "r-1"), io.BytesIO(b"x")))
        return read, other, sent, said(lambda: keeping.open_keys(kept.folder / "state").gate_key())

    def said(act: Callable[[], object]) -> str:
        try:
            return f"it was done: {act()}"
        except (Misconfigured, OSError) as error:
            return error.help if isinstance(error, Misconfigured) else type(error).__name__

    opened, listed = in_child(sends).returned()
    assert "--let-read" in opened
    assert listed == "PermissionError"
    read, other, sent, keys = in_child(reads).returned()
    assert read == speech(0)
    assert "--let-read" in other
    assert "--let-ingest" in sent
    assert "--allow-user" in keys

    def entered() -> set[str]:
        become(owner)
        with kept.open() as installation:
            return {each.user for each in installation.vault.openings()}

    assert in_child(entered).returned() == {str(viewer)}
