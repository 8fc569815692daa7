"""Receipts as Sigstore bundles: accepted and refused by the verifiers of others, in JavaScript and in Python, and by our own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sigstore._internal.trust import KeyringPurpose
from sigstore.dsse import Envelope
from sigstore.errors import Error as SigstoreError
from sigstore.models import TransparencyLogEntry, TrustedRoot
from sigstore_models.bundle.v1 import Bundle

from expunge.core.log import dsse
from expunge.core.values import b64
from expunge.core.verification import receipt_folder, receipt_verify, sigstore_bundle
from expunge.errors import EvidenceInvalid
from tests.cli.running import expunge

HERE = Path(__file__).parent
VECTORS = HERE.parent / "vectors" / "evidence"
RECEIPTS = sorted(path.name for path in VECTORS.glob("receipt-*"))
Changed = Callable[[dict[str, Any]], None]


def receipt(name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (VECTORS / name).iterdir()}


def entry(bundle: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = bundle["verificationMaterial"]["tlogEntries"][0]
    return found


def flipped(text: str) -> str:
    """Return base64 of other bytes."""
    data = bytearray(b64.decode(text))
    data[0] ^= 1
    return b64.encode(bytes(data))


def other_path(bundle: dict[str, Any]) -> None:
    entry(bundle)["inclusionProof"]["hashes"][0] = flipped(entry(bundle)["inclusionProof"]["hashes"][0])


def other_place(bundle: dict[str, Any]) -> None:
    entry(bundle)["inclusionProof"]["logIndex"] = "0"


def larger_tree(bundle: dict[str, Any]) -> None:
    """A checkpoint of another size, under the old signatures."""
    held = entry(bundle)["inclusionProof"]["checkpoint"]
    origin, size, rest = held["envelope"].split("\n", 2)
    held["envelope"] = f"{origin}\n{int(size) + 1}\n{rest}"


def other_statement(bundle: dict[str, Any]) -> None:
    payload = b64.decode(bundle["dsseEnvelope"]["payload"])
    bundle["dsseEnvelope"]["payload"] = b64.encode(payload.replace(b"fulfilled", b"fulfillee"))


def other_signature(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = flipped(bundle["dsseEnvelope"]["signatures"][0]["sig"])


OF_THE_LOG = {"another path": other_path, "another place": other_place, "a larger tree": larger_tree}
OF_THE_STATEMENT = {"another statement": other_statement, "another signature": other_signature}


def changed(files: dict[str, bytes], change: Changed) -> bytes:
    bundle = json.loads(sigstore_bundle.bundle(files))
    change(bundle)
    return json.dumps(bundle).encode()


def checked_by_sigstore_python(bundle: bytes, files: dict[str, bytes], folder: Path) -> None:
    """Raise SigstoreError unless its classes accept the log's part of a bundle; the envelope must be one."""
    (folder / "root.json").write_bytes(files[receipt_folder.ROOT])
    root = TrustedRoot.from_file(str(folder / "root.json"))
    parsed = Bundle.from_json(bundle)
    (held,) = parsed.verification_material.tlog_entries
    TransparencyLogEntry(held)._verify(root.rekor_keyring(KeyringPurpose.VERIFY))
    assert parsed.dsse_envelope is not None
    envelope = Envelope(parsed.dsse_envelope)
    assert envelope.signature == dsse.parse(files[receipt_folder.ENVELOPE]).signature


@pytest.mark.parametrize("name", RECEIPTS)
def test_every_receipt_is_accepted_by_the_classes_of_sigstore_python(name: str, tmp_path: Path) -> None:
    files = receipt(name)
    files |= sigstore_bundle.files_of(files)
    checked_by_sigstore_python(files[receipt_folder.BUNDLE], files, tmp_path)


@pytest.mark.parametrize("change", OF_THE_LOG.values(), ids=OF_THE_LOG)
def test_a_changed_proof_is_refused_by_the_classes_of_sigstore_python(change: Changed, tmp_path: Path) -> None:
    files = receipt("receipt-fulfilled")
    files |= sigstore_bundle.files_of(files)
    with pytest.raises(SigstoreError):
        checked_by_sigstore_python(changed(files, change), files, tmp_path)


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes, dict[str, bytes]], str]:
    """The verifier of Sigstore in JavaScript: returns *accepted*, or *refused* with its code."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    folder = tmp_path_factory.mktemp("verifier")
    for name in ("package.json", "package-lock.json", "verify.js"):
        shutil.copy(HERE / name, folder)
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode:
        pytest.skip("the npm registry cannot be reached")

    def verify(bundle: bytes, files: dict[str, bytes]) -> str:
        (folder / "bundle.json").write_bytes(bundle)
        for name in (receipt_folder.ROOT, receipt_folder.SIGNER):
            (folder / name).write_bytes(files[name])
        command = [node, "verify.js", "bundle.json", receipt_folder.ROOT, receipt_folder.SIGNER]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout.strip()

    return verify


def test_every_receipt_is_accepted_by_the_javascript_of_sigstore(verifier: Callable[[bytes, dict[str, bytes]], str]) -> None:
    for name in RECEIPTS:
        files = receipt(name)
        files |= sigstore_bundle.files_of(files)
        assert verifier(files[receipt_folder.BUNDLE], files) == "accepted", name


def test_whatever_is_changed_is_refused_by_the_javascript_of_sigstore(verifier: Callable[[bytes, dict[str, bytes]], str]) -> None:
    files = receipt("receipt-fulfilled")
    files |= sigstore_bundle.files_of(files)
    said = {name: verifier(changed(files, change), files) for name, change in {**OF_THE_LOG, **OF_THE_STATEMENT}.items()}
    assert {name: answer.split(":")[0] for name, answer in said.items()} == dict.fromkeys(said, "refused"), said
    stranger = json.loads(files[receipt_folder.ROOT])
    stranger["tlogs"] = []
    assert verifier(files[receipt_folder.BUNDLE], {**files, receipt_folder.ROOT: json.dumps(stranger).encode()}).startswith("refused")


@pytest.mark.parametrize("change", [*OF_THE_LOG.values(), *OF_THE_STATEMENT.values()], ids=[*OF_THE_LOG, *OF_THE_STATEMENT])
def test_a_bundle_that_says_something_else_than_its_receipt_is_refused_here(change: Changed) -> None:
    files = receipt("receipt-fulfilled")
    files |= sigstore_bundle.files_of(files)
    receipt_verify.verify(files)
    with pytest.raises(EvidenceInvalid, match=r"receipt\.sigstore\.json does not say"):
        receipt_verify.verify({**files, receipt_folder.BUNDLE: changed(files, change)})
    with pytest.raises(EvidenceInvalid, match=r"trusted-root\.json does not say"):
        receipt_verify.verify({**files, receipt_folder.ROOT: files[receipt_folder.ROOT].replace(b"2000", b"2001") + b" "})


def test_the_holder_of_an_older_receipt_makes_its_bundle(tmp_path: Path) -> None:
    folder = tmp_path / "receipt"
    shutil.copytree(VECTORS / "receipt-fulfilled", folder)
    assert expunge("receipt", "bundle", folder).code == 0
    said = expunge("receipt", "verify", folder)
    assert said.code == 0, said.err
    assert "receipt.sigstore.json and trusted-root.json, for tools of Sigstore, say the same" in said.out
    (folder / "signer.pem").unlink()
    short = expunge("receipt", "bundle", folder)
    assert (short.code, "signer.pem missing" in short.err) == (6, True)
