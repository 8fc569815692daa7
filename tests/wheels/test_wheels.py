"""Each wheel is whole: built from the source, put into an environment that has its declared dependencies alone, and used.

Everything comes out of uv's cache, which `make env` has filled: no index is asked.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from expunge.cli.terminal.evidence_files import read_pack
from expunge.engine.review import view_receipts
from tests.cli.running import expunge
from tests.engine.review.desk_company import at_desk, made
from tests.engine.review.test_desk import leased

ROOT = Path(__file__).resolve().parents[2]
VERIFY = ROOT / "packages" / "expunge-verify"
APP = ROOT / "packages" / "expunge-app"
VECTORS = ROOT / "tests" / "vectors" / "evidence"
RECEIPTS = sorted(path.name for path in VECTORS.glob("receipt-*"))
NEEDED_BY_CRYPTOGRAPHY = {"cffi", "cryptography", "pycparser"}
IMPORTED_WITH_CRYPTOGRAPHY = {"_cffi_backend", "cffi", "cryptography"}
LOADED = """
import expunge_verify, json, sys
print(json.dumps({name: getattr(module, "__file__", None) for name, module in sys.modules.items()}))
"""
TABLES = """
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, joined_at TEXT);
CREATE TABLE messages (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users, said TEXT, sent_at TEXT);
"""
ANSWERS = ("30 days", "y", "answer the request", "the service itself", "2 years", "y", "know who asks", "the contract")


@pytest.fixture(scope="module")
def uv() -> str:
    found = shutil.which("uv", path=f"{ROOT / 'build/uv/bin'}{os.pathsep}{os.environ['PATH']}")
    assert found is not None, "no uv: `make env` brings it"
    return found


def run(*command: str | Path, cwd: Path, code: int = 0, given: str = "", **variables: str) -> str:
    """Run a command without the settings of this process's Python, and return what it printed."""
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH", "EXPUNGE_MAP"}}
    done = subprocess.run(
        [str(each) for each in command],
        cwd=cwd, env={**environment, "NO_COLOR": "1", "COLUMNS": "200", **variables},
        input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}"
    return done.stdout


def built(uv: str, project: Path, folder: Path) -> Path:
    run(uv, "build", "--wheel", "--offline", "--out-dir", folder / "dist", project, cwd=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def installed(uv: str, project: Path, folder: Path, only: set[str] | None = None) -> Path:
    """Build a project's wheel, install it beside the locked dependencies of Expunge (``only`` these), and return the folder of commands."""
    wheel = built(uv, project, folder)
    environment = folder / "environment"
    sync = ("sync", "--frozen", "--offline", "--no-dev", "--no-install-project", "--no-python-downloads", "--python", sys.executable)
    run(uv, *sync, cwd=ROOT, UV_PROJECT_ENVIRONMENT=str(environment))
    python = environment / "bin" / "python"
    if only is not None:
        names = {line.split("==")[0] for line in run(uv, "pip", "freeze", "--python", python, cwd=folder).splitlines() if "==" in line}
        assert only <= names
        run(uv, "pip", "uninstall", "--python", python, *sorted(names - only), cwd=folder)
    run(uv, "pip", "install", "--offline", "--no-deps", "--python", python, wheel, cwd=folder)
    run(uv, "pip", "check", "--python", python, cwd=folder)
    return environment / "bin"


@pytest.mark.slow
def test_the_wheel_takes_an_order_from_init_to_fulfilled(uv: str, tmp_path: Path) -> None:
    commands = installed(uv, ROOT, tmp_path)
    program, company = commands / "expunge", tmp_path / "company"
    company.mkdir()
    with closing(sqlite3.connect(company / "app.db")) as db, db:
        db.executescript(TABLES)
        for number, name in enumerate(("ann", "ben", "cleo"), 1):
            db.execute("INSERT INTO users VALUES (?, ?, '2026-05-01')", (number, f"{name}@owl.example"))
            db.execute("INSERT INTO messages VALUES (?, ?, ?, '2026-05-02')", (number, number, f"this is what {name} said that day"))
    where = run(commands / "python", "-c", "import expunge; print(expunge.__file__)", cwd=company)
    assert Path(where.strip()).is_relative_to(tmp_path)
    run(program, "init", "app.db", cwd=company)
    run(program, "map", "review", cwd=company, given="".join(f"{each}\n" for each in ANSWERS))
    run(program, "check", cwd=company)
    run(program, "init", cwd=company)
    order = re.findall(r"ord-\w+", run(program, "order", "erase", "ann@owl.example", "--yes", cwd=company))[0]
    run(program, "plan", order, cwd=company)
    assert f"{order}: fulfilled" in run(program, "apply", order, "--yes", "--out", "receipts", cwd=company)
    assert "The receipt holds. It says: fulfilled" in run(program, "receipt", "verify", "receipts/1", cwd=company)
    assert b"ann" not in (company / "app.db").read_bytes()
    assert b"this is what ben said" in (company / "app.db").read_bytes()


@dataclass(frozen=True)
class Evidence:
    """Each kind of evidence that a person may be handed, made by the product or a golden vector."""

    receipt: Path
    bundled: Path
    look: Path
    pack: Path
    unpacked: Path
    keys: Path
    """What the company of the look and the pack publishes."""


@pytest.fixture(scope="module")
def verifier(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, in an environment that has its wheel and cryptography alone."""
    return installed(uv, VERIFY, tmp_path_factory.mktemp("verifier"), NEEDED_BY_CRYPTOGRAPHY) / "expunge-verify"


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    folder = tmp_path_factory.mktemp("evidence")
    bundled = shutil.copytree(VECTORS / "receipt-fulfilled", folder / "bundled")
    assert expunge("receipt", "bundle", bundled).code == 0
    (look := folder / "look").mkdir()
    with at_desk(made(folder / "company")) as office:
        lease = leased(office).begun.lease
        office.fetch(lease)
        office.desk.views.flush()
        written(look, view_receipts.files(office.desk.context, lease))
        office.expunge.records.pack(folder / "pack.zip", recipient="the Commission")
        (folder / "keys.txt").write_text(office.expunge.published_policy())
    written(folder / "unpacked", read_pack(folder / "pack.zip"))
    return Evidence(VECTORS / "receipt-fulfilled", bundled, look, folder / "pack.zip", folder / "unpacked", folder / "keys.txt")


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def zipped(target: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target


def changed(data: bytes) -> bytes:
    """Return the data with another letter in the middle of it."""
    place = next(place for place in range(len(data) // 2, len(data)) if chr(data[place]).isalnum())
    return data[:place] + (b"x" if data[place : place + 1] != b"x" else b"y") + data[place + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize("name", RECEIPTS)
def test_the_installed_verifier_says_of_each_receipt_what_the_product_says(verifier: Path, tmp_path: Path, name: str) -> None:
    keys = VECTORS / name / "trust-policy.txt"
    said = run(verifier, VECTORS / name, "--trust", keys, cwd=tmp_path)
    assert "The receipt holds" in said
    assert said == expunge("receipt", "verify", VECTORS / name, "--trust", keys).out


@pytest.mark.slow
def test_the_installed_verifier_checks_a_look_a_pack_and_a_bundle_as_the_product_does(
    verifier: Path, evidence: Evidence, tmp_path: Path
) -> None:
    assert not (verifier.parent / "expunge").exists()
    for path, keys, command, sentence in (
        (evidence.receipt, None, "receipt", "The keys came along with the receipt"),
        (evidence.bundled, None, "receipt", "receipt.sigstore.json"),
        (evidence.look, evidence.keys, "receipt", "The receipt holds. It says: between"),
        (evidence.pack, evidence.keys, "evidence", "entries commit to views of staff"),
        (evidence.unpacked, None, "evidence", "The keys came along with the pack"),
    ):
        arguments = (path, "--trust", keys) if keys else (path,)
        said = run(verifier, *arguments, cwd=tmp_path)
        assert sentence in said
        assert said == expunge(command, "verify", *arguments).out
    other = VECTORS / "receipt-fulfilled" / "trust-policy.txt"
    assert "not one that the trust policy names" in run(verifier, evidence.pack, "--trust", other, cwd=tmp_path, code=6)


@pytest.mark.slow
def test_the_installed_verifier_refuses_a_changed_character(verifier: Path, evidence: Evidence, tmp_path: Path) -> None:
    for kind in ("bundled", "look"):
        folder = getattr(evidence, kind)
        for path in sorted(folder.iterdir()):
            forged = shutil.copytree(folder, tmp_path / f"{kind}-{path.name}")
            (forged / path.name).write_bytes(changed(path.read_bytes()))
            run(verifier, forged, cwd=tmp_path, code=6)
    files = dict(read_pack(evidence.pack))
    for name in ("manifest.json", "log/entries.json", next(name for name in files if name.startswith("registers/")), "lists/views.html"):
        forged = {**files, name: changed(files[name])}
        run(verifier, zipped(tmp_path / f"{name.replace('/', '-')}.zip", forged), cwd=tmp_path, code=6)
        assert name in run(verifier, written(tmp_path / name.replace("/", "-"), forged), cwd=tmp_path, code=6)
    run(verifier, zipped(tmp_path / "less.zip", {name: files[name] for name in files if "registers/" not in name}), cwd=tmp_path, code=6)


@pytest.mark.slow
def test_the_installed_verifier_says_what_it_cannot_read(verifier: Path, tmp_path: Path) -> None:
    assert "cannot be read" in run(verifier, tmp_path / "nowhere", cwd=tmp_path, code=2)
    receipt = {path.name: path.read_bytes() for path in (VECTORS / "receipt-fulfilled").iterdir()}
    assert "unpack the zip of a receipt" in run(verifier, zipped(tmp_path / "receipt.zip", receipt), cwd=tmp_path, code=2)
    (tmp_path / "noise").write_bytes(b"no zip")
    assert "no zip that can be read" in run(verifier, tmp_path / "noise", cwd=tmp_path, code=6)


@pytest.mark.slow
def test_the_wheel_of_the_verifier_has_what_it_imports_and_nothing_else(verifier: Path, tmp_path: Path) -> None:
    (wheel,) = (verifier.parents[2] / "dist").glob("*.whl")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}
    loaded = json.loads(run(verifier.parent / "python", "-c", LOADED, cwd=tmp_path))
    packages = Path(loaded["expunge_verify"]).parent
    assert packages.is_relative_to(verifier.parents[1])
    ours = {name for name in loaded if name.partition(".")[0] in {"expunge", "expunge_verify"}}
    assert {Path(loaded[name]).relative_to(packages).as_posix() for name in ours} == held
    others = {name.partition(".")[0] for name, file in loaded.items() if name not in ours and file and Path(file).is_relative_to(packages)}
    assert others <= IMPORTED_WITH_CRYPTOGRAPHY


@pytest.mark.slow
def test_the_list_of_the_verifiers_modules_follows_its_imports(uv: str, tmp_path: Path) -> None:
    shutil.copytree(VERIFY, tmp_path / "packages" / "expunge-verify")
    shutil.copy(ROOT / "LICENSE", tmp_path)
    source = tmp_path / "src" / "expunge"
    for room in ("core", "cli"):
        shutil.copytree(ROOT / "src" / "expunge" / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (ROOT / "src" / "expunge").glob("*.py"):
        shutil.copy(path, source)
    merkle = source / "core" / "merkle.py"
    text = merkle.read_text(encoding="utf-8").replace("\nfrom expunge", "\nfrom expunge.core.log.later import leaves\nfrom expunge", 1)
    merkle.write_text(text, encoding="utf-8")
    (source / "core" / "log" / "later.py").write_text("leaves = ()\n")
    wheel = built(uv, tmp_path / "packages" / "expunge-verify", tmp_path)
    assert "expunge/core/log/later.py" in zipfile.ZipFile(wheel).namelist()
    (source / "core" / "log" / "later.py").write_text("def leaves():\n    import rich\n")
    again = (uv, "build", "--wheel", "--offline", tmp_path / "packages" / "expunge-verify")
    assert "later.py:2 imports rich, which expunge-verify does not have" in run(*again, cwd=tmp_path, code=2)


@pytest.mark.slow
def test_the_wheel_of_the_apps_client_needs_nothing(uv: str, tmp_path: Path) -> None:
    python = tmp_path / "environment" / "bin" / "python"
    run(uv, "venv", "--offline", "--python", sys.executable, tmp_path / "environment", cwd=tmp_path)
    run(uv, "pip", "install", "--offline", "--python", python, built(uv, APP, tmp_path), cwd=tmp_path)
    said = run(python, "-c", "import expunge_app; print(expunge_app.Client('https://pages.example', 'token'))", cwd=tmp_path)
    assert "expunge_app.Client object" in said


def test_the_wheels_have_one_version_and_agree_on_cryptography() -> None:
    whole, verifier = (tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"] for folder in (ROOT, VERIFY))
    assert verifier["version"] == whole["version"]
    assert verifier["dependencies"] == [each for each in whole["dependencies"] if each.startswith("cryptography")]
