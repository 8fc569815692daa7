"""The review desk over the clerk's socket: what each verb answers, and to whom it answers nothing."""

from __future__ import annotations

import importlib
import pkgutil
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import fields, replace
from uuid import UUID, uuid4

import pytest

import expunge.adapters.desk
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.desk import desk_requests
from expunge.adapters.desk.desk_requests import OfDesk, written_new, written_sought
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import Name
from expunge.bootstrap import keeping
from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_acts import SuspendStaff
from expunge.core.accounts.staff_events import StaffReason
from expunge.core.journal.review_events import ViewGiven, ViewReported, ViewServed
from expunge.core.journal.review_words import Clarity, LeaseEnding, RecusalReason, ReviewOutcome, ReviewPurpose, Sound
from expunge.core.review.rendition import FormKind
from expunge.core.review.request import LeaseStanding, RequestStanding
from expunge.engine.kernel.journal_streams import REVIEWS, read_register
from expunge.errors import (
    ChallengeEnded,
    DeskRefused,
    ExpungeError,
    IllegalTransition,
    ProofRefused,
    Refused,
    StateUnavailable,
    Unplayable,
    UsageError,
)
from expunge.ports.review.desk_door import DeskCaller, LeaseCard
from tests.adapters.rendering.recorded import decoded
from tests.web.site.deciders import apart, decided
from tests.web.site.desk import desk_company
from tests.web.site.desk.kit import ADDRESS, Desk, place_of

AT_ONCE = 1.0
"""Seconds in which a stream has heard that its lease ended."""


def rules(call: Callable[[], object]) -> tuple[str, ...]:
    """The rules by which a call is refused."""
    with pytest.raises(DeskRefused) as refusal:
        call()
    return refusal.value.rules


def views(office: Desk) -> list[object]:
    """What the register of views has."""

    def look() -> list[object]:
        with open_journal(office.served.state) as journal:
            return [each for each in read_register(journal, REVIEWS) if isinstance(each, ViewServed | ViewGiven | ViewReported)]

    return apart(look)


def served(office: Desk) -> list[object]:
    return [each for each in views(office) if isinstance(each, ViewServed)]


def of(office: Desk, lease: str, kind: type) -> list[object]:
    return [each for each in views(office) if isinstance(each, kind) and each.lease == lease]  # type: ignore[attr-defined]


# --- the way to a view --------------------------------------------------------------------------


def test_from_a_request_to_its_result(office: Desk) -> None:
    door, reviewer, officer = office.door, office["reviewer"].caller, office["officer"].caller
    card = door.ask(reviewer, desk_company.new())
    assert (card.standing, card.reviewer.label) == (RequestStanding.WAITING, office["reviewer"].label)
    assert card.request in [each.request for each in door.today(reviewer).mine]
    assert card.request in [each.request for each in door.today(officer).approvals]
    page = door.request(officer, card.request)
    assert (page.recording, page.need, page.own) == (f"rings/{desk_company.RING}", desk_company.new().why, False)
    assert (page.room, page.needed) == ("outdoor", 1)
    assert door.approve(officer, card.request).standing is RequestStanding.APPROVED
    assert card.request not in [each.request for each in door.today(officer).approvals]
    lease = door.activate(reviewer, card.request)
    assert (lease.clarity, lease.sound, lease.runs) == (Clarity.PIXELATED, Sound.MUTE, True)
    form = door.describe(reviewer, lease.lease)
    assert (form.kind, form.length_ms // 1000) == (FormKind.FILM, int(desk_company.SECONDS))
    made = door.segment(reviewer, lease.lease, 1000, 3000)
    shown = decoded(made.data)
    assert (shown.kinds, shown.colours <= 3) == ({"video"}, True)
    assert decoded(made.head + made.body).times[0] == pytest.approx(1.0)
    stepped = door.step(reviewer, lease.lease, Clarity.FACES_HIDDEN, Sound.MUTE)
    assert (stepped.clarity, stepped.views) == (Clarity.FACES_HIDDEN, 2)
    door.report(reviewer, lease.lease, 2000, 1, 300, ended=True)
    closed = door.outcome(reviewer, card.request, ReviewOutcome.RESOLVED, "the bell was unplugged")
    assert (closed.standing, closed.outcome) == (RequestStanding.CLOSED, ReviewOutcome.RESOLVED)
    assert door.request(officer, card.request).outcome_note == "the bell was unplugged"
    assert [(view.sequence, view.first_ms, view.last_ms) for view in of(office, lease.lease, ViewServed)] == [  # type: ignore[attr-defined]
        (0, 0, 1), (1, 1000, 3000),
    ]  # fmt: skip
    until = time.monotonic() + 10
    while len(of(office, lease.lease, ViewGiven)) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    # The form of a recording is told, and no byte of it.
    assert [given.bytes for given in of(office, lease.lease, ViewGiven)] == [0, len(made.data)]  # type: ignore[attr-defined]
    assert len(of(office, lease.lease, ViewReported)) == 1


def test_a_sealed_recording_is_seen_like_one_in_a_folder(office: Desk) -> None:
    lease = office.leased(dataset="nights", name=desk_company.SEALED)
    made = office.door.segment(office["reviewer"].caller, lease.lease, 0, 2000)
    assert decoded(made.data).kinds == {"video"}


def test_a_transcript_has_no_names_and_is_of_the_whole_recording_alone(office: Desk) -> None:
    reviewer = office["reviewer"].caller
    spoken = {"dataset": "recordings", "name": "voice/p-mia/rec-m1-71835.wav", "clarity": Clarity.TRANSCRIPT}
    lease = office.leased(by="officer", last_ms=1000, **spoken)
    told = office.door.transcript(reviewer, lease.lease)
    assert (told.text, told.masked) == ("please tell me a story about the purple walrus of […]", 1)
    (view,) = of(office, lease.lease, ViewServed)
    assert (view.clarity, view.first_ms, view.last_ms) == (Clarity.TRANSCRIPT, 0, 1000)  # type: ignore[attr-defined]
    assert "clearer-than-asked" in rules(lambda: office.door.step(reviewer, lease.lease, Clarity.PIXELATED, Sound.MUTE))
    part = office.leased(last_ms=500, **spoken)
    with pytest.raises(Unplayable, match="part"):
        office.door.transcript(reviewer, part.lease)
    silent = office.leased(name=desk_company.OTHER_RING, last_ms=8000)
    with pytest.raises(Unplayable, match="no transcript"):
        office.door.transcript(reviewer, silent.lease)


def test_what_is_no_request_or_no_lease_is_told_alike(office: Desk) -> None:
    reviewer = office["reviewer"].caller
    for which in ("0" * 16, "", "../x", "a" * 200):
        with pytest.raises(UsageError):
            office.door.request(reviewer, which)
        with pytest.raises(UsageError):
            office.door.segment(reviewer, which, 0, 2000)


# --- who is answered ----------------------------------------------------------------------------


def kinds() -> Iterator[type[OfDesk]]:
    """Every kind of request, also one that is added later."""
    for module in pkgutil.iter_modules(expunge.adapters.desk.__path__):
        importlib.import_module(f"{expunge.adapters.desk.__name__}.{module.name}")
    waiting = [OfDesk]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.name:
            yield kind


KINDS = {kind.name: kind for kind in kinds()}
ABOUT_VIEWS = {name: kind for name, kind in KINDS.items() if kind.__module__ == desk_requests.__name__}
"""Orders and incidents have walks of their own."""
BODIES = {"desk-ask": written_new(desk_company.new()), "desk-looks": written_sought("", "profile:p-mia", "", None, None)}


def request(kind: type[OfDesk], caller: DeskCaller, which: str, lease: str, word: str = "") -> OfDesk:
    """One of a kind, about a request and a lease that there are. Texts that name neither are ``word`` where it is given."""
    known = {
        "account": caller.account, "session": caller.session.hex(), "address": caller.address, "request": which, "lease": lease,
        "clarity": "pixelated", "sound": "mute", "why": "this harms me", "outcome": "resolved", "reason": "work of the cases",
        "purpose": "legal rights", "finding": "0" * 16, "reference": "SEC-1", "permit": "0" * 43, "trained": caller.account,
        "role": "access to recordings", "on": "2026-01-01", "document": "", "order": "ord-aaaaaaaaaaaaaaaaaaaa", "digest": "0" * 64,
    }  # fmt: skip
    kept = {"account", "session", "address"} | (set() if word else set(known))
    told: dict[str, object] = {}
    for each in fields(kind):
        match str(each.type):
            case "int":
                told[each.name] = 1000 if each.name == "last_ms" else 0
            case "bool":
                told[each.name] = True
            case _:
                told[each.name] = Name(known[each.name] if each.name in kept else word)
    return kind(**told)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def at(office: Desk) -> Iterator[Connections]:
    """The clerk's socket, as code in the web process has it."""
    with closing(Connections(keeping.clerk_beside(place_of(office.served)))) as connections:
        yield connections


def test_no_request_is_answered_without_a_login_that_the_keeper_verified(office: Desk, at: Connections) -> None:
    lease, account = office.leased(), office["reviewer"].account
    forged = {
        "a session of nobody": DeskCaller(account, secrets.token_bytes(32), ADDRESS),
        "the session of a colleague": replace(office["reviewer-2"].caller, account=account),
        "an account that is no employee": DeskCaller(str(uuid4()), office["reviewer"].caller.session, ADDRESS),
    }
    before = len(served(office))
    for what, caller in forged.items():
        for name, kind in ABOUT_VIEWS.items():
            if name == "desk-follow":
                # It says that the lease belongs to another login, and waits for nothing.
                assert rules(lambda: at.ask(request(kind, caller, lease.request, lease.lease)))[0] in {"another-session", "not-yours"}  # noqa: B023
                continue
            body = BODIES.get(name, b"a note")
            found = rules(lambda: at.ask(request(kind, caller, lease.request, lease.lease), body if kind.with_body else b""))  # noqa: B023
            assert found in {("no-session",), ("another-session",), ("not-yours",)}, (what, name, found)
    assert len(served(office)) == before
    assert office.door.lease(office["reviewer"].caller, lease.lease).runs


@pytest.mark.parametrize("word", ["", "\0", "../../etc/passwd", "😀" * 60, "{}"], ids=["empty", "nul", "path", "emoji", "json"])
def test_no_word_makes_a_defect(office: Desk, at: Connections, word: str) -> None:
    caller = office["reviewer"].caller
    for name, kind in KINDS.items():
        for body in (b"", b"[]", word.encode(), b"\xff\xfe") if kind.with_body else (b"",):
            try:
                at.ask(request(kind, caller, "0" * 16, "0" * 16, word or " "), body)
            except StateUnavailable as error:
                raise AssertionError(f"{name}: {error.message}") from error
            except ExpungeError:
                continue


def test_nobody_but_its_reviewer_sees_a_lease_and_only_in_its_own_login(office: Desk) -> None:
    lease, door = office.leased(), office.door
    for label in ("reviewer-2", "officer", "officer-2"):
        assert rules(lambda: door.segment(office[label].caller, lease.lease, 0, 2000))[0] in {"not-yours", "no-right"}  # noqa: B023
        assert rules(lambda: door.lease(office[label].caller, lease.lease)) == ("not-yours",)  # noqa: B023
    another = office["reviewer"].sign_in()
    for act in (
        lambda: door.segment(another, lease.lease, 0, 2000),
        lambda: door.step(another, lease.lease, Clarity.PIXELATED, Sound.MUTE),
        lambda: door.report(another, lease.lease, 1, 0, 0, ended=False),
    ):
        assert rules(act) == ("another-session",)
    assert door.segment(office["reviewer"].caller, lease.lease, 0, 1000).data


def test_no_function_does_what_is_anothers(office: Desk) -> None:
    door, reviewer, officer = office.door, office["reviewer"].caller, office["officer"].caller
    waiting = door.ask(reviewer, desk_company.new()).request
    assert rules(lambda: door.ask(officer, desk_company.new())) == ("no-right",)
    assert rules(lambda: door.approve(reviewer, waiting)) == ("no-right",)
    assert rules(lambda: door.deny(reviewer, waiting)) == ("no-right",)
    assert rules(lambda: door.activate(officer, waiting)) == ("no-right",)
    assert "no-approval" in rules(lambda: door.activate(reviewer, waiting))
    assert rules(lambda: door.looks(reviewer, person="profile:p-mia")) == ("no-right",)
    assert rules(lambda: door.findings(reviewer)) == ("no-right",)
    assert rules(lambda: door.people(reviewer)) == ("no-right",)
    with pytest.raises(UsageError):
        door.request(office["reviewer-2"].caller, waiting)
    assert rules(lambda: door.recuse(office["reviewer-2"].caller, waiting, RecusalReason.HARMFUL)) == ("not-yours",)
    assert door.deny(officer, waiting).standing is RequestStanding.DENIED


def test_a_network_that_the_map_does_not_name_counts_as_none(office: Desk) -> None:
    assert office.door.rights(replace(office["reviewer"].caller, address="192.0.2.1")) == {StaffRight.REQUEST_VIEWS, StaffRight.SEE_VIEWS}
    assert office.door.rights(replace(office["reviewer"].caller, address="no address")) == office.door.rights(office["reviewer"].caller)


# --- what stops ---------------------------------------------------------------------------------


def stops(office: Desk, lease: LeaseCard, caller: DeskCaller, act: Callable[[], object]) -> tuple[LeaseCard, float]:
    """Wait on a lease as an open page does, end it meanwhile, and return how it then stands and after how many seconds it was heard."""
    with ThreadPoolExecutor(1) as threads:
        heard = threads.submit(lambda: (office.door.follow(caller, lease.lease, 5.0), time.monotonic()))
        time.sleep(0.3)
        assert not heard.done()
        act()
        done = time.monotonic()
        found, at = heard.result(10)
    return found, at - done


@pytest.mark.parametrize(
    ("how", "ending"),
    [
        ("revoked", LeaseEnding.REVOKED),
        ("recused", LeaseEnding.RECUSED),
        ("logged out", LeaseEnding.SESSION_ENDED),
        ("logged out elsewhere", LeaseEnding.SESSION_ENDED),
        ("suspended", LeaseEnding.RIGHTS_ENDED),
    ],
)
def test_an_open_stream_hears_at_once_that_its_lease_ended(office: Desk, how: str, ending: LeaseEnding) -> None:
    # Why of its own: who is suspended does not come back in this module.
    reviewer = "reviewer-2" if how == "suspended" else "reviewer"
    caller = office[reviewer].sign_in()
    # Why of another recording: who gives one back never sees it again.
    name = desk_company.SEALED if how == "recused" else desk_company.RING
    which = office.approved(reviewer=reviewer, name=name, dataset="nights" if how == "recused" else "rings")
    lease = office.door.activate(caller, which)
    assert office.door.segment(caller, lease.lease, 0, 1000).data
    acts: dict[str, Callable[[], object]] = {
        "revoked": lambda: office.door.revoke(office["officer"].caller, which),
        "recused": lambda: office.door.recuse(caller, which, RecusalReason.KNOWS_PERSON),
        "logged out": lambda: office.guard.end_sign_in(caller.session),
        "logged out elsewhere": lambda: office.guard.end_sign_ins(UUID(office[reviewer].account), office[reviewer].caller.session),
        "suspended": lambda: decided(office.served, SuspendStaff(office[reviewer].account, StaffReason.INCIDENT)),
    }
    found, seconds = stops(office, lease, caller, acts[how])
    assert (found.standing, found.ended) == (LeaseStanding.ENDED, ending)
    assert seconds < AT_ONCE
    assert rules(lambda: office.door.segment(caller, lease.lease, 0, 1000))


# --- ranges -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last"),
    [(0, 0), (2000, 1000), (0, 10_001), (5000, 7000), (6000, 8000), (0, 2**63), (2**63, 2**64)],
    ids=["empty", "reversed", "too long", "over the end", "behind the end", "huge", "huge both"],
)
def test_a_hostile_range_gives_nothing(office: Desk, first: int, last: int) -> None:
    lease = office.leased(name=desk_company.OTHER_RING)
    before = len(of(office, lease.lease, ViewServed))
    with pytest.raises((UsageError, Refused)):
        office.door.segment(office["reviewer"].caller, lease.lease, first, last)
    assert len(of(office, lease.lease, ViewServed)) == before


def test_a_lease_is_begun_once(office: Desk) -> None:
    which = office.leased(name=desk_company.OTHER_RING).request
    with pytest.raises(IllegalTransition):
        office.door.activate(office["reviewer"].caller, which)


# --- who looked, people -------------------------------------------------------------------------


def test_an_officer_reads_who_looked_and_that_nothing_is_missing(office: Desk) -> None:
    lease = office.leased(name=desk_company.OTHER_RING)
    made = office.door.segment(office["reviewer"].caller, lease.lease, 0, 2000)
    officer = office["officer"].caller
    until = time.monotonic() + 10
    while True:
        page = office.door.looks(officer, person=f"profile:{desk_company.ADA}")
        # The last entry of the log and its note wait for the next one.
        if (page.looks[0].given and page.proof.events - page.proof.proven <= 2) or time.monotonic() > until:
            break
        time.sleep(0.2)
    assert page.proof.faults == ()
    assert page.looks[0].given == len(made.data)
    assert (page.looks[0].case, page.looks[0].approvers) == ("support LE-88", (office["officer"].label,))
    assert (page.looks[0].name, page.looks[0].lease) == (office["reviewer"].label, lease.lease)
    assert {each.lease for each in office.door.looks(officer, reviewer=office["reviewer"].label).looks} >= {lease.lease}
    with pytest.raises(UsageError):
        office.door.looks(officer)


def test_people_and_their_records(office: Desk) -> None:
    page = office.door.people(office["officer"].caller)
    mine = next(each for each in page.people if each.account == office["reviewer"].account)
    assert (mine.label, mine.sees, set(mine.purposes)) == (office["reviewer"].label, True, set(ReviewPurpose))
    assert dict(page.lapses)[mine.account] > mine.used if mine.used else True
    own = office.door.records(office["reviewer"].caller)
    assert {each.account for each in own.duties} == {office["reviewer"].account}
    assert "one purpose" in dict(own.statements)[ReviewPurpose.LAW]
    with pytest.raises((ProofRefused, ChallengeEnded)):
        office.door.attest(office["reviewer"].caller, ReviewPurpose.LAW, "0" * 43)
