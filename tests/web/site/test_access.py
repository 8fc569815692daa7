"""Every operation is asked for in every role: what is for a role is shown, all else is refused, and nothing of another person is told."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest

from expunge.core.journal.access_tokens import TokenScope
from tests.web.serving import ask, issue
from tests.web.site.access import API, PAGES, SIGN_IN, Cell, Operation, Role, cells, operations
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed
from tests.web.site.rendered import pages

_REFUSED = {401, 403, 404, 405}
_NO_TOKEN = {401, 403, 429}
"""Answers to a token that does not do; 429 after many of them."""


def test_the_table_names_every_route_and_no_other() -> None:
    assert {name for _, name in pages().routes} == set(PAGES)


@pytest.fixture(scope="module")
def people(served_site: SiteServed) -> dict[Role, HttpPerson]:
    """A person in each role, who is logged in where the role has an account."""
    found = {role: HttpPerson(served_site) for role in Role}
    for role, person in found.items():
        if role is not Role.OUTSIDER:
            person.sign_up(_address(role))
            assert person.inside
    return found


def _address(role: Role) -> str:
    return f"canary-{role.name.lower()}@example.org"


def _foreign(shown: Shown, role: Role) -> list[Role]:
    """The other roles of whose people an answer tells something."""
    text = shown.text + "".join(shown.headers.values())
    return [other for other in Role if other is not role and f"canary-{other.name.lower()}" in text]


def _out(shown: Shown) -> bool:
    """Whether an answer shows nothing of the page."""
    led = shown.headers.get("Location", "").partition("?")[0]
    return shown.status in _REFUSED or (shown.status in {301, 302, 303} and (led in SIGN_IN or led == "/"))


def _refusals(people: dict[Role, HttpPerson]) -> Iterator[str]:
    for cell in cells():
        yield from _wrong(cell, people[cell.role])


def _wrong(cell: Cell, person: HttpPerson) -> Iterator[str]:
    """What is wrong with the answers to one role."""
    shown = person.ask("GET", cell.path, follow=False)
    if _foreign(shown, cell.role):
        yield f"{cell}: tells of {_foreign(shown, cell.role)}"
    if shown.status >= 500:
        yield f"{cell}: {shown.status}"
    if not cell.allowed and not _out(shown):
        yield f"{cell}: {shown.status}, and it is not for this role"
    if cell.allowed and cell.role is not Role.OUTSIDER and shown.status in _REFUSED - {404, 405}:
        yield f"{cell}: refused with {shown.status}, and it is for this role"
    if person.ask("POST", cell.path, {"csrfmiddlewaretoken": "x" * 64}, follow=False).status not in _REFUSED | {302}:
        yield f"{cell}: takes a form that is not of its page"
    if not cell.allowed:
        posted = person.ask("POST", cell.path, {"csrfmiddlewaretoken": person.cookies.get("csrf", "")}, follow=False)
        if not _out(posted):
            yield f"{cell}: a form is answered with {posted.status}, and it is not for this role"


def test_each_role_reaches_what_is_for_it_and_nothing_else(people: dict[Role, HttpPerson]) -> None:
    assert list(_refusals(people)) == []
    assert all(person.inside for role, person in people.items() if role is not Role.OUTSIDER)


@pytest.fixture(scope="module")
def tokens(served_site: SiteServed) -> dict[TokenScope, str]:
    return {scope: issue(served_site.folder, f"program-{scope.value}", scope.value) for scope in TokenScope}


def test_the_table_names_every_operation_of_the_api_and_no_other(served_site: SiteServed) -> None:
    assert {each.name for each in _operations(served_site)} == set(API)


def test_an_operation_of_the_api_takes_the_token_of_its_scope_and_no_other_proof(
    served_site: SiteServed, tokens: dict[TokenScope, str], people: dict[Role, HttpPerson]
) -> None:
    wrong: list[str] = []
    for operation in _operations(served_site):
        scope = API[operation.name]
        answers = {each.value: _program(served_site, operation, tokens[each]) for each in TokenScope}
        answers |= {role.value: person.ask(operation.method, operation.path, follow=False).status for role, person in people.items()}
        answers["made-up token"] = _program(served_site, operation, "expunge_0123456789ab_" + "A" * 43)
        for who, status in answers.items():
            if (status in _NO_TOKEN) is (scope is None or who == scope.value):
                wrong.append(f"{operation.name} for {who}: {status}")
    assert wrong == []


def _operations(served: SiteServed) -> list[Operation]:
    return operations(served.served.get("api/openapi.json").json)


def _program(served: SiteServed, operation: Operation, token: str) -> int:
    url = f"{served.served.url}{operation.path.removeprefix('/')}"
    data = b"" if operation.method in {"POST", "PUT"} else None
    return ask(urllib.request.Request(url, data, {"Authorization": f"Bearer {token}"}, method=operation.method)).status
