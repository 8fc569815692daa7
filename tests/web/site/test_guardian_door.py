"""Code in the web process at the clerk's door of guardians: other families, other accounts, other permits, staff without the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from expunge.adapters.keeper.place import KeeperPlace
from expunge.bootstrap.clerk.doors import doors_at
from expunge.bootstrap.keeping import clerk_beside
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.consent.guardian_faults import GuardianFault
from expunge.errors import ExpungeError, GuardianshipRefused, NotPermitted, ProofRefused
from expunge.ports.families.guardian_door import Chosen, GuardianDoor
from tests.web.site.family_company import guardian
from tests.web.site.guardian_company import guardian_site
from tests.web.site.handing_over import newest_account
from tests.web.site.kit import SiteServed


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServed]:
    with guardian_site(tmp_path_factory.mktemp("door")) as running:
        yield running


@pytest.fixture(scope="module")
def door(served: SiteServed) -> GuardianDoor:
    state = served.folder / "state"
    return doors_at(clerk_beside(KeeperPlace(state, state / "keys"))).guardians


def family_of(served: SiteServed, account: UUID) -> str:
    ((family,),) = served.kept("SELECT family FROM expunge_membership WHERE account_id = ?", account.hex)
    return str(family)


def chosen(door: GuardianDoor, account: UUID, family: str, method: str, *purposes: str, born: str = "2019-01-02") -> Chosen:
    return Chosen(method, purposes, door.notice(account, family, "en").digest, "en", born=born)


def test_no_family_is_reached_without_its_membership_and_nothing_changes_without_its_permit(served: SiteServed, door: GuardianDoor) -> None:
    guardian(served, "mia.door@home.example", "p-mia")
    mine = newest_account(served)
    own = family_of(served, mine)
    guardian(served, "ada.door@home.example", "p-ada")
    other = family_of(served, newest_account(served))
    stranger, session = uuid4(), bytes(32)
    picked = chosen(door, mine, own, "signed form", "training", born="2020-06-15")
    for account, family in ((mine, other), (stranger, own)):
        attempts: tuple[Callable[[], object], ...] = (
            lambda a=account, f=family: door.guardians(a, f),  # type: ignore[misc]
            lambda a=account, f=family: door.notice(a, f, "en"),  # type: ignore[misc]
            lambda a=account, f=family: door.ask(a, f, picked),  # type: ignore[misc]
        )
        for attempt in attempts:
            with pytest.raises(NotPermitted):
                attempt()
    request = door.ask(mine, own, picked)
    for act in (
        lambda: door.form(stranger, request),
        lambda: door.hand_in(stranger, request, b"%PDF-"),
        lambda: door.withdraw(stranger, request),
        lambda: door.look(stranger, request, "0" * 20, "en"),
        lambda: door.answer(stranger, request, "0" * 20),
    ):
        with pytest.raises(GuardianshipRefused) as refused:
            act()
        assert refused.value.reason == GuardianFault.OTHER_ACCOUNT
    with pytest.raises(ExpungeError):
        door.receipt(stranger, request, "cns-0000000000000000")
    address = "evil@example.org"
    details = (("act", "invite"), ("address", sha256(address.encode()).hexdigest()))
    invite = Ask(AskKind.CHANGE_OF_GUARDIAN, mine, own, details)
    leave = Ask(AskKind.CHANGE_OF_GUARDIAN, mine, own, (("act", "step-down"),))
    attacks: tuple[Callable[[], object], ...] = (
        lambda: door.invite("no permit", session, invite, address, "en"),
        lambda: door.invite("no permit", session, invite, "other@example.org", "en"),
        lambda: door.invite("no permit", session, leave, address, "en"),
        lambda: door.step_down("no permit", session, leave),
        lambda: door.step_down("no permit", session, invite),
        lambda: door.step_down("no permit", session, Ask(AskKind.CHANGE_OF_GUARDIAN, mine, other, leave.details)),
        lambda: door.dispute("no permit", session, Ask(AskKind.CHANGE_OF_GUARDIAN, mine, own, (("act", "dispute"),))),
        lambda: door.dispute("no permit", session, Ask(AskKind.CHANGE_OF_GUARDIAN, mine, other, (("act", "dispute"),))),
        lambda: door.dispute("no permit", session, leave),
    )
    for attack in attacks:
        with pytest.raises((NotPermitted, ProofRefused, ExpungeError)):
            attack()
    assert served.sink.count(address) == 0
    card = door.guardians(mine, own)
    assert ([line.own for line in card.lines], card.dispute) == ([True], None)


def test_a_scan_is_shown_to_no_account_without_the_right_and_none_decides_without_a_permit(served: SiteServed, door: GuardianDoor) -> None:
    guardian(served, "tom.door@home.example", "p-tom")
    mine = newest_account(served)
    family = family_of(served, mine)
    request = door.ask(mine, family, chosen(door, mine, family, "signed form"))
    for account in (mine, uuid4()):
        for act in (lambda a=account: door.waiting(a), lambda a=account: door.scan(a, request)):  # type: ignore[misc]
            with pytest.raises(NotPermitted):
                act()
        ask = Ask(AskKind.APPROVAL, account, details=(("decision", "accept"), ("request", request), ("scan", "0" * 64)))
        with pytest.raises(NotPermitted):
            door.decide("no permit", bytes(32), ask)


def test_no_address_and_no_token_is_in_the_state_or_a_log_in_the_clear(served: SiteServed, door: GuardianDoor) -> None:
    guardian(served, "quiet.door@home.example", "p-tom")
    mine = newest_account(served)
    family = family_of(served, mine)
    door.ask(mine, family, chosen(door, mine, family, "email plus"))
    served.sink.to("quiet.door@home.example")
    found = [path for path in (served.folder / "state").rglob("*") if path.is_file() and b"quiet.door@home.example" in _read(path)]
    assert found == []
    assert "quiet.door" not in served.served.stderr()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
