"""Health, readiness, metrics and the access log of a server with pages, and that none of them tells of a person."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import logging
import re
import signal
import sqlite3
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from expunge.servers.processes import wait_until
from expunge.telemetry import FaultPlaces
from expunge.web.metrics import Metrics
from expunge.web.serving.access_log import AccessLog, DailyKey
from tests.moment import stored
from tests.web.serving import issue
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed, site
from tests.web.site.test_keeper_factors import no_keeper

KIM = "kim.canary@family.example"
PASSWORD = "correct-horse-canary-staple"
QUERY = "name-canary"


@pytest.fixture
def running(served_site: SiteServed) -> SiteServed:
    """The pages of the worker, which write an access log."""
    return served_site


def lines(served: SiteServed) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (served.folder / "access.log").read_text().splitlines()]


class Visitor:
    """A browser without scripts."""

    def __init__(self, origin: str) -> None:
        self.origin, self.cookies = origin, http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> str:
        try:
            with self._opener.open(f"{self.origin}{path}", timeout=20) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return str(error.read().decode())

    def post(self, path: str, **fields: str) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path))
        assert found is not None
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": found[1], **fields}).encode()
        request = urllib.request.Request(f"{self.origin}{path}", data, {"Referer": f"{self.origin}{path}"})
        with self._opener.open(request, timeout=20) as answer:
            return str(answer.read().decode())


def metrics(served: SiteServed, token: str) -> dict[tuple[str, ...], float]:
    answer = served.served.get("metrics", token)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.body.decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_health_needs_nothing_and_readiness_names_every_part(running: SiteServed) -> None:
    assert running.served.get("healthz").json == {"status": "ok"}
    until = time.monotonic() + 30
    while (answer := running.served.get("readyz")).status != 200 and time.monotonic() < until:
        # The server does not wait for its clerk.
        time.sleep(0.1)
    parts = {"state": True, "accounts_database": True, "migrations": True, "keeper": True, "clerk": True, "mail": True}
    assert answer.json == {"status": "ready", "parts": parts}


def test_metrics_take_a_token_of_their_own(running: SiteServed) -> None:
    """Not the loopback address: behind a proxy every client has it."""
    assert running.served.get("metrics").status == 401
    assert running.served.get("metrics", running.served.token).status == 403
    found = metrics(running, issue(running.folder, "prometheus", "metrics"))
    assert found["expunge_ready", "keeper"] == 1
    assert found["expunge_mail_waiting",] == 0


def test_requests_are_counted_by_route(running: SiteServed) -> None:
    token = issue(running.folder, "prometheus-2", "metrics")
    for path in ("/account/login/", f"/account/login/?next=/{QUERY}", f"/{QUERY}", f"/api/v1/collect/{QUERY}"):
        Visitor(running.origin).get(path)
    found = metrics(running, token)
    assert found["expunge_http_requests_total", "GET", "account_login", "2xx"] >= 2
    assert found["expunge_http_requests_total", "GET", "unmatched", "4xx"] >= 1
    assert any(name[0] == "expunge_http_request_seconds_count" and name[1].endswith("collect") for name in found if len(name) == 2)
    request = urllib.request.Request(f"{running.origin}/", method="CANARY")
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=20)
    assert not any("CANARY" in label for name in metrics(running, token) for label in name)


def logins(running: SiteServed) -> list[dict[str, Any]]:
    """The lines of the login page."""
    return [line for line in lines(running) if line["route"] == "account_login"]


def test_a_line_of_the_access_log_has_these_fields_alone(running: SiteServed) -> None:
    visitor, other = Visitor(running.origin), Visitor(running.origin)
    before_these = len(logins(running))
    for each in (visitor, other):
        each.post("/account/password/reset/", email=KIM)
        each.get("/account/login/")
    # A line is written once its answer was taken: a moment after the client has it.
    until = time.monotonic() + 20
    while len(logins(running)) < before_these + 2 and time.monotonic() < until:
        time.sleep(0.05)
    found = [line for line in lines(running) if line["route"].startswith("account_")]
    assert all(set(line) == {"time", "method", "route", "status", "bytes", "ms", "session", "client"} for line in found)
    last, before = (
        next(line for line in reversed(found) if line["route"] == "account_login" and line["session"] == name)
        for name in list(dict.fromkeys(line["session"] for line in reversed(found) if line["session"]))[:2]
    )
    assert last["client"] == before["client"]
    assert last["session"] != before["session"]
    assert last["status"] == 200
    assert last["bytes"] > 200
    assert re.fullmatch("[0-9a-f]{12}", last["client"])


def test_nothing_of_a_person_is_in_logs_metrics_and_the_database(running: SiteServed) -> None:
    """Addresses, passwords, codes, tokens, session keys and queries are planted, and looked for in all that stays."""
    token = issue(running.folder, "prometheus-3", "metrics")
    visitor, before = Visitor(running.origin), len(lines(running))
    visitor.post("/account/password/reset/", email=KIM)
    visitor.post("/account/login/", login=KIM, password=PASSWORD)
    visitor.get(f"/account/login/?next=/{QUERY}&email={urllib.parse.quote(KIM)}")
    visitor.get(f"/{QUERY}/{urllib.parse.quote(KIM)}")
    body = running.sink.to(KIM)[-1].get_body(("plain",))
    assert body is not None
    running.served.get(f"readyz?{QUERY}")
    planted = [KIM, KIM.partition("@")[0], "family.example", PASSWORD, QUERY, token, running.served.token, "127.0.0.1"]
    planted += [cookie.value for cookie in visitor.cookies if cookie.value]
    # Why waited for: other modules wrote to this log before, and a line is written a moment after the client has its answer.
    until = time.monotonic() + 20
    while len(log := (running.folder / "access.log").read_bytes().splitlines()) < before + 8 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(log) >= before + 8
    shown = running.served.get("metrics", token).body + running.served.get("readyz").body
    for word in planted:
        assert not [line for line in log if word.encode() in line], word
        assert word.encode() not in running.served.stderr().encode()
        assert word.encode() not in shown
    assert (running.folder / "access.log").stat().st_mode & 0o777 == 0o600
    stolen = b"".join(path.read_bytes() for path in running.database.parent.iterdir())
    for word in (*planted[:4], *planted[5:7], body.get_content().strip().splitlines()[-1]):
        assert word.encode() not in stolen, word


def test_a_log_that_is_moved_and_mail_keeper_and_tables_that_are_away(tmp_path: Path) -> None:
    """One server for the four: each of them breaks something that no other test may find broken."""
    with site(tmp_path, "--access-log", tmp_path / "access.log") as served:
        a_log_that_was_moved_is_begun_anew_on_sighup(served)
        a_page_waits_for_no_mail_server(served)
        a_machine_that_is_refused_asks_the_keeper_nothing(served)
        readiness_tells_what_is_away(served)


def a_log_that_was_moved_is_begun_anew_on_sighup(served: SiteServed) -> None:
    served.served.get("healthz")
    log = served.folder / "access.log"
    log.rename(log.with_suffix(".1"))
    served.served.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + 30
    while not log.exists() or not log.read_text():
        assert time.monotonic() < until
        served.served.get("healthz")
        time.sleep(0.2)


def a_machine_that_is_refused_asks_the_keeper_nothing(served: SiteServed) -> None:
    """Else many machines would use up what the keeper seals in a minute, and no owner could log in."""
    machine, owner = HttpPerson(served), HttpPerson(served)
    for person in (machine, owner):
        person.get("/account/login/")

    def tried(person: HttpPerson, name: str) -> int:
        return person.post("/account/login/", login=f"{name}@sprayed.example", password="wrong horse battery").status

    assert [tried(machine, f"guess{number}") for number in range(9)][6:] == [429] * 3
    with no_keeper(served):
        assert tried(machine, "guess9") == 429
        # The control: a machine that is not refused does ask.
        assert tried(owner, "owner") == 503
    assert wait_until(lambda: served.served.get("readyz").status == 200, 30)


def a_page_waits_for_no_mail_server(served: SiteServed) -> None:
    """The mail server is away, and is there again later: pages answer meanwhile, and the mail comes."""
    token = issue(served.folder, "prometheus", "metrics")
    with stopped(served) as begin_again:
        began = time.monotonic()
        Visitor(served.origin).post("/account/password/reset/", email=KIM)
        assert time.monotonic() - began < 5
        until = time.monotonic() + 20
        while "mail waits" not in served.served.stderr():
            assert time.monotonic() < until
            time.sleep(0.1)
        assert metrics(served, token)["expunge_mail_waiting",] == 1
        assert KIM not in served.served.stderr()
        make_overdue(served.database, timedelta(minutes=11))
        time.sleep(2.1)
        answer = served.served.get("readyz")
        assert answer.status == 503
        assert [part for part, works in answer.json["parts"].items() if not works] == ["mail"]
        make_overdue(served.database, timedelta())
        begin_again()
        served.sink.to(KIM, within=30)
        until = time.monotonic() + 20
        while metrics(served, token)["expunge_mail_waiting",]:
            assert time.monotonic() < until
            time.sleep(0.1)
        assert metrics(served, token)["expunge_mail_attempts_total", "taken"] == 1


def make_overdue(path: Path, by: timedelta) -> None:
    with contextlib.closing(sqlite3.connect(path, timeout=20)) as database, database:
        database.execute("UPDATE expunge_mail_waiting SET due = ?", (stored(seconds=-by.total_seconds()),))


@contextlib.contextmanager
def stopped(served: SiteServed) -> Iterator[Any]:
    """Stop the mail server of a site for the length of a block, or until asked to begin again."""
    from tests.web.site.mail.post_office import Postmaster

    served.controller.stop()
    later = contextlib.ExitStack()
    with later:
        yield lambda: later.enter_context(Postmaster(served.sink.port, served.sink.mails).listening())


def readiness_tells_what_is_away(served: SiteServed) -> None:
    wait_for(served, set())
    with contextlib.closing(sqlite3.connect(served.database, timeout=20)) as database, database:
        database.execute("DELETE FROM django_migrations WHERE app = 'expunge_mail'")
    wait_for(served, {"migrations"})
    assert served.served.get("healthz").status == 200
    with contextlib.closing(sqlite3.connect(served.database, timeout=20)) as database, database:
        database.execute("DROP TABLE expunge_counter")
    wait_for(served, {"migrations", "accounts_database"})
    assert served.served.get("healthz").status == 200


def wait_for(served: SiteServed, away: set[str], within: float = 20.0) -> None:
    until = time.monotonic() + within
    while True:
        answer = served.served.get("readyz")
        found = {part for part, works in answer.json["parts"].items() if not works}
        if found == away:
            assert answer.status == (503 if away else 200)
            return
        assert time.monotonic() < until, found
        time.sleep(0.2)


def test_what_the_keeper_refused_is_counted_by_act_and_kind() -> None:
    found = Metrics()
    found.count_refused_fields("seal", "address")
    found.count_refused_fields("seal", "address")
    assert b'expunge_refused_fields_total{act="seal",kind="address"} 2.0' in found.text()


def test_a_fault_is_told_by_its_place_alone() -> None:
    told: list[str] = []
    logger, handler = logging.getLogger("django.request"), FaultPlaces(told.append)
    logger.addHandler(handler)
    try:
        raise ValueError(KIM)
    except ValueError:
        logger.exception("Internal Server Error: /%s", QUERY)
    finally:
        logger.error("Not Found: /%s", QUERY)
        logger.warning("Forbidden: /%s", QUERY)
        logger.removeHandler(handler)
    (line,) = told
    assert re.fullmatch(r"a request failed: ValueError at test_operation\.py:\d+", line)


def test_keyed_ids_change_each_day() -> None:
    days = [date(2026, 1, 1)]
    key = DailyKey(lambda: days[-1])
    first = key.keyed("client", "192.0.2.1")
    assert key.keyed("client", "192.0.2.1") == first
    assert key.keyed("session", "192.0.2.1") != first
    assert key.keyed("client", "192.0.2.2") != first
    assert DailyKey(lambda: days[-1]).keyed("client", "192.0.2.1") != first, "a key of each process"
    days.append(date(2026, 1, 2))
    assert key.keyed("client", "192.0.2.1") != first
    assert key.keyed("client", "") == ""


def test_an_answer_that_fails_on_the_way_is_written_down() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/raises":
            raise ValueError("canary")
        start_response("200 OK", [])
        return [b"abc", b"de"]

    written: list[str] = []
    log = AccessLog(application, Metrics(), written.append, "session")
    body = log({"PATH_INFO": "/static/canary.css", "REQUEST_METHOD": "GET", "REMOTE_ADDR": "192.0.2.1"}, lambda *_: None)
    assert b"".join(body) == b"abcde"
    body.close()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="canary"):
        log({"PATH_INFO": "/raises", "REQUEST_METHOD": "BREW"}, lambda *_: None)
    first, second = map(json.loads, written)
    assert (first["route"], first["status"], first["bytes"]) == ("static", 200, 5)
    assert (second["route"], second["status"], second["method"]) == ("unmatched", 500, "other")
    assert "canary" not in "".join(written)
