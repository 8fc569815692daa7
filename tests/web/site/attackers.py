"""Machines that try credentials of others at a real server, each by an address of its own."""

from __future__ import annotations

import http.client
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlencode, urlsplit

from expunge import clock
from tests.web.site.filling import address_of, password_of
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed

CODE_BY_MAIL, CODE_OF_APP = "/account/login/code/confirm/", "/account/2fa/authenticate/"


@dataclass(frozen=True)
class Tried:
    """A try and its answer."""

    number: int
    right: bool
    status: int
    location: str
    at: datetime


@dataclass
class Attack:
    """Tries at the login, by several machines at once."""

    site: SiteServed
    tried: list[Tried] = field(default_factory=list)
    seconds: float = 0.0

    def run(self, tries: Iterable[tuple[str, int, bool]], threads: int = 4) -> None:
        """Make tries: the address of the machine, the number of the account, whether the password is right."""
        waiting: SimpleQueue[tuple[str, int, bool]] = SimpleQueue()
        for each in tries:
            waiting.put(each)
        page = HttpPerson(self.site)
        page.get("/account/login/")
        token = page.cookies["csrf"]
        began = time.monotonic()
        workers = [threading.Thread(target=self._work, args=(waiting, token, number)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.seconds = time.monotonic() - began

    def _work(self, waiting: SimpleQueue[tuple[str, int, bool]], token: str, worker: int) -> None:
        parts = urlsplit(self.site.origin)
        chance = random.Random(worker)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        while True:
            try:
                machine, number, right = waiting.get_nowait()
            except Empty:
                connection.close()
                return
            password = password_of(number) if right else f"guess {chance.randrange(10**9)} of another"
            fields = {"csrfmiddlewaretoken": token, "login": address_of(number), "password": password}
            headers = {
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": f"csrf={token}",
                "Origin": self.site.origin,
                "X-Forwarded-For": machine,
            }
            try:
                connection.request("POST", "/account/login/", urlencode(fields), headers)
                answer = connection.getresponse()
            except (http.client.HTTPException, ConnectionError):
                connection.close()
                if self.site.served.process.poll() is not None:
                    # Why no further try: the story failed, and its server has ended.
                    return
                waiting.put((machine, number, right))
                continue
            answer.read()
            self.tried.append(Tried(number, right, answer.status, urlsplit(answer.headers.get("Location", "")).path, clock.now()))

    @property
    def statuses(self) -> Counter[int]:
        return Counter(each.status for each in self.tried)

    @property
    def inside(self) -> list[Tried]:
        """Tries after which nothing more would be asked."""
        return [each for each in self.tried if each.status == 302 and each.location not in {CODE_BY_MAIL, CODE_OF_APP}]

    @property
    def touched(self) -> set[int]:
        """Accounts at which a try failed or was refused."""
        return {each.number for each in self.tried if each.status != 302}


def spread(tries: int, accounts: int, machines: Sequence[str], right: float, seed: int = 7) -> list[tuple[str, int, bool]]:
    """Tries in random order, as evenly over accounts and machines as they go."""
    chance = random.Random(seed)
    numbers = [each % accounts for each in range(tries)]
    chance.shuffle(numbers)
    good = set(chance.sample(range(tries), round(tries * right)))
    return [(machines[each % len(machines)], number, each in good) for each, number in enumerate(numbers)]


def machines(count: int, networks: int) -> list[str]:
    """Addresses, evenly over networks."""
    return [f"203.{each % networks >> 8}.{each % networks & 255}.{each // networks + 1}" for each in range(count)]


def incidents(site: SiteServed) -> list[dict[str, Any]]:
    """The rows of attacks that were recognised."""
    with closing(sqlite3.connect(site.database)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM expunge_incident WHERE recognised IS NOT NULL ORDER BY id")]


def rows(site: SiteServed, table: str) -> int:
    with closing(sqlite3.connect(site.database)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
