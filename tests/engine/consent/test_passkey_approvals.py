"""An officer's passkey approves a plan, for exactly as long as the officer's account may; one person counts once."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.accounts.fingerprints import fingerprint
from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_events import StaffReason, StaffSuspended
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.core.verification.receipt_verify import verify
from expunge.errors import EvidenceInvalid, NeedsApproval, Refused, UsageError
from tests.approval_kit import DANA, OFFICER, OFFICER_KEY, SeededPasskey
from tests.cli.running import expunge
from tests.engine.consent.employing import ACCOUNT, CREDENTIAL, OMAR, employ, enter
from tests.engine.household import ANNA, CARA, Household

MALLORY = SeededPasskey("mallory")


@pytest.fixture
def guarded(home: Household) -> Household:
    home.write_map(
        extra=f"accounts: {{origin: {DANA.origin}}}\n"
        f'approvers:\n  officer: "{OFFICER_KEY}"\n  dana: "{DANA.key}"\n  both: ["{OFFICER_KEY}", "{DANA.key}"]\n'
    )
    return home


def received(opened: Expunge, name: str = f"profile:{ANNA}", requester: str = "clerk") -> OrderId:
    order = opened.order_erase([opened.resolve(name)], requester=requester).order
    opened.plan(order)
    return order


def answer(opened: Expunge, order: OrderId, by: SeededPasskey = DANA, name: str = "dana", **told: object) -> str:
    return by.answer(name, opened.approval_message(order), **told)  # type: ignore[arg-type]


@pytest.mark.duty("NST-10")
def test_an_officers_passkey_approves_and_the_receipt_says_so_to_any_person(guarded: Household) -> None:
    with guarded.open() as opened:
        employ(opened)
        order = received(opened)
        assert opened.approve(order, "dana", answer(opened, order)).state is OrderState.APPROVED
    assert guarded.apply(order).state is OrderState.FULFILLED
    with guarded.open() as opened:
        verified = verify(opened.receipt_folder(order))
        (kept,) = opened.status(order).approvals
    assert [(each.approver, each.key, each.by_passkey) for each in verified.receipt.approvals] == [("dana", str(DANA.key), True)]
    assert kept.key == str(DANA.key)
    assert any("approved by the passkey of dana" in step for step in verified.steps)


def test_nothing_but_an_answer_about_this_plan_by_the_key_of_the_map_counts(guarded: Household) -> None:
    with guarded.open() as opened:
        employ(opened)
        order, other = received(opened), received(opened, f"profile:{CARA}")
        by_officer = base64.b64encode(OFFICER.sign(opened.approval_message(order))).decode()
        wrong = {
            "challenge": answer(opened, other),
            "other pages": answer(opened, order, origin="https://privacy.evil.example"),
            "relying party": answer(opened, order, relying_party="evil.example"),
            "without asking": answer(opened, order, flags=1),
            "does not verify": answer(opened, order, MALLORY),
            "no key of this kind|not this approver": by_officer,
        }
        for why, signed in wrong.items():
            with pytest.raises(EvidenceInvalid, match=why):
                opened.approve(order, "dana", signed)
        with pytest.raises(UsageError, match="names no approver"):
            opened.approve(order, "mallory", answer(opened, order, MALLORY, "mallory"))
        assert opened.status(order).state is OrderState.PLANNED
    with pytest.raises(NeedsApproval):
        guarded.apply(order)


def test_an_answer_counts_for_one_plan_though_the_next_has_the_same_digest(guarded: Household) -> None:
    with guarded.open() as opened:
        employ(opened)
        order = received(opened)
        first, digest = answer(opened, order), opened.status(order).plan
        opened.approve(order, "dana", first)
        opened.plan(order)
        assert opened.status(order).plan == digest, "the same plan once more"
        with pytest.raises(EvidenceInvalid, match="used for an earlier plan"):
            opened.approve(order, "dana", first)
        opened.approve(order, "dana", answer(opened, order, crossOrigin=False, more="another time"))


@pytest.mark.duty("NST-10")
@pytest.mark.parametrize("why", ["unconfirmed", "not an officer", "suspended", "idle", "gone"])
def test_a_passkey_approves_nothing_once_its_account_may_not(guarded: Household, why: str) -> None:
    with guarded.open() as opened:
        if why != "gone":
            employ(opened, JobFunction.OPERATOR if why == "not an officer" else JobFunction.OFFICER, confirmed=why != "unconfirmed")
        order = received(opened)
        if why == "suspended":
            enter(opened, StaffSuspended(clock.now(), ACCOUNT, OMAR, StaffReason.LEFT, ""))
        signed = answer(opened, order)
    with guarded.open() as opened:
        if why == "idle":
            later = opened.context.clock.now() + timedelta(days=91)
            opened.context.clock.now = lambda: later  # type: ignore[method-assign]
        with pytest.raises(Refused, match="may not approve now" if why != "gone" else "no account of staff"):
            opened.approve(order, "dana", signed)
        assert opened.status(order).state is OrderState.PLANNED


@pytest.mark.duty("NST-10")
def test_the_same_person_under_another_name_or_with_another_key_is_one_person(guarded: Household) -> None:
    with guarded.open() as opened:
        employ(opened)
        order = received(opened, requester="both")
        for name, signed in (("dana", answer(opened, order)), ("officer", base64.b64encode(OFFICER.sign(b"x")).decode())):
            with pytest.raises(UsageError, match="somebody else has to approve"):
                opened.approve(order, name, signed)


def test_the_command_line_prints_what_the_map_and_a_reader_have_to_say_of_a_passkey(home: Household) -> None:
    home.write_map(extra=f"accounts: {{origin: {DANA.origin}}}\napprovers: {{officer: '{OFFICER_KEY}'}}\n")
    with home.open() as opened:
        employ(opened, confirmed=False)
        assert [(each.account.label, each.confirmed, str(each.key)) for each in opened.staff.approving_passkeys()] == [
            ("dana-1", False, str(DANA.key))
        ]
    ran = expunge("approvers", "--map", home.map)
    assert f"approver officer {OFFICER_KEY}" in ran.out
    assert f"the passkey {fingerprint(CREDENTIAL)} of dana-1, which nobody confirmed" in ran.out
    assert f'approvers: {{NAME: "{DANA.key}"}}' in ran.out
    home.write_map(extra=f"accounts: {{origin: {DANA.origin}}}\napprovers: {{dana: '{DANA.key}'}}\n")
    told = expunge("approvers", "--map", home.map, "--json").json
    assert (told["approvers"][0]["kind"], told["passkeys"]) == ("passkey", [])
