"""Every request that the clerk takes, from code in the web process: without a membership none is answered, and content takes an opening."""

from __future__ import annotations

import importlib
import json
import pkgutil
import secrets
from collections.abc import Iterator
from dataclasses import fields
from uuid import uuid4

import pytest

import expunge.adapters.clerk
import expunge.adapters.reviews
from expunge.adapters.clerk.deletion_requests import written_selection
from expunge.adapters.clerk.family_requests import OfFamilies
from expunge.adapters.clerk.guardian_requests import written_choice
from expunge.adapters.keeper.connection import Connections
from expunge.adapters.keeper.requests import BearerText, Name
from expunge.bootstrap import Expunge
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.families.selection import ChosenItems
from expunge.core.families.timeline import TimelineFilter
from expunge.core.journal.thread_events import MessageKind
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.errors import (
    ChallengeEnded,
    ExpungeError,
    NeedsApproval,
    NotPermitted,
    OpeningNeeded,
    ProofRefused,
    Refused,
    StateUnavailable,
    UsageError,
)
from expunge.gate import Subject
from expunge.gate.decisions import GateReason
from expunge.ports.families.guardian_door import Chosen
from expunge.ports.families.held_door import ChosenSquares
from tests.web.site.family_company import family_site
from tests.web.site.kit import SiteServed
from tests.web.site.test_openings import at_the_clerk, place

PUBLIC = {"notices", "disclosures", "published-keys"}
"""They name no person and no family."""
EMPTY = {"families", "guardian-requests", "end-opening"}
"""They answer an account without families as one that has nothing."""
CONTENT = {
    "places", "choose-places", "read-thread", "list-timeline", "one-recording", "sketch-recording", "play-part", "choose-recordings",
    "preview-deletion", "delete", "fetch-export", "beside-export", "choose-own-period", "write-message", "bar-recording", "look-receipt",
}  # fmt: skip
"""They show or erase content, speak for a family or keep data for longer: they take an opening."""


def kinds() -> Iterator[type[OfFamilies]]:
    """Every kind of request, also one that is added later."""
    for package in (expunge.adapters.clerk, expunge.adapters.reviews):
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    waiting = [OfFamilies]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.name:
            yield kind


KINDS = {kind.name: kind for kind in kinds()}


def request(kind: type[OfFamilies], account: str, family: str, session: str, word: str = "") -> OfFamilies:
    """One of a kind. Its fields are such as a page sends; all texts that name no one are ``word`` where it is given."""
    sensible = {
        "account": account, "family": family, "session": session, "order": "ord-aaaaaaaaaaaaaaaaaaaa", "request": "ask-0000000000000000",
        "kind": "voice recordings", "period": "30 days", "purpose": "training", "language": "en", "handle": "0" * 32, "message": "0" * 16,
        "until": "2026-01-01T00:00:00+00:00", "scope": "read", "form": "0" * 32, "digest": "0" * 64, "permit": "0" * 43,
    }  # fmt: skip
    told: dict[str, object] = {}
    for each in fields(kind):
        name, of = each.name, str(each.type)
        text = sensible.get(name, "") if name in {"account", "family", "session"} or not word else word
        told[name] = {
            "int": 1, "int | None": 1, "bool": True, "Name": Name(word), "BearerText": BearerText("Bearer " + word), "str": text,
            "OrderId": text, "tuple[tuple[str, Name], ...]": ((word or "act", Name(word or "step-down")),),
        }[of]  # fmt: skip
    if kind.name in {"list-timeline", "choose-recordings"} and not word:
        told |= {"kinds": "", "since": "", "until": ""}
    if kind.name == "write-message" and not word:
        told["kind"] = MessageKind.MESSAGE.value
    return kind(**told)


def body(kind: type[OfFamilies]) -> bytes:
    """A body such as a page sends."""
    if kind.name in {"preview-deletion", "delete"}:
        return written_selection(ChosenItems({"recordings": ("a.wav",)}))
    if kind.name in {"ask-guardian", "take-invitation"}:
        return written_choice(Chosen("signed form", ("training",), "0" * 64, "en"))
    if kind.name == "choose-recordings":
        return b"[]"
    return json.dumps({"squares": [[0, 0]]}).encode() if kind.with_body else b""


def refused(at: Connections, asked: OfFamilies, data: bytes) -> ExpungeError | None:
    try:
        at.ask(asked, data)
    except ExpungeError as error:
        return error
    return None


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    """A company of its own: some requests that are answered change what is held. One order was called off, so that there are notices."""
    with family_site(tmp_path_factory.mktemp("requests")) as running:
        with Expunge.open(running.folder / "expunge.yaml") as opened:
            opened.order_cancel(opened.order_erase([opened.resolve("profile:p-mia")]).order)
        yield running


@pytest.fixture(scope="module")
def at(served: SiteServed) -> Connections:
    return Connections(place(served))


def test_each_request_names_an_account_or_the_header_of_an_app() -> None:
    bare = {name for name, kind in KINDS.items() if not {"account", "header"} & {each.name for each in fields(kind)}}
    assert bare == PUBLIC


def test_no_request_is_answered_without_a_membership(served: SiteServed, at: Connections) -> None:
    with (
        at_the_clerk(served, "asks.mia@home.example", "p-mia") as mia,
        at_the_clerk(served, "asks.ada@home.example", "p-ada") as ada,
    ):
        mia.doors.families.open(mia.permit(mia.ask), mia.session, mia.ask)
        for account, family in ((str(mia.account), ada.family), (str(uuid4()), ada.family), (str(mia.account), "f" * 32)):
            answered = {
                name for name, kind in KINDS.items() if not refused(at, request(kind, account, family, mia.session.hex()), body(kind))
            }
            assert answered <= PUBLIC | EMPTY


def test_content_takes_an_opening(served: SiteServed, at: Connections) -> None:
    with at_the_clerk(served, "asks.opens@home.example", "p-mia") as mia:
        for session in (secrets.token_bytes(32).hex(), "", "00"):
            needed = {
                name
                for name, kind in KINDS.items()
                if name in CONTENT
                and isinstance(refused(at, request(kind, str(mia.account), mia.family, session), body(kind)), OpeningNeeded)
            }
            assert needed == CONTENT


def test_what_keeps_data_or_speaks_for_a_family_takes_the_family_at_the_keys(served: SiteServed, at: Connections) -> None:
    """Code in the web process knows account, family, order and session of a real guardian, and has no permit for what it asks."""
    with at_the_clerk(served, "asks.keeps@home.example", "p-tom") as tom, Expunge.open(served.folder / "expunge.yaml") as opened:
        order = opened.order_erase([opened.resolve("profile:p-tom")]).order
        called = Ask(AskKind.CALL_OFF, tom.account, tom.family, (("order", order),))
        other = Ask(AskKind.CALL_OFF, tom.account, tom.family, (("order", "ord-aaaaaaaaaaaaaaaaaaaa"),))
        dispute = Ask(AskKind.CHANGE_OF_GUARDIAN, tom.account, tom.family, (("act", "dispute"),))
        leave = Ask(AskKind.CHANGE_OF_GUARDIAN, tom.account, tom.family, (("act", "step-down"),))
        doors, who = tom.doors, (tom.account, tom.family, OrderId(order))
        for attack in (
            lambda: doors.deletions.call_off("0" * 43, tom.session, called),
            lambda: doors.deletions.call_off(tom.permit(tom.ask), tom.session, called),
            lambda: doors.deletions.call_off(tom.permit(other), tom.session, called),
            lambda: doors.deletions.call_off(tom.permit(called), secrets.token_bytes(32), called),
            lambda: doors.deletions.call_off(tom.permit(tom.ask), tom.session, tom.ask),
            lambda: doors.guardians.dispute("0" * 43, tom.session, dispute),
            lambda: doors.guardians.dispute(tom.permit(leave), tom.session, dispute),
            lambda: doors.guardians.dispute(tom.permit(called), tom.session, called),
            lambda: doors.orders.write(*who, tom.session, MessageKind.MESSAGE, "not by the family"),
            lambda: doors.orders.write(*who, tom.session, MessageKind.APPEAL, "not by the family"),
        ):
            with pytest.raises((NotPermitted, ProofRefused, ChallengeEnded, OpeningNeeded, UsageError)):
                attack()
        assert opened.status(order).state is not OrderState.CANCELLED
        assert doors.guardians.guardians(tom.account, tom.family).dispute is None
        permit = tom.permit(called)
        for _ in range(2):
            # The second is a request that came again after its answer was lost: the permit is used up by then.
            doors.deletions.call_off(permit, tom.session, called)
        assert opened.status(order).state is OrderState.CANCELLED


def test_in_a_dispute_neither_side_is_shown_what_a_child_said_or_where_it_was(served: SiteServed, at: Connections) -> None:
    with at_the_clerk(served, "asks.disputes@home.example", "p-mia") as mia, Expunge.open(served.folder / "expunge.yaml") as opened:
        who = mia.account, mia.family, mia.session
        mia.doors.families.open(mia.permit(mia.ask), mia.session, mia.ask)
        (item, *_), look = mia.doors.recordings.timeline(*who, TimelineFilter(), "", 10).items, mia.doors.held.places(*who, 1).look
        mia.doors.recordings.part(*who, item.handle, 0, 10)
        assert any(each.item for each in mia.doors.recordings.looks(*who, None, 10).looks)
        opened.consents.freeze(opened.resolve("profile:p-mia"), by="priya", reason="two court papers")
        try:
            for attack in (
                lambda: mia.doors.recordings.timeline(*who, TimelineFilter(), "", 10),
                lambda: mia.doors.recordings.recording(*who, item.handle),
                lambda: mia.doors.held.places(*who, 1),
                lambda: mia.doors.held.choose(*who, look, ChosenSquares(((0, 0),))),
            ):
                with pytest.raises(NeedsApproval):
                    attack()
            assert opened.gates.open().may_use(Subject("profile", "p-mia"), "training").reason is GateReason.FROZEN
            with pytest.raises(Refused, match="dispute"):
                mia.doors.recordings.part(*who, item.handle, 0, 10)
            assert not any(each.item for each in mia.doors.recordings.looks(*who, None, 10).looks)
        finally:
            opened.consents.release(opened.resolve("profile:p-mia"), by="priya", reason="settled")
        assert mia.doors.recordings.timeline(*who, TimelineFilter(), "", 10).items


@pytest.mark.parametrize("word", ["x", "\x00", "\ud7ff", "-1", "consents", "2026-01-01T00:00:00", "a" * 256, "'\"<&>", "../../journal"])
def test_no_word_makes_a_defect(served: SiteServed, at: Connections, word: str) -> None:
    address = f"asks.{sum(map(ord, word))}@home.example"
    with at_the_clerk(served, address, "p-mia") as mia:
        mia.doors.families.open(mia.permit(mia.ask), mia.session, mia.ask)
        defects = {}
        for name, kind in KINDS.items():
            for data in dict.fromkeys((body(kind), b"\xff\x00", b"[]", b"{}", b'{"handles": [1]}') if kind.with_body else (b"",)):
                error = refused(at, request(kind, str(mia.account), mia.family, mia.session.hex(), word), data)
                if isinstance(error, StateUnavailable) and "unforeseen" in error.message:
                    defects[name, data] = error.message
        assert defects == {}
