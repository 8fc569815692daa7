"""Incidents over a real journal and log: found in confirmed findings, counted anew, owed, and closed by two people."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from expunge.core.accounts.family_events import ByOwner, MembershipDecided
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.incidents.incidents import Incident, IncidentStanding, message
from expunge.core.incidents.owed import Coverage
from expunge.core.journal.finding_events import FindingReason
from expunge.core.journal.incident_events import (
    IncidentFact,
    IncidentKind,
    IncidentOpened,
    IncidentsCommitted,
    IncidentScope,
    IncidentsLogged,
    IncidentVerdict,
    IncidentWord,
    ScopeSource,
    TakeoverSign,
)
from expunge.core.journal.review_events import ViewServed
from expunge.engine.incidents import closing, committing, counting, drafting, entering, finding, owed
from expunge.engine.incidents.closing import Closing
from expunge.engine.incidents.entering import NewFact, NewIncident
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import FAMILIES, INCIDENTS, REVIEWS, read_register, register
from expunge.engine.noticing import deciding
from expunge.engine.noticing.deciding import Judgement
from expunge.engine.reports import all_deadlines
from expunge.errors import DecisionRefused, EvidenceInvalid, IllegalTransition, StateUnavailable, UsageError
from expunge.maps.sections.clocks import shipped_clocks
from tests.adapters.noticing.large_office import FIRST
from tests.cli.running import expunge as command
from tests.engine.noticing.test_findings import DAYS, KEYS, OMAR, PRIYA, company, plant, run
from tests.engine.review.conftest import desk_home, desk_template, office  # noqa: F401 - fixtures
from tests.engine.review.desk_company import OFFICER, REVIEWER, SECOND_OFFICER, DeskCompany

_ = company, desk_home
RING = {name: rule for name, rule in shipped_clocks().items() if name.startswith("ring-")}
LAST_DAY = FIRST + timedelta(days=DAYS - 1)


@pytest.fixture
def context(office: DeskCompany, tmp_path: Path) -> Context:  # noqa: F811 - a fixture
    """A company under the order, in which one finding is confirmed: the day of the man of FAIL-07."""
    data_map = replace(office.desk.context.data_map, approvers={name: (key,) for name, key in KEYS.items()}, laws=RING)
    found = replace(office.desk.context, data_map=data_map)
    plant(found, approver="nobody")
    (name,) = run(found, tmp_path).opened
    deciding.decide(found, name, OFFICER, Judgement(FindingReason.NO_NEED, "HR-1"))
    assert entering.refresh(found) == (), "one person has judged it, and nothing is confirmed"
    deciding.decide(found, name, SECOND_OFFICER, Judgement(FindingReason.PRETEXT, "HR-1"))
    return found


def only(context: Context) -> Incident:
    (found,) = counting.known(context.journal).open()
    return found


def view(context: Context) -> owed.IncidentView:
    return owed.looked_at(context, counting.known(context.journal), only(context).opened.incident)


def women_of_the_day(context: Context) -> set[str]:
    """Return whom he watched on the day, by reading every event of the register."""
    views = (each for each in read_register(context.journal, REVIEWS) if isinstance(each, ViewServed))
    return {subject for each in views if each.reviewer == REVIEWER and each.at.date() == LAST_DAY for subject in each.subjects}


@pytest.mark.duty("RNG-29")
@pytest.mark.duty("FAIL-07")
def test_the_confirmed_day_of_fail_07_becomes_one_incident_with_exactly_the_women_whom_he_watched(context: Context) -> None:
    (name,) = entering.refresh(context)
    found, women = view(context), women_of_the_day(context)
    assert (found.affected.accounts, len(women) >= 10) == (tuple(sorted(women)), True)
    assert (found.coverage, found.incident.opened.kind) == (Coverage.ACCOUNTS, IncidentKind.VIEWS)
    counted = found.incident.counted
    assert counted is not None
    assert (counted.accounts, counted.digest, counted.could_not) == (len(women), found.affected.digest, ())
    assert entering.refresh(context) == ()
    assert len([each for each in read_register(context.journal, INCIDENTS) if isinstance(each, IncidentOpened)]) == 1
    assert only(context).opened.incident == name


def test_a_count_can_be_made_anew_after_more_was_found(context: Context) -> None:
    entering.refresh(context)
    first = only(context).counted
    assert first is not None
    views = [each for each in read_register(context.journal, REVIEWS) if isinstance(each, ViewServed) and each.reviewer == REVIEWER]
    at = views[-1].at
    two = sorted(women_of_the_day(context))[:2]
    register(
        context.journal,
        FAMILIES,
        *(MembershipDecided(at - timedelta(days=30), "acc-1", each, MembershipRole.GUARDIAN, ByOwner()) for each in two),
    )
    register(context.journal, REVIEWS, replace(views[-1], subjects=("ee" * 16, *two)))  # type: ignore[arg-type]
    assert entering.refresh(context) == (first.incident,)
    second = only(context).counted
    assert second is not None
    assert second.accounts == first.accounts, "two women have one account, and one more person was seen"
    assert ("acc-1" in view(context).affected.accounts, second.people) == (True, first.people + 1)
    for each in (first, second):
        assert counting.again(context.journal, each).digest == each.digest
    with pytest.raises(UsageError, match="fewer events of reviews"):
        counting.again(context.journal, replace(second, read={**second.read, "reviews": 10**9}))


@pytest.mark.duty("RNG-29")
def test_a_second_confirmed_day_of_the_same_reviewer_grows_the_same_incident(context: Context, tmp_path: Path) -> None:
    (name,) = entering.refresh(context)
    views = [each for each in read_register(context.journal, REVIEWS) if isinstance(each, ViewServed) and each.reviewer == REVIEWER]
    views, day = [each for each in views if each.at.date() == LAST_DAY], timedelta(days=1)
    register(context.journal, REVIEWS, *(replace(each, at=each.at + day, subjects=("dd" * 16,)) for each in views))  # type: ignore[arg-type]
    (second,) = run(context, tmp_path).opened
    for account in (OFFICER, SECOND_OFFICER):
        deciding.decide(context, second, account, Judgement(FindingReason.NO_NEED, "HR-2"))
    assert entering.refresh(context) == (name,)
    assert view(context).affected.accounts == tuple(sorted(women_of_the_day(context) | {"dd" * 16}))


@pytest.mark.duty("RNG-29")
@pytest.mark.duty("RNG-08")
def test_what_is_due_says_the_clocks_of_a_covered_incident_until_it_is_done(context: Context) -> None:
    def clocks() -> dict[str, object]:
        mine = [each for each in all_deadlines.everything(context) if each.what.startswith("incident ")]
        return {each.clock: each.at for each in mine}

    entering.refresh(context)
    name, began = only(context).opened.incident, only(context).opened.began
    due = clocks()
    assert due.keys() == {
        "ring-incident-report",
        "ring-after-incident",
        "ring-tests-after-incident",
        "ring-product-tests-after-incident",
        "incident",
    }
    assert (due["ring-incident-report"], due["ring-after-incident"]) == (None, began + timedelta(days=60))
    assert due["incident"] == only(context).opened.discovered + owed.DECIDED_WITHIN
    now = context.clock.now()
    entering.state(context, name, NewFact(IncidentFact.NO_NOTICE, now, "SEC-1"), OFFICER)
    due = clocks()
    assert abs((due["ring-incident-report"] - now).total_seconds() - 10 * 86400) <= 3600  # type: ignore[operator]
    assert "incident" not in due
    for fact in (IncidentFact.REPORTED, IncidentFact.ASSESSED, IncidentFact.TESTED, IncidentFact.PRODUCTS_TESTED):
        entering.state(context, name, NewFact(fact, context.clock.now(), "SEC-1"), OFFICER)
    assert clocks() == {}


@pytest.mark.duty("RNG-29")
def test_it_is_closed_by_two_people_once_what_is_owed_is_done_and_never_by_whom_it_is_about(context: Context) -> None:
    (name,) = entering.refresh(context)
    settled = Closing(IncidentVerdict.SETTLED, "SEC-2")
    with pytest.raises(IllegalTransition, match="the response was completed; the report was handed in"):
        closing.decide(context, name, OFFICER, settled)
    facts = (IncidentFact.NO_NOTICE, IncidentFact.COMPLETED, IncidentFact.REPORTED, IncidentFact.ASSESSED)
    for fact in (*facts, IncidentFact.TESTED, IncidentFact.PRODUCTS_TESTED):
        entering.state(context, name, NewFact(fact, context.clock.now(), "SEC-1", document="ab" * 32), "expunge")
    with pytest.raises(DecisionRefused) as told:
        closing.decide(context, name, REVIEWER, settled)
    assert told.value.reason == closing.NO_RIGHT
    with pytest.raises(DecisionRefused) as told:
        signed(context, name, "desk-0")
    assert told.value.reason == closing.SUBJECT, "the account that it is about has the label desk-0"
    closing.decide(context, name, OFFICER, settled)
    closing.decide(context, name, OFFICER, settled)
    assert only(context).standing is IncidentStanding.JUDGED_ONCE
    signed(context, name, "priya")
    known = counting.known(context.journal)
    assert (known.incidents[name].standing, list(known.open())) == (IncidentStanding.CLOSED, [])
    with pytest.raises(IllegalTransition, match="closed"):
        entering.state(context, name, NewFact(IncidentFact.ENDED, context.clock.now(), "SEC-1"), OFFICER)
    assert entering.refresh(context) == (), "a finding that has its incident opens no other"


def signed(context: Context, name: str, approver: str, wanted: Closing = Closing(IncidentVerdict.SETTLED, "SEC-2")) -> Incident:
    said = message(counting.known(context.journal).incidents[name], wanted.verdict, wanted.reference)
    key = PRIYA if approver == "priya" else OMAR
    return closing.decide_signed(context, name, approver, wanted, base64.b64encode(key.sign(said)).decode())


def test_keys_that_are_safe_close_an_incident_in_which_sealed_data_alone_were_reached(office: DeskCompany) -> None:  # noqa: F811
    context = office.desk.context
    now = context.clock.now()
    new = NewIncident(IncidentKind.COPY, now - timedelta(days=3), now - timedelta(days=1), (IncidentWord.SEALED,), "SEC-1")
    name = entering.enter(context, new, "expunge")
    assert view(context).coverage is Coverage.UNKNOWN
    for account in (OFFICER, SECOND_OFFICER):
        closing.decide(context, name, account, Closing(IncidentVerdict.KEYS_SAFE, "SEC-2"))
    assert not list(counting.known(context.journal).open())
    other = entering.enter(context, replace(new, what=(IncidentWord.SEALED, IncidentWord.COPIED)), "expunge")
    with pytest.raises(IllegalTransition, match="more than sealed data"):
        closing.decide(context, other, OFFICER, Closing(IncidentVerdict.KEYS_SAFE, "SEC-2"))


@pytest.mark.duty("RNG-29")
def test_the_log_commits_to_every_step_and_a_changed_step_is_found(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    entering.refresh(context)
    events = list(read_register(context.journal, INCIDENTS))
    assert [type(each) for each in events[-2:]] == [IncidentsCommitted, IncidentsLogged]
    assert committing.verify(context) == len(events) - 2
    real = context.journal.read

    def changed(stream: str, start: int = 0) -> object:
        return (data.replace(b'"findings"', b'"somebody"') if stream == INCIDENTS else data for data in real(stream, start))

    monkeypatch.setattr(context.journal, "read", changed)
    with pytest.raises(EvidenceInvalid, match="not what the log committed to"):
        committing.verify(context)


@pytest.mark.parametrize("broken", ["append", "register"])
def test_a_crash_before_or_after_the_logs_entry_leaves_one_entry(
    office: DeskCompany,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
) -> None:
    context = office.desk.context
    finding.taken_over(context.journal, context.clock, "acc-1", TakeoverSign.SAID)
    before = context.log.head().size

    def away(*_: object) -> None:
        raise StateUnavailable("it is away", help="try again")

    with monkeypatch.context() as fault:
        fault.setattr(context.log if broken == "append" else committing, broken, away)
        with pytest.raises(StateUnavailable):
            entering.refresh(context)
    assert context.log.head().size == before + (broken == "register")
    entering.refresh(context)
    assert context.log.head().size == before + 1
    events = list(read_register(context.journal, INCIDENTS))
    assert [type(each) for each in events].count(IncidentsLogged) == 1
    assert committing.verify(context) == len(events) - 2


def test_what_is_entered_has_a_reference_times_that_have_come_and_no_name(office: DeskCompany) -> None:  # noqa: F811
    context, hour = office.desk.context, timedelta(hours=1)
    now = context.clock.now()
    good = NewIncident(IncidentKind.COPY, now - 2 * hour, now - hour, (IncidentWord.COPIED,), "SEC-1")
    for wrong, said in (
        (replace(good, reference="Anna told us"), "reference"),
        (replace(good, began=now), "begins before"),
        (replace(good, discovered=now + hour), "begins before"),
        (replace(good, what=()), "nothing of what happened"),
        (replace(good, scopes=(IncidentScope(ScopeSource.VIEWS, "Anna Zwölf", now - hour, now),)), "names an account"),
        (replace(good, scopes=(IncidentScope(ScopeSource.VIEWS, "acc", now, now),)), "time of a part"),
    ):
        with pytest.raises(UsageError, match=said):
            entering.enter(context, wrong, "expunge")
    name = entering.enter(context, good, "expunge")
    for fact in (
        NewFact(IncidentFact.ENDED, now + hour, "SEC-1"),
        NewFact(IncidentFact.ENDED, now, "SEC-1", number=4),
        NewFact(IncidentFact.COUNTED, now, "SEC-1"),
        NewFact(IncidentFact.REPORTED, now, "SEC-1", document="paper"),
    ):
        with pytest.raises(UsageError):
            entering.state(context, name, fact, "expunge")
    with pytest.raises(IllegalTransition, match="joined to another"):
        entering.join(context, name, name, "expunge", "SEC-1")


# --- the front door ------------------------------------------------------------------------------------------------


@pytest.mark.duty("RNG-29")
def test_takeovers_at_the_front_door_are_one_incident_and_the_tenth_makes_it_a_covered_one(office: DeskCompany) -> None:  # noqa: F811
    context, clock = office.desk.context, office.clock
    for number in range(9):
        finding.taken_over(context.journal, context.clock, f"acc-{number}", TakeoverSign.STOPPED)
        finding.taken_over(context.journal, context.clock, f"acc-{number}", TakeoverSign.STOPPED)
        clock.ahead += timedelta(days=3)
    finding.taken_over(context.journal, context.clock, "acc-0", TakeoverSign.SAID)
    found = view(context)
    assert (found.number, found.coverage, found.deadlines) == (9, Coverage.BELOW, ())
    finding.taken_over(context.journal, context.clock, "acc-9", TakeoverSign.SAID)
    found = view(context)
    assert (found.number, found.coverage, bool(found.deadlines)) == (10, Coverage.ACCOUNTS, True)
    clock.ahead += finding.ONE_CAUSE + timedelta(days=1)
    finding.taken_over(context.journal, context.clock, "acc-10", TakeoverSign.SAID)
    assert len(list(counting.known(context.journal).open())) == 2, "a month later it is of another cause"


# --- letters -------------------------------------------------------------------------------------------------------


@pytest.mark.duty("RNG-29")
def test_the_report_has_dates_cause_number_remedies_and_notices_and_no_letter_names_a_person(context: Context) -> None:
    from expunge.core.incidents import letters

    (name,) = entering.refresh(context)
    for fact in (IncidentFact.ENDED, IncidentFact.PEOPLE_TOLD):
        entering.state(context, name, NewFact(fact, context.clock.now(), "SEC-9", document="cd" * 32), OFFICER)
    matter = drafting.matter(context, name)
    text = letters.report(matter, context.clock.now())
    women = women_of_the_day(context)
    for part in (
        f"{len(women)} accounts",
        f"It began {LAST_DAY.isoformat()} 00:00 UTC",
        "saw recordings of customers without need",
        "recordings were seen",
        "the access was ended (SEC-9, SHA-256 `" + "cd" * 32,
        "affected people were told (SEC-9",
        "under penalty of perjury",
        "It is not signed",
        view(context).affected.digest,
    ):
        assert part in text, part
    for language, said in (("en", "watched recordings of customers"), ("es", "vio grabaciones de clientes")):
        written = letters.notice(matter, language)
        assert written.startswith("Subject: ")
        assert said in written
        text += written
    for secret in (*women, REVIEWER, OFFICER, "desk-0"):
        assert secret not in text


# --- at the command line -------------------------------------------------------------------------------------------


def test_the_commands_enter_list_update_show_draft_and_close(company: object) -> None:
    folder = company.folder  # type: ignore[attr-defined]

    def said(*words: object, code: int = 0) -> dict[str, object]:
        done = command("incidents", *words, "--json", cwd=folder)
        assert done.code == code, done.err
        return done.json

    assert said("list") == {"schema": "expunge.incidents/1", "incidents": []}
    day, before = LAST_DAY.isoformat(), (LAST_DAY + timedelta(days=1)).isoformat()
    opening = ("open", "views", "--began", day, "--discovered", before, "--what", "seen", "--reference", "SEC-1", "--reviewer", REVIEWER)
    found = said(*opening)
    assert (found["standing"], found["covered"], found["could_not"]) == ("open", True, [])
    name = found["incident"]
    shown = said("show", name, "--accounts")
    assert (shown["accounts"], [each["holds"] for each in shown["counts"]]) == (len(shown["list"]), [True])  # type: ignore[arg-type, attr-defined]
    assert [each["clock"] for each in said("list", code=1)["incidents"][0]["due"]] == ["incident"]  # type: ignore[index]
    (folder / "paper.pdf").write_bytes(b"paper")
    for fact in ("no-notice", "completed"):
        said("update", name, "--reference", "SEC-2", "--fact", fact, "--document", "paper.pdf")
    assert command("incidents", "update", name, "--reference", "SEC-2", cwd=folder).code == 2
    assert "one thing is entered at a time" in command("incidents", "update", name, "--reference", "SEC-2", cwd=folder).err
    assert "# Report of incident" in command("incidents", "letters", name, "--to", "authority", cwd=folder).out
    assert said("letters", name, "--to", "people", "--language", "es")["text"].startswith("Subject: Algo ocurrió")  # type: ignore[attr-defined]
    closing_ = ("close", name, "--verdict", "settled", "--reference", "SEC-3")
    assert said(*closing_, "--message")["message"].splitlines()[:2] == ["expunge incident/1", name]  # type: ignore[attr-defined]
    assert said(*closing_, "--as", "priya", "--key", "priya.pem")["standing"] == "judged once"
    assert command("incidents", *closing_, "--as", "priya-too", "--key", "priya.pem", cwd=folder).code != 0
    assert said(*closing_, "--as", "omar", "--key", "omar.pem")["verdict"] == "settled"
    assert "the log commits to" in command("incidents", "verify", cwd=folder).out
    assert f"{name}  settled  views" in command("incidents", "list", "--all", cwd=folder).out
