"""Every operation is asked for in every role: what is for a role is shown, all else is refused, and nothing of another person is told."""

from __future__ import annotations

import secrets
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.journal.access_tokens import TokenScope
from expunge.errors import NotPermitted
from tests.cli.running import expunge
from tests.web.serving import ask, issue
from tests.web.site.access import (
    API,
    ASKS,
    CUSTOMERS,
    LEAD_IN,
    PAGES,
    READERS,
    SLUG,
    STAFF,
    TO_PLAYERS,
    Cell,
    Operation,
    Role,
    cells,
    operations,
)  # fmt: skip
from tests.web.site.handing_over import enrol_kept, keeper_guard, newest_account
from tests.web.site.http_person import HttpPerson, Shown
from tests.web.site.kit import SiteServed
from tests.web.site.office import Employee, employee, staff_of
from tests.web.site.rendered import pages

_REFUSED = {401, 403, 404, 405, 429}
_NO_TOKEN = {401, 403, 429}
"""Answers to a token that does not do; 429 after many of them."""
_LABELS = {role: f"canary-{role.name.lower()}" for role in STAFF | {Role.SUSPENDED}}
_LABELS[Role.REVIEWER] = "night-desk"


def test_the_table_names_every_route_and_no_other() -> None:
    assert {name or path for path, name in pages().routes} == set(PAGES)


def test_the_table_names_every_sensitive_ask() -> None:
    assert set(ASKS) == set(AskKind)


@dataclass
class Company:
    """A company with a person in each role."""

    served: SiteServed
    people: dict[Role, HttpPerson]
    accounts: dict[Role, UUID]
    family: str
    slugs: dict[Role, str]
    """The word of each session of a member for the family."""

    def asked_by(self, cell: Cell) -> Cell:
        """The operation about the family, as the role knows its address, or by the address of its guardian where it has none."""
        return replace(cell, path=cell.path.replace(SLUG, self.slugs.get(cell.role, self.slugs[Role.GUARDIAN])))


@pytest.fixture(scope="module")
def company(served_site: SiteServed) -> Company:
    people: dict[Role, HttpPerson] = {Role.OUTSIDER: HttpPerson(served_site)}
    accounts: dict[Role, UUID] = {}
    for role in Role:
        if role in CUSTOMERS:
            people[role] = HttpPerson(served_site)
            people[role].sign_up(_address(role))
            accounts[role] = newest_account(served_site)
            enrol_kept(served_site, _address(role))
        elif role in _LABELS:
            function = "reviewer" if role is Role.SUSPENDED else role.value
            person = employee(served_site, _LABELS[role], function)
            people[role] = person
            accounts[role] = UUID(staff_of(served_site.folder)[_LABELS[role]]["account"])
    family = ""
    for role, person, named in (
        (Role.GUARDIAN, "profile:p-mia", "guardian"),
        (Role.CHILD, "profile:p-mia", "self"),
        (Role.FORMER_GUARDIAN, "profile:p-mia", "guardian"),
        (Role.WRONG_FAMILY, "profile:p-ada", "guardian"),
    ):
        ran = expunge("families", "add", str(accounts[role]), person, "--role", named, "--json", cwd=served_site.folder)
        assert ran.code == 0, ran.err
        family = family or ran.json["membership"]["family"]
    assert expunge("families", "end", str(accounts[Role.FORMER_GUARDIAN]), "profile:p-mia", cwd=served_site.folder).code == 0
    assert expunge("staff", "suspend", _LABELS[Role.SUSPENDED], "--reason", "left", cwd=served_site.folder).code == 0
    slugs = {role: people[role].get("/child/").path.split("/")[2] for role in (Role.GUARDIAN, Role.CHILD)}
    return Company(served_site, people, accounts, family, slugs)


def _address(role: Role) -> str:
    return f"canary-{role.name.lower()}@example.org"


def _foreign(shown: Shown, cell: Cell) -> list[str]:
    """The other roles of whose people an answer tells something that the role may not read."""
    text = shown.text + "".join(shown.headers.values())
    told = [f"canary-{role.name.lower()}@" for role in CUSTOMERS if role is not cell.role]
    if cell.role not in READERS:
        told += [label for role, label in _LABELS.items() if role is not cell.role and label not in cell.path]
    return [each for each in told if each in text]


def _out(shown: Shown) -> bool:
    """Whether an answer shows nothing of the page."""
    led = shown.headers.get("Location", "").partition("?")[0]
    return shown.status in _REFUSED or (shown.status in {301, 302, 303} and led in LEAD_IN)


def _wrong(cell: Cell, person: HttpPerson) -> Iterator[str]:
    """What is wrong with the answers to one role."""
    shown = person.ask("GET", cell.path, follow=False)
    if _foreign(shown, cell):
        yield f"{cell}: tells {_foreign(shown, cell)}"
    if shown.status >= 500:
        yield f"{cell}: {shown.status}"
    if not cell.allowed and not _out(shown):
        yield f"{cell}: {shown.status}, and it is not for this role"
    if cell.allowed and shown.status == 403 and cell.name not in TO_PLAYERS:
        yield f"{cell}: refused with {shown.status}, and it is for this role"
    if cell.allowed:
        # Not where a form of its page is refused already, below.
        if person.ask("POST", cell.path, {"csrfmiddlewaretoken": "x" * 64}, follow=False).status not in _REFUSED | {302}:
            yield f"{cell}: takes a form that is not of its page"
    else:
        posted = person.ask("POST", cell.path, {"csrfmiddlewaretoken": person.cookies.get("csrf", "")}, follow=False)
        if not _out(posted):
            yield f"{cell}: a form is answered with {posted.status}, and it is not for this role"


def test_each_role_reaches_what_is_for_it_and_nothing_else(company: Company) -> None:
    faults = [fault for cell in cells() for fault in _wrong(company.asked_by(cell), company.people[cell.role])]
    assert not faults, "\n".join(faults)
    for role, person in company.people.items():
        if isinstance(person, Employee):
            assert person.in_office is (role in STAFF), role
        else:
            assert person.inside is (role in CUSTOMERS), role


def test_each_role_begins_the_sensitive_asks_that_are_for_it_and_no_other(company: Company) -> None:
    wrong = []
    with keeper_guard(company.served) as guard:
        for kind in AskKind:
            for role, account in company.accounts.items():
                about = company.family if kind.of_family else None
                try:
                    begun = guard.begin_ask(secrets.token_bytes(32), Ask(kind, account, about))
                except NotPermitted:
                    begun = None
                if (begun is not None) is not (role in ASKS[kind]):
                    wrong.append(f"{kind.value} as {role.value}: {'begun' if begun else 'refused'}")
    assert wrong == []


@pytest.fixture(scope="module")
def tokens(served_site: SiteServed) -> dict[TokenScope, str]:
    return {scope: issue(served_site.folder, f"program-{scope.value}", scope.value) for scope in TokenScope}


def test_the_table_names_every_operation_of_the_api_and_no_other(served_site: SiteServed) -> None:
    assert {each.name for each in _operations(served_site)} == set(API)


@pytest.fixture
def many_bad_tokens(served_site: SiteServed) -> Iterator[None]:
    """Tell other tests nothing of the tokens that are refused here: the worker counts those of all clients for a minute, in memory."""
    yield
    served_site.begin_worker_anew()


@pytest.mark.usefixtures("many_bad_tokens")
def test_an_operation_of_the_api_takes_the_token_of_its_scope_and_no_other_proof(company: Company, tokens: dict[TokenScope, str]) -> None:
    wrong: list[str] = []
    for operation in _operations(company.served):
        scope = API[operation.name]
        answers = {each.value: _program(company.served, operation, tokens[each]) for each in TokenScope}
        asked = {role: person.ask(operation.method, operation.path, follow=False) for role, person in company.people.items()}
        answers |= {role.value: shown.status for role, shown in asked.items()}
        answers["made-up token"] = _program(company.served, operation, "expunge_0123456789ab_" + "A" * 43)
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
