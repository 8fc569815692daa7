"""Each wheel is whole: built from the source, put into an environment that has its declared dependencies alone, and used.

Everything comes out of uv's cache, which `make env` has filled: no index is asked.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.running import expunge

ROOT = Path(__file__).resolve().parents[2]
VERIFY = ROOT / "packages" / "expunge-verify"
VECTORS = ROOT / "tests" / "vectors" / "evidence"
NEEDED_BY_CRYPTOGRAPHY = {"cffi", "cryptography", "pycparser"}
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


def installed(uv: str, project: Path, folder: Path, only: set[str] | None = None) -> Path:
    """Build a project's wheel, install it beside the locked dependencies of Expunge (``only`` these), and return the folder of commands."""
    run(uv, "build", "--wheel", "--offline", "--out-dir", folder / "dist", project, cwd=folder)
    environment = folder / "environment"
    sync = ("sync", "--frozen", "--offline", "--no-dev", "--no-install-project", "--no-python-downloads", "--python", sys.executable)
    run(uv, *sync, cwd=ROOT, UV_PROJECT_ENVIRONMENT=str(environment))
    python = environment / "bin" / "python"
    if only is not None:
        names = {line.split("==")[0] for line in run(uv, "pip", "freeze", "--python", python, cwd=folder).splitlines() if "==" in line}
        assert only <= names
        run(uv, "pip", "uninstall", "--python", python, *sorted(names - only), cwd=folder)
    (wheel,) = (folder / "dist").glob("*.whl")
    run(uv, "pip", "install", "--offline", "--no-deps", "--python", python, wheel, cwd=folder)
    run(uv, "pip", "check", "--python", python, cwd=folder)
    return environment / "bin"


@pytest.mark.slow
@pytest.mark.soak
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


@pytest.mark.slow
@pytest.mark.soak
def test_the_wheel_of_the_verifier_says_what_the_product_says_and_needs_cryptography_alone(uv: str, tmp_path: Path) -> None:
    commands = installed(uv, VERIFY, tmp_path, NEEDED_BY_CRYPTOGRAPHY)
    assert not (commands / "expunge").exists()
    for vector in ("receipt-fulfilled", "receipt-in-part", "receipt-models", "receipt-mentions"):
        for arguments in ((VECTORS / vector,), (VECTORS / vector, "--trust", VECTORS / vector / "trust-policy.txt")):
            said = run(commands / "expunge-verify", *arguments, cwd=tmp_path)
            assert "The receipt holds" in said
            assert said == expunge("receipt", "verify", *arguments).out
    forged = shutil.copytree(VECTORS / "receipt-fulfilled", tmp_path / "forged")
    page = (forged / "receipt.html").read_bytes()
    (forged / "receipt.html").write_bytes(page.replace(b"scrubbed", b"perfect!"))
    assert page != (forged / "receipt.html").read_bytes()
    assert "does not say what was signed" in run(commands / "expunge-verify", forged, cwd=tmp_path, code=6)
    assert "cannot be read" in run(commands / "expunge-verify", tmp_path / "nowhere", cwd=tmp_path, code=2)


def test_the_two_wheels_have_one_version_and_agree_on_cryptography() -> None:
    whole, verifier = (tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"] for folder in (ROOT, VERIFY))
    assert verifier["version"] == whole["version"]
    assert verifier["dependencies"] == [each for each in whole["dependencies"] if each.startswith("cryptography")]
