"""A vault whose epochs lie in a token or at a key service, as the map says: by the commands of its operator."""

from __future__ import annotations

import http.client
import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from expunge.core.note import Algorithm, VerifierKey
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.errors import ExpungeError, NeedsApproval, StoreUnavailable
from expunge.servers.openbao import OpenBaoServer
from tests.adapters.roots.softhsm_tokens import pulled
from tests.cli.running import Ran, expunge
from tests.vault.doorbells import ANNA, BELA, CARA, Doorbells, path_of, speech

OFFICERS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b".")) for name in ("chief", "deputy")}
POLICY = """
path "transit/keys" { capabilities = ["list"] }
path "transit/keys/expunge-*" { capabilities = ["create", "update", "delete"] }
path "transit/encrypt/expunge-*" { capabilities = ["update"] }
path "transit/decrypt/expunge-*" { capabilities = ["update"] }
"""
"""As docs/howto/roots.md has it."""


@dataclass
class Rooted:
    """A company with doorbells, and the root that its map names."""

    home: Doorbells
    root: str
    secret: Path
    away: Callable[[], Any]
    """Takes the root away for the length of a block."""
    asked: list[str] = field(default_factory=list)

    def run(self, *arguments: str) -> Ran:
        return expunge(*arguments, "--map", self.home.map)

    def vault(self, *arguments: str) -> Ran:
        return self.run("vault", *arguments)

    def destroy(self, epoch: int) -> None:
        for name in OFFICERS:
            ran = self.vault("approve", str(epoch), "--as", name, "--key", str(self.home.folder / f"{name}.pem"))
            assert ran.code == 0, ran.err
        ran = self.vault("destroy-epoch", str(epoch), "--yes")
        assert ran.code == 0, ran.err


def ask(server: OpenBaoServer, method: str, path: str, body: object = None, token: str = "") -> Any:
    """Ask the service as its operator."""
    host = server.address.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request(method, f"/v1/{path}", json.dumps(body) if body is not None else None, {"X-Vault-Token": token or server.token})
    data = connection.getresponse().read()
    connection.close()
    return json.loads(data) if data else {}


def token_of(server: OpenBaoServer, policy: str, name: str = "expunge-vault") -> str:
    """Have the service make a token that may do what a policy says."""
    ask(server, "PUT", f"sys/policies/acl/{name}", {"policy": policy})
    made: str = ask(server, "POST", "auth/token/create", {"policies": [name]})["auth"]["client_token"]
    return made


def named(home: Doorbells, root: str) -> None:
    """Write the map with a root and two approvers."""
    keys = {name: VerifierKey(name, Algorithm.ED25519, key.public_key().public_bytes_raw()) for name, key in OFFICERS.items()}
    approvers = "approvers:\n" + "".join(f'  {name}: "{key}"\n' for name, key in keys.items())
    home.write_map(extra=approvers + (f"vault_root: {root}\n" if root else ""))
    for name, key in OFFICERS.items():
        (home.folder / f"{name}.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture
def in_a_token(home: Doorbells, softhsm: Path) -> Rooted:
    pin = home.folder.with_name("pin")
    pin.write_text("1234\n")
    pin.chmod(0o600)
    root = f"{{kind: pkcs11, library: {softhsm}, token: expunge, secret_file: {pin}}}"
    named(home, root)
    return Rooted(home, root, pin, pulled)


@pytest.fixture
def at_a_service(home: Doorbells, openbao_server: OpenBaoServer) -> Rooted:
    token = home.folder.with_name("token")
    token.write_text(token_of(openbao_server, POLICY))
    token.chmod(0o600)
    root = f"{{kind: transit, url: '{openbao_server.address}', secret_file: {token}}}"
    named(home, root)
    return Rooted(home, root, token, openbao_server.stopped)


@pytest.fixture(params=["in_a_token", "at_a_service"])
def rooted(request: pytest.FixtureRequest) -> Rooted:
    found: Rooted = request.getfixturevalue(request.param)
    return found


def put(home: Doorbells, one: str, name: str, number: int) -> Ran:
    """Ingest by the command."""
    source = home.folder.with_name(f"{one}-{name}.flac")
    source.write_bytes(speech(number))
    return expunge("ingest", source, "--dataset", "doorbell", "--name", path_of(one, name), "--map", home.map)


def approved(rooted: Rooted, order: str) -> None:
    ran = rooted.run("approve", order, "--as", "chief", "--key", str(rooted.home.folder / "chief.pem"))
    assert ran.code == 0, ran.err


def erased(rooted: Rooted, one: str) -> str:
    """Erase a person; return what the receipt says of keys."""
    home = rooted.home
    order = home.order(one)
    approved(rooted, order)
    assert home.apply(order).state is OrderState.FULFILLED
    return said_of_keys(home, order)


def said_of_keys(home: Doorbells, order: str) -> str:
    with home.open() as opened:
        files = opened.receipt_folder(order)
    receipt = receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt
    return next((each for each in receipt.out_of_scope if "inaccessible" in each), "")


def test_from_the_map_to_the_last_copy(rooted: Rooted, tmp_path: Path) -> None:
    """Recordings come in, are opened, and die; afterwards a copy of every file of ours, with the PIN, opens nothing of the dead."""
    home = rooted.home
    assert "root of the vault" not in rooted.run("check").out
    assert put(home, ANNA, "r-1", 0).code == 0
    assert put(home, BELA, "r-1", 1).code == 0
    assert home.read(ANNA, "r-1") == speech(0)
    assert not (home.folder / "state/vault/root").exists()
    # Why as a word: four digits stand in some key's hex digits by chance.
    secret = re.compile(rb"(?<![0-9A-Za-z])" + re.escape(rooted.secret.read_bytes().strip()) + rb"(?![0-9A-Za-z])")
    assert not [path for path in home.folder.rglob("*") if path.is_file() and secret.search(path.read_bytes())]
    kept = tmp_path / "kept"
    shutil.copytree(home.folder, kept, ignore=shutil.ignore_patterns("keeper"))
    said = erased(rooted, ANNA)
    assert "inaccessible since" in said
    assert "until epoch 1 is destroyed" in said
    copied = Doorbells(kept)
    assert copied.read(ANNA, "r-1") == speech(0), "inaccessible is not irrecoverable"
    assert rooted.vault("rotate").code == 0
    state = rooted.vault("status", "--json").json
    assert state["copyable"] is False
    rooted.destroy(1)
    assert home.read(BELA, "r-1") == speech(1)
    for one in (ANNA, BELA):
        with pytest.raises(StoreUnavailable):
            copied.read(one, "r-1")
    with copied.open() as opened, suppress(ExpungeError):
        assert not opened.vault.recordings("doorbell")
    said = erased(rooted, BELA)
    assert "root from before" not in said, "no copy of the root counts"


@pytest.mark.parametrize("rooted", ["in_a_token", pytest.param("at_a_service", marks=pytest.mark.soak)], indirect=True)
def test_away_is_said_and_what_was_ingested_is_there_afterwards(rooted: Rooted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is served, nothing comes in, an order waits: all of it with what to do. Then the same commands go on."""
    monkeypatch.setattr("expunge.adapters.roots.transit_guard.TransitGuard.__init__.__defaults__", ("transit", 0.5))
    home = rooted.home
    assert put(home, ANNA, "r-1", 0).code == 0
    order = home.order(ANNA)
    approved(rooted, order)
    with rooted.away():
        refused = put(home, BELA, "r-1", 1)
        assert refused.code != 0
        assert "nothing was lost" in refused.err
        with pytest.raises(StoreUnavailable, match=r"token|key service"):
            home.read(ANNA, "r-1")
        assert "root of the vault" in rooted.run("check").out
        for verb in ("status", "rotate"):
            assert rooted.vault(verb).code != 0
        assert home.apply(order).state is OrderState.IN_PART
    assert put(home, BELA, "r-1", 1).code == 0
    assert home.read(BELA, "r-1") == speech(1)
    with pytest.raises(NeedsApproval):
        home.apply(order)
    approved(rooted, order)
    assert home.apply(order).state is OrderState.FULFILLED


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda root, _: root.replace("libsofthsm2.so", "nothing.so"), "cannot be loaded"),
        (lambda root, _: root.replace("token: expunge", "token: another"), "never initialised"),
        (lambda root, pin: pin.write_text("4321") and root, "does not take this PIN"),
        (lambda root, pin: pin.write_text("\n") and root, "does not hold the PIN"),
        (lambda root, pin: pin.unlink() or root, "cannot be read"),
        (lambda root, pin: pin.chmod(0o644) or root, "everybody can read"),
        (lambda root, pin: root.replace(f"secret_file: {pin}", "secret_variable: NO_SUCH_PIN"), "does not hold the PIN"),
    ],
)
def test_check_says_what_is_wrong_with_a_token(in_a_token: Rooted, change: Callable[[str, Path], str], said: str) -> None:
    named(in_a_token.home, change(in_a_token.root, in_a_token.secret))
    ran = in_a_token.run("check", "--json")
    assert ran.code == 1
    (found,) = [each for each in ran.json["findings"] if each["where"] == "vault_root"]
    assert said in found["what"]
    assert found["mend"]
    assert not (in_a_token.home.folder / "state/vault").exists(), "a check makes nothing"


def test_check_says_what_is_wrong_with_a_service(at_a_service: Rooted, openbao_server: OpenBaoServer) -> None:
    """Away, wrong token, wrong mount, and each right that the policy lacks."""
    home, root = at_a_service.home, at_a_service.root

    def told() -> str:
        found = [each for each in at_a_service.run("check", "--json").json["findings"] if each["where"] == "vault_root"]
        return " ".join(each["what"] for each in found)

    assert told() == ""
    for path, lacks in (("decrypt", "update on transit/decrypt/expunge-*"), ("keys/", "create on transit/keys/expunge-*")):
        less = "\n".join(line for line in POLICY.splitlines() if f"transit/{path}" not in line)
        at_a_service.secret.write_text(token_of(openbao_server, less, "less"))
        assert lacks in told()
    at_a_service.secret.write_text("wrong")
    assert "does not take this token" in told()
    at_a_service.secret.write_text(openbao_server.token)
    named(home, root.replace("{kind", "{mount: elsewhere, kind"))
    assert "no transit engine at elsewhere" in told()
    named(home, root.replace(openbao_server.address, "http://127.0.0.1:9"))
    assert "does not answer" in told()


def test_the_service_is_rotated_under_our_feet(at_a_service: Rooted, openbao_server: OpenBaoServer) -> None:
    """Its operator rotates our key and gives another token: all goes on. Where old versions are forbidden, that is said."""
    home = at_a_service.home
    assert put(home, ANNA, "r-1", 0).code == 0
    (name,) = [each for each in ask(openbao_server, "LIST", "transit/keys")["data"]["keys"] if _ours(home) in each]
    with home.open() as opened:
        opened.vault.recordings("doorbell")
        ask(openbao_server, "POST", f"transit/keys/{name}/rotate", {})
        at_a_service.secret.write_text(token_of(openbao_server, POLICY, "another"))
        assert [each.number for each in opened.epochs.status().epochs] == [1]
    assert home.read(ANNA, "r-1") == speech(0)
    assert at_a_service.vault("rotate").code == 0
    (name,) = [each for each in ask(openbao_server, "LIST", "transit/keys")["data"]["keys"] if each == name.replace("epoch-1", "epoch-2")]
    ask(openbao_server, "POST", f"transit/keys/{name}/rotate", {})
    ask(openbao_server, "POST", f"transit/keys/{name}/config", {"min_decryption_version": 2})
    with pytest.raises(StoreUnavailable, match="refuses the version"):
        home.read(ANNA, "r-1")
    ask(openbao_server, "POST", f"transit/keys/{name}/config", {"min_decryption_version": 1})
    assert home.read(ANNA, "r-1") == speech(0)


def _ours(home: Doorbells) -> str:
    (folder,) = (home.folder / "state/vault").glob("root-transit-*")
    return (folder / "name").read_text()


def test_a_vault_moves_from_a_folder_into_a_token(in_a_token: Rooted, tmp_path: Path) -> None:
    """Another root without a word about the first is refused. Named as `before`, a rotation moves every living key."""
    home = in_a_token.home
    named(home, "")
    assert put(home, ANNA, "r-1", 0).code == 0
    shutil.copytree(home.folder, tmp_path / "kept", ignore=shutil.ignore_patterns("keeper"))
    named(home, in_a_token.root)
    for ran in (in_a_token.vault("status"), put(home, BELA, "r-1", 1)):
        assert ran.code != 0
        assert "lives in another root" in ran.err
        assert "before:" in ran.err
    assert "lives in another root" in in_a_token.run("check").out
    named(home, in_a_token.root.replace("{kind", "{before: {kind: folder}, kind"))
    assert home.read(ANNA, "r-1") == speech(0)
    assert in_a_token.vault("rotate").code == 0
    in_a_token.destroy(1)
    assert put(home, BELA, "r-1", 1).code == 0
    named(home, in_a_token.root)
    assert home.read(ANNA, "r-1") == speech(0)
    assert home.read(BELA, "r-1") == speech(1)
    named(home, "")
    assert "lives in another root (kind pkcs11)" in in_a_token.vault("status").err
    named(home, in_a_token.root)
    assert in_a_token.vault("status", "--json").json["copyable"] is True, "copies of the folder still open its epochs"
    said = erased(in_a_token, ANNA)
    assert "until epoch 2 is destroyed" in said


def test_who_can_read_names_the_secret_of_the_root(in_a_token: Rooted) -> None:
    """Whoever can read our files needs the PIN as well."""
    assert put(in_a_token.home, CARA, "r-1", 2).code == 0
    found = {each["what"]: each for each in in_a_token.vault("who-can-read", "--json").json["places"]}
    assert found["PIN of the token expunge"]["mode"] == "0600"
    assert found["root of the vault"]["path"].startswith(str(in_a_token.home.folder / "state/vault/root-pkcs11-"))
