"""A request that comes again after a crash is the same request: the clerk's own door over a real installation, without its process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from expunge import clock
from expunge.adapters.state.models import AppRequestRow, AppTokenRow
from expunge.bootstrap.clerk.desks.local_apps import LocalApps
from expunge.bootstrap.clerk.held_room import HeldRoom
from expunge.bootstrap.clerk.household import KeptHousehold
from expunge.bootstrap.clerk.rounds.order_carrier import OrderCarrier
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.errors import AppRefused
from expunge.faults import ReplyLost, arm
from expunge.ports.accounts.account_register import AccountRecord
from tests.engine.accounts.company import Company
from tests.web.app.company_app import said, statement, with_purposes
from tests.web.serving import company, issue
from tests.web.site.kit import section

KEY = "6f1c2e0a-8a4e-4c43-9d0f-1d7a2b9b6c55"


@pytest.fixture
def clerk(tmp_path: Path) -> Iterator[tuple[LocalApps, Company, str]]:
    company(tmp_path)
    signer = Company("http://localhost:8000")
    with_purposes(tmp_path, "cooling_off: 1 days\n")
    path = tmp_path / "expunge.yaml"
    path.write_text(path.read_text() + section(signer.audience, 2525, further="app: {}", company=signer))
    header = f"Bearer {issue(tmp_path, 'app', 'families')}"
    kept = KeptHousehold(path)
    room = HeldRoom(kept.used)
    try:
        with kept.used() as household:
            yield LocalApps(household, room, OrderCarrier(kept.used)), signer, header
    finally:
        room.close()
        kept.close()


def orders(apps: LocalApps) -> list[str]:
    return [run.order for run in apps.household.expunge.orders()]


@pytest.mark.parametrize(
    "point", ["app.request.commit:after", "journal.commit:after", "app.request.finish:before", "app.request.finish:after"]
)
def test_a_key_means_one_order_however_the_first_try_ended(clerk: tuple[LocalApps, Company, str], point: str) -> None:
    apps, signer, header = clerk
    grant = apps.exchange(header, statement(signer, "profile:p-mia"), "")
    bearer, (family,) = f"Bearer {grant.token}", grant.families
    with arm(point, "lost"), pytest.raises(ReplyLost):
        apps.order(bearer, family, KEY)
    order = apps.order(bearer, family, KEY)
    assert apps.order(bearer, family, KEY).order == order.order
    assert orders(apps) == [order.order]
    apps.cancel(bearer, family, order.order)
    # The order of this key stands for it, and no other is made by it.
    assert apps.order(bearer, family, KEY).state.value == "cancelled"
    assert orders(apps) == [order.order]


def test_an_event_means_one_order_however_the_first_try_ended(clerk: tuple[LocalApps, Company, str]) -> None:
    apps, signer, header = clerk
    event = said(signer, "profile:p-mia", minutes=30)
    with arm("journal.commit:after", "lost"), pytest.raises(ReplyLost):
        apps.said(header, event)
    _, order = apps.said(header, event)
    assert (order.everything, orders(apps)) == (False, [order.order])


@pytest.mark.parametrize("point", ["app.issue.commit:before", "app.issue.commit:after"])
def test_a_statement_gives_one_token_at_most(clerk: tuple[LocalApps, Company, str], point: str) -> None:
    apps, signer, header = clerk
    signed = statement(signer, "profile:p-mia")
    with arm(point, "lost"), pytest.raises(ReplyLost):
        apps.exchange(header, signed, "")
    if point.endswith("before"):
        assert apps.exchange(header, signed, "").families
    else:
        with pytest.raises(AppRefused) as used:
            apps.exchange(header, signed, "")
        assert used.value.reason == "statement-used"


def test_a_deletion_that_was_refused_uses_no_key_up(clerk: tuple[LocalApps, Company, str]) -> None:
    apps, signer, header = clerk
    grant = apps.exchange(header, statement(signer, "profile:p-none"), "")
    bearer, (family,) = f"Bearer {grant.token}", grant.families
    for _ in range(2):
        with pytest.raises(AppRefused) as refused:
            apps.order(bearer, family, KEY)
        assert refused.value.reason == "nothing-held"
    assert apps.held(bearer, family).holdings is None or not apps.held(bearer, family).holdings.kinds  # type: ignore[union-attr]


@pytest.mark.parametrize("point", ["app.request.commit:after", "journal.commit:after", "app.request.finish:before"])
def test_a_key_means_one_order_for_a_recording_however_the_first_try_ended(clerk: tuple[LocalApps, Company, str], point: str) -> None:
    apps, signer, header = clerk
    grant = apps.exchange(header, statement(signer, "profile:p-mia"), "")
    bearer, (family,) = f"Bearer {grant.token}", grant.families
    handle = apps.recordings(bearer, family, "", 1)[0][0].recording
    with arm(point, "lost"), pytest.raises(ReplyLost):
        apps.delete_recording(bearer, family, handle, KEY)
    order = apps.delete_recording(bearer, family, handle, KEY)
    assert (orders(apps), order.everything) == ([order.order], False)


def test_a_key_that_comes_again_after_its_day_says_nothing_of_what_it_meant_before(clerk: tuple[LocalApps, Company, str]) -> None:
    apps, signer, header = clerk
    grant = apps.exchange(header, statement(signer, "profile:p-mia"), "")
    bearer, (family,) = f"Bearer {grant.token}", grant.families
    one, other = (each.recording for each in apps.recordings(bearer, family, "", 2)[0])
    made = [apps.delete_recording(bearer, family, one, KEY)]
    _day_is_over(apps)
    made.append(apps.delete_recording(bearer, family, other, KEY))
    _day_is_over(apps)
    made.append(apps.order(bearer, family, KEY))
    assert (len({each.order for each in made}), [each.everything for each in made]) == (3, [False, False, True])
    assert all(each.fresh for each in made)


def _day_is_over(apps: LocalApps) -> None:
    """Have the keys that came be of two days ago."""
    rows = AppRequestRow.objects.using(apps.household.expunge.context.journal.alias)  # type: ignore[attr-defined]  # of this state
    assert rows.update(made_at=clock.now() - timedelta(days=2)) == 1


def test_an_order_stands_on_no_other_account_than_the_company_named(clerk: tuple[LocalApps, Company, str]) -> None:
    apps, signer, header = clerk
    household, now = apps.household, clock.now()
    grant = apps.exchange(header, statement(signer, "profile:p-mia"), "")
    bearer, (family,) = f"Bearer {grant.token}", grant.families
    who = household.expunge.resolve("profile:p-mia").person.subject
    stays, left = UUID(int=1), UUID(int=2)
    for account, role in ((stays, MembershipRole.GUARDIAN), (left, MembershipRole.FORMER)):
        household.register.open_account(AccountRecord(account, account.bytes, "en", now))
        household.register.set_membership(Membership(account, who, role, now))
    # The token was given while both were guardians, to the one who has left since.
    AppTokenRow.objects.using(household.expunge.context.journal.alias).update(account=str(left))  # type: ignore[attr-defined]  # of this state
    order = apps.order(bearer, family, KEY)
    (run,) = household.expunge.orders()
    assert (run.order, run.received.requester) == (order.order, "")


def test_an_order_of_a_family_with_one_member_stands_on_that_members_role(clerk: tuple[LocalApps, Company, str]) -> None:
    apps, signer, header = clerk
    household, now = apps.household, clock.now()
    grant = apps.exchange(header, statement(signer, "profile:p-mia"), "")
    bearer, (family,) = f"Bearer {grant.token}", grant.families
    who = household.expunge.resolve("profile:p-mia").person.subject
    one, other = UUID(int=1), UUID(int=2)
    for account in (one, other):
        household.register.open_account(AccountRecord(account, account.bytes, "en", now))
    household.register.set_membership(Membership(one, who, MembershipRole.GUARDIAN, now))
    order = apps.order(bearer, family, KEY)
    apps.carrier.look(household)
    assert apps.status(bearer, family, order.order).state.value == "received"
    household.register.set_membership(Membership(one, who, MembershipRole.FORMER, now))
    apps.carrier.look(household)
    assert apps.status(bearer, family, order.order).state.value == "cancelled"
    # Of several members, a statement that names no mail address is bound to none.
    for account in (one, other):
        household.register.set_membership(Membership(account, who, MembershipRole.GUARDIAN, now))
    second = apps.order(bearer, family, KEY.replace("6", "7"))
    for account in (one, other):
        household.register.set_membership(Membership(account, who, MembershipRole.FORMER, now))
    apps.carrier.look(household)
    assert apps.status(bearer, family, second.order).state.value == "received"
