"""Incidents on the pages of staff: entered, counted, changed, judged by two people, their letters read; a reviewer sees none."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from expunge.bootstrap import Expunge
from expunge.core.incidents.incidents import Incident, IncidentStanding
from expunge.core.journal.incident_events import TakeoverSign
from expunge.engine.incidents import finding
from tests.web.site.desk import desk_company
from tests.web.site.desk.kit import Desk
from tests.web.site.office import Employee

PATH = "/staff/desk/incidents/"


@pytest.fixture(scope="module")
def officer(office: Desk) -> Employee:
    return office["officer"].browser()


def known(office: Desk, name: str) -> Incident:
    """An incident as the operator's own processes see it."""

    def read() -> Incident:
        with Expunge.open(office.served.folder / "expunge.yaml") as opened:
            return opened.incidents.named(name)

    # Why a thread: a driven browser keeps an event loop in this one, where the state is not opened.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(read).result()


def entered(officer: Employee, **changes: str) -> str:
    """Enter an incident, and return its id."""
    values = {"kind": "views", "what": "seen", "began": "2026-01-05T08:00", "discovered": "2026-11-01T08:00", "reference": "SEC-1"}
    shown = officer.post(f"{PATH}new/", **(values | changes))
    assert re.fullmatch(f"{PATH}[0-9a-f]{{16}}/", shown.path), shown.words
    return shown.path.split("/")[-2]


def test_views_of_a_reviewer_are_entered_counted_and_shown_with_what_is_owed(office: Desk, officer: Employee) -> None:
    reviewer = office["reviewer"].label
    page = officer.post(f"{PATH}new/", kind="views", reference="Anna told us")
    for words in ("Tick one at least", "Write the day and the time", "Write the key of a ticket"):
        assert words in page.words
    name = entered(officer, source="views", who=reviewer, since="2026-01-05T08:00", until="2040-01-01T00:00")
    page = officer.get(f"{PATH}{name}/")
    assert "Staff saw recordings without need" in page.words
    assert reviewer in page.words
    assert "Fewer than ten accounts: it is recorded and watched." in page.words
    assert "Counted anew, it is the same." in page.words
    assert f"{PATH}{name}/" in officer.get(PATH).text
    wrong = officer.post(f"{PATH}new/", **_values(source="views", who="nobody-1"))
    assert "There is no account of staff of that name" in wrong.words


def _values(**changes: str) -> dict[str, str]:
    return {
        "kind": "views", "what": "seen", "began": "2026-01-05T08:00", "discovered": "2026-11-01T08:00", "reference": "SEC-1", **changes
    }  # fmt: skip


@pytest.mark.duty("RNG-29")
def test_two_people_close_it_and_neither_a_reviewer_nor_the_person_whom_it_is_about_sees_it(office: Desk, officer: Employee) -> None:
    name = entered(officer, kind="copy", what="sealed")
    page = officer.get(f"{PATH}{name}/")
    assert "It counts as covered: nobody knows that there are fewer than ten." in page.words
    assert "72 hours after it was discovered" in page.words
    for fact in ("no_notice", "completed"):
        page = officer.post(f"{PATH}{name}/enter/fact/", fact=fact, on="2026-11-03T10:00", reference="LEG-7")
        assert page.path == f"{PATH}{name}/"
    assert "It was decided that no notice is needed" in page.words
    changes = str(known(office, name).changes)
    late = officer.post(f"{PATH}{name}/close/", verdict="settled", reference="SEC-2", changes="1")
    assert "More came to light in between" in late.words
    officer.post(f"{PATH}{name}/close/", verdict="settled", reference="SEC-2", changes=changes)
    assert known(office, name).standing is IncidentStanding.JUDGED_ONCE
    second = office["officer-2"].browser()
    second.post(f"{PATH}{name}/close/", verdict="settled", reference="SEC-2")
    assert known(office, name).standing is IncidentStanding.CLOSED
    assert "Settled: what is owed was done" in officer.get(f"{PATH}{name}/").words
    reviewer = office["reviewer"].browser()
    for path in (PATH, f"{PATH}new/", f"{PATH}{name}/", f"{PATH}{name}/letter/people/"):
        assert reviewer.get(path).status == 403
    about = entered(officer, source="views", who=office["officer-2"].label)
    assert second.get(f"{PATH}{about}/").status == 404
    assert f"{PATH}{about}/" not in second.get(PATH).text


def test_letters_are_drafts_that_name_nobody(office: Desk, officer: Employee) -> None:
    name = entered(officer, kind="exposure", what="contact")
    report = officer.get(f"{PATH}{name}/letter/authority/")
    assert "under penalty of perjury" in report.words
    assert "Spanish" not in report.words
    spanish = officer.get(f"{PATH}{name}/letter/people/?in=es")
    assert "Personas extrañas pudieron llegar a datos" in spanish.text
    assert desk_company.MIA not in report.text + spanish.text
    assert office["reviewer"].label not in report.text + spanish.text
    assert officer.get(f"{PATH}{name}/letter/press/").status == 404
    assert officer.get(f"{PATH}0000000000000000/").status == 404


def test_a_part_and_another_incident_are_joined_and_a_stranger_in_an_account_is_listed(office: Desk, officer: Employee) -> None:
    def take_over() -> str:
        with Expunge.open(office.served.folder / "expunge.yaml") as opened:
            return finding.taken_over(opened.context.journal, opened.context.clock, "acc-1", TakeoverSign.SAID)

    with ThreadPoolExecutor(1) as apart:
        found = apart.submit(take_over).result()
    page = officer.get(PATH)
    assert f"{PATH}{found}/" in page.text
    assert "Strangers came into accounts" in page.words
    part = entered(officer, kind="takeover", what="unknown", source="takeover", who="acc-2")
    reach = {"source": "takeover", "who": "acc-3", "since": "2026-03-01T00:00", "until": "2026-03-02T00:00", "reference": "SEC-3"}
    assert "2 accounts" in officer.post(f"{PATH}{part}/enter/reach/", **reach).words
    assert "This is needed" in officer.post(f"{PATH}{part}/enter/reach/", reference="SEC-3").words
    whole = officer.post(f"{PATH}{part}/enter/join/", into=found, reference="SEC-4")
    assert whole.path == f"{PATH}{found}/"
    assert "3 accounts" in whole.words
    assert "It is a part of" not in officer.get(f"{PATH}{part}/").words or known(office, part).into == found
    assert officer.get(f"{PATH}{part}/enter/party/").status == 404
