"""A family answers requests of staff, bars looks, and is told of both; and is given a receipt of each look that any person can check."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from expunge.core.families.reviews import EVERY, FamilyReviews, FamilyReviewState
from expunge.core.journal.notice_events import NoticeKind
from expunge.core.journal.review_events import LeaseEnded, ReviewsBarred
from expunge.core.journal.review_words import Clarity, LeaseEnding, ReviewPurpose, Sound
from expunge.core.log import dsse
from expunge.core.review import view_receipt, view_verify
from expunge.core.review.view_receipt import ENVELOPE, ViewsReceipt
from expunge.core.values import b64, canonical
from expunge.engine.requests.notices import NoticeIndex
from expunge.engine.review import family_side, requesting, view_receipts
from expunge.engine.review.family_side import FamilyOfDesk
from expunge.engine.review.refusals import ReviewRefused
from expunge.errors import EvidenceInvalid, IllegalTransition, UsageError
from tests.cli.running import expunge
from tests.engine.families.recorded_company import ANNA, BELA, Company
from tests.engine.review.desk_company import PARENT, SECOND_REVIEWER, VOICE, DeskCompany, at_desk, copied, entered
from tests.engine.review.test_desk import leased

Files = dict[str, bytes]


def whose(office: DeskCompany, profile: str = ANNA, account: str = PARENT) -> FamilyOfDesk:
    return FamilyOfDesk(account, office.subject(profile), frozenset())


def told(office: DeskCompany, profile: str = ANNA) -> FamilyReviews:
    return family_side.told(office.desk, whose(office, profile), {})


def asked(office: DeskCompany, **changes: object) -> str:
    return requesting.ask(office.desk, office.seat(), office.new(purpose=ReviewPurpose.AUTHORISED, **changes)).id


def answer(office: DeskCompany, request: str, *, granted: bool) -> None:
    requesting.answer_as_family(office.desk, PARENT, office.subject(), (), request, granted=granted)


@pytest.mark.duty("RNG-12")
def test_a_request_waits_for_the_family_and_no_answer_is_a_no(office: DeskCompany) -> None:
    request = asked(office)
    (review,) = told(office).reviews
    assert (review.request, review.state, review.can_allow, review.can_deny) == (request, FamilyReviewState.WAITS, True, True)
    assert (review.case_number, review.first_ms, review.last_ms, review.clarity) == ("LE-88", 0, 40_000, Clarity.CLEAR)
    assert told(office).waiting == 1
    assert told(office, BELA).reviews == ()
    office.clock.ahead = review.until - review.at
    (review,) = told(office).reviews
    assert (review.state, review.can_allow, review.can_deny) == (FamilyReviewState.EXPIRED, False, False)
    with pytest.raises(IllegalTransition):
        requesting.require_waits_for_family(office.desk, office.subject(), (), request)
    with pytest.raises(IllegalTransition):
        answer(office, request, granted=True)
    with pytest.raises(ReviewRefused):
        office.viewing.activate(office.seat(), request)


@pytest.mark.duty("RNG-12")
def test_a_denial_stops_what_is_being_seen_and_the_next_one_is_refused(office: DeskCompany) -> None:
    request = asked(office)
    answer(office, request, granted=True)
    assert told(office).reviews[0].state is FamilyReviewState.ALLOWED
    lease = office.viewing.activate(office.seat(), request).begun.lease
    office.fetch(lease)
    assert (told(office).reviews[0].state, told(office).reviews[0].can_deny) == (FamilyReviewState.RUNNING, True)
    answer(office, request, granted=False)
    assert not office.viewing.goes_on(lease)
    with pytest.raises(ReviewRefused):
        office.fetch(lease, 2000, 4000)
    (end,) = entered(office.events(), LeaseEnded)
    assert isinstance(end, LeaseEnded)
    assert (end.why, end.by) == (LeaseEnding.FAMILY_DENIED, PARENT)
    again = asked(office)
    answer(office, again, granted=False)
    with pytest.raises(ReviewRefused):
        office.viewing.activate(office.seat(), again)
    states = {each.request: (each.state, each.can_deny, each.by_you) for each in told(office).reviews}
    assert states == {request: (FamilyReviewState.OVER, False, True), again: (FamilyReviewState.DENIED, False, True)}


def test_an_emergency_on_the_familys_word_is_stopped_by_its_denial_too(office: DeskCompany) -> None:
    request = asked(office, break_glass=True, clarity=Clarity.PIXELATED, sound=Sound.MUTE)
    answer(office, request, granted=True)
    lease = office.viewing.activate(office.seat(), request).begun.lease
    answer(office, request, granted=False)
    assert not office.viewing.goes_on(lease)


@pytest.mark.duty("RNG-12")
@pytest.mark.parametrize("whole", [True, False], ids=["every", "one"])
def test_a_bar_stops_what_stands_on_the_familys_word_until_it_is_ended(office: DeskCompany, whole: bool) -> None:
    office.consent()
    request = asked(office)
    assert told(office).reviews[0].state is FamilyReviewState.CONSENTED
    lease = office.viewing.activate(office.seat(), request).begun.lease
    office.fetch(lease)
    what = ("", "") if whole else family_side.recording_named(office.desk, whose(office), request)
    requesting.bar(office.desk, PARENT, office.subject(), *what)
    assert not office.viewing.goes_on(lease)
    other = asked(office)
    with pytest.raises(ReviewRefused):
        office.viewing.activate(office.seat(), other)
    found = told(office)
    assert [(each.state, each.can_allow) for each in found.reviews] == [(FamilyReviewState.BARRED, False), (FamilyReviewState.OVER, False)]
    (bar,) = found.bars
    assert (bar.bar == EVERY, bar.by_you, found.all_barred) == (whole, True, whole)
    voice = requesting.ask(office.desk, office.seat(), office.new(purpose=ReviewPurpose.AUTHORISED, dataset="voice", name=VOICE)).id
    states = {each.request: each.state for each in told(office).reviews}
    assert states[voice] is (FamilyReviewState.BARRED if whole else FamilyReviewState.CONSENTED)
    ended = family_side.barred_by(office.desk, whose(office), bar.bar)
    with pytest.raises(UsageError):
        family_side.barred_by(office.desk, whose(office, BELA), bar.bar)
    requesting.bar(office.desk, PARENT, office.subject(), *ended, barred=False)
    assert told(office).bars == ()
    office.viewing.activate(office.seat(), other)


def test_a_bar_stands_under_every_name_of_the_person_and_is_told_once(office: DeskCompany) -> None:
    other = office.subject(BELA)
    both = FamilyOfDesk(PARENT, office.subject(), frozenset({other}))
    requesting.bar(office.desk, PARENT, office.subject(), names=[other])
    requesting.bar(office.desk, PARENT, office.subject(), names=[other])
    assert len(entered(office.events(), ReviewsBarred)) == 2
    assert len(family_side.told(office.desk, both, {}).bars) == 1


def test_what_the_company_decides_is_told_once_another_person_approved(office: DeskCompany) -> None:
    request = requesting.ask(office.desk, office.seat(), office.new()).id
    assert told(office).reviews == ()
    lease = leased(office).begun
    known = {each.request: each for each in told(office).reviews}
    assert request not in known
    assert (known[lease.request].state, known[lease.request].can_deny) == (FamilyReviewState.RUNNING, False)
    glass = requesting.ask(office.desk, office.seat(), office.new(break_glass=True)).id
    assert {each.request: each.state for each in told(office).reviews}[glass] is FamilyReviewState.APPROVED
    with pytest.raises(UsageError):
        family_side.recording_named(office.desk, whose(office, BELA), request)


def test_a_request_is_written_about_once_and_not_where_it_is_barred(office: DeskCompany) -> None:
    index = NoticeIndex(office.desk.context)
    request = asked(office)
    (notice,) = index.notices(office.subject())
    assert (notice.kind, notice.order, notice.kind.of_review) == (NoticeKind.REVIEW_WAITS, f"ask-{request}", True)
    requesting.ask(office.desk, office.seat(), office.new())
    requesting.bar(office.desk, PARENT, office.subject())
    asked(office)
    assert index.notices(office.subject()) == (notice,)
    requesting.bar(office.desk, PARENT, office.subject(), barred=False)
    asked(office)
    assert len(index.notices(office.subject())) == 2


# --- the receipt of a look ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def looked(desk_template: Company, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DeskCompany, Files, Files]]:
    """A desk with the receipts of two looks: one of three views in several entries of the log, and another. No test changes it."""
    with at_desk(copied(desk_template, tmp_path_factory.mktemp("looked") / "home")) as office:
        first = leased(office).begun.lease
        for number in range(2):
            office.fetch(first, number * 2000, number * 2000 + 2000)
        office.desk.views.flush()
        office.fetch(first, 4000, 6000)
        other = leased(office, dataset="voice", name=VOICE).begun.lease
        office.fetch(other)
        office.desk.views.flush()
        context = office.desk.context
        yield office, view_receipts.files(context, first), view_receipts.files(context, other)


@pytest.mark.duty("FAIL-08")
def test_the_receipt_of_a_look_holds_without_the_installation(looked: tuple[DeskCompany, Files, Files]) -> None:
    office, files, _ = looked
    found = view_verify.verify(files, office.expunge.published_policy().encode(), at=office.clock.now())
    assert [(each.sequence, each.first_ms) for each in found.views] == [(0, 0), (1, 2000), (2, 4000)]
    assert (found.seconds, found.trusted, len(found.receipt.entries) > 1) == (6, True, True)
    assert "case support LE-88" in found.steps[-1]
    assert "6 second(s)" in found.steps[-1]
    came_along = view_verify.verify(files)
    assert not came_along.trusted
    assert "keys came along" in came_along.steps[-1]
    with pytest.raises(UsageError, match="in the log yet"):
        view_receipts.files(office.desk.context, "0" * 16)


def resigned(office: DeskCompany, files: Files, change: Callable[[ViewsReceipt], ViewsReceipt]) -> Files:
    """The receipt as the company itself would sign it after a change."""
    receipt = change(view_receipt.parse(dsse.parse(files[ENVELOPE]).payload))
    statement, keys = receipt.encode(), office.expunge.context.keys
    signature = keys.sign_receipt(dsse.pae(statement))
    rest = files[view_receipt.POLICY], files[view_receipt.CHECKPOINT]
    return view_receipt.assemble(statement, signature, keys.signer_public(), *rest)


def _told_otherwise(receipt: ViewsReceipt) -> ViewsReceipt:
    event = receipt.views[0].event.replace('"clarity":"pixelated"', '"clarity":"transcript"')
    assert event != receipt.views[0].event
    return replace(receipt, views=(replace(receipt.views[0], event=event), *receipt.views[1:]))


def _other_root(receipt: ViewsReceipt) -> ViewsReceipt:
    return replace(receipt, entries=(replace(receipt.entries[0], root="00" * 32), *receipt.entries[1:]))


SIGNED = {
    "without-the-first-view": (lambda it: replace(it, views=it.views[1:]), "view 0 is missing"),
    "without-a-view-between": (lambda it: replace(it, views=(it.views[0], it.views[2])), "view 1 is missing"),
    "without-any-view": (lambda it: replace(it, views=()), "no view"),
    "a-view-told-otherwise": (_told_otherwise, "inclusion|proof|root"),
    "under-another-look": (lambda it: replace(it, look="0" * 16), "another look"),
    "with-a-made-up-root": (_other_root, "inclusion|proof|root"),
    "at-another-place-of-the-log": (
        lambda it: replace(it, entries=(replace(it.entries[0], index=it.entries[0].index + 1), *it.entries[1:])),
        "inclusion|proof|root",
    ),
    "with-an-entry-too-many": (lambda it: replace(it, views=it.views[:2]), "other entries"),
    "with-the-salt-of-another": (
        lambda it: replace(it, views=(replace(it.views[0], salt=it.views[1].salt), *it.views[1:])),
        "inclusion|proof|root",
    ),
    "dated-back": (lambda it: replace(it, issued=it.issued - timedelta(hours=12)), "before its last view"),
    "of-another-log": (lambda it: replace(it, log="logs.example.org/other"), "trust policy does not name"),
}


@pytest.mark.duty("FAIL-08")
@pytest.mark.parametrize("attack", sorted(SIGNED))
def test_what_the_company_itself_signs_falsely_is_refused(looked: tuple[DeskCompany, Files, Files], attack: str) -> None:
    (office, files, _), (change, words) = looked, SIGNED[attack]
    with pytest.raises(EvidenceInvalid, match=words):
        view_verify.verify(resigned(office, files, change))


def _forged(files: Files, _: Files) -> Files:
    body = json.loads(files[ENVELOPE])
    body["payload"] = b64.encode(b64.decode(body["payload"]).replace(b"LE-88", b"LE-89"))
    return files | {ENVELOPE: canonical.encode(body)}


STOLEN: dict[str, tuple[Callable[[Files, Files], Files], str]] = {
    "forged": (_forged, "signature"),
    "swapped-checkpoint": (lambda files, _: files | {view_receipt.CHECKPOINT: files[view_receipt.CHECKPOINT][:-1]}, "views.checkpoint"),
    "without-the-checkpoint": (lambda files, _: {name: files[name] for name in files if name != view_receipt.CHECKPOINT}, "not whole"),
    "with-another-file": (lambda files, _: files | {"opening.json": b"{}"}, "do not belong"),
    "with-another-policy": (lambda files, _: files | {view_receipt.POLICY: files[view_receipt.POLICY] + b"\n"}, "trust-policy"),
    "with-a-space-more": (lambda files, _: files | {ENVELOPE: files[ENVELOPE] + b" "}, "views.dsse.json"),
}


@pytest.mark.duty("FAIL-08")
@pytest.mark.parametrize("attack", sorted(STOLEN))
def test_what_another_person_changed_is_refused(looked: tuple[DeskCompany, Files, Files], attack: str) -> None:
    change, words = STOLEN[attack]
    with pytest.raises(EvidenceInvalid, match=words):
        view_verify.verify(change(*looked[1:]))


def test_a_receipt_of_keys_that_the_reader_does_not_know_is_refused(looked: tuple[DeskCompany, Files, Files]) -> None:
    files = looked[1]
    strangers = b"\n".join(line for line in files[view_receipt.POLICY].splitlines() if not line.startswith(b"signer")) + b"\n"
    with pytest.raises(EvidenceInvalid):
        view_verify.verify(files, strangers)


def test_requests_of_another_reviewer_are_told_alike(office: DeskCompany) -> None:
    requesting.ask(office.desk, office.seat(SECOND_REVIEWER), office.new(purpose=ReviewPurpose.AUTHORISED))
    assert told(office).waiting == 1


def test_the_command_that_checks_receipts_checks_looks(looked: tuple[DeskCompany, Files, Files], tmp_path: Path) -> None:
    office, *receipts = looked
    folder, trust = tmp_path / "look", tmp_path / "trust.txt"
    folder.mkdir()
    trust.write_text(office.expunge.published_policy())
    for name, data in receipts[0].items():
        (folder / name).write_bytes(data)
    told = expunge("receipt", "verify", str(folder), "--trust", str(trust), "--json").json
    assert (told["holds"], told["trusted"], told["case"], told["seconds"], len(told["views"])) == (True, True, "support LE-88", 6, 3)
    log = office.company.folder / "state" / "log"
    now = expunge("receipt", "verify", str(folder), "--trust", str(trust), "--log", str(log))
    assert "still holds its entries" in now.out
    assert expunge("receipt", "verify", str(folder), "--opening", str(trust)).code == UsageError.exit_code
    (folder / view_receipt.ENVELOPE).write_bytes(receipts[1][view_receipt.ENVELOPE][:-3] + b"\n")
    assert expunge("receipt", "verify", str(folder)).code == EvidenceInvalid.exit_code
