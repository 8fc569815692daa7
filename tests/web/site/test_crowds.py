"""Slow requests of one account, or of strangers, never keep another family waiting."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

from tests.web.site.family_company import guardian
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed, client_address

FAST = 6.0
"""Seconds within which a page comes on a machine that is busy; a request that has to wait for a hog waits ten."""


@contextlib.contextmanager
def slow_forms(served: SiteServed, person: HttpPerson, path: str, many: int, addresses: int = 1) -> Iterator[list[socket.socket]]:
    """Begin forms whose bodies do not come, with the cookies of a person, from so many addresses."""
    url = urlsplit(served.origin)
    assert url.hostname is not None
    assert url.port is not None
    places = [client_address() for _ in range(addresses)]
    cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection((url.hostname, url.port), timeout=30)) for _ in range(many)]
        for number, client in enumerate(clients):
            head = [
                f"POST {path} HTTP/1.1",
                f"Host: {url.netloc}",
                f"Origin: {served.origin}",
                f"Cookie: {cookies}",
                f"X-Forwarded-For: {places[number % addresses]}",
                "Content-Type: application/x-www-form-urlencoded",
                "Content-Length: 2000",
            ]
            client.sendall(("\r\n".join([*head, "", ""]) + "csrfmiddlewaretoken=").encode())
        time.sleep(1)
        yield clients


def whole(client: socket.socket) -> str:
    """The rest of what a client is sent."""
    with contextlib.suppress(OSError), client.makefile("rb") as file:
        return file.read().decode()
    return ""


def seconds_of(person: HttpPerson, path: str) -> float:
    begun = time.monotonic()
    assert person.get(path).status == 200
    return time.monotonic() - begun


def test_another_family_is_served_while_one_account_hogs(served_family: SiteServed) -> None:
    one = guardian(served_family, "hog@acme.example", "p-mia")
    other = guardian(served_family, "calm@acme.example", "p-tom")
    path, calm = one.go("delete/"), other.go()
    with slow_forms(served_family, one.person, path, 40) as clients:
        assert seconds_of(other.person, calm) < FAST
        assert seconds_of(HttpPerson(served_family), "/account/login/") < FAST
        # What had no turn is told so, and how long to wait; what has one goes on to wait for its body.
        until, answers = time.monotonic() + 25, []
        while len(answers) < 30 and time.monotonic() < until:
            for client in clients[:6]:
                with contextlib.suppress(OSError):
                    client.send(b"x")
            for client in select.select(clients, [], [], 1.0)[0]:
                clients.remove(client)
                answers.append(whole(client))
        turned_away = [each for each in answers if each.startswith("HTTP/1.1 503 ")]
        assert len(turned_away) >= 20
        assert all("Retry-After: 10\r\n" in each and "One moment" in each for each in turned_away)
        assert all("default-src 'none'" in each for each in turned_away)


def test_strangers_from_many_addresses_leave_threads_to_families(served_family: SiteServed) -> None:
    one = guardian(served_family, "known@acme.example", "p-mia")
    page, stranger = one.go(), HttpPerson(served_family)
    stranger.get("/account/login/")
    with slow_forms(served_family, stranger, "/account/login/", 60, addresses=20):
        assert seconds_of(one.person, page) < FAST
        assert served_family.served.get("healthz").status == 200


def test_a_stranger_leaves_threads_to_other_strangers(served_family: SiteServed) -> None:
    stranger = HttpPerson(served_family)
    stranger.get("/account/login/")
    with slow_forms(served_family, stranger, "/account/login/", 30):
        assert seconds_of(HttpPerson(served_family), "/account/login/") < FAST
