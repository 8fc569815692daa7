"""Each address of the pages is looked at on some walk: the great one, or one that proves its own part."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.web.site import looking
from tests.web.site.rendered import address_of, pages
from tests.web.site.walk import ELSEWHERE, NO_PAGE, WAYS

HERE = Path(__file__).parent


@pytest.mark.parametrize("module", sorted(set(ELSEWHERE.values())))
def test_a_walk_beside_the_great_one_ends_with_its_proof(module: str) -> None:
    calls = [node for node in ast.walk(ast.parse((HERE / f"{module.replace('.', '/')}.py").read_text())) if isinstance(node, ast.Call)]
    proofs = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "prove"]
    assert [ast.unparse(call.args[0]) for call in proofs] == ["__name__"]


def test_only_addresses_that_are_there_are_named() -> None:
    """Which of the others the great walk visits, `test_accessibility.py` tells."""
    assert set(ELSEWHERE) <= set(pages().addresses)
    assert not set(ELSEWHERE) & set(NO_PAGE)


def test_a_proof_misses_an_address_and_a_way() -> None:
    own = {address: set(WAYS) for address, walk in ELSEWHERE.items() if walk == "test_stopping"}
    looking.prove("tests.web.site.test_stopping", own)
    with pytest.raises(AssertionError, match="portal_unused"):
        looking.prove("tests.web.site.test_stopping", {**own, "portal_unused": set()})
    with pytest.raises(AssertionError, match="phone"):
        looking.prove("tests.web.site.test_stopping", {**own, "portal_stop": {"axe", "dark"}})
    with pytest.raises(AssertionError, match="no walk of its own"):
        looking.prove("tests.web.site.test_held", {})


def test_a_url_is_known_by_its_address() -> None:
    assert address_of("http://localhost:8000/child/x1y2/stop/training/?from=here#top") == "portal_use"
    assert address_of("http://localhost:8000/") == "home"
    assert address_of("http://localhost:8000/no/such/page/") == ""
