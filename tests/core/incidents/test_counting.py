"""Who counts as affected, when an incident is a covered one, and when its clocks end; against plain loops."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.accounts.family_events import ByOwner, MembershipDecided
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.datamap.clocks import due
from expunge.core.incidents.affected import NO_REGISTER, Affected, SeenRecording, count
from expunge.core.incidents.incidents import Incidents, IncidentStanding
from expunge.core.incidents.owed import THRESHOLD, Coverage, coverage, lacks, moments, number_of, waits_for_decision
from expunge.core.journal.incident_events import (
    IncidentCounted,
    IncidentDecided,
    IncidentFact,
    IncidentGrew,
    IncidentJoined,
    IncidentKind,
    IncidentOpened,
    IncidentScope,
    IncidentStated,
    IncidentVerdict,
    IncidentWord,
    ScopeSource,
)
from expunge.maps.sections.clocks import shipped_clocks

NOW = datetime(2027, 3, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
REVIEWER, OTHER = "reviewer-a", "reviewer-b"


def scope(
    who: str = REVIEWER, source: ScopeSource = ScopeSource.VIEWS, since: datetime = NOW, until: datetime | None = None
) -> IncidentScope:
    return IncidentScope(source, who, since, until or NOW + 24 * HOUR)


def opened(name: str, *scopes: IncidentScope, cause: str = "", at: datetime = NOW) -> IncidentOpened:
    return IncidentOpened(at, name, IncidentKind.VIEWS, cause or name, at, at, (IncidentWord.SEEN,), scopes or (scope(),), "findings", "")


def seen(*looks: SeenRecording) -> dict[ScopeSource, Sequence[SeenRecording]]:
    return {ScopeSource.VIEWS: looks}


def look(person: str, hour: int = 1, who: str = REVIEWER) -> SeenRecording:
    return SeenRecording(NOW + hour * HOUR, who, (person,) if person else (), f"rec-{person}-{hour}")


def member(account: str, family: str, hour: int, role: MembershipRole = MembershipRole.GUARDIAN) -> MembershipDecided:
    return MembershipDecided(NOW + hour * HOUR, account, family, role, ByOwner())


NAMES = st.sampled_from([f"person-{number}" for number in range(14)])
LOOKS = st.lists(st.tuples(NAMES, st.integers(-3, 30), st.sampled_from([REVIEWER, OTHER])), max_size=40)
MEMBERS = st.lists(
    st.tuples(st.sampled_from(["acc-1", "acc-2", "acc-3"]), NAMES, st.integers(-5, 30), st.sampled_from(MembershipRole)), max_size=20
)
TAKEN = st.lists(st.sampled_from(["acc-1", "acc-2", "acc-9"]), max_size=4)


def was_member(events: Sequence[MembershipDecided], account: str, family: str, at: datetime) -> bool:
    """Replay the register to a moment, and say whether the account has a role in the family then."""
    role = MembershipRole.FORMER
    for event in events:
        if event.account == account and event.family == family and event.at <= at:
            role = event.role
    return role is not MembershipRole.FORMER


@pytest.mark.duty("RNG-29")
@given(LOOKS, MEMBERS, TAKEN)
def test_each_account_counts_once_as_in_a_plain_loop(
    looks: list[tuple[str, int, str]], members: list[tuple[str, str, int, MembershipRole]], taken: list[str]
) -> None:
    events = [member(account, family, hour, role) for account, family, hour, role in sorted(members, key=lambda each: each[2])]
    scopes = [scope(), scope(), *(scope(account, ScopeSource.TAKEOVER) for account in taken)]
    found = count(scopes, seen(*(look(*each) for each in looks)), events)
    wanted, people = set(taken), set[str]()
    for person in {each[0] for each in looks}:
        mine = [NOW + hour * HOUR for name, hour, who in looks if name == person and who == REVIEWER and 0 <= hour < 24]
        theirs = {event.account for event in events for at in mine if was_member(events, event.account, person, at)}
        wanted |= theirs or ({person} if mine else set())
        people |= {person} if mine else set()
    assert found.accounts == tuple(sorted(wanted))
    assert people <= set(found.people)
    again = count(reversed(scopes), seen(*(look(*each) for each in reversed(looks))), events)
    assert (again, again.digest) == (found, found.digest), "the list is the same however it is counted"


def people_of(number: int, first: int = 0) -> Affected:
    return count([scope()], seen(*(look(f"p{each}") for each in range(first, first + number))), ())


@pytest.mark.duty("RNG-29")
@pytest.mark.parametrize(("number", "covers"), [(9, Coverage.BELOW), (10, Coverage.ACCOUNTS), (11, Coverage.ACCOUNTS)])
def test_ten_accounts_are_a_covered_incident_and_nine_are_not(number: int, covers: Coverage) -> None:
    known = Incidents([opened("a")])
    assert (THRESHOLD, coverage(known, "a", people_of(number))) == (10, covers)
    twice = count([scope()], seen(*(look(f"p{each}", hour) for each in range(number) for hour in (1, 2))), ())
    assert (len(twice.accounts), coverage(known, "a", twice)) == (number, covers), "the same account twice is one"


def test_guardians_with_one_account_are_one_and_a_recording_of_nobody_counts_too() -> None:
    children = [member("acc-1", f"p{each}", -1) for each in range(4)]
    found = count([scope()], seen(*(look(f"p{each}") for each in range(5)), look("", 3)), children)
    assert found.accounts == ("acc-1", "p4", "recording rec--3")
    assert len(found.people) == 5


def test_an_account_that_was_taken_and_watched_is_one_account() -> None:
    found = count([scope(), scope("acc-1", ScopeSource.TAKEOVER)], seen(look("p1")), [member("acc-1", "p1", -1)])
    assert (found.accounts, found.people) == (("acc-1",), ("p1",))


@pytest.mark.duty("RNG-29")
def test_what_cannot_be_counted_is_handled_as_covered_and_a_number_of_people_only_adds() -> None:
    known = Incidents([opened("a", scope("", ScopeSource.NOWHERE))])
    found = count(known.scopes_of("a"), {}, ())
    assert (found.accounts, found.could_not) == ((), (NO_REGISTER,))
    assert coverage(known, "a", found) is Coverage.UNKNOWN
    known.apply(stated("a", IncidentFact.COUNTED, number=3))
    assert (number_of(known, "a", found), coverage(known, "a", found)) == (3, Coverage.UNKNOWN)
    known.apply(stated("a", IncidentFact.COUNTED, number=400))
    assert (number_of(known, "a", found), coverage(known, "a", found)) == (400, Coverage.ACCOUNTS)


def stated(name: str, fact: IncidentFact, on: datetime = NOW, number: int = 0) -> IncidentStated:
    return IncidentStated(NOW, name, fact, on, number, "expunge", "SEC-1", "")


# --- several of one cause ------------------------------------------------------------------------------------------


def both(known: Incidents, name: str) -> Affected:
    looks = [look(f"p{each}") for each in range(6)] + [look(f"p{each}", who=OTHER) for each in range(4, 10)]
    return count(known.scopes_of(name), seen(*looks), ())


@pytest.mark.duty("RNG-29")
def test_small_incidents_of_one_cause_add_up_and_others_do_not() -> None:
    first, second = opened("a", cause="door"), opened("b", scope(OTHER), cause="door", at=NOW + HOUR)
    known = Incidents([first, second])
    assert {len(both(known, each).accounts) for each in ("a", "b")} == {10}
    assert (known.began("b"), coverage(known, "b", both(known, "b"))) == (NOW, Coverage.ACCOUNTS)
    apart = Incidents([first, opened("b", scope(OTHER), cause="gate")])
    assert [len(both(apart, each).accounts) for each in ("a", "b")] == [6, 6]


@pytest.mark.parametrize(("verdict", "number"), [(IncidentVerdict.SETTLED, 10), (IncidentVerdict.NONE, 6), (IncidentVerdict.KEYS_SAFE, 6)])
def test_a_closed_one_of_the_same_cause_counts_unless_it_was_none(verdict: IncidentVerdict, number: int) -> None:
    events = [opened("a", cause="door"), *(decided("a", account, verdict) for account in ("x", "y"))]
    known = Incidents([*events, opened("b", scope(OTHER), cause="door")])
    assert known.incidents["a"].standing is IncidentStanding.CLOSED
    assert len(both(known, "b").accounts) == number


def decided(name: str, account: str, verdict: IncidentVerdict = IncidentVerdict.SETTLED) -> IncidentDecided:
    return IncidentDecided(NOW, name, account, verdict, "SEC-1", "")


@pytest.mark.duty("RNG-29")
def test_joined_incidents_count_together_and_the_earlier_beginning_holds() -> None:
    known = Incidents([opened("a"), opened("b", scope(OTHER), at=NOW - HOUR), stated("b", IncidentFact.STATUTE), decided("a", "x")])
    assert coverage(known, "a", both(known, "a")) is Coverage.BELOW
    known.apply(IncidentJoined(NOW, "b", "a", "expunge", "SEC-1"))
    assert (known.incidents["b"].standing, known.part_of("b")) == (IncidentStanding.JOINED, "a")
    assert known.incidents["a"].standing is IncidentStanding.OPEN, "what was judged before is void"
    assert (len(both(known, "a").accounts), known.began("a")) == (10, NOW - HOUR)
    assert [each.fact for each in known.incidents["a"].facts] == [IncidentFact.STATUTE]
    known.apply(IncidentJoined(NOW, "a", "b", "expunge", "SEC-1"))
    assert known.part_of("b") == "a", "two cannot be parts of one another"


ACTS = st.lists(
    st.tuples(st.sampled_from(["x", "y", "z", "grew", "stated", "counted", "counted otherwise"]), st.sampled_from(IncidentVerdict)),
    max_size=14,
)


@pytest.mark.duty("RNG-29")
@given(ACTS)
def test_an_incident_never_closes_without_two_who_judge_alike_since_it_last_changed(acts: list[tuple[str, IncidentVerdict]]) -> None:
    known, said, closed = Incidents([opened("a")]), dict[str, IncidentVerdict](), None
    digest = ""
    for who, verdict in acts:
        match who:
            case "grew":
                known.apply(IncidentGrew(NOW, "a", (scope(OTHER),), "expunge", "SEC-1"))
            case "stated":
                known.apply(stated("a", IncidentFact.ENDED))
            case "counted" | "counted otherwise":
                known.apply(IncidentCounted(NOW, "a", 1, 1, (), who, {}))
            case _:
                known.apply(decided("a", who, verdict))
        if closed is None:
            if who in ("grew", "stated") or (who.startswith("counted") and digest not in ("", who)):
                said = {}
            if who.startswith("counted"):
                digest = who
            elif who in ("x", "y", "z"):
                said[who] = verdict
            closed = next((each for each in IncidentVerdict if list(said.values()).count(each) >= 2), None)
        assert known.incidents["a"].verdict is closed


# --- clocks --------------------------------------------------------------------------------------------------------

REPORT, AFTER, TESTS, PRODUCTS = (
    shipped_clocks()[name]
    for name in ("ring-incident-report", "ring-after-incident", "ring-tests-after-incident", "ring-product-tests-after-incident")
)
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=OFFSETS)  # noqa: DTZ001 - drawn with a zone each
NEW_YORK = ZoneInfo("America/New_York")


def readers(start: datetime, days: int) -> list[datetime]:
    """Return the end as readers count it by the wall clock of Washington and by UTC, an hour that comes twice or never either way."""
    ends = (start.astimezone(zone) + timedelta(days=days) for zone in (NEW_YORK, UTC))
    return [end.replace(fold=fold).astimezone(UTC) for end in ends for fold in (0, 1)]


@pytest.mark.duty("RNG-08")
@given(INSTANTS, st.none() | st.integers(0, 80 * 24))
def test_the_sooner_branch_binds_on_the_edge_of_a_day_and_in_any_zone(began: datetime, completed: int | None) -> None:
    known = Incidents([opened("a", at=began)])
    if completed is not None:
        for hours in (completed + 1, completed):
            known.apply(stated("a", IncidentFact.COMPLETED, began + hours * HOUR))
    for rule, days in ((AFTER, 60), (TESTS, 60), (PRODUCTS, 90)):
        ends = [min(readers(began, days))]
        if completed is not None:
            ends.append(min(readers(began + completed * HOUR, 30)))
        found = due(rule, moments(known, "a"))
        assert found.at == min(ends)
        assert found.why.startswith(f"{days} days" if min(ends) == ends[0] and (len(ends) == 1 or ends[0] < ends[1]) else "30 days")


@pytest.mark.duty("RNG-29")
@given(INSTANTS, st.none() | st.integers(0, 3000), st.none() | st.integers(0, 3000))
def test_the_report_is_due_ten_days_after_the_first_notice_or_the_decision_that_none_is_needed(
    began: datetime, told: int | None, none: int | None
) -> None:
    known = Incidents([opened("a", at=began)])
    moment = {IncidentFact.GOVERNMENT_TOLD: told, IncidentFact.NO_NOTICE: none}
    for fact, minutes in moment.items():
        if minutes is not None:
            known.apply(stated("a", fact, began + timedelta(minutes=minutes + 7)))
            known.apply(stated("a", fact, began + timedelta(minutes=minutes)))
    ends = [min(readers(began + timedelta(minutes=minutes), 10)) for minutes in moment.values() if minutes is not None]
    assert due(REPORT, moments(known, "a")).at == (min(ends) if ends else None)
    assert waits_for_decision(known, "a") is (not ends)


CLOCKS = frozenset({"ring-incident-report", "ring-after-incident"})


@pytest.mark.duty("RNG-29")
def test_a_covered_incident_lacks_its_report_and_a_small_one_lacks_the_end_of_the_response_alone() -> None:
    known = Incidents([opened("a")])
    assert lacks(known, "a", Coverage.BELOW, CLOCKS) == (IncidentFact.COMPLETED,)
    wanted = (IncidentFact.COMPLETED, IncidentFact.REPORTED, IncidentFact.ASSESSED, IncidentFact.GOVERNMENT_TOLD)
    for covers in (Coverage.ACCOUNTS, Coverage.STATUTE, Coverage.UNKNOWN):
        assert lacks(known, "a", covers, CLOCKS) == wanted
    for fact in (*wanted[:3], IncidentFact.NO_NOTICE):
        known.apply(stated("a", fact))
    assert lacks(known, "a", Coverage.ACCOUNTS, CLOCKS) == ()
