"""One server that is started in another way than that of the other tests: no proxy, folders of its own, a list of passwords of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import expunge
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed, client_address, site
from tests.web.site.test_password_lists import LEAKED, pwned


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    folder = tmp_path_factory.mktemp("otherwise")
    (folder / "run").mkdir()
    assert expunge("known-passwords", str(pwned(folder)), "--to", "known.gcs", cwd=folder).code == 0
    further = {"XDG_RUNTIME_DIR": str(folder / "run"), "HOME": str(folder), "EXPUNGE_KNOWN_PASSWORDS": str(folder / "known.gcs")}
    with site(folder / "company", proxies=(), **further) as running:
        yield running


def test_the_worker_has_no_terminal_and_the_server_no_socket_to_command_it(served: SiteServed) -> None:
    arbiter = served.served.process.pid
    children = Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text().split()
    workers = [each for each in children if b"keeper" not in Path(f"/proc/{each}/cmdline").read_bytes()]
    assert len(workers) == 1
    facts = dict(line.split(":", 1) for line in Path(f"/proc/{workers[0]}/status").read_text().splitlines())
    assert os.getsid(int(workers[0])) == int(workers[0]), "a session of its own, without the terminal of the operator"
    assert Path(f"/proc/{workers[0]}/fd/0").readlink() == Path(os.devnull)
    assert int(facts["CapEff"], 16) == int(facts["CapPrm"], 16) == 0
    assert list(served.folder.parent.rglob("*.ctl")) == []


@pytest.mark.duty("NST-06", "NST-11")
def test_the_full_list_is_loaded_without_a_connection(served: SiteServed) -> None:
    person = HttpPerson(served)
    person.get("/account/signup/")
    assert "break-in" in person.send("password1", email="leaked@example.org", password1=LEAKED).words


def test_a_forged_header_changes_nothing(served: SiteServed) -> None:
    machine = HttpPerson(served)
    machine.get("/account/login/")
    statuses = []
    for number in range(10):
        machine.address = client_address()
        wrong = "a wrong one, quite long, of a forger"
        statuses.append(machine.post("/account/login/", login=f"forged{number}@mail.example", password=wrong).status)
    assert statuses[-4:] == [429] * 4
