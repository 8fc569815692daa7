"""What is kept of where and on what a person logs in."""

from __future__ import annotations

import pytest

from expunge.web.site.accounts.columns.coarse import kind_of_browser, network_of

AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Linux Firefox/",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.1": (
        "Windows Chrome/ Safari/ Edg"
    ),
    "Mozilla/5.0 (Linux; Android 16; SM-S938B Build/X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Mobile Safari/537.36": (
        "Linux Android Chrome/ Safari/"
    ),
    "curl/8.14": "",
    "": "",
}


@pytest.mark.parametrize(("agent", "kept"), AGENTS.items(), ids=["firefox", "edge", "android", "program", "nothing"])
def test_a_browser_is_kept_without_versions_and_models(agent: str, kept: str) -> None:
    assert kind_of_browser(agent) == kept
    assert kind_of_browser(kept) == kept, "kept once more, it changes"


@pytest.mark.parametrize(
    ("address", "network"),
    [("203.0.113.77", "203.0.113.0"), ("2001:db8:aaaa:bbbb::7", "2001:db8:aaaa::"), ("203.0.113.0", "203.0.113.0")],
)
def test_an_address_is_kept_as_its_network(address: str, network: str) -> None:
    assert network_of(address) == network
    assert network_of(network) == network


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        network_of("anna@example.org")
