"""``expunge access`` and ``expunge views``: what the operator may do at the command line, and what it tells about who looked."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from expunge.core.note import Algorithm, VerifierKey
from expunge.errors import ExpungeError
from tests.cli.running import expunge
from tests.engine.families.recorded_company import ANNA, Company
from tests.engine.review.desk_company import BELL, PURPOSES, REVIEWER, WHY, at_desk, copied, made

ASK = ("access", "request", "desk-0", f"bell/{BELL}", "--purpose", "harm", "--case", "support LE-88", "--why", WHY, "--to", "40")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Company:
    company = made(tmp_path_factory.mktemp("access") / "home")
    keys = [VerifierKey(name, Algorithm.ED25519, KEY.public_key().public_bytes_raw()) for name in ("priya", "desk-0")]
    company.write_map(f"{PURPOSES}approvers: {{priya: '{keys[0]}', desk-0: '{keys[1]}'}}\n")
    (company.folder / "priya.pem").write_bytes(KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return company


@pytest.fixture
def company(template: Company, tmp_path: Path) -> Company:
    return copied(template, tmp_path / "home")


def asked(company: Company, *more: str) -> str:
    done = expunge(*ASK, *more, "--json", cwd=company.folder)
    assert done.code == 0, done.err
    return str(done.json["request"])


def activated(company: Company) -> str:
    """A request that is approved and activated. Return its id."""
    request = asked(company)
    assert expunge("access", "approve", request, "--as", "priya", "--key", "priya.pem", cwd=company.folder).code == 0
    assert expunge("access", "activate", request, cwd=company.folder).code == 0
    return request


def test_a_request_is_approved_by_a_signature_activated_seen_on_the_pages_and_revoked(company: Company) -> None:
    request = asked(company)
    early = expunge("access", "activate", request, cwd=company.folder)
    assert (early.code, "another member of staff has to approve this, and none did" in early.err) == (1, True)
    message = expunge("access", "approve", request, "--message", "--json", cwd=company.folder).json["message"]
    assert message.splitlines()[:2] == ["expunge review request/1", request]
    wrong = base64.b64encode(KEY.sign(message.encode() + b" ")).decode()
    assert expunge("access", "approve", request, "--as", "priya", "--signature", wrong, cwd=company.folder).code == 6
    right = base64.b64encode(KEY.sign(message.encode())).decode()
    own = expunge("access", "approve", request, "--as", "desk-0", "--signature", right, cwd=company.folder)
    assert (own.code, "no person approves a request of their own" in own.err) == (1, True)
    assert expunge("access", "approve", request, "--as", "omar", "--signature", right, cwd=company.folder).code == 2
    done = expunge("access", "approve", request, "--as", "priya", "--signature", right, "--json", cwd=company.folder)
    assert [(each["by"], each["account"], each["granted"]) for each in done.json["answers"]] == [("staff", "approver:priya", True)]
    begun = expunge("access", "activate", request, "--json", cwd=company.folder).json
    assert (begun["standing"], begun["lease"]["clarity"], begun["lease"]["views"]) == ("active", "pixelated", 0)
    with at_desk(company) as office:
        assert office.fetch(begun["lease"]["lease"])
        assert expunge("access", "revoke", request, cwd=company.folder).code == 0
        assert not office.viewing.wait(begun["lease"]["lease"], 5)
        with pytest.raises(ExpungeError):
            office.fetch(begun["lease"]["lease"])
    shown = expunge("access", "show", request, cwd=company.folder).out
    assert WHY in shown
    assert "revoked" in shown
    assert f"{request}  outcome owed" in expunge("access", "list", cwd=company.folder).out


def test_no_command_shows_or_lists_a_recording(company: Company) -> None:
    request = asked(company)
    for arguments in (("access", "list"), ("access", "list", "--all"), ("access", "show", request), ("views",)):
        for form in ((), ("--json",)):
            done = expunge(*arguments, *form, cwd=company.folder)
            assert done.code == 0, done.err
            assert ANNA not in done.out
            assert "ring-1" not in done.out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--purpose", "curiosity"), "curiosity"),
        (("--case", "LE-88"), "choose one of: support"),
        (("--case", "support she"), "a case has a key"),
        (("--clarity", "sharp"), "sharp"),
        (("--to", "0"), "a range"),
        (("--why", " "), "reason why"),
    ],
    ids=["purpose", "kind", "number", "clarity", "range", "why"],
)
def test_what_is_not_understood_is_told(company: Company, change: tuple[str, str], words: str) -> None:
    done = expunge(*ASK, *change, cwd=company.folder)
    assert done.code == 2
    assert words in done.err


def test_an_account_without_the_right_asks_nothing(company: Company) -> None:
    done = expunge("access", "request", "desk-2", *ASK[3:], cwd=company.folder)
    assert (done.code, "does not have the right" in done.err) == (1, True)
    done = expunge("access", "request", "desk-9", *ASK[3:], cwd=company.folder)
    assert (done.code, "no account of that name" in done.err) == (2, True)
    done = expunge("access", "show", "00" * 8, cwd=company.folder)
    assert (done.code, "no request of that id" in done.err) == (2, True)


def test_who_looked_is_told_for_all_time_with_proof(company: Company) -> None:
    request = activated(company)
    with at_desk(company) as office:
        lease = office.reviews().requests[request].lease
        assert lease is not None
        for start in (0, 2000):
            office.fetch(lease.begun.lease, start, start + 2000)
        office.desk.views.flush()
        recording = office.reviews().requests[request].asked.recording
    for wanted in (
        (),
        ("--recording", f"bell/{BELL}"),
        ("--recording", recording),
        ("--person", f"profile:{ANNA}"),
        ("--reviewer", "desk-0"),
    ):
        *looks, whole = expunge("views", *wanted, "--json", cwd=company.folder).lines
        assert [(each["schema"], each["sequence"], each["account"]) for each in looks] == [
            ("expunge.view/1", 0, REVIEWER),
            ("expunge.view/1", 1, REVIEWER),
        ]
        assert looks[0]["approvers"] == ["approver:priya"]
        assert looks[0]["bytes"] == 79
        assert (whole["schema"], whole["looks"], whole["views"], whole["faults"]) == ("expunge.views/1", 2, 2, [])
    assert expunge("views", "--reviewer", "desk-1", "--json", cwd=company.folder).json["looks"] == 0
    assert expunge("views", "--person", "profile:prf-bela-3R8W1Z6P", "--json", cwd=company.folder).json["looks"] == 0
    told = expunge("views", cwd=company.folder).out
    assert "nothing is missing: 2 views of staff under 1 lease" in told
    assert expunge("views", "--person", ANNA, cwd=company.folder).code == 2


def test_a_view_that_was_taken_out_is_told(company: Company) -> None:
    request = activated(company)
    with at_desk(company) as office:
        lease = office.reviews().requests[request].lease
        assert lease is not None
        office.fetch(lease.begun.lease)
    (state,) = company.folder.rglob("state.db")
    with closing(sqlite3.connect(state)) as db, db:
        # As an operator would who wants to hide a view, and keeps the journal's own chain whole.
        stream, length = db.execute("SELECT id, length FROM expunge_stream WHERE name = 'reviews'").fetchone()
        (view,) = db.execute(
            "SELECT MAX(position) FROM expunge_event WHERE stream_id = ? AND CAST(body AS TEXT) LIKE '%\"ViewServed\"%'", (stream,)
        ).fetchone()
        assert 0 < view < length
        (head,) = db.execute("SELECT digest FROM expunge_event WHERE stream_id = ? AND position = ?", (stream, view - 1)).fetchone()
        db.execute("DELETE FROM expunge_event WHERE stream_id = ? AND position >= ?", (stream, view))
        db.execute("UPDATE expunge_stream SET length = ?, head = ? WHERE id = ?", (view, head, stream))
    done = expunge("views", cwd=company.folder)
    assert done.code == 1
    assert "MISSING OR CHANGED: the log has entry 0" in done.out
