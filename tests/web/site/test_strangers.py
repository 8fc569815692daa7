"""A stranger in an account becomes an incident at the keeper: where the owner says so, and where a machine that sprayed came in."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from expunge.bootstrap import Expunge
from expunge.core.incidents.incidents import Incident
from expunge.core.journal.incident_events import IncidentKind, TakeoverSign
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed


def takeovers(served: SiteServed) -> dict[str, set[str]]:
    """Account -> signs that a stranger came into it, as the operator's own processes see the incidents."""

    def read() -> list[Incident]:
        with Expunge.open(served.folder / "expunge.yaml") as opened:
            return [each for each in opened.incidents.all().open() if each.opened.kind is IncidentKind.TAKEOVER]

    # Why a thread: a driven browser keeps an event loop in this one, where the state is not opened.
    with ThreadPoolExecutor(1) as apart:
        found = apart.submit(read).result()
    assert len(found) <= 1, "all of one time are one incident"
    signs: dict[str, set[str]] = {}
    for each in (scope for incident in found for scope in incident.scopes):
        signs.setdefault(each.who.replace("-", ""), set()).add(each.because)
    return signs


def account_of(served: SiteServed) -> str:
    """The account that was made last."""
    ((account,),) = served.sql("SELECT user_id FROM account_emailaddress ORDER BY id DESC LIMIT 1")
    return str(account).replace("-", "")


@pytest.mark.duty("RNG-29", "FAIL-10")
def test_an_owner_who_says_that_a_device_is_a_strangers_ends_all_others_and_it_becomes_an_incident(served_site: SiteServed) -> None:
    owner = HttpPerson(served_site)
    owner.sign_up("not-me@example.org")
    account = account_of(served_site)
    stranger = HttpPerson(served_site)
    stranger.log_in("not-me@example.org")
    stranger.send("code", code=served_site.sink.code("not-me@example.org", 2))
    assert stranger.inside
    assert "This was not me" in owner.get("/account/sessions/").words
    page = owner.post("/account/sessions/", act="stranger")
    assert "All other devices are logged out, and we look into it" in page.words
    assert owner.inside
    assert not stranger.inside
    assert takeovers(served_site)[account] == {TakeoverSign.SAID}


@pytest.mark.duty("RNG-29", "FAIL-10")
def test_a_machine_that_tried_other_accounts_and_comes_in_is_an_incident_and_an_owner_on_a_new_device_is_none(
    served_site: SiteServed,
) -> None:
    owner = HttpPerson(served_site)
    owner.sign_up("sprayed@example.org")
    account = account_of(served_site)
    owner.log_out()
    again = HttpPerson(served_site)
    again.log_in("sprayed@example.org")
    again.send("code", code=served_site.sink.code("sprayed@example.org", 2))
    assert again.inside
    assert account not in takeovers(served_site)
    machine = HttpPerson(served_site)
    for _ in range(3):
        machine.log_in(f"{secrets.token_hex(4)}@mail.example", "no word of anybody here")
        machine.cookies.pop("session", None)
    machine.log_in("sprayed@example.org")
    machine.send("code", code=served_site.sink.code("sprayed@example.org", 3))
    assert machine.inside
    assert takeovers(served_site)[account] == {TakeoverSign.SPRAYED}
