"""A report of a mail server marks the address of a message that was sent from here, and nothing else does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import in_a_process
from tests.web.site.mail.post_office import Office, office

KIM = "kim@family.example"


def report(mail: str, *, action: str = "failed", status: str = "5.1.1", envelope: bool = True, quoted: str = "message/rfc822") -> str:
    """A report as RFC 3464 has it, with the message or its head alone."""
    named = f"Original-Envelope-Id: {mail}\n" if envelope else ""
    content = f"Message-ID: <{mail}@acme.example>\nSubject: A subject\n\n{'Hello' if quoted == 'message/rfc822' else ''}"
    return (
        "From: MAILER-DAEMON@mail.example\nTo: privacy@acme.example\nSubject: Undelivered\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="=b"\n\n'
        "--=b\nContent-Type: text/plain\n\nIt did not arrive.\n"
        f"--=b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mail.example\n{named}\n"
        f"Final-Recipient: rfc822; {KIM}\nAction: {action}\nStatus: {status}\n\n"
        f"--=b\nContent-Type: {quoted}\n\n{content}\n--=b--\n"
    )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office that has sent five messages."""
    with office(tmp_path_factory.mktemp("office")) as made, made.postmaster.listening():
        made.run(f"for number in range(4): put(f'p{{number}}@family.example')\nput({KIM!r}); attempt()")
        made.postmaster.to(KIM)
        yield made


def test_reports_are_read(desk: Office) -> None:
    sent = {message["To"]: message["Message-ID"][1:33] for _, message in desk.postmaster.mails}
    p0, p1, p2 = (sent[f"p{number}@family.example"] for number in range(3))
    reports = {
        "by its envelope": report(p0, quoted="text/plain"),
        "by the message it quotes": report(p1, envelope=False),
        "by the head of the message": report(p2, envelope=False, quoted="text/rfc822-headers", status="5.2.2 (mailbox full)"),
        "again": report(p0),
        "late": report(sent[KIM], action="delayed", status="4.4.1"),
        "delivered": report(sent[KIM], action="delivered", status="2.0.0"),
        "of a message that was not sent from here": report("0" * 32),
        "that names no message": report("kim", envelope=True),
        "that is no report": f"From: {KIM}\nSubject: holiday\n\nI am away. Original-Envelope-Id: {sent[KIM]}\n",
        "empty": "",
        "nonsense": "\x00\xff" * 1000,
        "a report in pieces": report(sent[KIM])[:400],
    }
    code = f"""
        from expunge.web.site.mail.bounces import note_bounce
        reports = {reports!r}
        found = {{name: note_bounce(text.encode("latin-1")).value for name, text in reports.items()}}
        troubles = [addresses.trouble_of(f"p{{number}}@family.example") for number in range(4)] + [addresses.trouble_of({KIM!r})]
        answer([found, [each and [each.kind, each.status] for each in troubles]])
    """
    found, troubles = desk.run(code)
    assert found == {
        "by its envelope": "marked",
        "by the message it quotes": "marked",
        "by the head of the message": "marked",
        "again": "unknown",
        "late": "delayed",
        "delivered": "delayed",
        "of a message that was not sent from here": "unknown",
        "that names no message": "unknown",
        "that is no report": "no report",
        "empty": "no report",
        "nonsense": "no report",
        "a report in pieces": "delayed",
    }
    assert troubles == [["bounced", "5.1.1"], ["bounced", "5.1.1"], ["bounced", "5.2.2"], None, None]


def test_the_command_takes_one_in(desk: Office) -> None:
    (mail,) = (message["Message-ID"][1:33] for _, message in desk.postmaster.mails if message["To"] == "p3@family.example")
    command = [sys.executable, "-m", "expunge", "mail", "bounce", "--json"]
    done = subprocess.run(command, cwd=desk.folder, input=report(mail), capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    out, kind = done.stdout, desk.run("answer(addresses.trouble_of('p3@family.example').kind)")
    assert '"outcome":"marked"' in out.replace(" ", "")
    assert kind == "bounced"
    assert "p3" not in out


def test_the_command_says_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "expunge.yaml").write_text("version: 1\nstores: {}\ndatasets: {}\n")
    ran = in_a_process("mail", "bounce", cwd=tmp_path)
    assert ran.code == 2
    assert "no section `accounts`" in ran.err
    (tmp_path / "expunge.yaml").write_text("version: 1\nstores: {}\ndatasets: {}\naccounts: {origin: 'http://localhost'}\n")
    # A report, for which the database would be asked.
    done = subprocess.run(
        [sys.executable, "-m", "expunge", "mail", "bounce"],
        cwd=tmp_path,
        input=report("0" * 32),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "start `expunge serve`" in done.stderr
    assert "Traceback" not in done.stderr
