"""How long a session of staff lasts, and how strong its sign-in has to be."""

from __future__ import annotations

import pytest

from expunge.core.accounts.credential_strength import Level
from expunge.core.accounts.staff_events import AccessMethod
from expunge.core.accounts.staff_state import StaffStanding
from expunge.ports.accounts.staff_directory import StaffMember
from tests.web.site.staff_sessions import answers

LASTS = ("fresh", "used a moment ago", "unused for 29 minutes", "polled for 29 minutes")
OVER = {
    "unused for 31 minutes": "half an hour",
    "polled for 31 minutes": "half an hour",
    "in use for twelve hours": "twelve hours",
    "of tomorrow": "twelve hours",
}


def test_a_session_ends_after_twelve_hours_and_after_half_an_hour_without_use() -> None:
    found = answers()
    assert {name: (found[name]["status"], found[name]["shown"]) for name in LASTS} == dict.fromkeys(LASTS, (200, "desk-1"))
    for name, why in OVER.items():
        assert (found[name]["status"], found[name]["where"], found[name]["over"]) == (302, "/staff/sign-in/", True), name
        assert why in found[name]["said"][0], name


def test_a_page_that_asks_by_itself_keeps_no_session_alive() -> None:
    found = answers()
    assert found["unused for 29 minutes"]["moved"]
    assert not found["polled for 29 minutes"]["moved"]


def test_a_page_takes_its_right_at_each_request() -> None:
    assert answers()["fresh"]["without the right"] == 403


@pytest.mark.duty("RNG-17", "DSG-10")
def test_another_method_than_a_passkey_counts_while_an_equivalence_names_it() -> None:
    found = answers()
    assert found["by a provider without an equivalence"]["where"] == "/staff/sign-in/"
    assert found["by a provider with an equivalence for totp"]["over"]
    assert found["by a provider with an equivalence for provider"]["status"] == 200


@pytest.mark.duty("RNG-17", "DSG-10")
@pytest.mark.parametrize("recorded", [None, *AccessMethod], ids=lambda each: each.value if each else "none")
@pytest.mark.parametrize("level", list(Level), ids=lambda each: each.name.lower())
def test_a_sign_in_is_a_passkey_of_an_account_that_has_nothing_weaker(level: Level, recorded: AccessMethod | None) -> None:
    from expunge.web.site.staff.strength import SignInMethod, holds

    member = StaffMember("a", "desk-1", StaffStanding.ACTIVE, ("reviewer",), frozenset(), recorded)
    assert holds(member, SignInMethod.PASSKEY, level) is (level is Level.PHISHING_RESISTANT), "no record helps a weaker account"
    assert holds(member, SignInMethod.PROVIDER, level) is (recorded is AccessMethod.PROVIDER)
