"""A company that follows the page makes links that the keeper takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.adapters.credentials.hand_over_jwt import JwtHandOverTokens
from expunge.core.accounts.hand_over import address_digest, read_claims
from expunge.core.accounts.memberships import MembershipRole
from expunge.maps import read_map
from expunge.stores import Kinds
from tests.docs.test_approvals_page import make_installation
from tests.docs.test_tutorial import ROOT, prints_what_is_shown
from tests.moment import of_the_machine


@pytest.mark.slow
def test_a_link_that_is_made_as_the_page_says_is_taken(tmp_path: Path) -> None:
    make_installation(tmp_path)
    prints_what_is_shown(ROOT / "docs/howto/hand-over.md", tmp_path, {}, at_least=6)
    accounts = read_map(tmp_path / "expunge.yaml", {}, kinds=Kinds()).accounts
    assert accounts is not None
    token = (tmp_path / "link.txt").read_text().strip().partition("#")[2]
    key, claims = JwtHandOverTokens(accounts.handover, accounts.origin).verified(token)
    hand_over = read_claims(claims)
    assert key == "app-1"
    assert hand_over.address == address_digest("Parent@example.org")
    assert [(told.subject, told.role) for told in hand_over.told] == [("profile:p-ann", MembershipRole.GUARDIAN)]
    assert abs(hand_over.issued_at.timestamp() - of_the_machine().timestamp()) < 300
