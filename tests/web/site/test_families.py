"""A guardian comes to the pages of a family: they lead to nobody else, and nothing of it is shown before a credential confirmed it."""

from __future__ import annotations

import re

from tests.web.site.family_company import guardian
from tests.web.site.http_person import HttpPerson
from tests.web.site.kit import SiteServed


def test_a_guardian_finds_the_children_and_no_address_names_them(served_family: SiteServed) -> None:
    one = guardian(served_family, "mia.mother@home.example", "p-mia", "p-tom")
    page = one.person.get("/child/")
    assert page.path == "/child/"
    assert "Child 1" in page.words
    assert "Child 2" in page.words
    links = re.findall(r'href="(/child/[^"/]+/)"', page.text)
    assert len(set(links)) == 2
    family = served_family.kept("SELECT family FROM expunge_membership")
    assert not any(name in page.text for (name,) in family)
    assert one.person.get(links[0]).status == 200
    # A slug is of one session: in another browser of the same account it leads to the list.
    other = HttpPerson(served_family)
    assert other.get(links[0]).path == "/account/login/"


def test_a_stranger_with_the_address_of_a_page_finds_nothing(served_family: SiteServed) -> None:
    one = guardian(served_family, "tom.father@home.example", "p-tom")
    address = one.go()
    stranger = guardian(served_family, "ada@home.example", "p-ada")
    found = stranger.person.get(address)
    assert found.path != address
    assert stranger.go() != address


def test_an_ended_membership_ends_the_pages(served_family: SiteServed) -> None:
    one = guardian(served_family, "former@home.example", "p-mia")
    address = one.go()
    served_family.kept("UPDATE expunge_membership SET role = 'former'")
    found = one.person.get(address)
    assert found.path == "/child/"
    assert "connected with no child" in found.words
