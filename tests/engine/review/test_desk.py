"""The life of a review: ask, approve, activate, see, step up, stop, and enter the result."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import timedelta

import pytest

from expunge import durable
from expunge.core.datamap.clocks import ClockState
from expunge.core.journal.review_events import (
    LeaseEnded,
    ReviewsCommitted,
    ReviewsLogged,
    ViewGiven,
    ViewRefused,
    ViewServed,
)
from expunge.core.journal.review_words import (
    CaseKind,
    Clarity,
    LeaseEnding,
    NoteAbout,
    RecusalReason,
    ReviewOutcome,
    ReviewPurpose,
    Room,
    Sound,
)
from expunge.core.review import commitment
from expunge.core.review.request import Lease, RequestStanding
from expunge.core.values.hold import item_tag
from expunge.engine.kernel.journal_streams import REVIEWS
from expunge.engine.reports import emergency_views
from expunge.engine.review import notes, requesting
from expunge.engine.review.refusals import MOST_ENTRIES, ReviewRefused
from expunge.errors import IllegalTransition, ItemGone, StateCorrupt, StateUnavailable, UsageError
from expunge.faults import arm
from expunge.ports.review.recordings import ReviewSource
from tests.engine.families.recorded_company import BELA, FILM
from tests.engine.review.desk_company import (
    BELL,
    OFFICER,
    OPERATOR,
    PARENT,
    REVIEWER,
    SECOND_OFFICER,
    SECOND_REVIEWER,
    VOICE,
    WHY,
    DeskCompany,
    entered,
)


def rules_of(error: pytest.ExceptionInfo[ReviewRefused]) -> set[str]:
    return {each.rule for each in error.value.reasons}


def approved(office: DeskCompany, *approvers: str, **changes: object) -> str:
    """Ask, and have it approved. Return the id of the request."""
    request = requesting.ask(office.desk, office.seat(), office.new(**changes)).id
    for account in approvers or (OFFICER,):
        requesting.approve(office.desk, office.seat(account, b"o" * 32), request)
    return request


def leased(office: DeskCompany, *approvers: str, **changes: object) -> Lease:
    """Ask, have it approved, and activate it."""
    return office.viewing.activate(office.seat(), approved(office, *approvers, **changes))


def by_family(office: DeskCompany) -> Lease:
    """A lease that stands on the family's consent."""
    office.consent()
    request = requesting.ask(office.desk, office.seat(), office.new(purpose=ReviewPurpose.AUTHORISED)).id
    return office.viewing.activate(office.seat(), request)


# --- from the request to the view -------------------------------------------------------------------------------


def test_a_sealed_recording_is_seen_after_another_person_approved_it(office: DeskCompany) -> None:
    lease = leased(office)
    assert (lease.clarity, lease.sound) == (Clarity.PIXELATED, Sound.MUTE)
    assert office.fetch(lease.begun.lease) == b"pixelated|mute|" + FILM[:64]
    (view,) = entered(office.events(), ViewServed)
    assert isinstance(view, ViewServed)
    assert (view.sequence, view.reviewer, view.approvers, view.case_number) == (0, REVIEWER, (OFFICER,), "LE-88")
    assert (view.purpose, view.first_ms, view.last_ms, view.policy) == (ReviewPurpose.HARM, 0, 2000, office.policy.digest)
    assert view.subjects == (office.subject(),)
    office.desk.views.flush()
    (given,) = entered(office.events(), ViewGiven)
    assert isinstance(given, ViewGiven)
    assert (given.sequence, given.bytes) == (0, len(b"pixelated|mute|") + 64)


def test_a_recording_that_lies_in_the_clear_goes_the_same_way(office: DeskCompany) -> None:
    lease = leased(office, dataset="voice", name=VOICE)
    assert b"RIFF" in office.fetch(lease.begun.lease)
    (view,) = entered(office.events(), ViewServed)
    assert isinstance(view, ViewServed)
    assert view.recording == item_tag(office.expunge.context.keys.pseudonym_key(), "voice", VOICE)
    assert view.room is Room.OUTDOOR
    journal = b"".join(office.expunge.context.journal.read(REVIEWS))
    assert b"rec-1" not in journal
    assert b"porch" not in journal


@pytest.mark.duty("RNG-09")
def test_nothing_is_shown_without_a_lease_and_no_name_is_listed(office: DeskCompany) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new()).id
    with pytest.raises(ReviewRefused) as error:
        office.viewing.activate(office.seat(), request)
    assert rules_of(error) == {"no-approval"}
    assert office.rendered == []
    (entry,) = entered(office.events(), ViewRefused)
    assert isinstance(entry, ViewRefused)
    assert (entry.reasons, entry.reviewer) == (("no-approval",), REVIEWER)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": BELL.replace("ring-1", "ring-9")},
        {"name": "anna.miller@example.org"},
        {"dataset": "profiles"},
        {"dataset": "anna.miller@example.org"},
        {"dataset": "shared", "name": "shared/t.wav"},
        {"name": "../../etc/passwd"},
    ],
    ids=["not-there", "an-address", "no-recordings", "no-dataset", "through", "outside"],
)
def test_each_name_of_no_recording_has_the_same_answer_and_leaves_an_entry_without_the_name(
    office: DeskCompany, changes: dict[str, object]
) -> None:
    with pytest.raises(ReviewRefused) as error:
        requesting.ask(office.desk, office.seat(), office.new(**changes))
    assert [each.text for each in error.value.reasons] == ["no recording of that name can be asked for"]
    (entry,) = entered(office.events(), ViewRefused)
    assert isinstance(entry, ViewRefused)
    assert (entry.reasons, entry.reviewer, entry.recording, entry.subjects) == (("no-such-recording",), REVIEWER, "", ())
    journal = b"".join(office.expunge.context.journal.read(REVIEWS))
    assert b"ring-9" not in journal
    assert b"miller" not in journal
    with pytest.raises(UsageError):
        requesting.ask(office.desk, office.seat(), office.new(**changes), at_machine=True)


def test_a_reviewer_withdraws_an_own_request_and_no_other(office: DeskCompany) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new()).id
    with pytest.raises(ReviewRefused) as error:
        requesting.withdraw(office.desk, SECOND_REVIEWER, request)
    assert rules_of(error) == {"not-yours"}
    assert requesting.withdraw(office.desk, REVIEWER, request).standing(office.clock.now()) is RequestStanding.DENIED
    requesting.withdraw(office.desk, REVIEWER, request)
    with pytest.raises(ReviewRefused):
        requesting.approve(office.desk, office.seat(OFFICER, b"o" * 32), request)
    lease = leased(office)
    with pytest.raises(IllegalTransition):
        requesting.withdraw(office.desk, REVIEWER, lease.begun.request)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"case_number": "she rang"}, "a case has a key"),
        ({"case_number": ""}, "a case has a key"),
        ({"first_ms": 10, "last_ms": 10}, "a range"),
        ({"first_ms": -1}, "a range"),
        ({"last_ms": 3_600_000}, "a range"),
        ({"last_ms": 301_000, "break_glass": True}, "a range"),
        ({"why": " "}, "the reason why"),
        ({"why": "x" * 2001}, "the reason why"),
        ({"why": "bell\x07"}, "cannot be shown"),
        ({"extends": "00" * 8}, "no request of that id"),
    ],
    ids=[
        "case-text", "no-case", "no-range", "before", "too-long", "glass-too-long", "no-why", "long-why", "control", "extends",
    ],
)  # fmt: skip
def test_a_request_of_another_form_is_refused_and_enters_nothing(office: DeskCompany, changes: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        requesting.ask(office.desk, office.seat(), office.new(**changes))
    assert office.events() == ()


def test_a_child_in_the_clear_takes_two_people(office: DeskCompany) -> None:
    lease = leased(office)
    assert office.policy.asked[-1].child
    with pytest.raises(ReviewRefused) as error:
        office.viewing.step(office.seat(), lease.begun.lease, Clarity.CLEAR, Sound.MUTE)
    assert rules_of(error) == {"no-approval"}
    other = leased(office, OFFICER, SECOND_OFFICER)
    stepped = office.viewing.step(office.seat(), other.begun.lease, Clarity.CLEAR, Sound.CLEAR)
    assert (stepped.clarity, stepped.sound) == (Clarity.CLEAR, Sound.CLEAR)
    assert office.fetch(other.begun.lease).startswith(b"clear|clear|")


def test_each_step_up_is_an_act_that_a_policy_may_refuse_and_less_is_free(office: DeskCompany) -> None:
    lease = leased(office).begun.lease
    office.viewing.step(office.seat(), lease, Clarity.FACES_HIDDEN, Sound.MUTE)
    office.policy.refuses.add("step up")
    with pytest.raises(ReviewRefused):
        office.viewing.step(office.seat(), lease, Clarity.FACES_HIDDEN, Sound.MASKED)
    office.viewing.step(office.seat(), lease, Clarity.PIXELATED, Sound.MUTE)
    assert office.fetch(lease).startswith(b"pixelated|mute|")


def test_more_than_was_asked_is_a_new_request(office: DeskCompany) -> None:
    lease = leased(office, clarity=Clarity.PIXELATED, sound=Sound.MUTE, last_ms=4000).begun.lease
    with pytest.raises(ReviewRefused) as error:
        office.viewing.step(office.seat(), lease, Clarity.FACES_HIDDEN, Sound.MUTE)
    assert rules_of(error) == {"clearer-than-asked"}
    with pytest.raises(ReviewRefused) as error:
        office.fetch(lease, 3000, 5000)
    assert rules_of(error) == {"out-of-range"}
    with pytest.raises(IllegalTransition):
        office.viewing.activate(office.seat(), office.reviews().leases[lease].begun.request)
    again = approved(office, extends=office.reviews().leases[lease].begun.request)
    assert office.viewing.activate(office.seat(), again).begun.lease != lease


def test_an_extension_is_of_the_same_reviewer_about_the_same_recording(office: DeskCompany) -> None:
    first = approved(office)
    with pytest.raises(UsageError, match="same reviewer"):
        requesting.ask(office.desk, office.seat(SECOND_REVIEWER), office.new(extends=first))
    with pytest.raises(UsageError, match="same reviewer"):
        requesting.ask(office.desk, office.seat(), office.new(extends=first, dataset="voice", name=VOICE))


# --- who answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "rules"),
    [
        (REVIEWER, {"no-right", "own-request"}),
        (SECOND_REVIEWER, {"no-right"}),
        (OPERATOR, {"no-right"}),
        ("unknown", {"no-right"}),
    ],
    ids=["own", "reviewer", "operator", "unknown"],
)
def test_only_another_person_with_the_right_approves(office: DeskCompany, account: str, rules: set[str]) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new()).id
    with pytest.raises(ReviewRefused) as error:
        requesting.approve(office.desk, office.seat(account), request)
    assert rules_of(error) == rules
    with pytest.raises(ReviewRefused):
        requesting.deny(office.desk, account, request)
    assert office.reviews().requests[request].standing(office.clock.now()) is RequestStanding.WAITING


def test_one_approval_counts_once(office: DeskCompany) -> None:
    request = approved(office, OFFICER, OFFICER)
    assert office.reviews().requests[request].approvers == (OFFICER,)
    lease = office.viewing.activate(office.seat(), request)
    with pytest.raises(ReviewRefused):
        office.viewing.step(office.seat(), lease.begun.lease, Clarity.CLEAR, Sound.MUTE)


def test_a_signed_approval_counts_and_not_that_of_the_reviewer(office: DeskCompany) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new()).id
    for own in ("desk-0", "user0"):
        with pytest.raises(ReviewRefused):
            requesting.approve_signed(office.desk, request, own, "c2ln")
    requesting.approve_signed(office.desk, request, "priya", "c2ln")
    assert office.viewing.activate(office.seat(), request).clarity is Clarity.PIXELATED


def test_a_denial_is_final(office: DeskCompany) -> None:
    request = approved(office)
    requesting.deny(office.desk, SECOND_OFFICER, request)
    with pytest.raises(ReviewRefused) as error:
        office.viewing.activate(office.seat(), request)
    assert rules_of(error) == {"not-approved"}
    with pytest.raises(ReviewRefused):
        requesting.approve(office.desk, office.seat(SECOND_OFFICER), request)


@pytest.mark.parametrize("approve", [False, True], ids=["waiting", "approved"])
def test_a_request_ends_by_time(office: DeskCompany, *, approve: bool) -> None:
    request = approved(office) if approve else requesting.ask(office.desk, office.seat(), office.new()).id
    office.clock.ahead = office.desk.bounds.request_lasts
    with pytest.raises(ReviewRefused) as error:
        office.viewing.activate(office.seat(), request)
    assert "not-approved" in rules_of(error)


@pytest.mark.duty("RNG-09")
def test_no_approval_stands_in_for_the_family(office: DeskCompany) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new(purpose=ReviewPurpose.AUTHORISED)).id
    with pytest.raises(ReviewRefused) as error:
        requesting.approve(office.desk, office.seat(OFFICER), request)
    assert rules_of(error) == {"takes-the-family"}
    with pytest.raises(ReviewRefused) as error:
        office.viewing.activate(office.seat(), request)
    assert rules_of(error) == {"no-consent"}
    requesting.answer_as_family(office.desk, PARENT, office.subject(), (), request, granted=True)
    lease = office.viewing.activate(office.seat(), request)
    assert lease.begun.by_family
    assert office.fetch(lease.begun.lease)


def test_the_family_denies_and_the_stream_that_stands_on_its_word_stops(office: DeskCompany) -> None:
    lease = by_family(office)
    assert office.fetch(lease.begun.lease)
    requesting.answer_as_family(office.desk, PARENT, office.subject(), (), lease.begun.request, granted=False)
    assert not office.viewing.wait(lease.begun.lease, 5)
    with pytest.raises(ReviewRefused):
        office.fetch(lease.begun.lease)
    assert office.reviews().leases[lease.begun.lease].ended == LeaseEnded(
        office.reviews().leases[lease.begun.lease].ended.at, lease.begun.lease, LeaseEnding.FAMILY_DENIED, PARENT  # type: ignore[union-attr]
    )  # fmt: skip


def test_another_family_answers_nothing(office: DeskCompany) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new(purpose=ReviewPurpose.AUTHORISED)).id
    with pytest.raises(UsageError, match="no request of that id"):
        requesting.answer_as_family(office.desk, PARENT, office.subject(BELA), (), request, granted=True)


def test_what_a_family_bars_no_consent_opens(office: DeskCompany) -> None:
    lease = by_family(office)
    requesting.bar(office.desk, PARENT, office.subject())
    assert not office.viewing.wait(lease.begun.lease, 5)
    other = requesting.ask(office.desk, office.seat(), office.new(purpose=ReviewPurpose.AUTHORISED)).id
    with pytest.raises(ReviewRefused) as error:
        office.viewing.activate(office.seat(), other)
    assert rules_of(error) == {"no-consent"}
    requesting.bar(office.desk, PARENT, office.subject(), barred=False)
    assert office.viewing.activate(office.seat(), other).begun.by_family


# --- what stops a stream ----------------------------------------------------------------------------------------

ENDS = {
    "revoked": (lambda office, lease: requesting.revoke(office.desk, lease.begun.request, OPERATOR), LeaseEnding.REVOKED),
    "withdrawn": (lambda office, _: office.withdraw(), LeaseEnding.CONSENT_WITHDRAWN),
    "erasure": (lambda office, _: office.erase(), LeaseEnding.ERASURE),
    "suspended": (lambda office, _: office.suspend(REVIEWER), LeaseEnding.RIGHTS_ENDED),
    "session": (lambda office, _: office.logins.ended.add(b"s" * 32), LeaseEnding.SESSION_ENDED),
    "dispute": (lambda office, _: _freeze(office), LeaseEnding.DISPUTE),
    "recused": (
        lambda office, lease: requesting.recuse(office.desk, REVIEWER, lease.begun.request, RecusalReason.KNOWS_PERSON),
        LeaseEnding.RECUSED,
    ),
    "outcome": (
        lambda office, lease: requesting.enter_outcome(office.desk, REVIEWER, lease.begun.request, ReviewOutcome.RESOLVED),
        LeaseEnding.OUTCOME,
    ),
}


def _freeze(office: DeskCompany) -> None:
    office.expunge.consents.freeze(office.expunge.resolve("profile:prf-anna-7Q2M9K4T"), by="priya", reason="two court papers")


@pytest.mark.parametrize("name", list(ENDS))
def test_an_open_stream_stops_at_once_and_no_fetch_follows(office: DeskCompany, name: str) -> None:
    act, why = ENDS[name]
    lease = by_family(office)
    assert office.fetch(lease.begun.lease)
    told: list[bool] = []
    stream = threading.Thread(target=lambda: told.append(office.viewing.wait(lease.begun.lease, 30)))
    stream.start()
    act(office, lease)
    stream.join(10)
    assert told == [False]
    ended = office.reviews().leases[lease.begun.lease].ended
    assert ended is not None
    assert ended.why is why
    count = len(office.rendered)
    with pytest.raises(ReviewRefused):
        office.fetch(lease.begun.lease)
    assert len(office.rendered) == count


def test_a_lease_ends_by_its_time_alone(office: DeskCompany) -> None:
    lease = leased(office).begun.lease
    office.clock.ahead = office.desk.bounds.lease - timedelta(seconds=1)
    assert office.fetch(lease)
    office.clock.ahead = office.desk.bounds.lease
    with pytest.raises(ReviewRefused) as error:
        office.fetch(lease)
    assert "no-lease" in rules_of(error)
    assert not office.viewing.wait(lease, 5)


def test_what_stops_while_it_is_rendered_hands_nothing_out(office: DeskCompany) -> None:
    lease = leased(office).begun

    def render(source: ReviewSource, view: ViewServed) -> bytes:
        data = office.render(source, view)
        requesting.revoke(office.desk, lease.request, OFFICER)
        return data

    with pytest.raises(ReviewRefused):
        office.viewing.fetch(office.seat(), lease.lease, 0, 2000, render)
    office.desk.views.flush()
    (given,) = entered(office.events(), ViewGiven)
    assert isinstance(given, ViewGiven)
    assert given.bytes == 0


def test_a_source_gives_no_byte_after_the_lease_ended(office: DeskCompany) -> None:
    lease = leased(office).begun

    def render(source: ReviewSource, view: ViewServed) -> bytes:
        requesting.revoke(office.desk, lease.request, OFFICER)
        return source.read(0, 64)

    with pytest.raises(ReviewRefused):
        office.viewing.fetch(office.seat(), lease.lease, 0, 2000, render)


def test_a_withdrawn_consent_does_not_stop_what_other_people_approved(office: DeskCompany) -> None:
    office.consent()
    lease = leased(office).begun.lease
    office.withdraw()
    assert office.viewing.goes_on(lease)
    assert office.fetch(lease)


@pytest.mark.duty("FAIL-12")
def test_a_lease_is_of_one_reviewer_in_one_session(office: DeskCompany) -> None:
    lease = leased(office).begun.lease
    with pytest.raises(ReviewRefused) as error:
        office.fetch(lease, seat=office.seat(session=b"t" * 32))
    assert rules_of(error) == {"another-session"}
    with pytest.raises(ReviewRefused) as error:
        office.fetch(lease, seat=office.seat(SECOND_REVIEWER))
    assert rules_of(error) == {"not-yours"}
    assert office.rendered == []


def test_who_recused_never_sees_the_recording_again(office: DeskCompany) -> None:
    requesting.recuse(office.desk, REVIEWER, approved(office), RecusalReason.HARMFUL)
    with pytest.raises(ReviewRefused) as error:
        requesting.ask(office.desk, office.seat(), office.new())
    assert rules_of(error) == {"recused"}
    assert requesting.ask(office.desk, office.seat(SECOND_REVIEWER), office.new())


def test_another_reviewer_enters_no_result(office: DeskCompany) -> None:
    lease = leased(office).begun
    with pytest.raises(ReviewRefused):
        requesting.enter_outcome(office.desk, SECOND_REVIEWER, lease.request, ReviewOutcome.RESOLVED)
    requesting.enter_outcome(office.desk, REVIEWER, lease.request, ReviewOutcome.RESOLVED)
    with pytest.raises(IllegalTransition):
        requesting.enter_outcome(office.desk, REVIEWER, lease.request, ReviewOutcome.REPORTED)


# --- break-glass ------------------------------------------------------------------------------------------------


def test_break_glass_shows_at_once_and_owes_a_judgement(office: DeskCompany) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new(break_glass=True, clarity=Clarity.PIXELATED, sound=Sound.MUTE)).id
    lease = office.viewing.activate(office.seat(), request)
    assert office.fetch(lease.begun.lease)
    (view,) = entered(office.events(), ViewServed)
    assert isinstance(view, ViewServed)
    assert view.break_glass
    assert office.reviews().requests[request].owes_judgement() == lease.begun.at + timedelta(hours=24)
    (due,) = emergency_views.owed(office.desk.context)
    assert (due.at, due.standing) == (lease.begun.at + timedelta(hours=24), ClockState.RUNNING)
    office.clock.ahead = timedelta(hours=24)
    assert [each.standing for each in emergency_views.owed(office.desk.context)] == [ClockState.OVERDUE]
    office.clock.ahead = timedelta(0)
    for account in (REVIEWER, SECOND_REVIEWER):
        with pytest.raises(ReviewRefused):
            requesting.judge(office.desk, account, request, "it was needed", justified=True)
    requesting.judge(office.desk, OFFICER, request, "it was needed", justified=True)
    assert office.reviews().requests[request].owes_judgement() is None
    assert emergency_views.owed(office.desk.context) == ()
    office.clock.ahead = timedelta(hours=25)
    with pytest.raises(IllegalTransition):
        requesting.judge(office.desk, OFFICER, request, "it was needed", justified=False)


@pytest.mark.duty("FAIL-12")
def test_break_glass_is_no_way_round_the_family_or_an_erasure(office: DeskCompany) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new(break_glass=True, purpose=ReviewPurpose.AUTHORISED)).id
    with pytest.raises(ReviewRefused):
        office.viewing.activate(office.seat(), request)
    other = requesting.ask(office.desk, office.seat(), office.new(break_glass=True)).id
    office.erase()
    with pytest.raises(ReviewRefused) as error:
        office.viewing.activate(office.seat(), other)
    assert rules_of(error) == {"erasure"}


# --- notes ------------------------------------------------------------------------------------------------------


def test_texts_lie_sealed_and_die_with_the_subject(office: DeskCompany) -> None:
    lease = leased(office).begun
    requesting.enter_outcome(office.desk, REVIEWER, lease.request, ReviewOutcome.RESOLVED, "she sings to the walnut tree")
    request = office.reviews().requests[lease.request]
    assert notes.of(office.desk.context, request, NoteAbout.NEED) == WHY
    assert notes.of(office.desk.context, request, NoteAbout.OUTCOME) == "she sings to the walnut tree"
    for path in office.company.folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"walnut tree" not in data
            assert "zwölf".encode() not in data
    assert notes.end(office.desk.context, [office.subject()]) == (office.subject(),)
    assert all(notes.read(office.desk.context, each) is None for each in request.notes)
    assert notes.end(office.desk.context, [office.subject()]) == ()
    with pytest.raises(ReviewRefused) as error:
        requesting.ask(office.desk, office.seat(), office.new())
    assert rules_of(error) == {"erasure"}


def test_notes_go_when_the_order_ends_and_not_while_it_can_be_called_off(office: DeskCompany) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new()).id
    order = office.expunge.order_erase([office.expunge.resolve("profile:prf-anna-7Q2M9K4T")]).order
    assert notes.end_due(office.desk.context) == ()
    assert notes.of(office.desk.context, office.reviews().requests[request], NoteAbout.NEED) == WHY
    office.expunge.plan(order)
    office.expunge.apply(order)
    assert notes.of(office.desk.context, office.reviews().requests[request], NoteAbout.NEED) is None
    assert office.reviews().notes_ended == {office.reviews().requests[request].asked.subjects[0]}


@pytest.mark.parametrize("point", ["journal.register:before", "journal.register:after"])
def test_the_end_of_notes_is_finished_after_a_crash(office: DeskCompany, point: str) -> None:
    request = approved(office)
    with arm(point, "fail"), pytest.raises(OSError, match="failpoint"):
        notes.end(office.desk.context, [office.subject()])
    assert notes.of(office.desk.context, office.reviews().requests[request], NoteAbout.NEED) is None
    notes.end(office.desk.context, [office.subject()])
    assert office.reviews().notes_ended == {office.subject()}


# --- the record -------------------------------------------------------------------------------------------------


@pytest.mark.duty("RNG-19")
def test_the_log_commits_to_every_event_before_the_first_byte(office: DeskCompany) -> None:
    lease = leased(office).begun.lease
    seen: list[int] = []

    def render(source: ReviewSource, view: ViewServed) -> bytes:
        reviews = office.reviews()
        seen.append(reviews.logged_to)
        first = reviews.leases[lease].first_position
        assert first is not None
        assert first < reviews.logged_to
        return source.read(0, 10)

    office.viewing.fetch(office.seat(), lease, 0, 2000, render)
    assert seen
    office.viewing.fetch(office.seat(), lease, 2000, 4000, office.render)
    office.desk.views.flush()
    events = list(office.expunge.context.journal.read(REVIEWS))
    reviews = office.reviews()
    entries = [each for each in office.events() if isinstance(each, ReviewsCommitted)]
    logged = [each for each in office.events() if isinstance(each, ReviewsLogged)]
    assert [each.number for each in entries] == [each.number for each in logged] == list(range(len(entries)))
    for entry, place in zip(entries, logged, strict=True):
        part = events[entry.first : entry.first + entry.count]
        assert commitment.root_of(bytes.fromhex(entry.salt), entry.first, part).hex() == entry.root
        assert office.expunge.context.log.entry(place.index) == commitment.log_leaf(entry)
    ends = [entry.first + entry.count for entry in entries]
    assert [entry.first for entry in entries] == [0, *ends[:-1]]
    assert reviews.logged_to == ends[-1]
    office.desk.views.flush()
    assert len([each for each in office.events() if isinstance(each, ReviewsCommitted)]) == len(entries)


@pytest.mark.parametrize("point", ["journal.register:before", "log.publish.swap:before"])
def test_without_journal_or_log_nothing_is_seen(office: DeskCompany, point: str) -> None:
    lease = leased(office).begun.lease
    with arm(point, "full"), pytest.raises((OSError, StateUnavailable)):
        office.fetch(lease)
    assert office.rendered == []
    assert office.fetch(lease)
    office.desk.views.flush()
    views = entered(office.events(), ViewServed)
    given = {each.sequence: each.bytes for each in office.events() if isinstance(each, ViewGiven)}
    assert [each.sequence for each in views if isinstance(each, ViewServed)] == list(range(len(views)))
    assert sorted(given) == list(range(len(views)))
    assert [count > 0 for _, count in sorted(given.items())] == [*[False] * (len(views) - 1), True]


def test_a_lease_that_is_in_the_log_goes_on_for_a_minute_without_it(office: DeskCompany, monkeypatch: pytest.MonkeyPatch) -> None:
    lease, other = leased(office).begun.lease, leased(office).begun.lease
    assert office.fetch(lease)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(durable, "write_bytes", full)
    for second, works in ((2, True), (61, True), (63, False)):
        office.clock.ahead = timedelta(seconds=second)
        with nullcontext() if works else pytest.raises((OSError, StateUnavailable)):
            assert office.fetch(lease)
        with pytest.raises((OSError, StateUnavailable)):
            office.fetch(other)
    assert {view.lease for view in office.rendered} == {lease}
    monkeypatch.undo()
    assert office.fetch(lease)
    assert office.fetch(other)


def test_a_log_that_contradicts_itself_stops_every_view(office: DeskCompany) -> None:
    lease = leased(office).begun.lease
    assert office.fetch(lease)
    checkpoint = next(path for path in (office.company.folder / "state").rglob("checkpoint") if path.is_file())
    checkpoint.write_bytes(checkpoint.read_bytes().replace(b"\n", b" \n", 1))
    office.clock.ahead = timedelta(seconds=2)
    with pytest.raises(StateCorrupt):
        office.fetch(lease)
    assert len(office.rendered) == 1


@pytest.mark.duty("RNG-19")
def test_refusals_are_entered_and_counted(office: DeskCompany) -> None:
    lease = leased(office).begun.lease
    office.policy.refuses.add("view")
    for _ in range(MOST_ENTRIES + 5):
        with pytest.raises(ReviewRefused):
            office.fetch(lease)
    office.clock.ahead = timedelta(minutes=1)
    with pytest.raises(ReviewRefused):
        office.fetch(lease)
    found = [each.more for each in office.events() if isinstance(each, ViewRefused)]
    assert found == [*[0] * MOST_ENTRIES, 5]


def test_a_recording_that_is_gone_or_replaced_is_not_seen(office: DeskCompany) -> None:
    lease = leased(office, dataset="voice", name=VOICE).begun.lease
    path = office.company.media / VOICE
    assert office.fetch(lease)
    path.unlink()
    with pytest.raises((UsageError, ItemGone)):
        office.fetch(lease)


def test_the_policy_is_told_what_the_registers_know(office: DeskCompany) -> None:
    office.consent()
    lease = leased(office, case_kind=CaseKind.SAFETY_REPORT).begun.lease
    office.fetch(lease)
    question = office.policy.asked[-1]
    assert (question.approvers, question.own_request, question.self_approved, question.case_given) == (1, True, False, True)
    assert (question.consent.value, question.child, question.room, question.live) == ("valid", True, Room.UNKNOWN, False)
    assert (question.network, question.lease_running, question.range_seconds, question.login_seconds) == ("office", True, 2, 60)
    assert question.lease_seconds_left is not None
    assert 0 < question.lease_seconds_left <= 900
    office.fetch(lease, 2000, 4000)
    assert office.policy.asked[-1].watched_seconds_today == 4
