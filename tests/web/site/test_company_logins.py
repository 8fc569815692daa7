"""People come in by the account that they have at a company: a real OpenID provider, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.web.site.companies.company import AtCompany, Person
from tests.web.site.companies.kit import Connected, begin, come_in, connected
from tests.web.site.http_person import HttpPerson

PEOPLE = [
    *(Person(name, f"{name}@families.example") for name in ("marta", "leo", "ines", "paul", "rosa", "vera", "tom", "uma", "ned", "zoe")),
    Person("unproven", "known@families.example", proven=False),
    Person("ghost", "ghost@families.example", proven=False),
]


@pytest.fixture(scope="module")
def companies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connected]:
    with connected(tmp_path_factory.mktemp("companies"), PEOPLE) as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(companies: Connected) -> None:
    companies.site.sql("DELETE FROM expunge_counter")


def test_a_customer_of_the_company_has_an_account_at_once(companies: Connected) -> None:
    marta = HttpPerson(companies.site)
    shown = come_in(marta, companies.home, "marta")
    assert shown.path == "/account/protect/", shown.words
    assert marta.inside
    assert "marta@families.example" in marta.get("/").words
    marta.log_out()
    assert come_in(marta, companies.home, "marta").path == "/"
    assert marta.inside


def test_what_is_asked_of_the_provider(companies: Connected) -> None:
    asked = urlsplit(begin(HttpPerson(companies.site), companies.home))
    query = dict(parse_qsl(asked.query))
    assert query["redirect_uri"] == f"{companies.site.origin}/account/by/home/back/"
    assert (query["response_type"], query["prompt"], query["code_challenge_method"]) == ("code", "login", "S256")
    assert set(query["scope"].split()) == {"openid", "email", "profile"}
    assert len(query["code_challenge"]) == 43
    assert len(query["nonce"]) == 32
    assert len(query["state"]) >= 16
