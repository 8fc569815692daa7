"""Sets of known passwords are made of lists as others give them out, and passwords that fail at many accounts are noticed."""

from __future__ import annotations

import json
from hashlib import sha1
from pathlib import Path

import pytest

from expunge.core.attempts.known_passwords import KnownPasswords
from expunge.web.site.defence.password_list import make
from expunge.web.site.defence.shared_passwords import SharedPasswords
from tests.cli.running import expunge, in_a_process
from tests.cli.world import make as make_company

LEAKED = "seven grey geese at dawn"


def pwned(folder: Path) -> Path:
    """A list as Have I Been Pwned gives it out."""
    digests = sorted(sha1(text.encode(), usedforsecurity=False).hexdigest().upper() for text in (LEAKED, "password", "another leaked one"))
    path = folder / "pwnedpasswords.txt"
    path.write_text("".join(f"{digest}:{number}\r\n" for number, digest in enumerate(digests, 1)))
    return path


def test_lists_of_lines_and_of_digests_become_one_set(tmp_path: Path) -> None:
    plain = tmp_path / "own.txt"
    plain.write_text("A Password Of Our Own\nshort\n")
    ran = expunge("known-passwords", str(pwned(tmp_path)), str(plain), "--to", "known.gcs", "--json", cwd=tmp_path)
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["lines"] == 4
    known = KnownPasswords((tmp_path / "known.gcs").read_bytes())
    assert all(text in known for text in (LEAKED, "password", "another leaked one", "a password of our own"))
    assert "short" not in known


def test_a_list_out_of_order_is_told(tmp_path: Path) -> None:
    path = pwned(tmp_path)
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    ran = expunge("known-passwords", str(path), "--to", "known.gcs", cwd=tmp_path)
    assert ran.code == 2
    assert "ascend" in ran.err


def test_a_line_that_is_no_digest_is_told(tmp_path: Path) -> None:
    path = pwned(tmp_path)
    path.write_text(path.read_text() + "nonsense\n")
    with pytest.raises(ValueError, match="line 4"):
        make([path], tmp_path / "known.gcs")


def test_a_file_that_is_no_set_stops_the_server(tmp_path: Path) -> None:
    (tmp_path / "known.gcs").write_bytes(b"something else")
    path = make_company(tmp_path)
    path.write_text(f"{path.read_text()}accounts:\n  origin: http://localhost:1\n")
    ran = in_a_process("serve", "--port", "0", cwd=tmp_path, env={"EXPUNGE_KNOWN_PASSWORDS": str(tmp_path / "known.gcs")})
    assert ran.code == 1
    assert "known.gcs cannot be read" in ran.err


def test_a_password_that_fails_at_many_accounts_is_noticed() -> None:
    shared = SharedPasswords()
    for account in ("a", "b", "b", "c"):
        shared.failed("Winter2026-Winter", account)
    assert shared.accounts("Winter2026-Winter") == 3
    assert shared.accounts("another") == 0


def test_memory_holds_no_password_and_stays_small() -> None:
    shared = SharedPasswords()
    for number in range(25_000):
        shared.failed(f"password {number}", "a")
    assert len(vars(shared)["_failed"]) <= 20_000
    assert all(len(digest) == 3 for digest in vars(shared)["_failed"])
