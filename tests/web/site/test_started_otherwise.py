"""One server that is started in another way than that of the other tests: no proxy, folders of its own, a list of passwords of its own."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.running import expunge
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed, client_address, site
from tests.web.site.office import Employee, at_the_machine
from tests.web.site.test_password_lists import LEAKED, pwned


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    folder = tmp_path_factory.mktemp("otherwise")
    (folder / "run").mkdir()
    assert expunge("known-passwords", str(pwned(folder)), "--to", "known.gcs", cwd=folder).code == 0
    further = {"XDG_RUNTIME_DIR": str(folder / "run"), "HOME": str(folder), "EXPUNGE_KNOWN_PASSWORDS": str(folder / "known.gcs")}
    with site(folder / "company", proxies=(), **further) as running:
        yield running


@pytest.fixture(autouse=True)
def calm(served: SiteServed) -> None:
    """Without a proxy all tests come from one address: none of them is held up by what another one did."""
    served.forget_everyone()


def _workers(server: int) -> list[int]:
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    beside = {b"keeper", b"clerk"}
    return [int(child) for child in children if beside.isdisjoint(Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"))]


def test_the_worker_has_no_terminal_and_the_server_no_socket_to_command_it(served: SiteServed) -> None:
    workers = _workers(served.served.process.pid)
    assert len(workers) == 1
    facts = dict(line.split(":", 1) for line in Path(f"/proc/{workers[0]}/status").read_text().splitlines())
    assert os.getsid(workers[0]) == workers[0], "a session of its own, without the terminal of the operator"
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


def _memory_of(pid: int) -> bytes:
    """What a process has in memory, as far as it may be read."""
    found = []
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            start, end = (int(each, 16) for each in span.split("-"))
            if "rw" in rights and "[v" not in line:
                memory.seek(start)
                try:
                    found.append(memory.read(end - start))
                except OSError:
                    continue
    return b"".join(found)


@pytest.mark.soak
def test_a_link_is_told_at_each_start_until_a_person_came_and_no_server_process_holds_it(served: SiteServed) -> None:
    assert served.served.process.stdout
    link = json.loads(served.served.process.stdout.readline())["link"]
    secret = link.rpartition("#")[2].encode()
    server = served.served.process.pid
    workers = _workers(server)
    assert len(workers) == 1
    assert b"Acme Doorbells" in _memory_of(workers[0]), "its memory can be read"
    assert [pid for pid in (server, *workers) if secret in _memory_of(pid)] == []
    newer = at_the_machine(served.folder, "staff", "first-link", "--json").json["link"]
    person = Employee(served)
    assert "a newer one took its place" in person.enrol(link)["trouble"]
    assert "to" in person.enrol(newer)
    assert served.served.stderr() == ""
