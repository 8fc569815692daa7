"""Addresses that people have are taken; what would be two addresses, or a header, is not."""

from __future__ import annotations

import pytest

from expunge.core.accounts.mail_addresses import is_address


@pytest.mark.parametrize("text", ["ana@example.org", "o'brien+home@mail.example.org", "ana@exämple.org", f"{'a' * 64}@example.org"])
def test_an_address_is_one(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ana",
        "ana@",
        "@example.org",
        "a@b@c",
        "a@b, c@d",
        "Ana <ana@example.org>",
        '"a b"@example.org',
        "a@b\r\nBcc: c@d",
        "a(x)@b",
        f"{'a' * 65}@b",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert not is_address(text)
