"""Passwords from elsewhere are tried at a real server, by many machines at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.web.site.attackers import CODE_BY_MAIL, Attack, incidents, machines, rows, spread
from tests.web.site.filling import address_of, fill, password_of
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed, site


def confirmed(person: HttpPerson, number: int) -> HttpPerson:
    """Log the owner of an account in on a browser that the account does not know: password, then the code that came by mail."""
    address = address_of(number)
    before = person.site.sink.count(address)
    page = person.log_in(address, password_of(number))
    assert page.path == CODE_BY_MAIL, f"{page.status} {page.words}"
    person.send("code", code=person.site.sink.code(address, before + 1))
    return person


def owners_get_in(served: SiteServed, known: HttpPerson, new: int, said: list[str]) -> None:
    """Owners log in during the attack: on a known browser in the attackers' own network, and on a new one in a quiet network."""
    known.address = "203.0.0.200"
    page = known.log_in(address_of(1), password_of(1))
    said.append(f"known {page.path}" if known.inside else f"known browser stayed out: {page.words[:200]}")
    person = HttpPerson(served)
    said.append("new" if confirmed(person, new).inside else "new browser stayed out")


def attacked(served: SiteServed, attack: Attack, tries: list[tuple[str, int, bool]], quiet: int) -> list[str]:
    """Run an attack, with two owners who log in in the middle of it."""
    known = confirmed(HttpPerson(served), 1)
    known.log_out()
    said: list[str] = []
    meanwhile = threading.Thread(target=lambda: attack.run(tries[len(tries) // 2 :]), daemon=True)
    attack.run(tries[: len(tries) // 2])
    seconds = attack.seconds
    meanwhile.start()
    owners_get_in(served, known, quiet, said)
    meanwhile.join()
    attack.seconds += seconds
    return said


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def one_attack(served: SiteServed, attack: Attack) -> dict[str, object]:
    """The one row that the attack became."""
    found = incidents(served)
    assert [each["kind"] for each in found] == ["spray"]
    row = found[0]
    recognised = moment(row["recognised"])
    # Why tries and not seconds: a busy machine hashes slowly. The soak looks at the clock.
    assert sum(each.at <= recognised for each in attack.tried) <= 150
    assert row["accounts"] == len(attack.touched)
    assert row["tries"] == sum(each.status != 302 for each in attack.tried)
    assert row["refused"] == attack.statuses[429]
    assert row["entered"] <= sum(each.status == 302 for each in attack.tried)
    return dict(row)


def test_two_thousand_tries_enter_nothing(served_site: SiteServed) -> None:
    """2,000 tries over 200 accounts from 40 machines, one in a hundred with the right password."""
    fill(served_site.folder, 203)
    attack = Attack(served_site)
    tries = [(machine, number + 2, right) for machine, number, right in spread(2000, 200, machines(40, 20), 0.01)]
    said = attacked(served_site, attack, tries, quiet=3)
    assert len(attack.tried) == 2000
    assert attack.inside == []
    assert said == ["known /", "new"]
    row = one_attack(served_site, attack)
    assert row["networks"] == 20
    # Why so few: a hash costs a fifth of a second, a refusal a few milliseconds.
    assert attack.statuses[429] >= 1600
    # Each login that is complete leaves a browser that its account knows: those of the two owners, and no other.
    assert rows(served_site, "expunge_known_device") == 2


@pytest.mark.soak
def test_fifty_thousand_tries_enter_nothing(tmp_path: Path) -> None:
    """50,000 tries over 5,000 accounts from 500 machines in 250 networks, one in a hundred with the right password."""
    with site(tmp_path, hashing="") as served:
        HttpPerson(served).get("/")
        fill(served.folder, 5004)
        attack = Attack(served)
        tries = [(machine, number + 2, right) for machine, number, right in spread(50_000, 5000, machines(500, 250), 0.01)]
        said = attacked(served, attack, tries, quiet=5003)
        assert len(attack.tried) == 50_000
        assert attack.inside == []
        assert said == ["known /", "new"]
        row = one_attack(served, attack)
        assert (moment(str(row["recognised"])) - moment(str(row["begun"]))).total_seconds() <= 60
        print({name: row[name] for name in ("tries", "refused", "accounts", "networks", "entered", "begun", "recognised")})
        print(attack.statuses, f"{attack.seconds:.0f} s")
