"""The served demonstration: a family logs in with what the terminal says, and finds its children."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from expunge.demo.serving.mailbox import Mailbox
from expunge.demo.serving.served import Login, logins_of
from expunge.errors import UsageError
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from expunge.testing.desk.browser import Browser
from tests.cli.running import in_a_process
from tests.web.site.http_person import HttpPerson

WITHIN = 120.0
SERVE = """
import sys
from pathlib import Path
from expunge.demo.serving.served import serve
from expunge.demo.voices.speech import Tones
serve(Path(sys.argv[1]), speech=Tones())
"""
"""What the command does, with tones: no voices are made for what the pages show."""


class Pages:
    """The pages of a process that is not this test's own."""

    def __init__(self, origin: str) -> None:
        self.origin, self.sink = origin, Mailbox()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder of a company that is served, until the test ends."""
    said = tmp_path / "said"
    with said.open("w") as out:
        process = subprocess.Popen(
            (sys.executable, "-c", SERVE, str(tmp_path / "demo")),
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=os.environ | {"COLUMNS": "120"},
        )
    until = time.monotonic() + WITHIN
    try:
        while "Ctrl-C ends it" not in said.read_text():
            assert process.poll() is None, said.read_text()[-3000:]
            assert time.monotonic() < until, said.read_text()[-3000:]
            time.sleep(0.2)
        yield tmp_path
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, said.read_text()[-3000:]


def come_in(origin: str, login: Login) -> HttpPerson:
    """Log in with the password and the code that the command shows."""
    person = HttpPerson(Pages(origin))  # type: ignore[arg-type]
    person.log_in(login.address, login.password)
    page = person.send("code", code=login.code)
    assert page.path != "/account/2fa/authenticate/", page.words
    return person


def test_each_family_logs_in_by_what_the_terminal_says_and_sees_its_own(folder: Path) -> None:
    said = (folder / "said").read_text()
    (origin,) = set(re.findall(r"Open (http://localhost:\d+)/", said))
    logins = logins_of(folder / "demo")
    assert [each.name for each in logins] == ["Alice Hartley", "Vera Sokolov", "Ngozi Okafor"]
    used = logins[-1].code
    while logins[-1].code == used:
        # Each code counts once, and the present one may have confirmed the hand-over a moment ago.
        time.sleep(0.5)
    for login in logins:
        assert login.address in said
        assert login.password in said
        person = come_in(origin, login)
        page = person.get("/child/")
        assert page.status == 200
        assert page.path.startswith("/child/")
        links = set(re.findall(r'href="(/child/[^"/]+/)"', page.text))
        assert len(links) == len(login.people)
        for link in links:
            assert person.get(link).status == 200
    shown = subprocess.run(
        (sys.executable, "-m", "expunge", "demo", "code", str(folder / "demo")), capture_output=True, text=True, check=True
    ).stdout
    assert [line.split("  ")[1:] for line in shown.splitlines()] == [[each.name, each.address] for each in logins]


@pytest.mark.soak
def test_staff_come_in_by_their_links_and_the_walk_through_the_desk_holds(folder: Path) -> None:
    """A reviewer is let in once the terminal's operator confirmed the passkey; the script, in a process without the company's variables."""
    said = (folder / "said").read_text()
    (origin,) = set(re.findall(r"Open (http://localhost:\d+)/", said))
    links = dict(re.findall(r"- ([a-z0-9-]+): [^\n]+\n\s+(http://localhost:\d+/staff/enrol/#\S+)", said))
    assert set(links) == {"night-desk-2", "night-desk-3", "priya", "omar", "ole", "assessor-1", "ada"}
    assert re.search(r"LE-88\W+Alice Hartley\W+doorbell/door/prf_\w+/ring-1\.mp4", said)
    person = Browser(origin)
    person.get("/staff/enrol/")
    person.perform("/staff/enrol/prove/", SoftAuthenticator(origin, "localhost"), secret=links["night-desk-3"].rpartition("#")[2])
    until = time.monotonic() + 30
    while person.get("/staff/desk/").status != 200:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert "night-desk-3 made a passkey" in (folder / "said").read_text()
    ran = subprocess.run(
        (sys.executable, "scripts/desk-walk", origin, str(folder / "demo")), capture_output=True, text=True, check=False, timeout=WITHIN
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "every step held" in ran.stdout
    assert "left out" not in ran.stdout


def test_the_command_serves_in_no_folder_with_something_else(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    ran = in_a_process("demo", "serve", tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "not empty" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_codes_of_nothing_served_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no demonstration is served"):
        logins_of(tmp_path)
