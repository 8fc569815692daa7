"""Whoever approves signs exactly one plan of exactly one order, and is never the one who asked for it."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from expunge import clock
from expunge.core.note import Algorithm, VerifierKey
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.errors import EvidenceInvalid, NeedsApproval, UsageError
from tests.engine.household import ANNA, CARA, Household

OFFICERS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b".")) for name in ("officer", "deputy")}


@pytest.fixture
def guarded(home: Household) -> Household:
    keys = {name: VerifierKey(name, Algorithm.ED25519, key.public_key().public_bytes_raw()) for name, key in OFFICERS.items()}
    home.write_map(extra="approvers:\n" + "".join(f'  {name}: "{key}"\n' for name, key in keys.items()))
    return home


def received(home: Household, name: str, requester: str = "") -> OrderId:
    with home.open() as opened:
        order = opened.order_erase([opened.resolve(name)], requester=requester).order
        opened.plan(order)
        return order


def signed(home: Household, order: OrderId, by: str = "officer") -> str:
    with home.open() as opened:
        return base64.b64encode(OFFICERS[by].sign(opened.approval_message(order))).decode()


def approve(home: Household, order: OrderId, by: str, signature: str) -> None:
    with home.open() as opened:
        opened.approve(order, by, signature)


def waits(home: Household, order: OrderId) -> None:
    with pytest.raises(NeedsApproval):
        home.apply(order)
    assert home.search(ANNA, where=("world",)), "nothing was erased"


def test_nothing_is_erased_until_an_officer_has_signed_this_plan(guarded: Household) -> None:
    order = received(guarded, f"profile:{ANNA}")
    waits(guarded, order)
    approve(guarded, order, "officer", signed(guarded, order))
    assert guarded.apply(order).state is OrderState.FULFILLED


def test_a_signature_over_another_order_or_by_another_officer_is_refused(guarded: Household) -> None:
    order, other = received(guarded, f"profile:{ANNA}"), received(guarded, f"profile:{CARA}")
    for signature in (signed(guarded, other), signed(guarded, order, "deputy"), base64.b64encode(bytes(64)).decode()):
        with pytest.raises(EvidenceInvalid):
            approve(guarded, order, "officer", signature)
    waits(guarded, order)


def test_a_plan_that_changed_voids_what_was_signed_before(guarded: Household) -> None:
    order = received(guarded, f"profile:{ANNA}")
    old = signed(guarded, order)
    approve(guarded, order, "officer", old)
    with guarded.open() as opened:
        subject, until = opened.resolve(f"profile:{ANNA}"), clock.now() + timedelta(days=9)
        opened.holds.place(subject, "voice", ground="matter 7", authority="court", until=until)
    guarded.plan(order)
    waits(guarded, order)
    with pytest.raises(EvidenceInvalid, match="not this approver's over this plan"):
        approve(guarded, order, "officer", old)
    approve(guarded, order, "officer", signed(guarded, order))
    assert guarded.apply(order).state is OrderState.IN_PART


@pytest.mark.duty("NST-10")
def test_whoever_entered_the_order_cannot_approve_it_and_another_can(guarded: Household) -> None:
    order = received(guarded, f"profile:{ANNA}", requester="officer")
    with pytest.raises(UsageError, match="somebody else"):
        approve(guarded, order, "officer", signed(guarded, order))
    waits(guarded, order)
    approve(guarded, order, "deputy", signed(guarded, order, "deputy"))
    assert guarded.apply(order).state is OrderState.FULFILLED
